"""Indicators IND-1 … IND-9 (浙政办发〔2022〕42号 一(二)、温政办〔2023〕90号 一): figures, exact comparison, mart rows.

A figure is a numerator and a denominator in whole fen or whole persons. A ratio is compared with its target by cross
multiplication; only what is shown is a floating number. An empty or zero denominator has no value, and nothing is met.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import polars as pl

HARDSHIP, INSURED, LOW_INCOME = "hardship", "insured", "low_income"
DEFAULT, PAID, CASH_ONLY, POLICY_RANGE = "default", "paid", "cash_only", "policy_range"
THREE_SYSTEMS, LINEAR = "three_systems", "linear_path"
SCHEMA = pl.Schema(
    {
        "region_code": pl.String, "year": pl.Int32, "indicator_id": pl.String, "population": pl.String,
        "variant": pl.String, "policy_id": pl.String, "numerator_fen": pl.Int64, "denominator_fen": pl.Int64,
        "value": pl.Float64, "target": pl.Float64, "met": pl.Boolean, "provisional": pl.Boolean,
    }
)  # fmt: skip


@dataclass(frozen=True)
class Figure:
    """One row of mart.indicator before it is written: whole fen, or persons and households as they are counted.

    `numerator` None: not known. `exact`: the value where it is no plain ratio of the two (IND-9). `target` None: the
    policy sets none. `provisional`: rests on a running year, an amount not determined or settlements left out.
    """

    region_code: str
    year: int
    indicator_id: str
    population: str
    variant: str
    policy_id: str | None
    numerator: int | None
    denominator: int | None
    counts: bool = False
    target: Fraction | None = None
    operator: str = ">="
    provisional: bool = False
    exact: Fraction | None = None


def ratio(numerator: int | None, denominator: int | None) -> Fraction | None:
    """The exact ratio; None where a part is unknown or the denominator is empty."""
    if numerator is None or denominator is None or denominator <= 0:
        return None
    return Fraction(numerator, denominator)


def value_of(figure: Figure) -> Fraction | None:
    """The exact value of a figure."""
    plain = ratio(figure.numerator, figure.denominator)
    return plain if plain is None or figure.exact is None else figure.exact


def met(value: Fraction | None, target: Fraction | None, operator: str) -> bool | None:
    """Whether the target is met, on whole numbers: a/b against p/q compares a·q with p·b. Unknown stays unknown."""
    if value is None or target is None:
        return None
    left = value.numerator * target.denominator
    right = target.numerator * value.denominator
    return left <= right if operator == "<=" else left >= right


def indicator_rows(figures: Iterable[Figure]) -> pl.DataFrame:
    """Figures as rows of mart.indicator, in the order of its key."""
    rows = [_row(figure) for figure in figures]
    keys = ["region_code", "year", "indicator_id", "population", "variant", "policy_id"]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row").sort(keys, nulls_last=False)


def _row(figure: Figure) -> tuple[object, ...]:
    value = value_of(figure)
    unit = 100 if figure.counts else 1
    return (
        figure.region_code, figure.year, figure.indicator_id, figure.population, figure.variant, figure.policy_id,
        None if figure.numerator is None else figure.numerator * unit,
        None if figure.denominator is None else figure.denominator * unit,
        None if value is None else float(value),
        None if figure.target is None else float(figure.target),
        met(value, figure.target, figure.operator),
        figure.provisional,
    )  # fmt: skip


@dataclass(frozen=True)
class Increase:
    """Numerator and denominator of IND-9 as shown, and its exact value."""

    numerator: int
    denominator: int
    value: Fraction


def increase(now: tuple[int, int] | None, before: tuple[int, int] | None, relative: bool) -> Increase | None:
    """IND-9: how much more is covered than the rate of the base year would have covered (A-W09).

    `now`, `before`: covered and total fen. In percentage points a/b − c/d, relative (a/b)/(c/d) − 1; shown as the
    yuan covered beyond the base year's rate, over this year's total or over what that rate would have covered.
    """
    rate_now, rate_before = (None if pair is None else ratio(*pair) for pair in (now, before))
    if now is None or rate_now is None or rate_before is None:
        return None
    would_be = rate_before * now[1]
    beyond = now[0] - would_be
    if not relative:
        return Increase(round(beyond), now[1], rate_now - rate_before)
    if would_be <= 0:
        return None
    return Increase(round(beyond), round(would_be), rate_now / rate_before - 1)
