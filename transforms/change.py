"""What changed for whom since the last publish: one row per unit whose amount is another one now."""

from __future__ import annotations

import polars as pl

UNIT = ["rule_id", "region_code", "cost_year", "unit_id"]
CARRIED = ["unit_type", "household_id", "township_code"]
SCHEMA = pl.Schema(
    {
        "what": pl.String(),
        "before_fen": pl.Int64(),
        "after_fen": pl.Int64(),
        "why": pl.String(),
        "rule_id": pl.String(),
        "region_code": pl.String(),
        "unit_type": pl.String(),
        "unit_id": pl.String(),
        "household_id": pl.String(),
        "township_code": pl.String(),
        "cost_year": pl.Int32(),
    }
)
DEFAULT_WHY = "file"


def changes(
    before: pl.DataFrame | None, after: pl.DataFrame, why: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Units of `cap_gap` that are new, gone, up or down: SCHEMA, one row per unit changed, in the order of the units.

    `before` is what was published last (None: nothing yet), `after` what is published now; both hold the columns of
    `mart.cap_gap` with money as whole fen. A unit counts with its amount, where none is determined with its gap over
    the cap; new and gone are against 0. `why` (unit_id, cost_year, why) says what moved it: file, reversal, roster,
    policy or decision; file where nothing is said.
    """
    then = _standing(before if before is not None else after.clear()).rename(
        {"standing_fen": "before_fen"} | {name: f"{name}_before" for name in CARRIED}
    )
    now = _standing(after).rename({"standing_fen": "after_fen"})
    both = now.join(then, on=UNIT, how="full", coalesce=True, nulls_equal=True).with_columns(
        *(pl.coalesce(name, f"{name}_before").alias(name) for name in CARRIED),
        pl.col("before_fen", "after_fen").fill_null(0),
    )
    moved = both.filter(pl.col("before_fen") != pl.col("after_fen")).with_columns(_what().alias("what"))
    return _with_reasons(moved, why).select(SCHEMA.names()).cast(SCHEMA).sort(UNIT)


def _standing(cap_gap: pl.DataFrame) -> pl.DataFrame:
    """Each unit with the amount it stands for, fen: what is due, else the gap over the cap."""
    standing = pl.coalesce("amount_fen", "gap_fen").cast(pl.Int64).alias("standing_fen")
    return cap_gap.select(*(pl.col(name) for name in UNIT), *CARRIED, standing).with_columns(
        pl.col("cost_year").cast(pl.Int32),
        pl.col("rule_id", "region_code", "unit_id", *CARRIED).cast(pl.String),
    )


def _what() -> pl.Expr:
    return (
        pl.when(pl.col("before_fen") == 0)
        .then(pl.lit("new"))
        .when(pl.col("after_fen") == 0)
        .then(pl.lit("gone"))
        .when(pl.col("after_fen") > pl.col("before_fen"))
        .then(pl.lit("up"))
        .otherwise(pl.lit("down"))
    )


def _with_reasons(moved: pl.DataFrame, why: pl.DataFrame | None) -> pl.DataFrame:
    if why is None or why.is_empty():
        return moved.with_columns(pl.lit(DEFAULT_WHY).alias("why"))
    said = (
        why.select(pl.col("unit_id").cast(pl.String), pl.col("cost_year").cast(pl.Int32), "why")
        .group_by("unit_id", "cost_year")
        .agg(pl.col("why").unique().sort().str.join(","))
    )
    return moved.join(said, on=["unit_id", "cost_year"], how="left").with_columns(
        pl.col("why").fill_null(DEFAULT_WHY)
    )
