"""Warning cases (预警个案): their ids, what the townships answered, and the state that follows from both.

Everything is a function of the files and their days of receipt. A case once seen stays for its year: it is withdrawn
where the measure falls below the watch level, comes back where it rises again, and is opened once more where it rises
to a level not reached when it was closed.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import polars as pl

from schemas.calendar import CalendarError, WorkingCalendar
from transforms.pseudonym import key_number
from transforms.versions import RANK, file_ranks

Numbers = Callable[[pl.Series], pl.Series]
"""Texts to keyed whole numbers, as `transforms.pseudonym.pseudonyms`."""
CONFIRMED, REFUTED, PENDING = "属实", "不属实", "待核实"
OUTCOMES = (CONFIRMED, REFUTED, PENDING)
OPEN = ("discovered", "visiting", "reopened")
FINISHED = ("closed", "not_confirmed", "withdrawn")
_LOW, _CHECK, _PRIME = 7, 6, 61
ANSWERS = pl.Schema(
    {
        "number": pl.Int64,
        "warning_id": pl.String,
        "issue_no": pl.String,
        "visited_on": pl.Date,
        "outcome": pl.String,
        "measure": pl.String,
        "aid_fen": pl.Int64,
        "closed_on": pl.Date,
        "why_key": pl.Int64,
        "day": pl.Date,
        "file_id": pl.String,
        "sheet": pl.String,
        "source_row": pl.Int64,
    }
)


def case_numbers(rule_id: str, persons: pl.Series, year: int, numbers: Numbers) -> pl.Series:
    """The number behind the id of each person's case; it carries its year and a check of itself."""
    texts = pl.select(
        pl.concat_str(pl.lit(f"warning|{rule_id}|"), pl.lit(persons).cast(pl.String), pl.lit(f"|{year}"))
    ).to_series()
    high: pl.Series = pl.select(pl.lit(numbers(texts)) // 2 ** (_LOW + _CHECK)).to_series()
    low = year - 2000
    whole = (pl.lit(high) * 2**_CHECK + (pl.lit(high) * 31 + low) % _PRIME) * 2**_LOW + low
    return pl.select(whole).to_series()


def year_of(number: int | None) -> int | None:
    """The year that the number of a case carries; None where it is none of ours."""
    if number is None:
        return None
    low, rest = number % 2**_LOW, number // 2**_LOW
    high, check = rest // 2**_CHECK, rest % 2**_CHECK
    return 2000 + low if check == (high * 31 + low) % _PRIME else None


def number_of(text: str) -> int | None:
    """The number behind a case id as somebody wrote it; None where it can be none."""
    plain = text.strip().upper()
    try:
        return key_number(plain) if plain.startswith("W") else None
    except ValueError:
        return None


def answers(feedback: pl.LazyFrame, files: pl.DataFrame, on: date) -> pl.DataFrame:
    """ANSWERS: what was sent back, in the order of receipt; `number` null where the id is none of ours."""
    ranks = file_ranks(files).select("file_id", "received_on", RANK)
    rows = feedback.collect().join(ranks, on="file_id").sort(RANK, "sheet", "source_row", nulls_last=False)
    numbers = [number_of(text) for text in rows["warning_id"].to_list()]
    known = [number if year_of(number) is not None else None for number in numbers]
    outcome = pl.col("outcome").str.strip_chars()
    return rows.with_columns(
        number=pl.Series(known, dtype=pl.Int64),
        day=pl.min_horizontal("received_on", pl.lit(on)),
        outcome=pl.when(outcome != "").then(outcome),
    ).select(ANSWERS.names())


def filled() -> pl.Expr:
    """The row answers anything; a row of the list sent back as it was does not."""
    return pl.any_horizontal(
        pl.col(name).is_not_null() for name in ("visited_on", "outcome", "measure", "aid_fen", "closed_on")
    )


def with_states(seen: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    """`seen` (transforms.rules.warnings, with `number`) with what was answered and the state that follows.

    Adds outcome, visited_on, aid_fen, closed_on (the last word on each), opened_on (null: first opening), answered,
    status.
    """
    given = told.filter(filled()).join(
        seen.select("number", "rose_on", "top_since", "rank", "top"), on="number"
    )
    last = [pl.col(name).drop_nulls().last() for name in ("visited_on", "outcome", "aid_fen", "closed_on")]
    overall = given.group_by("number", maintain_order=True).agg(*last)
    current = given.join(opened(given), on="number", how="left").filter(
        pl.col("opened_on").is_null() | (pl.col("day") >= pl.col("opened_on"))
    )
    now = current.group_by("number", maintain_order=True).agg(
        *(expr.name.prefix("now_") for expr in last),
        now_measure=pl.col("measure").drop_nulls().last(),
        answered=pl.lit(True),
    )
    every = seen.join(overall, on="number", how="left").join(now, on="number", how="left")
    reopened_on = opened(given).rename({"opened_on": "_opened"})
    every = every.join(reopened_on, on="number", how="left").with_columns(
        opened_on=pl.max_horizontal("rose_on", "_opened"), answered=pl.col("answered").fill_null(False)
    )
    return every.with_columns(status=_status()).drop("_opened", "now_measure")


def opened(given: pl.DataFrame) -> pl.DataFrame:
    """number, opened_on: from which day on answers count, of cases that came back or rose after they were finished."""
    finished = pl.col("closed_on").is_not_null() | (pl.col("outcome") == REFUTED).fill_null(False)
    earlier = pl.col("day") < pl.col("top_since")
    rose = (
        (finished & earlier).any() & (pl.col("rank") == pl.col("top")).first() & (pl.col("top") > 1).first()
    )
    return given.group_by("number", maintain_order=True).agg(
        opened_on=pl.max_horizontal(
            pl.col("rose_on").first(), pl.when(rose).then(pl.col("top_since").first())
        )
    )


def _status() -> pl.Expr:
    helped = (pl.col("now_aid_fen") > 0).fill_null(False) | pl.col("now_measure").is_not_null()
    return (
        pl.when(pl.col("reached") == 0)
        .then(pl.lit("withdrawn"))
        .when(pl.col("now_closed_on").is_not_null())
        .then(pl.lit("closed"))
        .when(pl.col("now_outcome") == REFUTED)
        .then(pl.lit("not_confirmed"))
        .when((pl.col("now_outcome") == CONFIRMED) & helped)
        .then(pl.lit("aided"))
        .when(pl.col("now_outcome") == CONFIRMED)
        .then(pl.lit("verified"))
        .when("answered")
        .then(pl.lit("visiting"))
        .when(pl.col("opened_on").is_not_null())
        .then(pl.lit("reopened"))
        .otherwise(pl.lit("discovered"))
    )


def issue_day(calendar: WorkingCalendar, month: date, number: int) -> date:
    """The `number`-th working day of a month, on which the full lists go out. CalendarError: unknown year."""
    return calendar.add_working_days(month.replace(day=1) - timedelta(days=1), max(number, 1))


def next_issue(calendar: WorkingCalendar, day: date, number: int) -> date:
    """The first day of a full list on or after a day."""
    found = issue_day(calendar, day, number)
    following = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return found if found >= day else issue_day(calendar, following, number)


def last_issue(calendar: WorkingCalendar, day: date, number: int) -> date:
    """The last day of a full list on or before a day."""
    found = issue_day(calendar, day, number)
    return found if found <= day else issue_day(calendar, day.replace(day=1) - timedelta(days=1), number)


def due_dates(
    cases: pl.DataFrame, calendar: WorkingCalendar, visit_days: int, issue_number: int
) -> tuple[pl.Series, str]:
    """The day by which each case must have been visited, and what the calendar lacks ("" where nothing).

    A case that was over, or came back, goes to the township at once; one that is watched goes with the next full list.
    """
    found: dict[tuple[date, bool], date | None] = {}
    lacking = ""
    out: list[date | None] = []
    for opened_on, over_since, first_seen in cases.select(
        "opened_on", "over_since", "first_seen"
    ).iter_rows():
        at_once = opened_on or over_since
        key = (at_once or first_seen, at_once is not None)
        if key not in found:
            try:
                start = key[0] if key[1] else next_issue(calendar, key[0], issue_number)
                found[key] = calendar.add_working_days(start, visit_days)
            except CalendarError as error:
                found[key], lacking = None, str(error)
        out.append(found[key])
    return pl.Series("due_date", out, dtype=pl.Date), lacking


def overdue(on: date) -> pl.Expr:
    """Not visited since the case was opened, though the day for it has passed."""
    waiting = pl.col("status").is_in(OPEN) & pl.col("now_visited_on").is_null()
    return (waiting & (pl.col("due_date") < on)).fill_null(False)
