"""Working days by the State Council's notices: every due date of the rosters from 2023 to 2026."""

from datetime import date
from pathlib import Path

import pytest

from schemas.calendar import CalendarError, WorkingCalendar, working_calendar
from schemas.reference import load_reference

SHIPPED = Path(__file__).resolve().parents[1] / "data" / "reference"

#: month → (rolled due date, strict due date) where they are not simply the 5th; read off the notices by hand.
ROLLED = {
    "202302": ("2023-02-06", "2023-02-05"),
    "202303": ("2023-03-06", "2023-03-05"),
    "202304": ("2023-04-06", "2023-04-06"),
    "202308": ("2023-08-07", "2023-08-05"),
    "202310": ("2023-10-07", "2023-10-07"),
    "202311": ("2023-11-06", "2023-11-05"),
    "202404": ("2024-04-07", "2024-04-07"),
    "202405": ("2024-05-06", "2024-05-06"),
    "202410": ("2024-10-08", "2024-10-08"),
    "202501": ("2025-01-06", "2025-01-05"),
    "202504": ("2025-04-07", "2025-04-07"),
    "202505": ("2025-05-06", "2025-05-06"),
    "202507": ("2025-07-07", "2025-07-05"),
    "202510": ("2025-10-09", "2025-10-09"),
    "202604": ("2026-04-07", "2026-04-07"),
    "202605": ("2026-05-06", "2026-05-06"),
    "202607": ("2026-07-06", "2026-07-05"),
    "202609": ("2026-09-07", "2026-09-05"),
    "202610": ("2026-10-08", "2026-10-08"),
    "202612": ("2026-12-07", "2026-12-05"),
}
MONTHS = [f"{year}{month:02}" for year in range(2023, 2027) for month in range(1, 13)]


@pytest.fixture(scope="module")
def calendar() -> WorkingCalendar:
    return working_calendar(load_reference(SHIPPED, None)["working_calendar"])


def test_every_roster_due_date(calendar: WorkingCalendar) -> None:
    fifth = {month: f"{month[:4]}-{month[4:]}-05" for month in MONTHS}
    wanted = {month: ROLLED.get(month, (fifth[month], fifth[month])) for month in MONTHS}
    # A weekend 5th that the list does not name may only be one that rolls: the list is complete.
    found = {month: tuple(day.isoformat() for day in calendar.roster_due(month)) for month in MONTHS}
    assert found == wanted


def test_make_up_days_and_holidays(calendar: WorkingCalendar) -> None:
    assert calendar.is_working_day(date(2023, 10, 7))  # a Saturday that is worked
    assert calendar.is_working_day(date(2024, 4, 7))  # a Sunday that is worked
    assert not calendar.is_working_day(date(2024, 9, 17))  # Mid-Autumn, a Tuesday
    assert not calendar.is_working_day(date(2022, 12, 31))  # stands in the notice of 2023
    assert not calendar.is_working_day(date(2024, 6, 8))  # an ordinary Saturday


def test_five_working_days_begin_on_the_next_one(calendar: WorkingCalendar) -> None:
    """P-31: received on Thursday 2023-09-28; the holiday ends on 10-06, and the weekend after it is worked."""
    received = date(2023, 9, 28)
    assert calendar.add_working_days(received, 1) == date(2023, 10, 7)
    assert calendar.add_working_days(received, 5) == date(2023, 10, 11)
    assert calendar.add_working_days(received, 0) == received


def test_an_unknown_year_is_an_error(calendar: WorkingCalendar) -> None:
    with pytest.raises(CalendarError, match="2027"):
        calendar.is_working_day(date(2027, 3, 1))
    with pytest.raises(CalendarError, match="2027"):
        calendar.add_working_days(date(2026, 12, 30), 2)
    with pytest.raises(CalendarError, match="2021"):
        calendar.roster_due("202112")
