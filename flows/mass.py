"""The settlements of everybody in a cost year: resolved and summed up, from all rows or from what a night changes.

A backfill reads every row. A night builds on what the last result of the year handed on (`stores.carried`) and works
out anew the people whom its files touch: those with new rows, with rows that count differently now, with other links,
and those whom a roster, a payment or a death brings in. Both give the same, and both hand on what the next night needs.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
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
from transforms.versions import ROW

MOST_NEW = 300_000
"""More new settlements than this are no night's delivery: reading everything is as quick."""
WORTH_KEEPING = 20_000
"""So many new settlements make it worth while to hand on a later result: who is worked out anew grows with them."""
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
    """The settlement rows in force for one cost year. `derive`: whether an earlier result may be built on."""

    home: Home
    files: pl.DataFrame
    configuration: Configuration
    people: People
    year: int
    ruled: OnFacts
    derive: bool

    def rows(self, files: pl.DataFrame | None = None, year: int | None = None) -> pl.LazyFrame:
        """Core rows as delivered, pairs of refunds and originals as decided: of all files, of all years."""
        held = self.files if files is None else files
        return decisions.with_pairs(lake.scan(self.home, "setl_d", held, year), self.ruled.pairs)

    @cached_property
    def handed(self) -> Handed | None:
        """What there is to build on."""
        return handed_on(self) if self.derive else None

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
    def looked(self) -> Looked:
        """What resolving looks at."""
        rejects = resolved.in_force(lake.rejected(self.home, self.files), self.files)
        links = self.people.links
        if self.handed is not None:
            before = self.rows(self.files.filter(pl.col("file_id").is_in(self.handed.files.implode())))
            found = look_again(
                self.handed.looked, before, self.fresh, self.itemised, links, rejects, self.year
            )
            if found is not None:
                return found
        return look(self.rows(), links, rejects, self.year)

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
        known = pl.concat([wanted, persons_of(self.looked.paid, links)]).unique()
        keys = keys_of(known, links)
        theirs = settled.plain.filter(pl.col("id_key").is_in(keys.implode())).select(
            self._columns(settled.plain)
        )
        return Summed(found, theirs.collect(engine="streaming"), known, False)

    def _columns(self, rows: pl.LazyFrame) -> list[str]:
        """Those that settlements looked at one by one must have."""
        return [name for name in rows.collect_schema().names() if name in (*ROW, *mass.ONE_BY_ONE)]

    def _derived(self, handed: Handed, settled: Resolved, wanted: pl.Series, asked: Asked) -> Summed | None:
        links = self.people.links
        keys = self._touched(handed, settled, wanted, asked.dead)
        if len(keys) > MOST_TOUCHED * handed.summed.sums.height + 1_000:
            return None
        mine = pl.col("id_key").is_in(keys.implode())
        rows = self.rows(year=self.year).filter(mine & (pl.col("cost_year") == self.year))
        columns = self._columns(rows)
        theirs = rows.select(columns).collect(engine="streaming")
        alias = self.configuration.reference["region_alias"]
        netted = settled.netted.filter(mine).select(*columns, "person_key", "partial_refund_fen")
        after = resolved.plain_rows(theirs.lazy(), settled.gone, netted, links, alias).collect()
        summed_up = [*ROW, *mass.SUMMED]
        earlier = theirs.lazy().filter(pl.col("file_id").is_in(handed.files.implode())).select(summed_up)
        netted = handed.netted.filter(mine).select(*summed_up, "person_key", "partial_refund_fen")
        before = resolved.plain_rows(earlier, handed.gone, netted, handed.links, alias).collect()
        people = pl.concat([persons_of(keys, linked) for linked in (handed.links, links)]).unique()
        found = mass.patched(handed.summed, people, before, after, asked)
        if found is None:
            return None
        others = handed.detail.filter(~pl.col("person_key").is_in(people.implode()))
        detail = pl.concat([others, after.select(others.columns)])
        return Summed(found, detail, pl.concat([wanted, persons_of(self.looked.paid, links)]).unique(), True)

    def _touched(self, handed: Handed, settled: Resolved, wanted: pl.Series, dead: pl.Series) -> pl.Series:
        """id_key of everybody of whom something may be otherwise than it was."""
        links, near = self.people.links, self.looked.near
        turned = either(handed.gone, settled.gone.unique())
        keys = [
            self.fresh["id_key"],
            near.join(turned, on=ROW, how="semi", nulls_equal=True)["id_key"],
            either(handed.netted, settled.netted.select(handed.netted.columns))["id_key"],
            near.filter(pl.col("setl_id").is_in(self.itemised.implode()))["id_key"],
            *either(handed.links, links.select(handed.links.columns)).select("id_key", "person_key"),
            wanted.filter(~wanted.is_in(handed.known.implode())),
            either(handed.dead.to_frame("id_key"), dead.to_frame("id_key"))["id_key"],
        ]
        return closed(pl.concat(key.rename("id_key") for key in keys).drop_nulls(), handed.links, links)

    def hand_on(self, settled: Resolved, found: Summed, asked: Asked) -> None:
        """Keep what the next night builds on; not anew for the few settlements of a quiet night."""
        if not self.looked.whole or (found.derived and self.fresh.height < WORTH_KEEPING):
            return
        looked, summed = self.looked, found.mass
        known = found.known
        carried.write(
            self.home,
            self.year,
            ingredients(self),
            {
                "near": looked.near, "ids": looked.ids.to_frame("ids"), "mixed": looked.mixed.to_frame("mixed"),
                "codes": looked.codes, "layers": looked.layers, "paid": looked.paid.to_frame("id_key"),
                "gone": settled.gone.unique(), "netted": settled.netted,
                "links": self.people.links, "dead": asked.dead.to_frame("id_key"), "known": known.to_frame("person_key"),
                "detail": found.detail.filter(pl.col("person_key").is_in(known.implode())),
                **{name: getattr(summed, name) for name in Mass._fields},
            },
        )  # fmt: skip


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


def handed_on(of: Settlements) -> Handed | None:
    """What the last result of the year handed on, where the files have only become more since."""
    kept = carried.read(of.home, of.year)
    if kept is None:
        return None
    made_of, found = kept
    now = ingredients(of)
    if made_of["rest"] != now["rest"] or not made_of["files"].items() <= now["files"].items():
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
        ),
        Mass(**{name: found[name] for name in Mass._fields}),
        found["detail"],
        found["known"]["person_key"],
        found["links"],
        found["gone"],
        found["netted"],
        found["dead"]["id_key"],
    )
