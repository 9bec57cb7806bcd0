"""The settlements of everybody in a cost year: resolved and summed up, from all rows or from what a night changes.

A backfill reads every row. A night builds on what the last result of the year handed on (`stores.carried`) and works
out anew the people whom its files touch: those with new rows, with rows that count differently now, with other links,
and those whom a roster, a payment or a death brings in. Both give the same, and both hand on what the next night needs.
"""

from __future__ import annotations

import hashlib
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from flows.configuration import Configuration
from stores import carried, lake
from stores.home import Home
from stores.state import code_version
from transforms import decisions, mass, resolved
from transforms.decisions import OnFacts
from transforms.identity import People, keys_of, with_person
from transforms.looked import Looked, look, look_again
from transforms.mass import Asked, Mass
from transforms.resolved import Resolved
from transforms.rules import leads
from transforms.versions import ROW

MOST_NEW = 300_000
"""More new settlements than this are no night's delivery: reading everything is as quick."""
WORTH_KEEPING = 100_000
"""So many new settlements make it worth while to hand on a later result: who is worked out anew grows with them."""
PROVED_EVERY = 50
"""Of so many people with nothing but new settlements one is worked out anew like the others, to prove what is known."""
MOST_TOUCHED = 0.2
"""From this share of all people on, reading everything is as quick."""


class Handed(NamedTuple):
    """What the last result of a year handed on.

    files: file_id of the files it was made of. detail: rows of `Resolved.plain` of the people `known` (person_key).
    links, gone, netted: as it resolved them. dead: id_key of people who have died.
    """

    files: pl.Series
    looked: Looked
    summed: Mass
    detail: pl.DataFrame
    known: pl.Series
    links: pl.DataFrame
    gone: pl.DataFrame
    netted: pl.DataFrame
    dead: pl.Series


class Summed(NamedTuple):
    """What the settlements of a year come to.

    detail: rows of `Resolved.plain` of the people `known`, perhaps of more. derived: from what was handed on.
    """

    mass: Mass
    detail: pl.DataFrame
    known: pl.Series
    derived: bool


@dataclass(frozen=True)
class Settlements:
    """The settlement rows in force for one cost year. `kept`: what `carried.read` gives, where an earlier result may be
    built on; it may still be being read.
    """

    home: Home
    files: pl.DataFrame
    configuration: Configuration
    people: People
    year: int
    ruled: OnFacts
    kept: Future[carried.Kept] | None

    def rows(self, files: pl.DataFrame | None = None, year: int | None = None) -> pl.LazyFrame:
        """Core rows as delivered, pairs of refunds and originals as decided: of all files, of all years."""
        held = self.files if files is None else files
        return decisions.with_pairs(lake.scan(self.home, "setl_d", held, year), self.ruled.pairs)

    @cached_property
    def handed(self) -> Handed | None:
        """What there is to build on."""
        kept = self.kept.result() if self.kept else None
        return handed_on(self, *kept) if kept else None

    @cached_property
    def new_files(self) -> pl.DataFrame:
        """The files that have come since."""
        assert self.handed is not None
        return self.files.filter(~pl.col("file_id").is_in(self.handed.files.implode()))

    @cached_property
    def fresh(self) -> pl.DataFrame:
        """Their settlements."""
        return self.rows(self.new_files).collect()

    @cached_property
    def itemised(self) -> pl.Series:
        """Ids of the settlements that new fee lines belong to."""
        lines = lake.scan(self.home, "fee_list_d", self.new_files).select("setl_id")
        return lines.unique().collect()["setl_id"]

    @cached_property
    def named(self) -> pl.Series:
        """Ids of the settlements that payments name."""
        named = lake.scan(self.home, "payment", self.files).select("setl_id")
        return named.unique().collect()["setl_id"].drop_nulls()

    @cached_property
    def looked(self) -> Looked:
        """What resolving looks at."""
        rejects = resolved.in_force(lake.rejected(self.home, self.files), self.files)
        links = self.people.links
        if self.handed is not None:
            before = self.rows(self.files.filter(pl.col("file_id").is_in(self.handed.files.implode())))
            named = pl.concat([self.named, self.itemised.drop_nulls()])
            found = look_again(
                self.handed.looked, before, self.fresh, named, self.files, links, rejects, self.year
            )
            if found is not None:
                return found
        return look(self.rows(), self.files, links, rejects, self.year, self.named)

    def resolve(self) -> Resolved:
        """The settlements of the year; rows of other years come in where a refund or a version ties them to it."""
        reference = self.configuration.reference
        return resolved.resolve(
            self.rows(),
            lake.rejected(self.home, self.files),
            self.files,
            self.people.links,
            reference["region_alias"],
            lake.scan(self.home, "fixmedins_b", self.files),
            self.year,
            reference["regions"],
            self.looked,
            {
                file_id: self.rows(self.files.filter(pl.col("file_id") == file_id), self.year)
                for file_id in lake.with_parts(self.home, "setl_d", self.files, self.year)
            },
        )

    def sum(self, settled: Resolved, wanted: pl.Series, asked: Asked) -> Summed:
        """Sums of everybody, and the counted settlements of `wanted` people (person_key) one by one."""
        derived = None if self.handed is None else self._derived(self.handed, settled, wanted, asked)
        if derived is not None:
            return derived
        links = self.people.links
        # two entries may agree only after a refund, which the rows as delivered do not show
        refunded = asked._replace(linked=pl.concat([asked.linked, settled.netted["id_key"]]))
        found = mass.mass(settled.plain, refunded, self.looked.twins)
        known = self._known(wanted)
        keys = keys_of(known, links)
        theirs = settled.plain.filter(pl.col("id_key").is_in(keys.implode())).select(
            self._columns(settled.plain)
        )
        return Summed(found, theirs.collect(engine="streaming"), known, False)

    def _known(self, wanted: pl.Series) -> pl.Series:
        """person_key of the people whose settlements must be there one by one: `wanted`, and who was paid on the spot."""
        return pl.concat([wanted, persons_of(self.looked.paid, self.people.links)]).unique()

    def _columns(self, rows: pl.LazyFrame) -> list[str]:
        """Those that settlements looked at one by one must have."""
        return [name for name in rows.collect_schema().names() if name in (*ROW, *mass.ONE_BY_ONE)]

    def _derived(self, handed: Handed, settled: Resolved, wanted: pl.Series, asked: Asked) -> Summed | None:
        """What is known, with the people of whom something is otherwise worked out anew and new settlements added up."""
        links = self.people.links
        new = self._plain(
            self.fresh.filter(pl.col("cost_year") == self.year), settled.netted.clear(), settled
        )
        keys = self._otherwise(handed, settled, wanted, asked, new)
        if len(keys) > MOST_TOUCHED * handed.summed.sums.height + 1_000:
            return None
        mine = pl.col("id_key").is_in(keys.implode())
        rows = self.rows(year=self.year).filter(mine & (pl.col("cost_year") == self.year))
        columns = self._columns(rows)
        theirs = rows.select(columns).collect(engine="streaming")
        alias = self.configuration.reference["region_alias"]
        netted = settled.netted.filter(mine).select(*columns, "person_key", "partial_refund_fen")
        after = self._plain(theirs, netted, settled)
        summed_up = [*ROW, *mass.SUMMED]
        earlier = theirs.lazy().filter(pl.col("file_id").is_in(handed.files.implode())).select(summed_up)
        netted = handed.netted.filter(mine).select(*summed_up, "person_key", "partial_refund_fen")
        before = resolved.plain_rows(earlier, handed.gone, netted, handed.links, alias).collect()
        people = pl.concat([persons_of(keys, linked) for linked in (handed.links, links)]).unique()
        more = new.filter(~mine)
        alike = leads.mark().is_in(more.select(leads.mark()).to_series().implode())
        old = pl.col("file_id").is_in(handed.files.implode()) & (pl.col("cost_year") == self.year)
        twins = self._plain(self.looked.near.filter(alike & old), settled.netted.clear(), settled)
        found = mass.patched(handed.summed, people, before, after, more, twins, asked)
        if found is None:
            return None
        known = self._known(wanted)
        others = handed.detail.filter(~pl.col("person_key").is_in(people.implode()))
        more = more.filter(pl.col("person_key").is_in(handed.known.implode()))
        detail = pl.concat([others, *(rows.select(others.columns) for rows in (after, more))])
        return Summed(found, detail, known, True)

    def _otherwise(
        self, handed: Handed, settled: Resolved, wanted: pl.Series, asked: Asked, new: pl.DataFrame
    ) -> pl.Series:
        """id_key of everybody of whom something may be otherwise than it was, but for new settlements to add."""
        links, near = self.people.links, self.looked.near
        turned = either(handed.gone, settled.gone.unique())
        to_know = self._known(wanted)
        several = pl.concat([asked.linked, settled.netted["id_key"]])
        keys = [
            near.join(turned, on=ROW, how="semi", nulls_equal=True)["id_key"],
            either(handed.netted, settled.netted.select(handed.netted.columns))["id_key"],
            near.filter(pl.col("setl_id").is_in(self.itemised.implode()))["id_key"],
            *either(handed.links, links.select(handed.links.columns)).select("id_key", "person_key"),
            to_know.filter(~to_know.is_in(handed.known.implode())),
            either(handed.dead.to_frame("id_key"), asked.dead.to_frame("id_key"))["id_key"],
            new["id_key"].filter(new["id_key"].is_in(several.implode())),
            mass.unsteady(handed.summed.sums, new),
            new["id_key"].unique().sort().gather_every(PROVED_EVERY),
        ]
        return closed(pl.concat(key.rename("id_key") for key in keys).drop_nulls(), handed.links, links)

    def _plain(self, rows: pl.DataFrame, netted: pl.DataFrame, settled: Resolved) -> pl.DataFrame:
        """Resolved.plain of some rows of the year, `netted` among them."""
        alias = self.configuration.reference["region_alias"]
        return resolved.plain_rows(rows.lazy(), settled.gone, netted, self.people.links, alias).collect()

    def written_down(self, settled: Resolved, found: Summed, asked: Asked) -> Path | None:
        """Write what the next night builds on, for `hand_on`; None: not anew for the few settlements of a quiet night."""
        if not self.looked.whole or (found.derived and self.fresh.height < WORTH_KEEPING):
            return None
        looked, summed = self.looked, found.mass
        known = found.known
        return carried.write(
            self.home,
            self.year,
            ingredients(self),
            {
                "near": looked.near, "ids": looked.ids.to_frame("ids"), "mixed": looked.mixed.to_frame("mixed"),
                "codes": looked.codes, "layers": looked.layers, "paid": looked.paid.to_frame("id_key"),
                "marks": looked.marks, "gone": settled.gone.unique(), "netted": settled.netted,
                "links": self.people.links, "dead": asked.dead.to_frame("id_key"), "known": known.to_frame("person_key"),
                "detail": found.detail.filter(pl.col("person_key").is_in(known.implode())),
                **{name: getattr(summed, name) for name in Mass._fields},
            },
        )  # fmt: skip

    def hand_on(self, written: Path | None) -> None:
        """From now on nights build on what was written down."""
        if written is not None:
            carried.put_in_place(self.home, self.year, written)


def either(left: pl.DataFrame, right: pl.DataFrame) -> pl.DataFrame:
    """The rows that stand in one of two frames without repeated rows, and not in the other."""
    return (
        pl.concat([left, right]).group_by(left.columns).agg(_n=pl.len()).filter(pl.col("_n") == 1).drop("_n")
    )


def persons_of(keys: pl.Series, links: pl.DataFrame) -> pl.Series:
    """person_key of id_keys."""
    return with_person(keys.to_frame("id_key").lazy(), links).collect()["person_key"]


def closed(keys: pl.Series, *ways: pl.DataFrame) -> pl.Series:
    """id_keys with all others of the same people, by any of several tables of links."""
    found = keys.unique()
    while True:
        more = pl.concat([found, *(keys_of(persons_of(found, links), links) for links in ways)]).unique()
        if len(more) == len(found):
            return found
        found = more


def ingredients(of: Settlements) -> dict[str, Any]:
    """What a result of a year's settlements depends on: each file as it was read, and all else as one hash."""
    pairs = of.ruled.pairs.sort(pl.all()).rows()
    secret = hashlib.sha256(of.home.secret()).hexdigest()
    rest = [code_version(), of.configuration.reference_hash, secret, pairs]
    return {"files": carried.as_read(of.home, of.files), "rest": carried.digest(rest)}


def agree(sums: pl.DataFrame, months: pl.DataFrame) -> bool:
    """Whether the sums by person and by month are of the same settlements."""
    by_person = sums.select(pl.col("n_settlements", "tot_fen", "psn_fen", "cash_known_fen").sum())
    by_month = months.select(pl.col("n", "tot_fen", "psn_fen", "cash_fen").sum())
    return by_person.rows() == by_month.rows()


def handed_on(of: Settlements, made_of: dict[str, Any], found: dict[str, pl.DataFrame]) -> Handed | None:
    """What the last result of the year handed on, where the files have only become more since."""
    now = ingredients(of)
    if not carried.fits(made_of, now):
        return None
    new = set(now["files"]) - set(made_of["files"])
    parts = [part for m in lake.manifests(of.home) if m.file_id in new for part in m.parts]
    if sum(part["rows"] for part in parts if part["table"] == "setl_d") > MOST_NEW:
        return None
    if not agree(found["sums"], found["months"]):
        return None
    return Handed(
        pl.Series("file_id", list(made_of["files"]), dtype=pl.String),
        Looked(
            found["near"],
            True,
            found["ids"]["ids"],
            found["mixed"]["mixed"],
            found["codes"],
            found["layers"],
            found["paid"]["id_key"],
            None,
            found["marks"],
        ),
        Mass(**{name: found[name] for name in Mass._fields}),
        found["detail"],
        found["known"]["person_key"],
        found["links"],
        found["gone"],
        found["netted"],
        found["dead"]["id_key"],
    )
