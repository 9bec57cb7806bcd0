"""Consent to passing on personal data (数据授权, W-12), and cover by 惠民保 (Z-21).

Where a region asks for consent, no personal data of a person without it is pushed; those held back are counted. A consent
holds from its day to its end or the day before it was withdrawn; the last word of a person up to the day counts.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import polars as pl

from transforms.spans import below


class Push(NamedTuple):
    """allowed, withheld: person_key of those whose personal data may be pushed, and of those held back."""

    allowed: pl.Series
    withheld: pl.Series

    @property
    def n_withheld(self) -> int:
        """How many are held back, for the count that W-12 asks for."""
        return self.withheld.len()


def standing(rows: pl.DataFrame, on: date) -> pl.DataFrame:
    """The last word of each person up to `on`: person_key, agreed (Boolean), since, scope.

    `rows`: core consent rows with person_key. A withdrawal (撤销日期) holds from its own day on. Of words of one day the
    refusal counts.
    """
    given = rows.filter(pl.col("agreed_on") <= on)
    open_ = (pl.col("valid_to") >= on).fill_null(True) & (pl.col("revoked_on") > on).fill_null(True)
    return (
        given.with_columns(says=(pl.col("agreed") == "1") & open_)
        .sort("person_key", "agreed_on", "says", descending=[False, True, False])
        .unique("person_key", keep="first", maintain_order=True)
        .select("person_key", agreed="says", since="agreed_on", scope="scope")
    )


def consented(
    consents: pl.DataFrame | None, persons: pl.DataFrame, required_in: tuple[str, ...], on: date
) -> Push:
    """Whose personal data may be pushed on a day.

    `persons`: person_key, region_code. `consents`: core consent rows with person_key; None: no consent table has come, so
    the rule is not applicable and nobody is held back (the run says so in one finding). `required_in`: territories whose
    document asks for consent; people of other regions are always allowed.
    """
    keys = persons.select("person_key", "region_code").unique("person_key", maintain_order=True)
    if consents is None or not required_in:
        return Push(keys["person_key"], keys["person_key"].clear())
    asked = pl.any_horizontal([below("region_code", code) for code in required_in])
    agreed = standing(consents, on).filter("agreed")["person_key"]
    held = keys.with_columns(_held=asked & ~pl.col("person_key").is_in(agreed.implode()))
    return Push(held.filter(~pl.col("_held"))["person_key"], held.filter("_held")["person_key"])


def covered(covers: pl.DataFrame, year: int) -> pl.Series:
    """person_key of everybody with 惠民保 in a year: by 保障年度, else by the days that the cover touches the year.

    `covers`: core supplementary_cover rows with person_key.
    """
    first, last = date(year, 1, 1), date(year, 12, 31)
    by_days = (pl.col("valid_from") <= last) & (pl.col("valid_to") >= first).fill_null(True)
    there = pl.when(pl.col("cover_year").is_not_null()).then(pl.col("cover_year") == year).otherwise(by_days)
    return covers.filter(there.fill_null(False))["person_key"].unique().sort()


def coverage(covers: pl.DataFrame | None, persons: pl.DataFrame, year: int) -> pl.DataFrame:
    """Z-21 by region: region_code, n_covered, n_persons of monitored people (`persons`: person_key, region_code).

    For the indicator family: numerator n_covered, denominator n_persons. n_covered is null while no 惠民保 table has come
    (None): the indicator is n/a then, not 0.
    """
    keys = persons.select("person_key", "region_code").unique("person_key", maintain_order=True)
    if covers is None:
        inside = pl.lit(None, pl.Boolean)
    else:
        inside = pl.col("person_key").is_in(covered(covers, year).implode())
    return (
        keys.with_columns(_in=inside)
        .group_by("region_code")
        .agg(
            n_covered=pl.when(pl.col("_in").is_not_null().all()).then(pl.col("_in").sum().cast(pl.Int64)),
            n_persons=pl.len().cast(pl.Int64),
        )
        .sort("region_code", nulls_last=True)
    )
