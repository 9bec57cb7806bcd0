"""Applications and their age (P-33), stays without a deposit (P-34), high costs (Z-19), help received (W-19)."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest

from transforms.rules import aid_register, deposits, high_cost
from transforms.rules.applications import waiting, with_stage

ON = date(2024, 3, 31)
STEPS = ["applied_on", "accepted_on", "reviewed_on", "decided_on", "paid_on"]


def application(*days: str | None, outcome: str | None = None, on: date = ON) -> tuple[str, int]:
    dates = [None if day is None else date.fromisoformat(day) for day in [*days, *[None] * (5 - len(days))]]
    schema = dict.fromkeys(STEPS, pl.Date) | {"outcome": pl.String}
    frame = pl.DataFrame([dict(zip(STEPS, dates, strict=True)) | {"outcome": outcome}], schema=schema)
    row = with_stage(frame, on).row(0, named=True)
    return row["stage"], row["n_days"]


@pytest.mark.parametrize(
    ("days", "outcome", "expected"),
    [
        (["2024-03-01"], None, ("applied", 30)),
        (["2024-03-31"], None, ("applied", 0)),
        (["2024-03-01", "2024-03-04"], None, ("accepted", 30)),
        (["2024-03-01", "2024-03-04", "2024-03-10"], "", ("reviewed", 30)),
        (["2024-03-01", "2024-03-04", "2024-03-10", "2024-03-21"], "同意", ("decided", 20)),
        (["2024-03-01", "2024-03-04", "2024-03-10", "2024-03-21", "2024-03-28"], "同意", ("paid", 20)),
        (["2024-03-01", "2024-03-04", "2024-03-10", "2024-03-21"], "不予救助", ("refused", 20)),
        (["2024-03-01", "2024-03-04", "2024-03-10"], "审核不通过", ("refused", 9)),
        (["2024-03-01", None, None, "2024-04-01"], None, ("applied", 30)),  # a decision that is still to come
        (["2024-03-01", None, None, None, "2024-03-05"], None, ("paid", 4)),
        (["2024-04-02"], None, ("applied", 0)),
    ],
)
def test_how_far_an_application_has_come(
    days: list[str | None], outcome: str | None, expected: tuple[str, int]
) -> None:
    assert application(*days, outcome=outcome) == expected


def test_what_waits_is_counted_by_its_step() -> None:
    rows = pl.DataFrame(
        {
            "rule_id": "P-33",
            "region_code": "500243",
            "stage": ["applied", "applied", "paid"],
            "n_days": [3, 40, 90],
        }
    )
    assert waiting(rows).rows() == [("P-33", "500243", "applied", 2, 40)]


# ---- deposits

VISIT: dict[str, Any] = {
    "visit_id": "S1", "person_key": 1, "mdtrt_id": "M1", "institution_code": "H50024300001", "refl_stas": None,
    "admitted_on": date(2023, 9, 1), "settled_on": date(2023, 9, 9), "category": "DIBAO", "inpatient": True,
    "in_county": True, "designated": True,
}  # fmt: skip
SCHEMA = {
    "visit_id": pl.String, "person_key": pl.Int64, "mdtrt_id": pl.String, "institution_code": pl.String,
    "refl_stas": pl.String, "admitted_on": pl.Date, "settled_on": pl.Date, "category": pl.String,
    "inpatient": pl.Boolean, "in_county": pl.Boolean, "designated": pl.Boolean,
}  # fmt: skip
REFERRAL = {
    "person_key": pl.Int64, "mdtrt_id": pl.String, "setl_id": pl.String, "refl_date": pl.Date, "begndate": pl.Date,
    "enddate": pl.Date, "first_at_base": pl.String, "vali_flag": pl.String,
}  # fmt: skip
DEPOSIT = {
    "person_key": pl.Int64, "setl_id": pl.String, "mdtrt_id": pl.String, "institution_code": pl.String,
    "admitted_on": pl.Date, "taken_on": pl.Date, "amount_fen": pl.Int64,
}  # fmt: skip


def verdict(
    visit: dict[str, Any] | None = None,
    referral: dict[str, Any] | None = None,
    deposit: list[dict[str, Any]] | None = None,
    told: bool = True,
) -> tuple[str, int | None] | None:
    visits = pl.DataFrame([VISIT | (visit or {})], schema=SCHEMA)
    known = [] if referral is None else [{"person_key": 1, "mdtrt_id": "M1", "first_at_base": "1"} | referral]
    chained = deposits.with_chain(visits, pl.DataFrame(known, schema=REFERRAL), told)
    stays = deposits.entitled(chained.with_columns(no_referrals=pl.lit(not told)))
    taken = (
        None if deposit is None else pl.DataFrame([{"person_key": 1} | d for d in deposit], schema=DEPOSIT)
    )
    found = deposits.with_deposits(stays, taken)
    return None if found.is_empty() else (found["verdict"][0], found["deposit_fen"][0])


@pytest.mark.parametrize(
    ("visit", "expected"),
    [
        ({}, ("waived", 0)),
        ({"category": None}, None),
        ({"inpatient": False}, None),
        ({"in_county": False}, None),
        ({"designated": False}, None),
        ({"inpatient": None}, ("held", 0)),
        ({"in_county": None}, ("held", 0)),
    ],
)
def test_whose_deposit_is_waived(visit: dict[str, Any], expected: tuple[str, int] | None) -> None:
    assert verdict(visit, {}, []) == expected


@pytest.mark.parametrize(
    ("referral", "visit", "told", "expected"),
    [
        ({}, {}, True, "waived"),
        ({"first_at_base": "0"}, {}, True, None),
        ({"first_at_base": None}, {}, True, "held"),
        ({"vali_flag": "0"}, {}, True, None),
        ({"mdtrt_id": "M9"}, {}, True, None),
        ({"mdtrt_id": None, "begndate": date(2023, 8, 30)}, {}, True, "waived"),
        ({"mdtrt_id": None, "begndate": date(2023, 9, 2)}, {}, True, None),
        ({"mdtrt_id": None, "begndate": date(2023, 8, 1), "enddate": date(2023, 8, 31)}, {}, True, None),
        (None, {}, True, None),
        (None, {"refl_stas": "1"}, True, "held"),
        (None, {}, False, "held"),
    ],
)
def test_both_facts_of_the_chain_are_needed(
    referral: dict[str, Any] | None, visit: dict[str, Any], told: bool, expected: str | None
) -> None:
    found = verdict(visit, referral, [], told)
    assert (found and found[0]) == expected


@pytest.mark.parametrize(
    ("deposit", "expected"),
    [
        (None, ("unknown", None)),
        ([], ("waived", 0)),
        ([{"mdtrt_id": "M1", "amount_fen": 0}], ("waived", 0)),
        ([{"mdtrt_id": "M1", "amount_fen": 1}], ("breach", 1)),
        ([{"setl_id": "S1", "amount_fen": 300_000}], ("breach", 300_000)),
        (
            [{"setl_id": "S1", "mdtrt_id": "M1", "amount_fen": 300_000}],
            ("breach", 300_000),
        ),  # named twice, taken once
        (
            [{"taken_on": date(2023, 9, 1), "amount_fen": 200}, {"mdtrt_id": "M1", "amount_fen": 100}],
            ("breach", 300),
        ),
        ([{"taken_on": date(2023, 8, 31), "amount_fen": 200}], ("waived", 0)),
        (
            [{"taken_on": date(2023, 9, 9), "amount_fen": 200, "institution_code": "H50024300001"}],
            ("breach", 200),
        ),
        ([{"taken_on": date(2023, 9, 2), "amount_fen": 200, "institution_code": "H9"}], ("waived", 0)),
        ([{"mdtrt_id": "M1", "amount_fen": 200, "person_key": 2}], ("waived", 0)),
    ],
)
def test_deposits(deposit: list[dict[str, Any]] | None, expected: tuple[str, int | None]) -> None:
    assert verdict({}, {}, deposit) == expected


# ---- high costs


@pytest.mark.parametrize(
    ("paid", "amount", "status", "state", "residual"),
    [
        (0, 500, "due", "open", 500),
        (499, 500, "paid", "approved", 1),
        (500, 500, "paid", "cleared", 0),
        (600, 500, "adjust_down", "cleared", 0),
        (0, 500, "confirmed", "approved", 500),
        (0, 300, "confirmed", "open", 500),  # a relief limit leaves a part
        (0, None, "incomplete", "open", 500),
    ],
)
def test_high_costs_are_open_until_paid(
    paid: int, amount: int | None, status: str, state: str, residual: int
) -> None:
    gap = {
        "benefit_id": "B1", "rule_id": "L-04", "region_code": "330112", "township_code": None, "village": None,
        "unit_type": "household", "unit_id": "H1", "household_id": "H1", "cost_year": 2023, "category": "DIBAO",
        "burden_fen": 3_000_500, "cap_fen": 3_000_000, "gap_fen": 500, "amount_fen": amount, "paid_fen": paid,
        "status": status, "confirmed": False,
    }  # fmt: skip
    rows = pl.DataFrame(
        [
            gap,
            gap | {"unit_id": "H2", "gap_fen": 0},
            gap | {"unit_id": "H3", "status": "not_in_force"},
            gap | {"unit_id": "H4", "status": "not_pilot"},
        ]
    )
    costs = pl.DataFrame({"benefit_id": ["B1"], "pol_fen": [10], "self_pay_fen": [4]})
    found = high_cost.high_cost(rows, costs, 2023, ON)
    assert found.select("unit_id", "state", "residual_fen", "n_days").rows() == [("H1", state, residual, 91)]
    assert high_cost.high_cost(rows, costs, 2023, date(2023, 6, 1))["n_days"].to_list() == [None]


def test_what_is_paid_inside_the_policy_range() -> None:
    """B1: 100 - 60 - 10 - 5 = 25, the second settlement is not counted; B2: unknown basic insurance."""
    items = pl.DataFrame(
        {
            "benefit_id": ["B1", "B1", "B2"],
            "settlement_id": ["S1", "S2", "S3"],
            "person_key": [1, 1, 2],
            "counted": [True, False, True],
        }
    )
    money = {"pol_fen": 100, "bas_fen": 60, "cii_fen": 10, "lrg_fen": 0, "maf_fen": 5, "tilt_fen": None}
    rows = [{"setl_id": name, "person_key": 1} | money for name in ("S1", "S2")] + [
        {"setl_id": "S3", "person_key": 2} | money | {"bas_fen": None}
    ]
    found = high_cost.self_paid(items, pl.DataFrame(rows, schema_overrides={"tilt_fen": pl.Int64}))
    assert found.rows() == [("B1", 100, 25), ("B2", 100, None)]


# ---- help received


def test_help_by_person_and_household() -> None:
    """Two payments to A add up; that to the household H1 stands on it; B is on no list."""
    day = date(2024, 5, 1)
    received = pl.DataFrame(
        [
            (1, None, "慈善", "其他保障待遇", 100, day),
            (1, None, "慈善", "其他保障待遇", 50, date(2024, 6, 1)),
            (2, None, "慈善", "其他保障待遇", 70, day),
            (None, "H1", "W-06", "已付台账", 900, day),
            (None, "H9", "W-06", "已付台账", 800, day),
        ],
        schema=aid_register.RECEIVED,
        orient="row",
    )
    members = pl.DataFrame({"person_key": [1, 2], "household_id": ["H1", "H2"]})
    held = pl.DataFrame({"person_key": [1], "category": ["XD2"], "region_code": ["330305"]})
    found = aid_register.register(received, members, held)
    columns = ["household_id", "person_key", "aid_kind", "n_payments", "amount_fen", "last_on"]
    assert found.select(columns).rows() == [
        ("H1", 1, "慈善", 2, 150, date(2024, 6, 1)),
        ("H1", None, "W-06", 1, 900, day),
    ]


def test_members_whom_only_another_department_lists() -> None:
    """A is on the list of relatively low income; B of the same household on that of the disabled only; C elsewhere."""
    day = date(2024, 1, 1)
    certificates = pl.DataFrame(
        [
            (1, "330305", "XD2", "民政"), (2, "330305", "ZHONGCAN", "残联"), (3, "330305", "ZHONGCAN", "残联"),
            (1, "330305", "ZHONGCAN", "残联"),
        ],
        schema=["person_key", "county_code", "code", "department"],
        orient="row",
    ).with_columns(valid_from=pl.lit(day), valid_to=pl.lit(None, pl.Date))  # fmt: skip
    members = pl.DataFrame({"person_key": [1, 2, 3], "household_id": ["H1", "H1", "H3"]})
    found = aid_register.listed_elsewhere(certificates, members, ["XD2"], day, date(2024, 12, 31))
    assert found.rows() == [("330305", "残联", 1)]
