"""Dual warning (双预警: L-20 to L-22, P-27): who is watched, over or far over a county's standard, and since when.

Levels are whole numbers here: 0 none, 1 watch, 2 over, 3 severe (`LEVELS`). Exactly the share of the threshold is
watched; exactly the threshold is over where the document says 以上, and not where it says 超过.
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from schemas.warnings import WarningStandard
from transforms.measure_history import SUMS
from transforms.spans import FAR, below, overlapping

LEVELS = ("", "watch", "over", "severe")
SEVERE_TIMES = 2
"""From this multiple of the threshold on a case is severe."""
IMPOVERISHED, RETURNED = "致贫", "返贫"
STANDING = pl.Schema({"person_key": pl.Int64, "measure_fen": pl.Int64, "member": pl.Boolean})


def level(measure: pl.Expr, standard: WarningStandard) -> pl.Expr:
    """The level of a measure in fen; 0 without a threshold. A sum below 0 is 0."""
    threshold, watch, over = standard.threshold_fen, standard.watch_fen, standard.over_fen
    if threshold is None or watch is None or over is None:
        return pl.lit(0, pl.Int8)
    amount = measure.clip(lower_bound=0)
    return (
        pl.when((amount >= SEVERE_TIMES * threshold) & (amount >= over))
        .then(3)
        .when(amount >= over)
        .then(2)
        .when(amount >= watch)
        .then(1)
        .otherwise(0)
        .cast(pl.Int8)
        .fill_null(0)
    )


def members_on(certificates: pl.DataFrame, standard: WarningStandard, day: date) -> pl.DataFrame:
    """person_key of everybody who holds one of the rule's identities in the county on a day."""
    return (
        certificates.filter(
            below("county_code", standard.region_code)
            & pl.col("code").is_in(standard.categories)
            & (pl.col("valid_from") <= day)
            & (pl.col("valid_to").fill_null(FAR) >= day)
        )
        .select("person_key")
        .unique()
    )


def standing_now(
    sums: pl.DataFrame, certificates: pl.DataFrame, standard: WarningStandard, yardstick: date
) -> pl.DataFrame:
    """STANDING of everybody with a measure: `member` says whether the rule is about the person on the yardstick date.

    `sums`: person_key, insutype, county_code and the known sum of the year under the name of the measure (`SUMS`).
    """
    found = sums.select("person_key", "insutype", "county_code", measure_fen=SUMS[standard.measure])
    if standard.categories:
        held = members_on(certificates, standard, yardstick).with_columns(member=pl.lit(True))
        found = found.join(held, on="person_key", how="left").with_columns(pl.col("member").fill_null(False))
    else:
        found = found.with_columns(member=insured(standard))
    return found.select(STANDING.names()).cast(STANDING)


def insured(standard: WarningStandard) -> pl.Expr:
    """Insured in the county under one of the rule's schemes, by `insutype` and `county_code`."""
    here = below("county_code", standard.region_code)
    return (here & pl.col("insutype").is_in(standard.insutypes)).fill_null(False)


def known_spans(certificates: pl.DataFrame, rows: pl.DataFrame, deliveries: pl.DataFrame) -> pl.DataFrame:
    """The spans of certificates as people knew of them: `known_from`, `known_to` beside person_key, county_code, code.

    `rows`: person_key, file_id, sheet, source_row, department, own_end, day of roster rows of these people;
    `deliveries`: department, day of every roster file. Nobody knows of a span before the first row about the person
    comes, nor that it has ended by absence before the department's next list is there.
    """
    first = rows.group_by("person_key").agg(pl.col("day").min().alias("first_day"))
    stated = rows.select(
        "file_id", "sheet", "source_row", pl.col("own_end").is_not_null().alias("stated")
    ).unique(["file_id", "sheet", "source_row"], keep="first")
    spans = (
        certificates.join(first, on="person_key")
        .join(stated, on=["file_id", "sheet", "source_row"], how="left", nulls_equal=True)
        .with_columns(pl.col("valid_to").fill_null(FAR), pl.col("stated").fill_null(False))
        .with_columns(
            after=pl.col("valid_to").clip(upper_bound=FAR - timedelta(days=1)) + pl.duration(days=1)
        )
        .sort("after")
    )
    told = deliveries.select("department", told="day").drop_nulls().unique().sort("told")
    with_end = spans.join_asof(
        told, left_on="after", right_on="told", by="department", strategy="forward", check_sortedness=False
    )
    late_end = pl.max_horizontal("valid_to", pl.col("told") - pl.duration(days=1)).fill_null(
        pl.col("valid_to")
    )
    return with_end.select(
        *("person_key", "county_code", "code", "valid_from", "valid_to"),
        known_from=pl.max_horizontal("valid_from", "first_day"),
        known_to=pl.when(~pl.col("stated")).then(late_end).otherwise("valid_to"),
    )


def timeline(
    history: pl.DataFrame,
    standing: pl.DataFrame,
    spans: pl.DataFrame | None,
    standard: WarningStandard,
    last_day: date,
    on: date,
    year: int,
) -> pl.DataFrame:
    """person_key, day, rank, reached of the people who were ever at a level: one row a day of change.

    `rank`: the level on that day; `reached`: the level of the measure alone, whoever the person was. `spans`:
    `known_spans` of a rule by identity. What stands now (`standing`) counts from the last change that is known, the
    latest file (`last_day`) or a later day on which an identity began or ended.
    """
    past = history.filter(pl.col("person_key").is_in(standing["person_key"].implode()))
    if spans is None:
        before = past.select("person_key", "day", measure=SUMS[standard.measure], member=insured(standard))
    else:
        before = _with_members(past, spans, standard, on, year)
    latest = before.group_by("person_key").agg(pl.col("day").max())
    current = standing.join(latest, on="person_key", how="left").select(
        "person_key",
        day=pl.max_horizontal(pl.col("day").fill_null(last_day), pl.lit(last_day)),
        measure="measure_fen",
        member="member",
    )
    earlier = before.join(current, on=["person_key", "day"], how="anti")
    both = pl.concat([earlier, current]).with_columns(reached=level(pl.col("measure"), standard))
    ranked = both.with_columns(rank=pl.when(pl.col("member")).then("reached").otherwise(0).cast(pl.Int8))
    ever = ranked.filter(pl.col("rank") > 0)["person_key"].unique()
    return (
        ranked.filter(pl.col("person_key").is_in(ever.implode()))
        .select("person_key", "day", "rank", "reached")
        .sort("person_key", "day")
    )


def _with_members(
    past: pl.DataFrame, spans: pl.DataFrame, standard: WarningStandard, on: date, year: int
) -> pl.DataFrame:
    """The measure on each day on which it or the person's identity changed, and whether the identity was held then.

    After the year has ended the identity of 31 December counts.
    """
    sums = past.select("person_key", "day", measure=SUMS[standard.measure])
    held = spans.filter(
        below("county_code", standard.region_code)
        & pl.col("code").is_in(standard.categories)
        & (pl.col("known_from") <= pl.col("known_to"))
        & pl.col("person_key").is_in(sums["person_key"].implode())
    )
    after = pl.col("known_to").clip(upper_bound=on) + pl.duration(days=1)
    turns = pl.concat([held.select("person_key", day="known_from"), held.select("person_key", day=after)])
    turns = turns.filter(pl.col("day").is_between(date(year, 1, 1), on))
    days = pl.concat([sums.select("person_key", "day"), turns]).unique().sort("person_key", "day")
    known = days.join(sums, on=["person_key", "day"], how="left").with_columns(
        pl.col("measure").forward_fill().over("person_key").fill_null(0),
        yardstick=pl.min_horizontal("day", pl.lit(date(year, 12, 31))),
    )
    there = (
        known.join(held, on="person_key")
        .filter(
            (pl.col("known_from") <= pl.col("day"))
            & pl.col("yardstick").is_between(pl.col("valid_from"), pl.col("known_to"))
        )
        .select("person_key", "day")
        .unique()
        .with_columns(member=pl.lit(True))
    )
    return known.join(there, on=["person_key", "day"], how="left").select(
        "person_key", "day", "measure", pl.col("member").fill_null(False)
    )


def seen(timeline_rows: pl.DataFrame, last_day: date) -> pl.DataFrame:
    """One row per person who was ever at a level: when it began, rose, fell and was last so.

    person_key, rank (now), reached (now), first_seen, level_first_seen (of the level now, else of the last one held),
    over_since (first day over), last_seen, fell_on (the last day on which the measure fell below the watch level),
    rose_on (the day on which it came back after a fall), top (highest level so far), top_since.
    """
    before = pl.col("reached").shift(1).over("person_key")
    rows = timeline_rows.sort("person_key", "day").with_columns(
        fell=(pl.col("reached") == 0) & (before > 0).fill_null(False),
        next_day=pl.col("day").shift(-1).over("person_key"),
        been=(pl.col("rank") > 0).cum_max().over("person_key"),
        highest=pl.col("rank").cum_max().over("person_key"),
    )
    rows = rows.with_columns(
        fell=pl.col("fell") & pl.col("been").shift(1).over("person_key").fill_null(False),
    )
    rows = rows.with_columns(fallen=pl.col("fell").cum_sum().over("person_key"))
    up = pl.col("rank") > 0
    day = pl.col("day")
    shown = (
        pl.when(pl.col("rank").last() > 0)
        .then(pl.col("rank").last())
        .otherwise(pl.col("rank").filter(up).last())
    )
    back = up & (pl.col("fallen") == pl.col("fallen").last()) & (pl.col("fallen").last() > 0)
    return (
        rows.group_by("person_key", maintain_order=True)
        .agg(
            pl.col("rank").last(),
            pl.col("reached").last(),
            shown=shown,
            first_seen=day.filter(up).first(),
            level_first_seen=day.filter(pl.col("rank") >= shown).first(),
            over_since=day.filter(pl.col("rank") >= 2).first(),
            last_seen=pl.when(pl.col("rank").last() > 0)
            .then(pl.max_horizontal(day.last(), pl.lit(last_day)))
            .otherwise((pl.col("next_day").filter(up).last() - pl.duration(days=1)).cast(pl.Date)),
            fell_on=day.filter("fell").last(),
            rose_on=day.filter(back).first(),
            top=pl.col("rank").max(),
            top_since=day.filter(pl.col("rank") == pl.col("rank").max()).first(),
        )
        .sort("person_key")
    )


def kind(certificates: pl.DataFrame, codes: tuple[str, ...], region: str, yardstick: date) -> pl.DataFrame:
    """person_key, kind 返贫 of everybody who holds one of the identities in the region on the yardstick date."""
    year = overlapping(certificates, yardstick, yardstick)
    held = (
        year.filter(below("county_code", region) & pl.col("code").is_in(codes)).select("person_key").unique()
    )
    return held.with_columns(kind=pl.lit(RETURNED))
