"""IND-6: policy-range self-pay of objects with assistance due, with what is recorded, and without either."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl

import tests.assess_frames as af
from schemas.policy import load_policies
from transforms.indicators import value_of
from transforms.indicators_figures import County, SelfPay, self_pay_figures
from transforms.indicators_self_pay import self_pay

POLICIES = load_policies(Path(__file__).resolve().parents[1] / "data" / "policies")


def objects(text: str) -> pl.DataFrame:
    """Settlements of objects. Cells: setl_id, date, held, pol, bas, maf (? unknown)."""
    rows = [
        {
            "setl_id": row["setl_id"], "setl_date": date.fromisoformat(row["date"]), "held": row["held"],
            "pol_fen": None if row["pol"] == "?" else af.fen(row["pol"]), "bas_fen": af.fen(row["bas"]),
            "cii_fen": 0, "lrg_fen": 0, "maf_fen": af.fen(row.get("maf", 0)), "tilt_fen": None,
        }
        for row in af.table(text)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema_overrides={"tilt_fen": pl.Int64, "pol_fen": pl.Int64})


CASE = """
setl_id | date       | held   | pol   | bas   | maf
S1      | 2023-07-01 | TEKUN  | 50000 | 30000 | 9000
S2      | 2023-08-01 | DIBIAN | 10000 | 4000  |
S3      | 2023-05-29 | TEKUN  | 7000  | 0     |
"""
LINES = pl.DataFrame(
    [("P-17", "S1", 1_600_000), ("P-24", "S1", 240_000), ("P-16", "S2", None), ("L-04", "S2", 99)],
    schema=["rule_id", "settlement_id", "amount_fen"],
    orient="row",
)
"""80 % of 20,000 and 60 % of the remaining 4,000 for S1; S2 is held: an empty amount takes off nothing."""


def test_due_by_the_document_from_its_date_on() -> None:
    """R0 20,000 + 6,000; R1 4,000 + 6,000 of 60,000; S3 is the day before the document."""
    all_, by_category = self_pay(objects(CASE), LINES, POLICIES, "P", date(2023, 5, 30))
    assert all_ == SelfPay(6_000_000, 2_600_000, 1_600_000, 900_000, 240_000, False)
    assert by_category["TEKUN"] == SelfPay(5_000_000, 2_000_000, 1_600_000, 900_000, 240_000, False)
    figures = {f.variant: f for f in self_pay_figures(County("500243", 2023, False), "P", all_, by_category)}
    assert (figures["default"].numerator, figures["default"].denominator) == (1_000_000, 6_000_000)
    assert figures["before_relief"].numerator == 2_600_000 and figures["recorded"].numerator == 1_700_000
    assert figures["after_tilt"].numerator == 760_000
    assert (figures["TEKUN"].numerator, figures["DIBIAN"].numerator) == (400_000, 600_000)
    assert {f.policy_id for f in figures.values()} == {"P"} and {f.target for f in figures.values()} == {None}


def test_recorded_assistance_where_no_document_gives_any() -> None:
    all_, _ = self_pay(objects(CASE), None, POLICIES, "Z", None)
    assert (all_.pol, all_.r0, all_.ma, all_.tilt) == (6_700_000, 3_300_000, 900_000, 0)


def test_an_unknown_policy_range_cost_is_left_out_and_marked() -> None:
    all_, _ = self_pay(objects(CASE.replace("10000", "?    ")), None, POLICIES, "Z", None)
    assert all_.pol == 5_700_000 and all_.partial
    (first, *_) = self_pay_figures(County("330112", 2023, False), "Z", all_, {})
    assert first.provisional


def test_nobody_has_no_value() -> None:
    all_, by_category = self_pay(objects(CASE).clear(), LINES, POLICIES, "P", None)
    assert by_category == {} and all_ == SelfPay()
    assert all(value_of(f) is None for f in self_pay_figures(County("500243", 2023, False), "P", all_, {}))
