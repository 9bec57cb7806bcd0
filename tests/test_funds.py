"""Funds: one third exactly, one fen more, the city's yearly sum, 1:1, budgets, and what no ledger shows."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import polars as pl
import pytest

import tests.assess_frames as af
from schemas.core import MODELS, polars_schema
from tests.assess_run import run
from transforms.funds import (
    Flows,
    Need,
    Position,
    budget,
    fiscal_share,
    flows_of,
    matched,
    need_of_assistance,
    need_of_caps,
    position_rows,
    same_fund,
    sized,
    used,
)

WARM, COMMON = "病贫无忧暖心基金", "慈善医疗救助共富基金"


def ledger(text: str) -> pl.DataFrame:
    """Rows of 基金台账. Cells: fund, flow, source, region, amount (yuan)."""
    schema = polars_schema(MODELS["fund_ledger"])
    made = [
        {
            "file_id": "F6", "source_row": n + 2, "fund": row["fund"], "year": 2024, "flow": row["flow"],
            "source_kind": row.get("source"), "region_code": row.get("region"), "amount_fen": af.fen(row["amount"]),
        }
        for n, row in enumerate(af.table(text))
    ]  # fmt: skip
    return pl.DataFrame(
        [{name: row.get(name) for name in schema} for row in made], schema=schema, orient="row"
    )


BOOK = ledger("""
    fund                 | flow | source         | region | amount
    暖心基金             | 收入 | 财政           | 330112 | 100000
    病贫无忧暖心基金     | 收入 | 社会捐赠       | 330112 | 150000
    病贫无忧暖心基金     | 收入 | 惠民保承保公司 |        | 30000
    病贫无忧暖心基金     | 收入 | 村集体         | 330112 | 20000
    病贫无忧暖心基金     | 支出 |                | 330112 | 70000
    慈善医疗救助共富基金 | 收入 | 财政           | 330300 | 20000000
    慈善医疗救助共富基金 | 分配 |                | 330326 | 3000000
    慈善医疗救助共富基金 | 收入 | 社会捐赠       | 330326 | 2999999.99
""")


NO_FLOWS, NO_NEED = Flows(), Need()


def position(
    flows: Flows = NO_FLOWS, need: Need = NO_NEED, region: str = "330112", fund: str = WARM
) -> Position:
    return Position(region, 2024, fund, "L-10", flows, need)


def test_income_by_source() -> None:
    flows = flows_of(BOOK, WARM, None)
    assert flows.raised == 30_000_000 and flows.allocated is None
    assert flows.by_source == {
        "social_fen": 15_000_000, "fiscal_fen": 10_000_000, "insurer_fen": 3_000_000, "institution_fen": 0,
        "village_fen": 2_000_000, "other_fen": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "official", "same"),
    [
        ("暖心基金", WARM, True),
        ("临安区病贫无忧暖心基金", WARM, True),
        ("共富基金", COMMON, True),
        ("医疗救助基金", COMMON, False),
        ("城乡医疗救助基金", "医疗救助基金", True),
        ("", WARM, False),
    ],
)
def test_names_of_a_fund(name: str, official: str, same: bool) -> None:
    assert same_fund(name, official) is same


@pytest.mark.parametrize(
    ("fiscal", "raised", "met"), [(100_000, 300_000, True), (100_001, 300_000, False), (0, 1, True)]
)
def test_one_third_passes_and_a_fen_more_does_not(fiscal: int, raised: int, met: bool) -> None:
    """3 × 1,000.00 = 3,000.00 passes; 3 × 1,000.01 = 3,000.03 > 3,000.00 does not."""
    flows = Flows(raised, {"fiscal_fen": fiscal})
    found = fiscal_share(position(flows), Fraction(1, 3))
    assert (found.left, found.right, found.met) == (3 * fiscal, raised, met)


def test_a_year_without_the_rule_or_the_ledger_is_not_judged() -> None:
    assert fiscal_share(position(Flows(100, {"fiscal_fen": 100})), None).met is None
    assert fiscal_share(position(), Fraction(1, 3)).met is None
    assert budget(position(), 2_000_000_000).met is None
    assert matched(position(Flows(None, None, 100)), Fraction(1)).met is None


def test_the_citys_yearly_sum() -> None:
    flows = flows_of(BOOK, COMMON, ["330300", None])
    assert budget(position(flows), 2_000_000_000).met is True
    assert budget(position(flows), 2_000_000_001).met is False


def test_one_to_one_lacks_a_fen() -> None:
    flows = flows_of(BOOK, COMMON, ["330326"])
    assert (flows.raised, flows.allocated) == (299_999_999, 300_000_000)
    assert matched(position(flows), Fraction(1)).met is False
    assert matched(position(Flows(300_000_000, None, 300_000_000)), Fraction(1)).met is True


def test_need_against_what_was_raised() -> None:
    flows = Flows(100, {"fiscal_fen": 0})
    assert sized(position(flows, Need(due=100))).met is True
    assert sized(position(flows, Need(due=101))).met is False
    assert sized(position(flows, Need(forecast=101))).met is False
    assert sized(position(need=Need(due=1))).met is None
    assert sized(position(flows)).met is None
    assert used(position(flows, Need(due=500, paid=100))).met is True
    assert used(position(flows, Need(paid=101))).met is False


CASE = {
    "certificates": "person | code | from\nA | DIBAO | 2023-01-01\nB | DIBAO | 2023-01-01\nC | TEKUN | 2023-01-01",
    "members": "person | household\nA | H1\nB | H2\nC | H3",
    "settlements": """
        setl_id | person | date       | psn
        S1      | A      | 2023-01-05 | 32000
        S2      | B      | 2023-02-05 | 16000
        S3      | C      | 2023-02-05 | 4000
        """,
    "ledger": "rule | object | year | amount\nL-04 | H1 | 2023 | 1500",
}


def test_need_of_a_closed_year() -> None:
    """H1 32,000 − 30,000 = 2,000, of it 1,500 paid; H2 and H3 within."""
    gaps = run({name: af.table(text) for name, text in CASE.items()}).assessed.cap_gap
    found = need_of_caps(gaps, ["L-04"], "330112", Fraction(1), paid_known=True)
    assert found == Need(due=200_000, paid=150_000, n_units=1)
    assert need_of_caps(gaps, ["L-04"], None, Fraction(1), paid_known=False).paid is None
    assert need_of_caps(gaps, ["W-06"], None, Fraction(1), paid_known=True) == Need()
    assert need_of_caps(pl.DataFrame(), ["L-04"], None, Fraction(1), paid_known=True) == Need()


def test_forecast_of_a_running_year() -> None:
    """Half the year gone by: 2,000 to date; as the year goes on 64,000 − 30,000, 32,000 − 30,000 and 8,000 − 5,000."""
    tables = {name: af.table(text.replace("2023", "2024")) for name, text in CASE.items() if name != "ledger"}
    gaps = run(tables, cost_year=2024, on=date(2024, 7, 1)).assessed.cap_gap
    found = need_of_caps(gaps, ["L-04"], None, Fraction(1, 2), paid_known=True)
    assert (found.due, found.forecast, found.projected, found.n_units) == (None, 200_000, 3_900_000, 1)


def test_need_of_assistance() -> None:
    lines = pl.DataFrame(
        [("P-16", "500243", "PA", 8_000), ("P-24", "500243", "PA", 0), ("P-16", "500243", "PB", None), ("P-16", "500101", "PC", 5)],
        schema=["rule_id", "region_code", "unit_id", "amount_fen"],
        orient="row",
    )  # fmt: skip
    audit = pl.DataFrame(
        [("500243", 7_000, None), ("500243", None, 500)],
        schema=["region_code", "ma_actual_fen", "tilt_actual_fen"],
        orient="row",
    )
    found = need_of_assistance(lines, audit, ["P-16", "P-24"], "500243")
    assert (found.due, found.paid, found.n_units) == (8_000, 7_500, 1)
    assert need_of_assistance(pl.DataFrame(), audit, ["P-16"], "500243") == Need()


def test_rows_without_a_ledger_are_empty_and_not_zero() -> None:
    silent = position()
    assert position_rows([silent]).is_empty()
    rows = position_rows([sized(position(need=Need(due=5, paid=3, n_units=1, n_objects=2)))])
    row = rows.row(0, named=True)
    assert (row["due_fen"], row["paid_fen"], row["check_left_fen"], row["rule_id"]) == (5, 3, 5, "L-09")
    unknown = (
        "raised_fen",
        "fiscal_fen",
        "social_fen",
        "allocated_fen",
        "balance_fen",
        "check_right_fen",
        "met",
    )
    assert all(row[name] is None for name in unknown)


def test_balance_is_raised_minus_paid() -> None:
    rows = position_rows([position(Flows(100, {"fiscal_fen": 0}), Need(paid=30))])
    assert rows["balance_fen"].item() == 70 and rows["fiscal_fen"].item() == 0
