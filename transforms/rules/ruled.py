"""What decisions make of the amounts of a household cap (审核决定): another reading, a fixed amount, a closed list.

All amounts in fen. The default reading's amount stays in `due_fen`; `decided_fen` is what is owed after decisions.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from transforms.decided_lines import DECIDED

TOGETHER = "A-L03"
"""The entry whose other readings put the units of a household with different certificates together."""


def rulings(decided: pl.DataFrame | None) -> pl.DataFrame:
    """DECIDED of a frame that may hold only benefit_id and confirmed; none: no rows."""
    if decided is None:
        return DECIDED.to_frame()
    known = decided if "decided" in decided.columns else decided.with_columns(decided=pl.lit(True))
    return (
        pl.concat([DECIDED.to_frame(), known], how="diagonal_relaxed")
        .with_columns(pl.col("confirmed", "stale").fill_null(False))
        .unique("benefit_id", keep="last", maintain_order=True)
    )


def with_amounts(gaps: pl.DataFrame, cases: pl.DataFrame, applied: Mapping[str, str]) -> pl.DataFrame:
    """Adds decided_fen and is_decided; a fixed amount also settles a unit that is incomplete (`fixed` becomes null).

    `gaps`: units joined with `rulings`; `cases`: amounts of the other readings; `applied`: the readings of the rule.
    A reading that makes no difference leaves the amount as it is.
    """
    other = cases.select("unit_id", "reading_key", "reading", case_fen="amount_fen")
    rows = gaps.join(other, on=["unit_id", "reading_key", "reading"], how="left", maintain_order="left")
    rows = rows.join(_together(rows, cases, applied), on="unit_id", how="left", maintain_order="left")
    settled = (pl.col("fixed") == "incomplete").fill_null(False) & pl.col("fixed_fen").is_not_null()
    return rows.with_columns(
        decided_fen=pl.coalesce("fixed_fen", "joint_fen", "case_fen", "due_fen"),
        is_decided=pl.col("decided").fill_null(False) & ~pl.col("stale").fill_null(False),
        fixed=pl.when(~settled).then("fixed"),
    ).drop("case_fen", "joint_fen")


def _together(rows: pl.DataFrame, cases: pl.DataFrame, applied: Mapping[str, str]) -> pl.DataFrame:
    """unit_id, joint_fen: a household decided to be one unit gets its amount on the unit with the lowest cap.

    The other units of it get 0: what they would have had stands in that amount. Where a unit is not known, nothing.
    """
    ruled = (
        rows.filter((pl.col("reading_key") == TOGETHER) & (pl.col("reading") != applied.get(TOGETHER, "a")))
        .sort("household_id", "own_cap_fen", "unit_id")
        .unique("household_id", keep="first", maintain_order=True)
        .select("household_id", joint_reading="reading")
    )
    units = rows.join(ruled, on="household_id").sort("household_id", "own_cap_fen", "unit_id")
    known = pl.col("fixed").is_null().all().over("household_id")
    whole = cases.filter(pl.col("reading_key") == TOGETHER).select(
        "unit_id", joint_reading="reading", whole_fen="amount_fen"
    )
    first = pl.int_range(pl.len()).over("household_id") == 0
    total = pl.coalesce(
        pl.col("whole_fen").max().over("household_id"), pl.col("due_fen").sum().over("household_id")
    )
    return (
        units.join(whole, on=["unit_id", "joint_reading"], how="left", maintain_order="left")
        .filter(known)
        .select("unit_id", joint_fen=pl.when(first).then(total).otherwise(0))
    )
