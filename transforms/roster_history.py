"""What a person was on any day, and when that changed: identities, unique category (P-04), household (Z-09).

`certificates`: person_key, county_code, code, valid_from, valid_to (inclusive, null: open), over all times.
`memberships`: person_key, household_id, valid_from, valid_to, over all times. `ranks`: the codes that
can be the unique category, best first; an identity outside them (困难职工, without a rate) is held, and is no category.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from transforms.spans import FAR, only, ranked

EVENTS = pl.Schema(
    [
        ("person_key", pl.Int64),
        ("county_code", pl.String),
        ("on", pl.Date),
        ("event", pl.String),
        ("before", pl.List(pl.String)),
        ("after", pl.List(pl.String)),
        ("category_before", pl.String),
        ("category", pl.String),
    ]
)


def on_days(
    asked: pl.DataFrame, certificates: pl.DataFrame, memberships: pl.DataFrame, ranks: Sequence[str]
) -> pl.DataFrame:
    """`asked` (person_key, day) with identities (best first; none: empty), category, region_code, household_id of the day.

    region_code: the county whose roster gives the unique category (the latest begun, then the smallest code).
    """
    numbered = asked.with_row_index("_n")
    valid = pl.col("day").is_between("valid_from", pl.col("valid_to").fill_null(FAR))
    held = (
        numbered.join(certificates.select("person_key", "county_code", "code", "valid_from", "valid_to"), on="person_key")
        .filter(valid)
        .with_columns(_rank=ranked(ranks))
        .sort("_n", "_rank", "code", pl.col("valid_from"), "county_code", descending=[False, False, False, True, False])
        .group_by("_n", maintain_order=True)
        .agg(
            identities=pl.col("code").unique(maintain_order=True),
            category=pl.col("code").first(),
            region_code=pl.col("county_code").first(),
        )
        .with_columns(category=only(ranks, "category"))
    )  # fmt: skip
    home = (
        numbered.join(
            memberships.select("person_key", "household_id", "valid_from", "valid_to"), on="person_key"
        )
        .filter(valid)
        .sort("_n", "valid_from", "household_id", descending=[False, True, False])
        .unique("_n", keep="first", maintain_order=True)
        .select("_n", "household_id")
    )
    return (
        numbered.join(held, on="_n", how="left", maintain_order="left")
        .join(home, on="_n", how="left", maintain_order="left")
        .drop("_n")
        .with_columns(pl.col("identities").fill_null(pl.lit([], pl.List(pl.String))))
    )


def events(certificates: pl.DataFrame, ranks: Sequence[str], first: date, last: date) -> pl.DataFrame:
    """Entries, exits and changes of identities as dated events within first..last (`EVENTS`).

    One row a person, county and day on which the set of identities held there is another than on the day before:
    `entered` (none before), `left` (none after), else `changed`. An exit is dated with the first day without.
    `before`, `after`: identities, best first; `category_before`, `category`: the unique category. Spans that touch
    or overlap are no event.
    """
    key = ["person_key", "county_code"]
    spans = certificates.select(*key, "code", "valid_from", end=pl.col("valid_to").dt.offset_by("1d"))
    turns = pl.concat(
        [
            spans.select(*key, on="valid_from"),
            spans.filter(pl.col("end").is_not_null()).select(*key, on="end"),
        ]
    )
    days = turns.unique().sort(*key, "on")
    held = (
        days.join(spans, on=key)
        .filter((pl.col("valid_from") <= pl.col("on")) & (pl.col("end").fill_null(FAR) > pl.col("on")))
        .with_columns(_rank=ranked(ranks))
        .sort(*key, "on", "_rank", "code")
        .group_by(*key, "on", maintain_order=True)
        .agg(after=pl.col("code").unique(maintain_order=True))
    )
    nothing = pl.lit([], pl.List(pl.String))
    states = days.join(held, on=[*key, "on"], how="left", maintain_order="left").with_columns(
        pl.col("after").fill_null(nothing)
    )
    states = states.with_columns(before=pl.col("after").shift(1).over(key).fill_null(nothing))
    none_before, none_after = (pl.col(name).list.len() == 0 for name in ("before", "after"))
    return (
        states.filter(pl.col("before") != pl.col("after"), pl.col("on").is_between(first, last))
        .with_columns(
            event=pl.when(none_before).then(pl.lit("entered")).when(none_after).then(pl.lit("left"))
            .otherwise(pl.lit("changed")),
            category_before=pl.col("before").list.first(),
            category=pl.col("after").list.first(),
        )
        .with_columns(only(ranks, name) for name in ("category_before", "category"))
        .select(EVENTS.names())
        .cast(EVENTS)
    )  # fmt: skip
