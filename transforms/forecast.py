"""A plain forecast of a running year: what there is so far, divided by the share of a year that has usually been
reached by that day. It puts lists in an order and decides nothing.

The share is that of the county's last closed year; the error is what the same division would have been off in that
year, person by person.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import polars as pl

from transforms import places, scope

MEASURED = {"PSN": "psn_fen", "CASH": "cash_fen"}
TOP_SHARE = 0.05
"""The error is that of this share of the people with the largest sums: those of whom warnings tell."""


@dataclass(frozen=True)
class Forecast:
    """Per county and measure: the share of the year reached, as (so far, whole year) in fen, and the usual error."""

    shares: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    errors: dict[tuple[str, str], float] = field(default_factory=dict)

    def of(self, measure: str, county: str) -> tuple[tuple[int, int] | None, float | None]:
        """(so far, whole year) of the last closed year and the median relative error; None: no forecast."""
        key = (county, measure)
        return self.shares.get(key), self.errors.get(key)


def none() -> Forecast:
    """No forecast."""
    return Forecast()


def expected(measure: pl.Expr, share: tuple[int, int] | None) -> pl.Expr:
    """The measure of the whole year in fen, cut to whole fen; null without a share."""
    if share is None or share[0] <= 0:
        return pl.lit(None, pl.Int64)
    return (measure.cast(pl.Float64) * (share[1] / share[0])).floor().cast(pl.Int64)


def shares(before: pl.LazyFrame, alias: pl.DataFrame, last_year: int, day: date) -> Forecast:
    """The forecast from the settlements of the last closed year, cut at the same day of the year: one lazy pass."""
    cut = date(last_year, day.month, min(day.day, 28) if day.month == 2 else day.day)
    at = pl.col("setl_time").dt.date()
    amounts = []
    for column in MEASURED.values():
        amount = pl.col(column).fill_null(0)
        amounts += [amount.sum().alias(column), amount.filter(at <= cut).sum().alias(f"{column}_so_far")]
    people = (
        before.filter(scope.settled())
        .group_by("id_key", "insu_admdvs")
        .agg(*amounts)
        .collect(engine="streaming")
    )
    if people.is_empty():
        return Forecast()
    county = places.county_of(pl.col("insu_admdvs").str.slice(0, 6), alias, "insured", pl.lit(None, pl.Date))
    people = people.with_columns(county_code=county)
    found, errors = {}, {}
    for (code,), own in people.group_by("county_code", maintain_order=True):
        for measure, column in MEASURED.items():
            so_far, whole = int(own[f"{column}_so_far"].sum()), int(own[column].sum())
            if so_far <= 0 or whole <= 0:
                continue
            found[str(code), measure] = (so_far, whole)
            top = own.top_k(max(int(own.height * TOP_SHARE), 1), by=column).filter(pl.col(column) > 0)
            off = (pl.col(f"{column}_so_far") * (whole / so_far) - pl.col(column)).abs() / pl.col(column)
            middle = top.select(off.median()).item()
            if middle is not None:
                errors[str(code), measure] = round(float(middle), 6)
    return Forecast(found, errors)
