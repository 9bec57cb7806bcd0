"""Who belongs to which household, and since when (semantics: membership, renumbering).

Membership does not follow the certificate: a person belongs to a household from his first roster row until a row of
another household, a 减少 because of 死亡/迁出/分户, or death. A person whose rows show no number is a household of
his own.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import polars as pl

from transforms.pseudonym import key_texts
from transforms.roster_rows import AT, month_of, standing

LEAVING = "死亡|迁出|分户"
RENUMBERED_WITHIN_DAYS = 31
SPELLS = pl.Schema(
    {"person_key": pl.Int64, "household_id": pl.String, "valid_from": pl.Date, "valid_to": pl.Date}
)
EVENT = ("person_key", "household_id", "valid_from", "_last", "_shown", "_first_day", "_leaves", "_rank", AT)
"""What the walk through a person's households looks at."""
JOINED = pl.Schema({"household_id": pl.String, "other_id": pl.String, "together": pl.Boolean})
FINDINGS = pl.Schema(
    {
        "rule": pl.String,
        "household_id": pl.String,
        "other_id": pl.String,
        "rows": pl.Int64,
        "message_zh": pl.String,
    }
)
MESSAGES = {"half_in_common": "两个家庭编号前后相接、成员过半相同而户主不同，未自动合并，请确认（合并家庭）"}


class YearHouseholds(NamedTuple):
    """members: person_key, household_id (number as delivered), unit_household_id (the number it goes under this year),
    valid_from, valid_to (within the year, stretched).
    households: one row per unit_household_id: household_id, head_key, county_code, region_code, township_code,
    township_name, village.
    findings: rule, household_id, other_id, rows, message_zh.
    """

    members: pl.DataFrame
    households: pl.DataFrame
    findings: pl.DataFrame


def memberships(
    roster: pl.LazyFrame, files: pl.DataFrame, links: pl.DataFrame, deaths: pl.DataFrame
) -> pl.DataFrame:
    """Spells `person_key, household_id, valid_from, valid_to` (inclusive; null: open) over all times.

    `roster`: core rows of the files in force; `deaths`: `person_key, deceased_on`.
    """
    rows = standing(roster, files, links)
    events = numbered(pl.concat([shown_rows(rows).select(EVENT), leavings(rows).select(EVENT)]))
    return until_death(spells(events), deaths)


def shown_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """Roster rows that show a person in a household, with the day at which they stand in time (`_shown`).

    A row of a monthly list stands at the first day of its month, a dated row at its 生效日期. `_last`: the last day
    for which the row shows the household.
    """
    month = month_of(pl.col("list_month"))
    kept = rows.filter(pl.col("list_kind").ne_missing("减少"))
    return kept.with_columns(
        _last=pl.coalesce(month.dt.month_end(), "valid_from"),
        _shown=pl.coalesce(month, "valid_from"),
        _first_day=month,
        _leaves=pl.lit(False),
        _rank=pl.when(pl.col("household_id").is_null())
        .then(2)
        .when(pl.col("department").fill_null("民政") == "民政")
        .then(0)
        .otherwise(1),
    )


def leavings(rows: pl.DataFrame) -> pl.DataFrame:
    """减少 rows that end a membership: `_last` is its last day."""
    month = month_of(pl.col("list_month"))
    gone = rows.filter((pl.col("list_kind") == "减少") & pl.col("reason").str.contains(LEAVING))
    last = pl.coalesce("valid_to", month - pl.duration(days=1)).cast(pl.Date)
    return (
        gone.with_columns(_last=last)
        .with_columns(
            _shown=pl.max_horizontal("_last", month),
            _first_day=month,
            _leaves=pl.lit(True),
            _rank=pl.lit(9, pl.Int32),
        )
        .drop_nulls("_last")
    )


def numbered(events: pl.DataFrame) -> pl.DataFrame:
    """Events in the order of time, each with the household that it shows.

    In one month the number of 民政 goes before those of other departments. A 减少 of another household than the one
    shown last ends nothing. A row without a number says nothing once
    a number is known; before that the person is a household of his own.
    """
    held = events.sort("person_key", "_shown", "_leaves", "_rank", AT)
    shown = last_known(pl.when(~pl.col("_leaves")).then("household_id"), changes("person_key"))
    if held["_leaves"].any():
        held = held.filter(~(pl.col("_leaves") & (pl.col("household_id") != shown)).fill_null(False))
    best = pl.when(changes("person_key", "_shown", "_leaves")).then("_rank").forward_fill()
    held = held.filter(pl.col("_leaves") | (pl.col("_rank") == best))
    known = last_known(pl.col("household_id"), changes("person_key") | pl.col("_leaves"))
    return held.with_columns(household_id=pl.coalesce(known, key_texts(held["person_key"], "H")))


def changes(*names: str) -> pl.Expr:
    """The row differs from the one above in one of these columns (none of them null)."""
    return pl.any_horizontal(pl.col(name) != pl.col(name).shift(1) for name in names).fill_null(True)


def last_known(text: pl.Expr, starts: pl.Expr) -> pl.Expr:
    """The last text that is not null since the last row where `starts` holds."""
    return pl.when(starts).then(text.fill_null("")).otherwise(text).forward_fill().replace("", None)


def spells(events: pl.DataFrame) -> pl.DataFrame:
    """Unbroken stretches in one household, from events in the order of time."""
    same = (
        (pl.col("person_key") == pl.col("person_key").shift(1))
        & (pl.col("household_id") == pl.col("household_id").shift(1))
        & ~pl.col("_leaves").shift(1)
        & ~pl.col("_leaves")
    )
    events = events.with_columns(_run=(~same.fill_null(False)).cum_sum())
    runs = events.group_by("_run", maintain_order=True).agg(
        pl.col("person_key", "household_id", "_leaves", "_first_day").first(),
        pl.col("valid_from").min().alias("_earliest"),
        pl.col("valid_from").first().alias("_own_start"),
        pl.col("_last").max(),
    )
    before = pl.col("_last").shift(1).over("person_key")
    own, month = pl.col("_own_start"), pl.col("_first_day")
    start = (
        pl.when(before.is_null())
        .then("_earliest")
        .when(own > before)
        .then(own)
        .otherwise(pl.max_horizontal(month, pl.when(month.is_null()).then(own)))
    )
    runs = runs.with_columns(
        _start=pl.when("_leaves").then(pl.col("_last") + pl.duration(days=1)).otherwise(start)
    )
    # rows of one month may contradict each other: a spell never begins before the one above it
    runs = runs.with_columns(pl.col("_start").cum_max().over("person_key"))
    runs = runs.with_columns(
        _end=pl.col("_start").shift(-1).over("person_key").sub(pl.duration(days=1)).cast(pl.Date)
    )
    return (
        runs.filter(~pl.col("_leaves"))
        .select("person_key", "household_id", valid_from=pl.col("_start").cast(pl.Date), valid_to="_end")
        .filter(pl.col("valid_to").is_null() | (pl.col("valid_to") >= pl.col("valid_from")))
        .cast(SPELLS)
    )


def until_death(held: pl.DataFrame, deaths: pl.DataFrame) -> pl.DataFrame:
    """Spells up to and including the day of death."""
    known = deaths.drop_nulls("deceased_on").select("person_key", "deceased_on").unique("person_key")
    return (
        held.join(known, on="person_key", how="left")
        .filter(pl.col("deceased_on").is_null() | (pl.col("valid_from") <= pl.col("deceased_on")))
        .with_columns(valid_to=pl.min_horizontal("valid_to", "deceased_on"))  # null is "no end"
        .select(SPELLS.names())
        .sort("person_key", "valid_from", "household_id")
    )


def of_year(
    held: pl.DataFrame, spans: pl.DataFrame, year: int, joined: pl.DataFrame | None = None
) -> YearHouseholds:
    """Members and households of a cost year.

    `held`: `memberships`; `spans`: `certificates.Certificates.spans`, the periods that roster rows speak of. Only
    numbers with a roster row overlapping the year exist in it; the first and last membership of a person reach to
    1 January and 31 December; predecessors go under the later number. `joined`: household_id, other_id, together:
    pairs of numbers of which a decision says that they are one household, or are not.
    """
    first, last = date(year, 1, 1), date(year, 12, 31)
    overlaps = (pl.col("valid_from") <= last) & (pl.col("valid_to") >= first).fill_null(True)
    rows = active_rows(held, spans)
    living = rows.filter(overlaps).select("household_id").unique()
    periods = number_periods(rows.join(living, on="household_id", how="semi"))
    who = (
        held.filter(overlaps).join(living, on="household_id", how="semi").select("household_id", "person_key")
    )
    renamed, close = successors(periods, joined, who.unique())
    members = stretched(held.filter(overlaps).join(living, on="household_id", how="semi"), first, last)
    members = members.join(renamed, on="household_id", how="left").with_columns(
        pl.coalesce("unit_household_id", "household_id").alias("unit_household_id")
    )
    members = members.select(
        "person_key", "household_id", "unit_household_id", "valid_from", "valid_to", "held_from", "held_to"
    )
    described = described_households(rows.filter(overlaps), renamed)
    return YearHouseholds(
        members.sort("person_key", "valid_from", "household_id"), described, common_members(close, members)
    )


def in_year(held: pl.DataFrame, spans: pl.DataFrame, year: int) -> pl.DataFrame:
    """`person_key, household_id, unit_household_id, valid_from, valid_to` of a cost year (see `of_year`)."""
    return of_year(held, spans, year).members


def active_rows(held: pl.DataFrame, spans: pl.DataFrame) -> pl.DataFrame:
    """Roster spans cut to the time in which their person belonged to the household."""
    membership = held.rename({"valid_from": "_from", "valid_to": "_to"})
    return (
        spans.drop("household_id")
        .join(membership, on="person_key")
        .with_columns(
            valid_from=pl.max_horizontal("valid_from", "_from"), valid_to=pl.min_horizontal("valid_to", "_to")
        )
        .filter(pl.col("valid_to").is_null() | (pl.col("valid_to") >= pl.col("valid_from")))
        .drop("_from", "_to")
    )


def number_periods(rows: pl.DataFrame) -> pl.DataFrame:
    """From when to when a number stands on rosters, and its head: `household_id, head_key, _from, _to` (null: open)."""
    open_end = pl.col("valid_to").is_null().any()
    return (
        rows.sort("valid_from", "file_id", "source_row")
        .group_by("household_id")
        .agg(
            pl.col("head_key").drop_nulls().last(),
            pl.col("valid_from").min().alias("_from"),
            pl.when(~open_end).then(pl.col("valid_to").max()).alias("_to"),
        )
        .sort("household_id")
    )


def successors(
    periods: pl.DataFrame, joined: pl.DataFrame | None = None, who: pl.DataFrame | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(renamed: household_id → unit_household_id, the last number of each chain; close: pairs with other heads).

    `joined`: see `of_year`; of two numbers put together by decision the later one stays. `who`: household_id,
    person_key, each pair once; only numbers that have somebody in common are close.
    """
    pairs = joined if joined is not None else pl.DataFrame(schema=JOINED)
    ends = periods.drop_nulls("_to").select("household_id", "head_key", "_from", "_to")
    later = periods.select(later_id="household_id", later_head="head_key", _later_from="_from")
    near = (pl.col("_later_from") - pl.col("_to")).dt.total_days().abs() <= RENUMBERED_WITHIN_DAYS
    heads = ends.join(later, left_on="head_key", right_on="later_head")
    chains = (
        _not_apart(heads.filter(near & (pl.col("_later_from") > pl.col("_from"))), pairs)
        .sort("household_id", "_later_from", "later_id")
        .unique("household_id", keep="first", maintain_order=True)
    )
    step = dict(chains.select("household_id", "later_id").iter_rows())
    starts = dict(periods.select("household_id", "_from").iter_rows())
    together = pairs.filter("together").sort("household_id", "other_id")
    for one, other in together.select("household_id", "other_id").iter_rows():
        if one in starts and other in starts:
            first, second = _end(step, one), _end(step, other)
            if first != second:
                keep = first if starts[first] > starts[second] else second
                step[second if keep == first else first] = keep
    final = {number: _end(step, number) for number in step}
    renamed = pl.DataFrame(
        {"household_id": list(final), "unit_household_id": list(final.values())},
        schema={"household_id": pl.String, "unit_household_id": pl.String},
    )
    if who is None:
        return renamed, ends.clear().select("household_id", later_id="household_id")
    together = (
        who.join(who.rename({"household_id": "later_id"}), on="person_key")
        .filter(pl.col("household_id") != pl.col("later_id"))
        .select("household_id", "later_id")
        .unique()
    )
    close = (
        together.join(ends, on="household_id")
        .join(later, on="later_id")
        .filter(near & (pl.col("_later_from") > pl.col("_from")))
        .filter(pl.col("head_key").ne_missing(pl.col("later_head")))
        .select("household_id", "later_id")
        .sort("household_id", "later_id")
    )
    return renamed, _undecided(close, pairs)


def _end(step: dict[str, str], number: str) -> str:
    """The last number of a chain."""
    while number in step:
        number = step[number]
    return number


def _both_ways(pairs: pl.DataFrame) -> pl.DataFrame:
    return pl.concat(
        [
            pairs.select("household_id", later_id="other_id"),
            pairs.select(household_id="other_id", later_id="household_id"),
        ]
    )


def _not_apart(chains: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """Chains without the pairs that a decision keeps apart."""
    return chains.join(
        _both_ways(pairs.filter(~pl.col("together"))), on=["household_id", "later_id"], how="anti"
    )


def _undecided(close: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """Pairs of numbers on which no decision stands."""
    return close.join(_both_ways(pairs), on=["household_id", "later_id"], how="anti")


def with_moves(held: pl.DataFrame, moved: pl.DataFrame) -> pl.DataFrame:
    """Memberships in which persons belong to the household that a decision says: `moved` person_key, household_id."""
    if moved.is_empty():
        return held
    open_end = pl.col("valid_to").is_null().any()
    whole = (
        held.join(moved.select("person_key", _new="household_id"), on="person_key")
        .group_by("person_key")
        .agg(
            household_id=pl.col("_new").first(),
            valid_from=pl.col("valid_from").min(),
            valid_to=pl.when(~open_end).then(pl.col("valid_to").max()),
        )
    )
    rest = held.join(moved, on="person_key", how="anti")
    return pl.concat([rest, whole.select(SPELLS.names())]).sort("person_key", "valid_from", "household_id")


def common_members(close: pl.DataFrame, members: pl.DataFrame) -> pl.DataFrame:
    """Findings: numbers that follow each other with at least half the members of each in common."""
    who = members.select("household_id", "person_key").unique()
    sizes = who.group_by("household_id").len("n")
    shared = (
        close.join(who, on="household_id")
        .join(who.rename({"household_id": "later_id"}), on=["later_id", "person_key"], how="semi")
        .group_by("household_id", "later_id")
        .len("rows")
        .join(sizes, on="household_id")
        .join(sizes.rename({"household_id": "later_id", "n": "later_n"}), on="later_id")
        .filter(pl.col("rows") * 2 >= pl.max_horizontal("n", "later_n"))
    )
    return (
        shared.select(
            rule=pl.lit("half_in_common"),
            household_id="household_id",
            other_id="later_id",
            rows=pl.col("rows").cast(pl.Int64),
            message_zh=pl.lit(MESSAGES["half_in_common"]),
        )
        .cast(FINDINGS)
        .sort("household_id", "other_id")
    )


def stretched(held: pl.DataFrame, first: date, last: date) -> pl.DataFrame:
    """Memberships cut to the year; a person's first one begins on 1 January, the last one ends on 31 December.

    held_from, held_to: the same without that stretch, the days on which the person really belonged to it.
    """
    place = pl.int_range(pl.len()).over("person_key")
    size = pl.len().over("person_key")
    end = pl.min_horizontal(pl.col("valid_to"), pl.lit(last))
    return held.sort("person_key", "valid_from", "household_id").with_columns(
        valid_from=pl.when(place == 0)
        .then(pl.lit(first))
        .otherwise(pl.max_horizontal("valid_from", pl.lit(first))),
        valid_to=pl.when(place == size - 1).then(pl.lit(last)).otherwise(end),
        held_from=pl.max_horizontal("valid_from", pl.lit(first)),
        held_to=end,
    )


def described_households(rows: pl.DataFrame, renamed: pl.DataFrame) -> pl.DataFrame:
    """One row per household of the year, under its last number: head and place as the latest rows say."""
    held = rows.join(renamed, on="household_id", how="left").with_columns(
        pl.coalesce("unit_household_id", "household_id").alias("household_id")
    )
    texts = ("county_code", "region_code", "township_code", "township_name", "village")
    return (
        held.sort("valid_from", "file_id", "source_row")
        .group_by("household_id")
        .agg(pl.col("head_key").drop_nulls().last(), *(pl.col(name).drop_nulls().last() for name in texts))
        .sort("household_id")
    )
