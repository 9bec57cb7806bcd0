"""One row a roster household and cost year: every cost in the household of its person on the settlement date."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from transforms.person_year import identities, troubled_households
from transforms.spans import on_day, overlapping, ranked

COLUMNS = [
    "household_id",
    "region_code",
    "township_code",
    "village",
    "head_name_masked",
    "cost_year",
    "category",
    "n_members",
    "n_members_ever",
    "n_settlements",
    "tot_fen",
    "psn_fen",
    "com_fen",
    "sub_fen",
    "neg_fen",
    "burden_fen",
    "incomplete",
    "floor_fen",
]


def in_households(settlements: pl.DataFrame, members: pl.DataFrame) -> pl.DataFrame:
    """Settlements with setl_date and household_id_on_day: the household of their person on that day, or null."""
    dated = settlements.with_columns(setl_date=pl.col("setl_time").dt.date())
    spans = members.with_columns(household_id_on_day="household_id")
    return on_day(dated, spans, "setl_date", ["household_id_on_day"])


def member_counts(members: pl.DataFrame, yardstick: date) -> pl.DataFrame:
    """household_id, n_members (who belonged to it on the yardstick date), n_members_ever."""
    there = members.filter(pl.lit(yardstick).is_between("held_from", "held_to"))
    now = there.group_by("household_id").agg(n_members=pl.col("person_key").n_unique().cast(pl.Int64))
    ever = members.group_by("household_id").agg(n_members_ever=pl.col("person_key").n_unique().cast(pl.Int64))
    return ever.join(now, on="household_id", how="left").with_columns(pl.col("n_members").fill_null(0))


def household_places(members: pl.DataFrame, households: pl.DataFrame, places: pl.DataFrame) -> pl.DataFrame:
    """household_id, region_code, township_code, village: the head's, else those of the member longest in it.

    A value that the head lacks is not mixed with another member's: the first person with a region gives all
    three.
    """
    where = ["region_code", "township_code", "village"]
    heads = households.select("household_id", person_key="head_key", place=pl.lit(0, pl.Int32))
    rest = members.sort("household_id", "valid_from", "person_key").select(
        "household_id", "person_key", place=pl.lit(1, pl.Int32)
    )
    return (
        pl.concat([heads, rest])
        .filter(pl.col("person_key").is_not_null())
        .join(places.select("person_key", *where), on="person_key", maintain_order="left")
        .filter(pl.col("region_code").is_not_null())
        .sort("place", maintain_order=True)
        .unique("household_id", keep="first", maintain_order=True)
        .select("household_id", *where)
    )


def household_categories(
    members: pl.DataFrame, certificates: pl.DataFrame, ranks: Sequence[str], cost_year: int, yardstick: date
) -> pl.DataFrame:
    """household_id, category: the first in rank among its members' categories on the yardstick date.

    Members on the yardstick date count; where nobody is left on it, all members of the year.
    """
    now = overlapping(members, yardstick, yardstick)
    gone = members.join(now.select("household_id").unique(), on="household_id", how="anti")
    whose = pl.concat([frame.select("household_id", "person_key") for frame in (now, gone)]).unique()
    held = (
        identities(certificates, ranks, cost_year, yardstick)
        .select("person_key", code="category")
        .drop_nulls()
    )
    return (
        whose.join(held, on="person_key")
        .with_columns(place=ranked(ranks))
        .sort("household_id", "place", "code")
        .unique("household_id", keep="first", maintain_order=True)
        .select("household_id", category="code")
    )


def household_year(
    settlements: pl.DataFrame,
    members: pl.DataFrame,
    households: pl.DataFrame,
    people: pl.DataFrame,
    places: pl.DataFrame,
    certificates: pl.DataFrame,
    troubles: pl.DataFrame,
    ranks: Sequence[str],
    cost_year: int,
    yardstick: date,
) -> pl.DataFrame:
    """Every household of `households` (those with a roster row in the year), exactly one row: COLUMNS.

    `settlements` is Burdens.settlements. com_fen and sub_fen are what was used on the household's
    settlements, so psn − com − sub − neg = burden unless the floor at 0 bit (floor_fen). A household is
    incomplete where a member of any day of the year has a rejected, listed or half-missing settlement.
    """
    flagged = (
        troubled_households(troubles, members, cost_year)
        .select("household_id", incomplete=pl.lit(True))
        .unique()
    )
    heads = people.select(head_key="person_key", head_name_masked="name_masked")
    joined = (
        households.select("household_id", "head_key")
        .unique("household_id")
        .join(heads, on="head_key", how="left")
    )
    for frame in (
        household_sums(settlements, members),
        member_counts(members, yardstick),
        household_places(members, households, places),
        household_categories(members, certificates, ranks, cost_year, yardstick),
        flagged,
    ):
        joined = joined.join(frame, on="household_id", how="left")
    counts = ["n_members", "n_members_ever", "n_settlements"]
    raw = pl.col("raw_fen")
    return (
        joined.with_columns(
            pl.col(*counts, "tot_fen", "psn_fen", "com_fen", "sub_fen", "neg_fen", "raw_fen").fill_null(0),
            pl.col("incomplete").fill_null(False),
            cost_year=pl.lit(cost_year, pl.Int32),
        )
        .with_columns(burden_fen=raw.clip(lower_bound=0), floor_fen=(-raw).clip(lower_bound=0))
        .select(COLUMNS)
        .sort("household_id")
    )


def household_sums(settlements: pl.DataFrame, members: pl.DataFrame) -> pl.DataFrame:
    """Sums of the settlements of each household: n_settlements, tot, psn, com, sub, neg, raw (burden, unfloored)."""
    columns = [
        "person_key",
        "setl_time",
        "tot_fen",
        "psn_fen",
        "com_used_fen",
        "sub_used_fen",
        "neg_fen",
        "burden_fen",
    ]
    return (
        in_households(settlements.select(columns), members)
        .filter(pl.col("household_id_on_day").is_not_null())
        .group_by(household_id="household_id_on_day")
        .agg(
            pl.col("tot_fen", "psn_fen").sum(),
            n_settlements=pl.len().cast(pl.Int64),
            com_fen=pl.col("com_used_fen").sum(),
            sub_fen=pl.col("sub_used_fen").sum(),
            neg_fen=pl.col("neg_fen").sum(),
            raw_fen=pl.col("burden_fen").sum(),
        )
    )
