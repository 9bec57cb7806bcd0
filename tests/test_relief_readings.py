"""Other readings of the relief (A-W01 … A-W07), and those of the cap that concern the whole policy (A-L07, A-L09).

Amounts on paper: threshold 120,000, limit 100,000; cap of 低保 30,000.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import polars as pl
import pytest

import tests.assess_frames as af
from schemas.policy import HouseholdCap
from tests.assess_run import run
from transforms.illness import with_illness
from transforms.rules.household_cap import Assessed, facts_of_costs
from transforms.rules.readings import PLAIN, amounts_under
from transforms.units import units

ON = date(2025, 3, 15)
RELIEF = {"A-W01": "a", "A-W04": "a", "A-W05": "a", "A-W06": "b", "A-W07": "a"}
CAP = af.READINGS | {"A-L07": "a", "A-L09": "a"}
HELD = """
    person | code | from       | to         | county
    A      | XD2  | 2024-01-01 | 2024-06-30 | 330305
    """
ONE = """
    person | household
    A      | H1
    """


def assessed(cap: HouseholdCap, year: int = 2024, on: date = ON, **tables: str) -> Assessed:
    rows: dict[str, list[dict[str, Any]]] = {name: af.table(text) for name, text in tables.items()}
    return run(rows, cap, year, on).assessed


def relief(readings: dict[str, str] | None = None, **changes: Any) -> HouseholdCap:
    return af.wenzhou_relief(readings=RELIEF | (readings or {}), **changes)


def cases(found: Assessed) -> list[tuple[str, str, int]]:
    rows = found.review_case.sort("reading_key", "reading")
    return [
        (k, r, fen // 100) for k, r, fen in rows.select("reading_key", "reading", "amount_fen").iter_rows()
    ]


COSTS = """
    setl_id | person | date       | psn    | tot    | pol    | acct
    S0      | A      | 2024-01-15 | 5000   | 5000   | 5000   | 0
    S1      | A      | 2024-03-01 | 150000 | 150000 | 100000 | 40000
    S2      | A      | 2024-08-01 | 10000  | 10000  | 10000  | 0
    """


def test_each_reading_of_the_relief() -> None:
    """150,000 - 120,000 = 30,000. Within the policy range 100,000, in cash 110,000: 0. Nobody on the list on
    31 December: 0; on it on any day: S2 as well, 40,000. From January on: S0 as well, 35,000."""
    found = assessed(relief(), certificates=HELD, members=ONE, settlements=COSTS)
    assert cases(found) == [
        ("A-W04", "b", 0),
        ("A-W04", "c", 0),
        ("A-W05", "b", 0),
        ("A-W05", "c", 40_000),
        ("A-W06", "a", 35_000),
        ("A-W06", "c", 35_000),
    ]
    gap = found.cap_gap.row(0, named=True)
    assert (gap["amount_fen"], gap["status"], gap["needs_review"]) == (3_000_000, "review", True)


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        ({}, 30_000),
        ({"A-W04": "b"}, 0),
        ({"A-W05": "c"}, 40_000),
        ({"A-W06": "a"}, 35_000),
        ({"A-W05": "c", "A-W06": "a"}, 45_000),
        ({"A-W04": "c", "A-W05": "c", "A-W06": "c"}, 5_000),
    ],
)
def test_a_policy_that_reads_the_articles_so_pays_by_it(readings: dict[str, str], expected: int) -> None:
    """110,000 + 10,000 + 5,000 in cash = 125,000 in the last case; the items explain each base."""
    found = assessed(relief(readings), certificates=HELD, members=ONE, settlements=COSTS)
    assert found.cap_gap["amount_fen"][0] == expected * 100
    counted = found.benefit_item.filter("counted")
    assert counted["base_fen"].sum() == found.benefit_line["base_fen"][0]
    assert found.benefit_item.height == 3


def test_costs_within_the_policy_range() -> None:
    """60,000 of which 20,000 lie outside, 5,000 insured: 55,000 - 30,000 = 25,000; within 35,000 - 30,000 = 5,000."""
    found = assessed(
        af.linan_cap(readings=CAP),
        2023,
        date(2024, 3, 15),
        certificates="""
            person | code  | from
            A      | DIBAO | 2022-01-01
            """,
        members=ONE,
        settlements="""
            setl_id | person | date       | psn   | tot   | pol
            S1      | A      | 2023-03-01 | 60000 | 60000 | 40000
            """,
        payments="""
            person | kind   | amount | setl_id
            A      | 惠民保 | 5000   | S1
            """,
    )
    assert cases(found) == [("A-L07", "b", 5_000), ("A-L09", "b", 0)]
    gap = found.cap_gap.row(0, named=True)  # questions of the whole policy hold up no single line
    assert (gap["amount_fen"], gap["status"], gap["needs_review"]) == (2_500_000, "due", False)


@pytest.mark.parametrize(
    ("psn", "tot", "pol", "expected"),
    [
        ("40000", "50000", "20000", 0),  # 30,000 outside leave 10,000
        ("60000", "90000", "60000", 0),  # exactly 30,000 within: at the cap
        ("60000.01", "90000.01", "60000.01", 0.01),
        ("60000", "60000", "?", None),  # unknown: no amount under the reading
    ],
)
def test_boundaries_within_the_policy_range(psn: str, tot: str, pol: str, expected: float | None) -> None:
    found = assessed(
        af.linan_cap(readings={"A-L07": "a"}),
        2023,
        date(2024, 3, 15),
        certificates="person | code | from\nA | DIBAO | 2022-01-01",
        members=ONE,
        settlements=f"setl_id | person | date | psn | tot | pol\nS1 | A | 2023-03-01 | {psn} | {tot} | {pol}",
    )
    amounts = found.review_case["amount_fen"].to_list()
    assert amounts == ([] if expected is None else [round(expected * 100)])


def test_the_first_cost_year() -> None:
    """Read as 2024, nothing is due for 2023, and the amount is empty."""
    tables = {
        "certificates": "person | code | from\nA | DIBAO | 2022-01-01",
        "members": ONE,
        "settlements": "setl_id | person | date | psn\nS1 | A | 2023-03-01 | 60000",
    }
    cap = af.linan_cap(readings=CAP | {"A-L09": "b"})
    gap = assessed(cap, 2023, date(2024, 3, 15), **tables).cap_gap.row(0, named=True)
    assert (gap["status"], gap["amount_fen"]) == ("not_in_force", None)


@pytest.mark.parametrize(
    ("county", "status", "amount"), [("330302", "not_pilot", 0), ("330305", "due", 30_000)]
)
def test_counties_outside_the_pilot(county: str, status: str, amount: int) -> None:
    """Outside: 0, and what the household would get if all counties took part; inside no question."""
    tables = {
        "certificates": f"person | code | from | county\nA | XD2 | 2024-01-01 | {county}",
        "members": ONE,
        "settlements": "setl_id | person | date | psn\nS1 | A | 2024-03-01 | 150000",
    }
    found = assessed(af.wenzhou_relief(readings={"A-W07": "a"}), **tables)
    assert (found.cap_gap["status"][0], found.cap_gap["amount_fen"][0]) == (status, amount * 100)
    assert cases(found) == ([("A-W07", "b", 30_000)] if amount == 0 else [])
    every = assessed(af.wenzhou_relief(readings={"A-W07": "b"}), **tables)
    assert (every.cap_gap["status"][0], every.cap_gap["amount_fen"][0]) == ("due", 3_000_000)
    assert cases(every) == ([("A-W07", "a", 0)] if amount == 0 else [])


def amounts_of(
    letter: str, costs: pl.DataFrame, year: int = 2024, former: pl.DataFrame | None = None
) -> list[Any]:
    cap = relief()
    held = af.certificates(af.table(HELD.replace("2024-06-30", "")))
    members = af.members(af.table(ONE), year)
    found = units(cap, held, members, year)
    burdens = costs.with_columns(
        burden_fen="psn_fen", com_used_fen=pl.lit(0), sub_used_fen=pl.lit(0), neg_fen=pl.lit(0)
    )
    facts, _ = facts_of_costs(cap, found, burdens, held, af.households([{"household": "H1"}]), year, ON)
    facts = replace(facts, former=former)
    return amounts_under(facts, PLAIN | RELIEF | {"A-W01": letter})["amount_fen"].to_list()


def named(*illnesses: str | None) -> pl.DataFrame:
    """Three settlements of 100,000 with these illnesses."""
    rows = [
        {"setl_id": f"S{n}", "person": "A", "date": f"2024-0{n + 3}-01", "psn": "100000"} for n in range(3)
    ]
    return af.settlements(rows).with_columns(illness=pl.Series(illnesses, dtype=pl.String))


@pytest.mark.parametrize(
    ("illnesses", "expected"),
    [
        (("C34", "C34", "C34"), 10_000_000),  # 300,000: the limit of 100,000
        (("C34", "I10", "C34"), 8_000_000),  # 200,000 - 120,000; 100,000 lies below
        (("C34", "I10", "N18"), 0),
        (("C34", None, "C34"), None),  # an illness is unknown
    ],
)
def test_a_threshold_for_each_illness(illnesses: tuple[str | None, ...], expected: int | None) -> None:
    assert amounts_of("b", named(*illnesses)) == [expected]


def test_without_diagnoses_no_threshold_for_each_illness() -> None:
    assert amounts_of("b", named("C34", "C34", "C34").drop("illness")) == [None]


def later(psn: int) -> pl.DataFrame:
    return af.settlements([{"setl_id": "S1", "person": "A", "date": "2025-03-01", "psn": str(psn)}])


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (0, 120_000, 0),
        (100_000, 20_000, 0),  # together exactly at the threshold
        (100_000, 50_000, 30_000),
        (200_000, 50_000, 50_000),  # all of this year lies above
        (0, 300_000, 100_000),  # the limit of a year
    ],
)
def test_costs_that_add_up_over_the_years(before: int, now: int, expected: int) -> None:
    former = pl.DataFrame({"household_id": ["H1"], "former_fen": [before * 100]})
    assert amounts_of("c", later(now), 2025, former) == [expected * 100]


def test_earlier_costs_that_nobody_knows() -> None:
    assert amounts_of("c", later(300_000), 2025, None) == [None]
    assert amounts_of("c", named("C34", "C34", "C34"), 2024, None) == [
        10_000_000
    ]  # the first year has none before


def test_the_illness_is_the_main_discharge_diagnosis() -> None:
    """V1: the one flagged main; V2: the first, none is flagged; V3: two flagged, of one category; V4: of two."""
    rows = [
        ("V1", "2", "C34.900", "1", 2), ("V1", "2", "I10.x00", "0", 1), ("V1", "1", "R05", "1", 1),
        ("V2", "2", "n18.001", None, 1), ("V2", "2", "I10", None, 2),
        ("V3", "2", "E11.1", "1", 1), ("V3", "2", "E11.9", "1", 2),
        ("V4", "2", "E11.1", "1", 1), ("V4", "2", "I10", "1", 2),
    ]  # fmt: skip
    schema = {"mdtrt_id": pl.String, "inout_type": pl.String, "diag_code": pl.String, "main_flag": pl.String,
              "diag_no": pl.Int32}  # fmt: skip
    diagnoses = pl.DataFrame(rows, schema=schema, orient="row")
    visits = pl.DataFrame({"mdtrt_id": ["V1", "V2", "V3", "V4", None, "V9"]})
    found = with_illness(visits, diagnoses)
    assert found["illness"].to_list() == ["C34", "N18", "E11", None, None, None]
