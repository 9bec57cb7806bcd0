"""Who belongs to which household, and which numbers are one household in a year."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core_frames import DEATHS, months, roster_row, table
from transforms import certificates, households
from transforms.identity import LINKS

FILES = months()
LABELS = pl.DataFrame({"label": ["低保", "低边"], "codes": [["DIBAO"], ["DIBIAN"]]})
START = date(2022, 3, 1)
JAN, DEC = date(2023, 1, 1), date(2023, 12, 31)
OWN = "H0000000000005"


def listed(
    month: int, person: int, household: str | None, valid_from: date = START, **more: Any
) -> dict[str, Any]:
    base = {
        "list_kind": "在册",
        "list_month": 202300 + month,
        "file_id": f"F{month:02d}",
        "household_id": household,
    }
    return roster_row(person, "低保", valid_from, **{**base, **more})


def dated(
    person: int, household: str | None, valid_from: date, label: str = "低保", **more: Any
) -> dict[str, Any]:
    return roster_row(person, label, valid_from, **{"household_id": household, "file_id": "F01", **more})


def left(month: int, person: int, household: str | None, reason: str, **more: Any) -> dict[str, Any]:
    return listed(month, person, household, list_kind="减少", reason=reason, **more)


def spells(rows: list[dict[str, Any]], deaths: dict[int, date] | None = None) -> list[tuple[Any, ...]]:
    dead = pl.DataFrame(list((deaths or {}).items()), schema=DEATHS, orient="row")
    return households.memberships(table("roster", rows).lazy(), FILES, LINKS.to_frame(), dead).rows()


def of_year(rows: list[dict[str, Any]], year: int = 2023) -> households.YearHouseholds:
    roster = table("roster", rows).lazy()
    held = households.memberships(roster, FILES, LINKS.to_frame(), pl.DataFrame(schema=DEATHS))
    spans = certificates.certificates(roster, FILES, LINKS.to_frame(), LABELS).spans
    return households.of_year(held, spans, year)


def members(rows: list[dict[str, Any]], year: int = 2023) -> list[tuple[Any, ...]]:
    return of_year(rows, year).members.drop("held_from", "held_to").rows()


# --- spells -----------------------------------------------------------------------------------------------------


def test_membership_outlives_the_certificate() -> None:
    assert spells([dated(5, "H1", START, valid_to=date(2022, 9, 30))]) == [(5, "H1", START, None)]


def test_a_dated_row_of_another_household_moves_the_person_on_its_day() -> None:
    rows = [dated(5, "H1", START), dated(5, "H2", date(2023, 6, 15), file_id="F06")]
    assert spells(rows) == [(5, "H1", START, date(2023, 6, 14)), (5, "H2", date(2023, 6, 15), None)]


def test_a_list_row_of_another_household_moves_the_person_in_its_month() -> None:
    """生效日期 is older than the last list that showed H1: from the first day of the list's month."""
    rows = [listed(1, 5, "H1"), listed(2, 5, "H1"), listed(3, 5, "H2"), listed(4, 5, "H2")]
    assert spells(rows) == [(5, "H1", START, date(2023, 2, 28)), (5, "H2", date(2023, 3, 1), None)]


def test_a_list_row_moves_the_person_on_its_valid_from_where_that_is_later_than_the_last_list() -> None:
    rows = [listed(1, 5, "H1"), listed(4, 5, "H2", date(2023, 2, 10))]
    assert spells(rows) == [(5, "H1", START, date(2023, 2, 9)), (5, "H2", date(2023, 2, 10), None)]
    rows = [listed(1, 5, "H1"), listed(4, 5, "H2", date(2023, 1, 31))]
    assert spells(rows) == [(5, "H1", START, date(2023, 3, 31)), (5, "H2", date(2023, 4, 1), None)]


@pytest.mark.parametrize("reason", ["死亡", "户籍迁出", "分户"])
def test_a_reduction_for_leaving_ends_the_membership(reason: str) -> None:
    assert spells([listed(1, 5, "H1"), left(3, 5, "H1", reason)]) == [(5, "H1", START, date(2023, 2, 28))]
    with_day = left(3, 5, "H1", reason, valid_to=date(2023, 3, 9))
    assert spells([listed(1, 5, "H1"), with_day]) == [(5, "H1", START, date(2023, 3, 9))]


def test_a_reduction_for_another_reason_ends_the_certificate_only() -> None:
    assert spells([listed(1, 5, "H1"), left(3, 5, "H1", "收入超标")]) == [(5, "H1", START, None)]


def test_leaving_the_old_household_late_does_not_end_the_new_one() -> None:
    rows = [
        dated(5, "H1", START),
        dated(5, "H2", date(2023, 5, 15)),
        left(6, 5, "H1", "分户", valid_to=date(2023, 5, 20)),
    ]
    assert spells(rows) == [(5, "H1", START, date(2023, 5, 14)), (5, "H2", date(2023, 5, 15), None)]


def test_after_leaving_the_person_may_come_back() -> None:
    rows = [listed(1, 5, "H1"), left(2, 5, "H1", "迁出"), listed(6, 5, "H1")]
    assert spells(rows) == [(5, "H1", START, date(2023, 1, 31)), (5, "H1", date(2023, 6, 1), None)]


def test_death_ends_the_membership() -> None:
    assert spells([dated(5, "H1", START)], {5: date(2023, 4, 4)}) == [(5, "H1", START, date(2023, 4, 4))]


def test_a_person_without_a_number_is_a_household_of_his_own() -> None:
    assert spells([dated(5, None, START)]) == [(5, OWN, START, None)]
    rows = [dated(5, None, START), dated(5, "H1", date(2023, 6, 1))]
    assert spells(rows) == [(5, OWN, START, date(2023, 5, 31)), (5, "H1", date(2023, 6, 1), None)]


def test_a_list_that_knows_no_numbers_takes_nobody_out_of_his_household() -> None:
    rows = [listed(1, 5, "H1"), listed(1, 5, None, department="残联"), listed(2, 5, None, department="残联")]
    assert spells(rows) == [(5, "H1", START, None)]


def test_in_one_month_the_number_of_civil_affairs_goes_first() -> None:
    rows = [listed(m, 5, h, department=d) for m in (1, 2) for h, d in (("X9", "乡村振兴"), ("H1", "民政"))]
    assert spells(rows) == [(5, "H1", START, None)]


def test_a_corrected_household_number_replaces_the_wrong_one() -> None:
    """Same key (region, department, person, identity, 生效日期): the last received version counts."""
    assert spells([dated(5, "H9", START), dated(5, "H1", START, file_id="F02")]) == [(5, "H1", START, None)]


# --- the year ---------------------------------------------------------------------------------------------------


def test_the_first_and_last_membership_reach_to_the_ends_of_the_year() -> None:
    rows = [
        dated(5, "H1", date(2023, 3, 1), valid_to=date(2023, 5, 31)),
        dated(5, "H2", date(2023, 6, 1), head_key=9),
    ]
    assert members(rows) == [
        (5, "H1", "H1", JAN, date(2023, 5, 31)),
        (5, "H2", "H2", date(2023, 6, 1), DEC),
    ]
    assert members(rows, 2024) == [(5, "H2", "H2", date(2024, 1, 1), date(2024, 12, 31))]


def test_who_has_left_is_no_member_on_the_last_day() -> None:
    """The stretch to 31 December is for costs; who belongs to the household on a day is another question."""
    rows = [dated(5, "H1", date(2023, 3, 1)), left(10, 5, "H1", "死亡", valid_to=date(2023, 10, 9))]
    [found] = of_year(rows, 2023).members.to_dicts()
    assert (found["valid_from"], found["valid_to"]) == (JAN, DEC)
    assert (found["held_from"], found["held_to"]) == (date(2023, 3, 1), date(2023, 10, 9))


def test_a_household_has_a_year_only_where_a_roster_row_overlaps_it() -> None:
    rows = [dated(5, "H1", START, valid_to=date(2022, 9, 30))]
    assert members(rows) == []
    assert of_year(rows).households.is_empty()
    assert members(rows, 2022) == [(5, "H1", "H1", date(2022, 1, 1), date(2022, 12, 31))]


def renumbered(end: date, start: date, **later: Any) -> list[dict[str, Any]]:
    """Father 1 and son 5 under H1 (低边), then under H2 (低保)."""
    rows = [dated(person, "H1", START, "低边", valid_to=end) for person in (1, 5)]
    return rows + [dated(person, "H2", start, **later) for person in (1, 5)]


def test_a_renumbered_household_with_the_same_head_is_one_under_the_later_number() -> None:
    """Household 低边 to June, 低保 from July under a new number with the same head (semantics §8)."""
    got = of_year(renumbered(date(2023, 6, 30), date(2023, 7, 1)))
    assert got.members.filter(pl.col("person_key") == 5).drop("held_from", "held_to").rows() == [
        (5, "H1", "H2", JAN, date(2023, 6, 30)),
        (5, "H2", "H2", date(2023, 7, 1), DEC),
    ]
    assert got.households.select("household_id", "head_key").rows() == [("H2", 1)]
    assert got.findings.is_empty()


@pytest.mark.parametrize(
    ("start", "unit"),
    [(date(2023, 7, 31), "H2"), (date(2023, 8, 1), "H1")],  # 31 and 32 days after 30 June
)
def test_predecessors_end_within_31_days(start: date, unit: str) -> None:
    assert members(renumbered(date(2023, 6, 30), start))[0][:3] == (1, "H1", unit)


def test_numbers_join_only_within_a_calendar_year() -> None:
    rows = renumbered(date(2022, 12, 31), date(2023, 1, 1))
    assert {row[2] for row in members(rows)} == {"H2"}
    assert {row[1:3] for row in members(rows, 2022)} == {("H1", "H1")}


def test_predecessors_form_chains() -> None:
    rows = renumbered(date(2023, 3, 31), date(2023, 4, 1), valid_to=date(2023, 8, 31))
    rows += [dated(1, "H3", date(2023, 9, 10))]
    assert {row[1:3] for row in members(rows)} == {("H1", "H3"), ("H2", "H3"), ("H3", "H3")}


def test_another_head_with_half_the_members_in_common_is_only_listed() -> None:
    rows = renumbered(date(2023, 6, 30), date(2023, 7, 1), head_key=5)
    got = of_year(rows)
    assert {row[1:3] for row in got.members.rows()} == {("H1", "H1"), ("H2", "H2")}
    assert got.findings.select("household_id", "other_id", "rows").rows() == [("H1", "H2", 2)]
    alone = [dated(p, "H1", START, valid_to=date(2023, 6, 30)) for p in (1, 2, 3)]
    assert of_year([*alone, dated(3, "H2", date(2023, 7, 1), head_key=3)]).findings.is_empty()


def test_renumbering_in_monthly_lists() -> None:
    rows = [listed(m, p, "H1" if m < 4 else "H2") for m in range(1, 7) for p in (1, 5)]
    assert {row[1:3] for row in members(rows)} == {("H1", "H2"), ("H2", "H2")}


def test_the_households_name_their_place() -> None:
    rows = [dated(5, "H1", START, township_code="330112104", village="甲村")]
    assert of_year(rows).households.rows() == [("H1", 1, "330112", "330112", "330112104", None, "甲村")]


ROWS = st.lists(
    st.builds(
        lambda kind, month, person, household, day, file: {
            "dated": dated(person, household, date(2022, 3, day), file_id=f"F{file:02d}"),
            "list": listed(month, person, household, date(2022, 3, day)),
            "new": listed(month, person, household, date(2023, month, day), list_kind="新增"),
            "left": left(month, person, household, "分户"),
        }[kind],
        st.sampled_from(["dated", "list", "list", "new", "left"]),
        st.integers(1, 5),
        st.integers(1, 3),
        st.sampled_from(["H1", "H2", None]),
        st.integers(1, 28),
        st.integers(1, 3),
    ),
    max_size=10,
)


@settings(deadline=None, max_examples=60)
@given(ROWS, st.randoms())
def test_nobody_is_in_two_households_on_one_day_whatever_the_rows_say(
    rows: list[dict[str, Any]], random: Any
) -> None:
    frame = table("roster", rows)
    mixed = list(range(frame.height))
    random.shuffle(mixed)
    dead = pl.DataFrame(schema=DEATHS)
    held = households.memberships(frame.lazy(), FILES, LINKS.to_frame(), dead)
    assert held.equals(households.memberships(frame[mixed].lazy(), FILES, LINKS.to_frame(), dead))
    follows = held.with_columns(pl.col("valid_from").shift(-1).over("person_key").alias("next")).drop_nulls(
        "next"
    )
    assert follows.filter((pl.col("valid_to") >= pl.col("next")).fill_null(True)).is_empty()
    spans = certificates.certificates(frame.lazy(), FILES, LINKS.to_frame(), LABELS)
    again = certificates.certificates(frame[mixed].lazy(), FILES, LINKS.to_frame(), LABELS)
    assert spans.facts.equals(again.facts) and spans.findings.equals(again.findings)
    year = households.of_year(held, spans.spans, 2023)
    assert set(year.members["unit_household_id"]) <= set(year.households["household_id"])
    for person in year.members.partition_by("person_key"):
        assert (person["valid_from"].min(), person["valid_to"].max()) == (JAN, DEC)
