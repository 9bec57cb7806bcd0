"""Dated facts as spans: who held what from which day to which, both days included, an open end null.

Membership of a household and a certificate are spans of a person; a settlement meets the span of its own day.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

FAR = date(9999, 12, 31)


def overlapping(spans: pl.DataFrame, first: date, last: date) -> pl.DataFrame:
    """The spans that touch first..last, cut to it; `valid_to` is never null afterwards."""
    return (
        spans.with_columns(pl.col("valid_to").fill_null(FAR))
        .filter((pl.col("valid_from") <= last) & (pl.col("valid_to") >= first))
        .with_columns(pl.col("valid_from").clip(lower_bound=first), pl.col("valid_to").clip(upper_bound=last))
        .filter(pl.col("valid_from") <= pl.col("valid_to"))
    )


def on_day(facts: pl.DataFrame, spans: pl.DataFrame, day: str, keep: Sequence[str]) -> pl.DataFrame:
    """`facts` (person_key, `day` …) with the columns `keep` of the span that holds its day; null where none
    does.

    Rows and their order stay. Of several spans on one day the latest begun counts, then the smallest values.
    """
    order = ["valid_from", *keep]
    wanted = spans.select("person_key", "valid_to", *order)
    wanted = wanted.sort(order, descending=[True, *([False] * len(keep))]).with_row_index("span_no")
    holding = pl.col(day).is_between("valid_from", pl.col("valid_to").fill_null(FAR))
    found = _met(facts, wanted, ["person_key"], day).filter(holding)
    return _beside(facts, found.filter(_first_met()), wanted, keep)


def nearest(
    facts: pl.DataFrame, spans: pl.DataFrame, day: str, keep: Sequence[str], by: Sequence[str]
) -> pl.DataFrame:
    """As `on_day`, but where no span holds the day, the nearest one (equally near: the earlier) counts.

    Facts and spans meet on `by` (person_key, and household_id where it matters); null where there is no span.
    """
    order = ["valid_from", *keep]
    wanted = spans.select(*by, "valid_to", *order).sort(order).with_row_index("span_no")
    found = _met(facts, wanted, by, day)
    away = pl.max_horizontal(
        (pl.col("valid_from") - pl.col(day)).dt.total_days(),
        (pl.col(day) - pl.col("valid_to")).dt.total_days(),
        pl.lit(0, pl.Int64),
    )
    several = ~_first_met() | ~_first_met(-1)  # most facts meet one span: the others alone are put in order
    chosen = found.filter(several).sort("fact_no", away, "span_no").filter(_first_met())
    names = ["fact_no", "span_no"]
    return _beside(
        facts, pl.concat([found.filter(~several).select(names), chosen.select(names)]), wanted, keep
    )


def _met(facts: pl.DataFrame, spans: pl.DataFrame, by: Sequence[str], day: str) -> pl.DataFrame:
    """fact_no, `day`, and span_no, valid_from, valid_to of the spans that each fact meets on `by`, in both orders."""
    return (
        facts.select(*by, day)
        .with_row_index("fact_no")
        .join(
            spans.select(*by, "span_no", "valid_from", "valid_to"), on=list(by), maintain_order="left_right"
        )
        .select("fact_no", day, "span_no", "valid_from", "valid_to")
    )


def _first_met(step: int = 1) -> pl.Expr:
    """Whether a row is the first of its fact_no, in order of it (−1: the last)."""
    number = pl.col("fact_no")
    return (number != number.shift(step)).fill_null(True)


def _beside(
    facts: pl.DataFrame, found: pl.DataFrame, spans: pl.DataFrame, keep: Sequence[str]
) -> pl.DataFrame:
    """The facts with columns of the spans found (fact_no, span_no: row numbers, so that nothing is looked up again)."""
    place = pl.repeat(None, facts.height, dtype=pl.get_index_type(), eager=True)
    place = place.scatter(found["fact_no"], found["span_no"])
    return pl.concat([facts, spans.select(pl.col(*keep).gather(place))], how="horizontal")


def crossed(left: pl.DataFrame, right: pl.DataFrame) -> pl.DataFrame:
    """Days of a person that both tables hold: their columns side by side, the spans cut to the common days."""
    return (
        left.join(right, on="person_key", suffix="_other")
        .with_columns(
            pl.max_horizontal("valid_from", "valid_from_other").alias("valid_from"),
            pl.min_horizontal("valid_to", "valid_to_other").alias("valid_to"),
        )
        .filter(pl.col("valid_from") <= pl.col("valid_to"))
        .drop("valid_from_other", "valid_to_other")
    )


def ranked(codes: Sequence[str]) -> pl.Expr:
    """Place of `code` in `codes`, 0 first; a code outside comes after all of them."""
    order = {code: place for place, code in enumerate(codes)}
    return pl.col("code").replace_strict(order, default=len(order), return_dtype=pl.Int32)


def only(codes: Sequence[str], column: str) -> pl.Expr:
    """A code where it is one of `codes`, else null: an identity outside the order is never the unique category."""
    return pl.when(pl.col(column).is_in(list(codes))).then(column)


def with_others(codes: Sequence[str], certificates: pl.DataFrame) -> list[str]:
    """`codes`, and behind them every other code that the certificates hold."""
    return [*codes, *sorted(set(certificates["code"].drop_nulls()) - set(codes))]


def best_code_spans(
    certificates: pl.DataFrame, codes: Sequence[str], first: date, last: date
) -> pl.DataFrame:
    """Which of `codes` a person holds day by day in first..last, the first of them where several are held.

    In: person_key, county_code, code, valid_from, valid_to. Out: person_key, category, county_code,
    valid_from, valid_to; spans of a person do not overlap. Days without one of the codes are left out.
    """
    held = (
        overlapping(certificates.filter(pl.col("code").is_in(list(codes))), first, last)
        .select("person_key", "county_code", "code", "valid_from", "valid_to")
        .with_columns(place=ranked(codes))
    )
    several = held.filter(pl.len().over("person_key") > 1)
    alone = held.join(several.select("person_key").unique(), on="person_key", how="anti")
    columns = ["person_key", pl.col("code").alias("category"), "county_code", "valid_from", "valid_to"]
    return pl.concat([alone.select(columns), _elementary(several, last).select(columns)]).sort(
        "person_key", "valid_from"
    )


def _elementary(held: pl.DataFrame, last: date) -> pl.DataFrame:
    """Spans between two changes of anything a person holds, each with the first code held on it."""
    changes = pl.concat(
        [
            held.select("person_key", start=pl.col("valid_from")),
            held.select("person_key", start=pl.col("valid_to").dt.offset_by("1d")),
        ]
    )
    pieces = (
        changes.unique()
        .filter(pl.col("start") <= last)
        .sort("person_key", "start")
        .with_columns(
            end=pl.col("start").shift(-1).over("person_key").dt.offset_by("-1d").fill_null(pl.lit(last))
        )
    )
    return (
        pieces.join(held, on="person_key")
        .filter(pl.col("start").is_between("valid_from", "valid_to"))
        .sort("person_key", "start", "place", "county_code")
        .unique(["person_key", "start"], keep="first", maintain_order=True)
        .select("person_key", "code", "county_code", valid_from="start", valid_to="end")
    )


def last_day_held(spans: pl.DataFrame, yardstick: date) -> pl.DataFrame:
    """person_key → the day on which a yearly attribute is read: the yardstick date, else the last day held
    before it.

    Spans that begin after the yardstick date are not looked at.
    """
    return (
        spans.filter(pl.col("valid_from") <= yardstick)
        .group_by("person_key")
        .agg(day=pl.col("valid_to").fill_null(FAR).clip(upper_bound=yardstick).max())
    )


def yardstick_date(cost_year: int, on: date) -> date:
    """31 December of a closed year, the run's date in the running year."""
    return min(date(cost_year, 12, 31), max(on, date(cost_year, 1, 1)))


def below(code: str, territory: str) -> pl.Expr:
    """Whether region column `code` is the territory (trailing 00 stand for all below it) or lies below it."""
    prefix = territory
    while prefix.endswith("00") and len(prefix) > 2:
        prefix = prefix[:-2]
    return pl.col(code).str.starts_with(prefix).fill_null(False)
