"""Cover on a day, gaps, refusals, candidates, consent: on small tables, expected by hand."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tests.assess_frames as af
import tests.core_frames as cf
from transforms import consent, enrolment, enrolment_findings
from transforms.places import ALIAS
from transforms.rules.premium_lines import insurance_year

DAY = date(2024, 12, 31)
PEOPLE = pl.DataFrame({"person_key": [1, 2]})


def enrolled(*rows: dict[str, Any]) -> pl.DataFrame:
    """Enrolment rows; person 1, resident, active, Lin'an where nothing else is said."""
    usual = {"id_key": 1, "insutype": "390", "psn_insu_stas": "1", "insu_admdvs": "330112"}
    return cf.table("psn_insu_d", [usual | row for row in rows]).with_columns(person_key="id_key")


def status(*rows: dict[str, Any], day: date = DAY) -> dict[str, Any]:
    """The status of person 1 on a day."""
    held = enrolment.spells(enrolled(*rows), ALIAS.to_frame())
    return enrolment.status_on(held, PEOPLE, day).row(0, named=True)


@pytest.mark.parametrize(
    ("day", "insured"), [(date(2024, 2, 29), False), (date(2024, 3, 1), True), (date(2024, 12, 31), True)]
)
def test_cover_begins_on_its_day(day: date, insured: bool) -> None:
    assert status({"crt_insu_date": date(2024, 3, 1)}, day=day)["insured"] is insured


@pytest.mark.parametrize(("day", "insured"), [(date(2024, 6, 30), True), (date(2024, 7, 1), False)])
@pytest.mark.parametrize("state", ["2", "4"])
def test_suspended_from_its_day(state: str, day: date, insured: bool) -> None:
    """暂停参保日期 1 July: covered to 30 June, the gap begins on 1 July."""
    found = status(
        {"psn_insu_stas": state, "crt_insu_date": date(2020, 1, 1), "paus_insu_date": date(2024, 7, 1)},
        day=day,
    )
    assert found["insured"] is insured
    assert found["lapsed_on"] == (None if insured else date(2024, 7, 1))


@pytest.mark.parametrize("state", ["0", "3"])
def test_a_row_that_never_was_cover(state: str) -> None:
    found = status({"psn_insu_stas": state, "crt_insu_date": date(2020, 1, 1)})
    assert (found["known"], found["insured"], found["lapsed_on"]) == (False, False, None)


def test_ended_on_an_unknown_day_is_no_cover_and_no_date() -> None:
    found = status({"psn_insu_stas": "4", "crt_insu_date": date(2020, 1, 1)})
    assert (found["known"], found["insured"], found["lapsed_on"]) == (True, False, None)


@pytest.mark.parametrize("scheme", ["320", "330", "370", "392", "410", "510"])
def test_layers_and_care_insurance_are_no_cover(scheme: str) -> None:
    assert not status({"insutype": scheme})["insured"]


def test_active_without_a_date_is_cover() -> None:
    assert status({})["insured"]


def test_twice_in_two_schemes_or_two_places() -> None:
    both = status({"crt_insu_date": date(2020, 1, 1)}, {"insutype": "310", "crt_insu_date": date(2024, 5, 1)})
    assert (both["n_active"], both["second_since"], both["employee"], both["resident"]) == (
        2, date(2024, 5, 1), True, True,
    )  # fmt: skip
    assert status({}, {"insu_admdvs": "330106"})["counties"] == ["330106", "330112"]
    again = status({"crt_insu_date": date(2020, 1, 1)}, {"crt_insu_date": date(2022, 1, 1)})
    assert again["n_active"] == 1


def test_an_old_code_is_its_region() -> None:
    alias = pl.DataFrame([("330185", "330112", "insured", None, None)], schema=ALIAS, orient="row")
    held = enrolment.spells(enrolled({"insu_admdvs": "330185"}, {}), alias)
    found = enrolment.status_on(held, PEOPLE, DAY).row(0, named=True)
    assert (found["n_active"], found["counties"]) == (1, ["330112"])


@pytest.mark.parametrize(
    ("since", "gap"),
    [
        (date(2024, 3, 1), None),
        (date(2024, 3, 2), (date(2024, 3, 1), date(2024, 3, 1))),
        (date(2024, 4, 1), (date(2024, 3, 1), date(2024, 3, 31))),
    ],
)
def test_a_closed_gap(since: date, gap: tuple[date, date] | None) -> None:
    """Paused from 1 March, insured again since the day: one day between is a gap, none is not."""
    ended = {"psn_insu_stas": "2", "crt_insu_date": date(2020, 1, 1), "paus_insu_date": date(2024, 3, 1)}
    found = status(ended, {"crt_insu_date": since})
    assert (found["gap_from"], found["gap_to"]) == (gap or (None, None))
    later = status(ended, {"crt_insu_date": since}, day=date(2025, 12, 31))
    assert later["gap_from"] is None  # of another year


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 700), st.integers(0, 400), st.booleans()), min_size=1, max_size=5),
    st.integers(0, 800),
)
def test_insured_is_what_the_days_say(spans: list[tuple[int, int, bool]], at: int) -> None:
    """Whoever has an open or longer span over a day is insured on it, whatever else there is, and nobody else."""
    first = date(2023, 1, 1)
    rows = [
        {
            "crt_insu_date": first + timedelta(days=begin),
            "psn_insu_stas": "1" if open_ else "2",
            "paus_insu_date": None if open_ else first + timedelta(days=begin + length),
        }
        for begin, length, open_ in spans
    ]
    covered = any(begin <= at and (open_ or at < begin + length) for begin, length, open_ in spans)
    found = status(*rows, day=first + timedelta(days=at))
    assert found["insured"] is covered
    assert found["lapsed_on"] is None or not covered


def facts(**more: Any) -> pl.DataFrame:
    """One person of Lin'an with what is known of him; insured and paid where nothing else is said."""
    row = {
        "person_key": 1, "region_code": "330112", "township_code": None, "village": None, "category": "DIBAO",
        "deceased": False, "deceased_on": None, "known": True, "insured": True, "employee": False, "resident": True,
        "n_active": 1, "counties": ["330112"], "schemes": ["390"], "active_since": date(2020, 1, 1), "second_since": None,
        "lapsed_on": None, "gap_from": None, "gap_to": None, "paid": True, "any_paid": True, "paid_from": date(2024, 1, 1),
        "unpaid_from": None, "unpaid": False, "subsidised": False, "enrolment_came": True, "premium_came": True,
    } | more  # fmt: skip
    schema = {
        "person_key": pl.Int64, "region_code": pl.String, "township_code": pl.String, "village": pl.String,
        "category": pl.String, "deceased": pl.Boolean, "deceased_on": pl.Date, **enrolment.STATUS, "paid": pl.Boolean,
        "any_paid": pl.Boolean, "paid_from": pl.Date, "unpaid_from": pl.Date, "unpaid": pl.Boolean,
        "subsidised": pl.Boolean, "enrolment_came": pl.Boolean, "premium_came": pl.Boolean,
    }  # fmt: skip
    return pl.DataFrame([{name: row.get(name) for name in schema}], schema=schema)


OUT = {"known": False, "insured": False, "resident": False, "n_active": 0, "counties": None, "schemes": None,
       "active_since": None}  # fmt: skip
NO_LINE = {"paid": None, "any_paid": None, "unpaid": None, "paid_from": None}
UNPAID = {
    "paid": False,
    "any_paid": False,
    "unpaid": True,
    "paid_from": None,
    "unpaid_from": date(2024, 1, 1),
}


@pytest.mark.parametrize(
    ("given_", "found"),
    [
        ({}, {}),
        (OUT | NO_LINE, {"not_insured": None}),
        (OUT | UNPAID, {"not_insured": None, "premium_unpaid": date(2024, 1, 1)}),
        (OUT | NO_LINE | {"lapsed_on": date(2024, 7, 1)}, {"gap": date(2024, 7, 1)}),
        (OUT, {"paid_not_active": date(2024, 1, 1)}),
        (OUT | {"lapsed_on": date(2024, 7, 1)}, {"paid_not_active": date(2024, 7, 1)}),
        (UNPAID, {"premium_unpaid": date(2024, 1, 1)}),
        (UNPAID | {"employee": True}, {}),
        (NO_LINE, {"premium_unpaid": date(2024, 1, 1)}),
        (NO_LINE | {"subsidised": True}, {}),
        (NO_LINE | {"resident": False, "employee": True}, {}),
        ({"n_active": 2, "second_since": date(2024, 5, 1)}, {"active_twice": date(2024, 5, 1)}),
        ({"counties": ["330106"]}, {"insured_elsewhere": date(2020, 1, 1)}),
        ({"counties": ["330106", "330112"], "n_active": 2}, {"active_twice": None}),
        ({"gap_from": date(2024, 3, 1), "gap_to": date(2024, 3, 31)}, {"gap": date(2024, 3, 1)}),
        ({"deceased": True, "deceased_on": date(2024, 4, 4)}, {"deceased": date(2024, 4, 4)}),
        (OUT | NO_LINE | {"deceased": True}, {}),
        (OUT | NO_LINE | {"enrolment_came": False}, {}),
        (OUT | UNPAID | {"enrolment_came": False}, {"premium_unpaid": date(2024, 1, 1)}),
        (OUT | UNPAID | {"enrolment_came": False, "premium_came": False}, {}),
        ({"region_code": None, "counties": ["330106"]}, {}),
    ],
)  # fmt: skip
def test_what_is_found(given_: dict[str, Any], found: dict[str, date | None]) -> None:
    rows = enrolment_findings.judged(facts(**given_), DAY)
    assert dict(rows.select("finding", "since").iter_rows()) == found
    assert rows["suggestion"].null_count() == 0 and set(rows["year"]) <= {2024}


@pytest.mark.parametrize(
    ("wording", "reason"),
    [
        ("跨区域转移", "transfer"),
        ("省内跨市关系转移接续", "transfer"),
        ("非因个人原因", "not_own_fault"),
        ("非个人原因断保", "not_own_fault"),
        ("单位停缴", "not_own_fault"),
        ("个人原因", "own_fault"),
        ("本人未缴费", "own_fault"),
        ("其他", None),
        (None, None),
    ],
)
def test_why_cover_lapsed(wording: str | None, reason: str | None) -> None:
    frame = pl.DataFrame({"gap_reason": [wording]}, schema={"gap_reason": pl.String})
    assert frame.select(enrolment_findings.gap_reason("gap_reason")).to_series().to_list() == [reason]


def member(person: str, home: str, **more: Any) -> dict[str, Any]:
    row = {"relative": False, "ill": False, "birth_year": 1990, "employee": False} | more
    return {"person_key": af.key(person), "household_id": home, **row}


@pytest.mark.parametrize(("ages", "names"), [(None, "AB"), ((60, 3), "ABCDEF")])
def test_candidates_for_a_temporary_subsidy(ages: tuple[int, int] | None, names: str) -> None:
    """H1 is ill; in H2 one is 60 in 2024, in H3 one is 2; H4 has 59 and 3; H5 is old but no such family. Employees never."""
    rows = pl.DataFrame(
        [
            member("A", "H1", relative=True), member("B", "H1", ill=True),
            member("C", "H2", relative=True, birth_year=1964), member("D", "H2"),
            member("E", "H3", relative=True), member("F", "H3", birth_year=2022),
            member("G", "H4", relative=True, birth_year=1965), member("H", "H4", birth_year=2021),
            member("I", "H5", birth_year=1950, ill=True), member("J", "H1", employee=True),
        ]
    )  # fmt: skip
    found = enrolment_findings.temporary_candidates(rows, ages, 2024)
    assert set(found["person_key"]) == {af.key(name) for name in names}


def consents(*rows: dict[str, Any]) -> pl.DataFrame:
    usual = {"id_key": 1, "agreed": "1", "agreed_on": date(2024, 3, 1)}
    return cf.table("consent", [usual | row for row in rows]).with_columns(person_key="id_key")


@pytest.mark.parametrize(
    ("rows", "on", "agreed"),
    [
        ([{}], date(2024, 2, 29), False),
        ([{}], date(2024, 3, 1), True),
        ([{"valid_to": date(2024, 6, 30)}], date(2024, 6, 30), True),
        ([{"valid_to": date(2024, 6, 30)}], date(2024, 7, 1), False),
        ([{"revoked_on": date(2024, 6, 30)}], date(2024, 6, 29), True),
        ([{"revoked_on": date(2024, 6, 30)}], date(2024, 6, 30), False),
        ([{}, {"agreed": "0", "agreed_on": date(2024, 5, 1)}], date(2024, 4, 30), True),
        ([{}, {"agreed": "0", "agreed_on": date(2024, 5, 1)}], date(2024, 5, 1), False),
        ([{}, {"agreed": "0"}], date(2024, 5, 1), False),
        ([], date(2024, 5, 1), False),
    ],
)
def test_consent_on_a_day(rows: list[dict[str, Any]], on: date, agreed: bool) -> None:
    persons = pl.DataFrame({"person_key": [1], "region_code": ["330326"]})
    push = consent.consented(consents(*rows), persons, ("330300",), on)
    assert (push.allowed.to_list(), push.n_withheld) == (([1], 0) if agreed else ([], 1))


def test_consent_is_asked_only_where_a_document_asks() -> None:
    persons = pl.DataFrame({"person_key": [1, 2, 3], "region_code": ["330326", "330112", None]})
    push = consent.consented(consents(), persons, ("330300",), DAY)
    assert (push.allowed.to_list(), push.withheld.to_list()) == ([2, 3], [1])
    assert consent.consented(None, persons, ("330300",), DAY).n_withheld == 0
    assert consent.consented(consents(), persons, (), DAY).n_withheld == 0


def test_coverage_of_supplementary_insurance() -> None:
    """By 保障年度, else by its days; 2 of 3 in the county; without a table nothing is known."""
    rows = [
        {"id_key": 1, "cover_year": 2024},
        {"id_key": 2, "valid_from": date(2023, 7, 1), "valid_to": date(2024, 6, 30)},
        {"id_key": 3, "cover_year": 2023},
        {"id_key": 4, "valid_from": date(2025, 1, 1)},
    ]
    covers = cf.table("supplementary_cover", rows).with_columns(person_key="id_key")
    persons = pl.DataFrame({"person_key": [1, 2, 3], "region_code": ["330112"] * 3})
    assert consent.covered(covers, 2024).to_list() == [1, 2]
    assert consent.coverage(covers, persons, 2024).rows() == [("330112", 2, 3)]
    assert consent.coverage(None, persons, 2024).rows() == [("330112", None, 3)]


@pytest.mark.parametrize(
    ("begin", "end", "year"),
    [
        (date(2024, 1, 1), date(2024, 12, 31), 2024),
        (date(2024, 12, 1), date(2024, 12, 31), 2024),
        (date(2023, 9, 1), date(2024, 8, 31), 2024),
        (date(2023, 3, 1), date(2024, 2, 29), 2023),
        (date(2024, 1, 1), date(2023, 12, 31), 2024),
    ],
)
def test_insurance_year(begin: date, end: date, year: int) -> None:
    frame = pl.DataFrame({"accrym_begn": [begin], "accrym_end": [end]})
    assert frame.select(insurance_year()).item() == year
