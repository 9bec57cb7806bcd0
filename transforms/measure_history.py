"""What a person's year had summed to on each day on which something about it was received.

Nearly every settlement is simple: it counts from the day of its first receipt on. The few that have to do with a
refund, a negative row or a second version are judged anew for every such day, from what had been received by then:
each (person, day) is a world of its own, and all worlds are resolved in one go by the same rules as the year itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from schemas import core
from transforms import places, scope, versions
from transforms.resolved import resolve
from transforms.versions import ROW

MEASURES: dict[str, pl.Expr] = {
    "PSN": pl.col("psn_fen"),
    "CASH": pl.col("cash_fen"),
    "POL": pl.col("pol_fen"),
    "R0": pl.col("pol_fen") - pl.sum_horizontal(pl.col("bas_fen", "cii_fen", "lrg_fen").fill_null(0)),
}
"""Measure of a warning rule → its amount of one settlement; an unknown amount adds nothing that is known."""
SUMS = {name: f"{name.lower()}_sum" for name in MEASURES}
HISTORY = pl.Schema(
    {
        "person_key": pl.Int64,
        "day": pl.Date,
        **dict.fromkeys(SUMS.values(), pl.Int64),
        "insutype": pl.String,
        "county_code": pl.String,
        "lowered": pl.Boolean,
    }
)
SIMPLE = (
    "setl_time",
    "insutype",
    "insu_admdvs",
    "psn_fen",
    "cash_fen",
    "pol_fen",
    "bas_fen",
    "cii_fen",
    "lrg_fen",
)
"""What is held of every settlement of a watched person; of those that are judged anew, all columns."""
ID = ("setl_id",)
FEW_COPIES = 100_000
"""So many repeated settlements are judged one by one; of more, copies are told from versions first."""
SCHEMED = ("person_key", "day", "setl_time", "insutype", "insu_admdvs", "key")


def days_of(files: pl.DataFrame, on: date) -> pl.DataFrame:
    """file_id, day: on which day a file could first be looked at in a run of the date `on`."""
    return files.select("file_id", day=pl.min_horizontal(pl.col("received_on"), pl.lit(on, pl.Date))).unique()


def spent_at_most(rows: pl.LazyFrame) -> pl.DataFrame:
    """id_key, n_rows, psn_most, cash_most of a year's rows, every version and reversal included: one lazy pass."""
    return (
        rows.filter(scope.settled())
        .group_by("id_key")
        .agg(
            n_rows=pl.len().cast(pl.Int64),
            psn_most=pl.col("psn_fen").clip(lower_bound=0).sum(),
            cash_most=pl.col("cash_fen").clip(lower_bound=0).sum(),
        )
        .collect(engine="streaming")
    )


def history(
    settlements: pl.LazyFrame,
    watched: pl.DataFrame,
    judged: pl.Series,
    files: pl.DataFrame,
    alias: pl.DataFrame,
    cost_year: int,
    on: date,
) -> pl.DataFrame:
    """HISTORY of the watched people: one row per person and day on which one of their sums may have changed.

    `settlements`: core rows of all years; `watched`: id_key, person_key; `judged`: ids of the settlements that were
    looked at one by one in the year's own resolution. Scheme and insured county are those of the latest settlement
    known that day. `lowered`: a row received that day may lower a sum.
    """
    days = days_of(files, on)
    of_year, special = pl.col("cost_year") == cost_year, scope.special()
    own = settlements.filter(
        pl.col("id_key").is_in(watched["id_key"].implode()) & scope.settled() & (of_year | special)
    )
    rows = own.select(
        *("file_id", "id_key", *SIMPLE),
        key=versions.hash_of(ID),
        special=special,
        named=pl.when(special).then("setl_id"),
        other=pl.when(special).then("init_setl_id"),
    ).collect(engine="streaming")
    plain = rows.filter(~pl.col("special"))
    tied = pl.concat([rows["named"], rows["other"], judged]).drop_nulls().unique().hash()
    repeated = versions.repeated(plain["key"])
    newer = repeated if len(repeated) <= FEW_COPIES else with_versions(own, repeated)
    odd = pl.concat([tied, newer]).unique()
    simple = plain.drop("special", "named", "other").filter(~pl.col("key").is_in(odd.implode()))
    simple = simple.join(days, on="file_id")
    if len(repeated) > len(newer):
        simple = simple.sort("day").unique(["id_key", "key"], keep="first", maintain_order=True)
    simple = simple.join(watched, on="id_key")
    few = own.filter(versions.hash_of(ID).is_in(odd.implode())).collect(engine="streaming")
    anew, standing = worlds(few, watched, days, files, alias, cost_year)
    latest = pl.concat([frame.select(SCHEMED) for frame in (simple, standing)])
    return joined(cumulated(simple), anew, latest_schemes(latest, alias))


def with_versions(rows: pl.LazyFrame, repeated: pl.Series) -> pl.Series:
    """Of the hashes of repeated ids, those whose rows differ: mere copies need no second look."""
    names = rows.collect_schema().names()
    content = pl.struct(name for name in names if name not in ROW)
    compared = (
        rows.filter(versions.hash_of(ID).is_in(repeated.implode()))
        .select(key=versions.hash_of(ID), content=content.hash())
        .collect(engine="streaming")
        .group_by("key")
        .agg(pl.col("content").n_unique())
    )
    return compared.filter(pl.col("content") > 1)["key"]


def cumulated(first: pl.DataFrame) -> pl.DataFrame:
    """person_key, day and running sums of settlements that nothing touches any more."""
    daily = (
        first.group_by("person_key", "day")
        .agg(measure.sum().alias(SUMS[name]) for name, measure in MEASURES.items())
        .sort("person_key", "day")
    )
    return daily.with_columns(pl.col(*SUMS.values()).cum_sum().over("person_key"))


def worlds(
    rows: pl.DataFrame,
    watched: pl.DataFrame,
    days: pl.DataFrame,
    files: pl.DataFrame,
    alias: pl.DataFrame,
    cost_year: int,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """person_key, day and sums of the odd settlements as they stood on each day on which one of them came.

    Beside them `SCHEMED` of those that counted on that day: a flagged original with a partial refund stands, too.
    """
    sums = {SUMS[name]: pl.Int64() for name in MEASURES}
    nothing = pl.DataFrame(schema={"person_key": pl.Int64, "day": pl.Date, **sums})
    if rows.is_empty():
        return nothing, rows.select(
            *("setl_time", "insutype", "insu_admdvs"),
            person_key=pl.lit(None, pl.Int64),
            day=pl.lit(None, pl.Date),
            key=pl.lit(None, pl.UInt64),
        ).select(SCHEMED)
    dated = rows.join(watched, on="id_key").join(days, on="file_id")
    moments = dated.select("person_key", moment="day").unique().sort("person_key", "moment")
    moments = moments.with_row_index("world").with_columns(pl.col("world").cast(pl.Int64) + 1)
    held = dated.join(moments, on="person_key").filter(pl.col("day") <= pl.col("moment"))
    tag = pl.concat_str(pl.lit("@"), pl.col("world").cast(pl.String))
    held = (
        held.sort("file_id", "sheet", "source_row", "world")
        .with_columns(
            setl_id=pl.col("setl_id") + tag,
            init_setl_id=pl.col("init_setl_id") + tag,
            id_key="world",
            sheet=pl.lit(None, pl.String),
            source_row=pl.int_range(1, pl.len() + 1, dtype=pl.Int64),
        )
        .select(rows.columns)
    )
    no_links = pl.DataFrame(schema={"id_key": pl.Int64, "person_key": pl.Int64})
    nobody = resolve(
        held.lazy(),
        _no_rejects().lazy(),
        files,
        no_links,
        alias,
        core.empty("fixmedins_b").lazy(),
        cost_year,
    )
    found = (
        nobody.plain.group_by(world="person_key")
        .agg(measure.sum().alias(SUMS[name]) for name, measure in MEASURES.items())
        .collect()
    )
    known = moments.join(found, on="world", how="left").with_columns(pl.col(*sums).fill_null(0))
    standing = (
        nobody.plain.select("setl_id", "setl_time", "insutype", "insu_admdvs", world="person_key")
        .collect()
        .join(moments.rename({"moment": "day"}), on="world")
        .with_columns(pl.col("setl_id").str.split("@").list.first())
        .with_columns(key=versions.hash_of(ID))
    )
    return known.select("person_key", *sums, day="moment").select(nothing.columns), standing.select(SCHEMED)


def _no_rejects() -> pl.DataFrame:
    """Reject rows, none: a rejected row leaves the older version standing."""
    texts = ("file_id", "sheet", "setl_id", "init_setl_id", "table", "column_name", "rule", "message_zh")
    return pl.DataFrame(
        schema={
            **dict.fromkeys(texts, pl.String),
            "source_row": pl.Int64,
            "id_key": pl.Int64,
            "cost_year": pl.Int32,
            "updt_time": pl.Datetime("us"),
        }
    )


def latest_schemes(rows: pl.DataFrame, alias: pl.DataFrame) -> pl.DataFrame:
    """person_key, day, insutype, county_code of the latest settlement known on each day on which it changes.

    Nearly everybody has one scheme and region all year: only the others' settlements are put in order.
    """
    at = pl.col("setl_time").dt.date()
    first = rows.group_by("person_key").agg(
        pl.col("day").min(),
        pl.col("setl_time", "insutype", "insu_admdvs").first(),
        several=pl.struct("insutype", "insu_admdvs").n_unique() > 1,
    )
    changing = first.filter("several")["person_key"]
    ranked = rows.filter(pl.col("person_key").is_in(changing.implode())).sort(
        "person_key", "setl_time", "key"
    )
    ranked = ranked.with_row_index("place")
    best = (
        ranked.group_by("person_key", "day")
        .agg(pl.col("place").max())
        .sort("person_key", "day")
        .with_columns(pl.col("place").cum_max().over("person_key"))
    )
    named = best.join(ranked.select("place", "setl_time", "insutype", "insu_admdvs"), on="place").drop(
        "place"
    )
    both = pl.concat([frame.select(named.columns) for frame in (first.filter(~pl.col("several")), named)])
    county = places.county_of(pl.col("insu_admdvs"), alias, "insured", at)
    return both.select("person_key", "day", "insutype", county_code=county)


def joined(plain: pl.DataFrame, anew: pl.DataFrame, schemes: pl.DataFrame) -> pl.DataFrame:
    """The three timelines on all their days, each carried forward; the sums added up, never below 0."""
    sums = list(SUMS.values())
    days = pl.concat([frame.select("person_key", "day") for frame in (plain, anew, schemes)]).unique()
    everything = days.join(plain, on=["person_key", "day"], how="left")
    everything = everything.join(anew, on=["person_key", "day"], how="left", suffix="_anew")
    everything = everything.join(schemes, on=["person_key", "day"], how="left").sort("person_key", "day")
    both = [*sums, *(f"{name}_anew" for name in sums)]
    carried = everything.with_columns(
        pl.col(*both).forward_fill().over("person_key").fill_null(0),
        pl.col("insutype", "county_code").forward_fill().over("person_key"),
        lowered=pl.col(f"{sums[0]}_anew").is_not_null(),
    )
    return carried.with_columns(
        (pl.col(name) + pl.col(f"{name}_anew")).clip(lower_bound=0).alias(name) for name in sums
    ).select(HISTORY.names())


def final_days(history_rows: pl.DataFrame, sums: Sequence[str]) -> pl.DataFrame:
    """The last row of each person: person_key and these sums."""
    return history_rows.sort("person_key", "day").group_by("person_key").agg(pl.col(*sums).last())
