"""Every stage of a year against the one before, from the manifests' control sums on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from flows.rosters import Rosters
from stores import lake
from stores.home import Home
from transforms import (
    reconcile,
)
from transforms.burden import Burdens
from transforms.resolved import Resolved
from transforms.rules.household_cap import Assessed

if TYPE_CHECKING:
    from flows.assess import CapUnits


def balance_stages(
    home: Home,
    files: pl.DataFrame,
    in_lake: pl.DataFrame,
    settled: Resolved,
    persons: pl.DataFrame,
    households: pl.DataFrame,
    rosters: Rosters,
    burdens: Burdens,
    assessed: list[Assessed],
    caps: list[CapUnits],
    year: int,
) -> pl.DataFrame:
    """Every stage of the year against the one before, from the manifests' control sums on; `in_lake`: `lake_sums`."""
    held = set(files["file_id"])
    delivered = [
        m for m in lake.manifests(home) if m.file_id in held and "setl_d" in (m.table or "").split("|")
    ]
    control = pl.DataFrame(
        [
            {
                "n_rows": m.n_rows - other_rows(m.control) - other_rows(m.rejected_control),
                "n_rejected": m.n_rejected - other_rows(m.rejected_control),
                **{name: m.control.get(name, 0) for name in reconcile.MEASURES},
                **{f"rejected_{name}": m.rejected_control.get(name, 0) for name in reconcile.MEASURES[1:]},
            }
            for m in delivered
        ],
        schema={
            name: pl.Int64
            for name in (
                "n_rows", "n_rejected", *reconcile.MEASURES, *(f"rejected_{name}" for name in reconcile.MEASURES[1:])
            )
        },
    )  # fmt: skip
    return reconcile.stages(
        control,
        in_lake,
        in_lake.filter(pl.col("cost_year") == year),
        settled.counts,
        persons,
        households,
        rosters.members,
        rosters.households.select("household_id"),
        burdens,
        [
            (each.cap.rule_id, done.benefit_line, done.benefit_item)
            for each, done in zip(caps, assessed, strict=True)
        ],
    )


def lake_sums(home: Home, files: pl.DataFrame) -> pl.DataFrame:
    """What the settlement rows in the lake sum to by cost_year: rows, tot, psn, cash in fen, found anew."""
    return (
        lake.scan(home, "setl_d", files)
        .group_by("cost_year")
        .agg(
            pl.len().cast(pl.Int64).alias("rows"),
            *(pl.col(f"{name}_fen").sum().alias(name) for name in reconcile.MEASURES[1:]),
        )
        .collect(engine="streaming")
    )


def other_rows(control: dict[str, int]) -> int:
    """Rows of a file's control sums that are of other tables (sheets of the same workbook)."""
    return sum(count for name, count in control.items() if name.endswith(".rows"))
