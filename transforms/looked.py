"""What resolving a year looks at: the few rows that may matter one by one, and sums over all the others.

Read from all rows in a few passes (`look`), or from what was read before and the rows that have come since
(`look_again`): rows only come, and each row of a part stays as it is.
"""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from transforms import burden, scope, versions
from transforms.identity import with_person
from transforms.rules import leads
from transforms.versions import ROW

MEASURES = ("tot", "psn", "cash")
KEY = ("setl_id",)
KEPT = (
    "setl_id", "mdtrt_id", "init_setl_id", "id_key", "cost_year", "setl_time", "insutype", "insu_admdvs",
    "institution_code", "med_type", "tot_fen", "psn_fen", "cash_fen",
)  # fmt: skip
FEW_REPEATS = 1_000_000
"""So many repeated ids may be held with all their columns; of more only hashes, as when a year is delivered twice."""
PAIRING = (
    "setl_id",
    "init_setl_id",
    "id_key",
    "institution_code",
    "tot_fen",
    "psn_fen",
    "refd_flag",
    "setl_type",
    "manl_reim_rea",
)
"""What it takes to see which other rows a special row has to do with."""
SCOPE = ("insutype", "vali_flag", "out_flag")
"""The codes that say whether a row is a settlement of ours."""
CODES = ("insu_admdvs", *SCOPE)
NARROW = list(dict.fromkeys([*ROW, *KEPT, *PAIRING, *SCOPE, "com_fen", "aid_fen"]))


class Looked(NamedTuple):
    """What is known of the rows of a year before any of them is judged.

    near: rows, of all years and versions, that a reversal, a rejected row or a second version may touch, that other
        files name, and somewhat more.
    whole: whether `near` holds every row with a second version; not where a whole year was delivered twice.
    ids, mixed: the hashes of ids, and of person and total, by which these rows were sought.
    codes: rows and sums of the year's rows by CODES, as delivered: rows, tot, psn, cash.
    layers: the year's rows that are no settlement by their codes: ROW, KEPT, SCOPE.
    paid: id_key of the people of whom a row of the year shows a payment of 补充保险 or 扶贫济困.
    twins: `leads.mark`s that several rows of the year share; None: not looked for.
    marks: `versions.marks` of the rows, of all years.
    """

    near: pl.DataFrame
    whole: bool
    ids: pl.Series
    mixed: pl.Series
    codes: pl.DataFrame
    layers: pl.DataFrame
    paid: pl.Series
    twins: pl.Series | None
    marks: pl.DataFrame


def look(
    rows: pl.LazyFrame,
    files: pl.DataFrame,
    links: pl.DataFrame,
    rejects: pl.DataFrame,
    cost_year: int,
    named: pl.Series | None = None,
) -> Looked:
    """All of it from all rows. `rows`: core rows of all years, of `files`; `rejects`: rejected rows of the files in force;
    `named`: ids of settlements that other files name.
    """
    this_year = pl.col("cost_year") == cost_year
    numbers = rows.select(_id=versions.hash_of(KEY), _mark=pl.when(this_year).then(leads.mark()))
    repeats, twins = map(versions.repeated, numbers.collect(engine="streaming"))
    few = len(repeats) <= FEW_REPEATS
    # all that is looked at one by one is read from the wide parts in one pass, for which the special rows must be
    # known: a narrow pass before finds them, and what else is rare
    rare = narrow(rows, cost_year)
    ids, mixed = sought(rare, links, rejects)
    ids = pl.concat([ids, *([repeats] if few else []), *([] if named is None else [named.hash()])]).unique()
    near = rows.filter(scope.special() | _hit(ids, mixed)).collect(engine="streaming")
    codes = by_codes(rows.filter(this_year))
    marks = versions.marks(near.lazy() if few else rows, KEY, files)
    return Looked(near, few, ids, mixed, codes, *of_the_year(rare, cost_year), twins, marks)


def narrow(rows: pl.LazyFrame, cost_year: int) -> pl.DataFrame:
    """The special rows of all years; and of the year those that are no settlement or show a payment: NARROW."""
    asked = scope.special() | (
        (pl.col("cost_year") == cost_year) & (~scope.settled() | burden.paid_on_the_spot())
    )
    return rows.filter(asked).select(NARROW).collect(engine="streaming")


def of_the_year(rare: pl.DataFrame, cost_year: int) -> tuple[pl.DataFrame, pl.Series]:
    """(layers, paid) of `narrow`."""
    mine = rare.filter(pl.col("cost_year") == cost_year)
    layers = mine.filter(~scope.settled()).select(list(dict.fromkeys([*ROW, *KEPT, *SCOPE])))
    return layers, mine.filter(burden.paid_on_the_spot())["id_key"].unique()


def look_again(
    before: Looked,
    old: pl.LazyFrame,
    fresh: pl.DataFrame,
    named: pl.Series,
    files: pl.DataFrame,
    links: pl.DataFrame,
    rejects: pl.DataFrame,
    cost_year: int,
) -> Looked | None:
    """The same from what was looked at `before` of the `old` rows and from the `fresh` ones; None: look at all.

    `named`: ids of settlements that other files name or fresh rows of theirs bear on. Near are, too, the rows that
    share a `leads.mark` with a fresh one.
    """
    if not before.whole:
        return None
    known = pl.concat([before.near, fresh])
    ids, mixed = sought(known, links, rejects)
    ids = pl.concat([ids, fresh["setl_id"].hash(), named.hash()]).unique()
    ids, mixed = (
        pl.concat([then, now.filter(~now.is_in(then.implode()))])
        for then, now in ((before.ids, ids), (before.mixed, mixed))
    )
    hit = _hit(ids[len(before.ids) :], mixed[len(before.mixed) :])
    alike = fresh.filter(pl.col("cost_year") == cost_year).select(leads.mark()).to_series().unique()
    touched = old.filter(hit | leads.mark().is_in(alike.implode())).collect(engine="streaming")
    there = known.select(*ROW).join(touched.select(*ROW), on=ROW, how="semi", nulls_equal=True)
    near = pl.concat([known, versions.without(touched.lazy(), there).collect()])
    again = near.filter(pl.col("setl_id").is_in(fresh["setl_id"].implode()))
    marks = [versions.without(before.marks.lazy(), again).collect(), versions.marks(again.lazy(), KEY, files)]
    codes = pl.concat([before.codes, by_codes(fresh.lazy().filter(pl.col("cost_year") == cost_year))])
    layers, paid = of_the_year(narrow(fresh.lazy(), cost_year), cost_year)
    return Looked(
        near,
        True,
        ids,
        mixed,
        codes.group_by(CODES).agg(pl.col("rows", *MEASURES).sum()),
        pl.concat([before.layers, layers]),
        pl.concat([before.paid, paid]).unique(),
        None,
        pl.concat(marks).sort(ROW),
    )


def sought(rows: pl.DataFrame, links: pl.DataFrame, rejects: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """(hashes of ids, hashes of person and total) of the rows that the special ones of `rows` or a reject may touch."""
    special = with_person(rows.lazy().filter(scope.settled() & scope.special()), links).collect()
    named, keys = tied(special, rejects, links)
    return named.hash().unique(), (keys["id_key"] ^ keys["tot_fen"]).unique()


def _hit(ids: pl.Series, mixed: pl.Series) -> pl.Expr:
    """A filter on hashes reads the wide rows of the few hits only; a join on texts would carry every row along."""
    return versions.hash_of(KEY).is_in(ids.implode()) | (pl.col("id_key") ^ pl.col("tot_fen")).is_in(
        mixed.implode()
    )


def tied(special: pl.DataFrame, rejects: pl.DataFrame, links: pl.DataFrame) -> tuple[pl.Series, pl.DataFrame]:
    """What ties other rows to special ones: the ids that these or rejected rows name; `id_key, institution_code,
    tot_fen` of the positive rows that an unlinked negative row may reverse.
    """
    names = [special["init_setl_id"], rejects["setl_id"], rejects["init_setl_id"]]
    free = special.filter(scope.negative() & ~scope.correction() & pl.col("init_setl_id").is_null())
    sizes = free.select("person_key", "institution_code", pl.col("tot_fen").abs()).unique()
    return pl.concat(names).drop_nulls().unique().sort(), _all_keys(sizes, links)


def _all_keys(sizes: pl.DataFrame, links: pl.DataFrame) -> pl.DataFrame:
    """`sizes` with each id_key that a person may be delivered under."""
    linked = sizes.join(links.select("id_key", "person_key"), on="person_key").drop("person_key")
    own = sizes.rename({"person_key": "id_key"})
    return pl.concat([own, linked.select(own.columns)]).unique()


def by_codes(rows: pl.LazyFrame) -> pl.DataFrame:
    """Rows and sums by the few codes as delivered, so that their meaning is worked out once a group, not once a row."""
    return rows.group_by(CODES).agg(measures()).collect(engine="streaming")


def measures() -> list[pl.Expr]:
    """rows, and tot, psn and cash in fen."""
    return [pl.len().cast(pl.Int64).alias("rows"), *(pl.col(f"{n}_fen").sum().alias(n) for n in MEASURES)]
