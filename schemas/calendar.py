"""Working days (工作日) by the State Council's notices, and the due dates of monthly rosters (P-29, P-31).

An ordinary weekend is off; a notice adds days off and turns single weekend days into working days. A
year without its notice is an error, never a silent calendar of weekdays.
"""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

ONE_DAY = timedelta(days=1)


class CalendarError(ValueError):
    """A day was asked for whose year has no notice in working_calendar.csv (Chinese message)."""


@dataclass(frozen=True)
class WorkingCalendar:
    """Days off by notice (weekends apart), working weekend days, and the years that have a notice."""

    off: frozenset[date]
    work: frozenset[date]
    years: frozenset[int]

    def is_working_day(self, day: date) -> bool:
        """Whether `day` is a working day; CalendarError for a year without a notice."""
        self._known(day)
        return day in self.work or (day not in self.off and day.weekday() < 5)

    def is_notice_day_off(self, day: date) -> bool:
        """Whether a notice makes `day` a holiday; an ordinary weekend is none (strict reading of 法定节假日)."""
        self._known(day)
        return day in self.off

    def next_working_day(self, day: date) -> date:
        """`day` itself if it is a working day, else the first one after it."""
        while not self.is_working_day(day):
            day += ONE_DAY
        return day

    def add_working_days(self, day: date, count: int) -> date:
        """The `count`-th working day after `day`; `day` itself does not count (P-31, reading A-P25)."""
        if count < 0:
            raise ValueError("count must not be negative")
        for _ in range(count):
            day = self.next_working_day(day + ONE_DAY)
        return day

    def roster_due(self, month: str, due_day: int = 5) -> tuple[date, date]:
        """Due date of the lists of a month ("202302"), inclusive: (default reading, strict reading) of P-29.

        Default: rolled to the next working day, weekends included (A-P24 b). Strict: rolled only out of
        the days off by notice (A-P24 a).
        """
        year, number = int(month[:4]), int(month[4:])
        nominal = date(year, number, min(due_day, monthrange(year, number)[1]))
        strict = nominal
        while self.is_notice_day_off(strict):
            strict += ONE_DAY
        return self.next_working_day(nominal), strict

    def _known(self, day: date) -> None:
        if day.year not in self.years:
            raise CalendarError(f"工作日历没有 {day.year} 年的放假安排,请补充 working_calendar.csv")


def working_calendar(table: pl.DataFrame) -> WorkingCalendar:
    """The calendar of the reference table `working_calendar` (year, kind off/work, date_from, date_to)."""
    days: dict[str, set[date]] = {"off": set(), "work": set()}
    for kind, first, last in table.select("kind", "date_from", "date_to").iter_rows():
        days[kind].update(_each_day(first, last))
    return WorkingCalendar(
        frozenset(days["off"]), frozenset(days["work"]), frozenset(table["year"].to_list())
    )


def _each_day(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += ONE_DAY
