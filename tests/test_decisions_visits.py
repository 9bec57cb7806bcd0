"""Decisions, the paid ledger and closed lists on assistance and tilt lines (医疗救助, 倾斜救助), worked on paper.

A (低保): S1 in June, policy range 50,000, insurance 30,000: R0 20,000, assistance 80 % = 16,000, R1 4,000, tilt 60 % =
2,400. S2 in August, 120,000 and 40,000: R0 80,000, 80 % = 64,000 of which the account of 60,000 has 44,000 left; R1
36,000, 60 % = 21,600 of which the 20,000 have 17,600 left. B (低保): S3 in July, 50,000 and 30,000, referral unknown:
held.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from flows.closing import close
from tests.decision_home import LEDGER, ON, Bureau, decided
from tests.test_assistance_flow import HEADER, LIST, listed, settlement
from tests.test_order import ROSTER, A, B

BASE = {
    "costs.csv": (
        HEADER,
        [
            settlement("S1", A, "2023-06-10", 50_000, 30_000),
            settlement("S2", A, "2023-08-10", 120_000, 40_000),
            settlement("S3", B, "2023-07-10", 50_000, 30_000, refl="9"),
        ],
    ),
    "list.csv": (ROSTER, [listed(A, "低保"), listed(B, "低保")]),
}
BASE["costs.csv"][1][2] = BASE["costs.csv"][1][2].replace("H50024300001", "H51010000001")
"""S3 was in another province, where a referral is needed and none is known."""
DUE = {("P-17", "S1"): 16_000, ("P-24", "S1"): 2_400, ("P-17", "S2"): 44_000, ("P-24", "S2"): 17_600}


class County(Bureau):
    def lines(self) -> dict[tuple[str, str], tuple[float | None, str, bool]]:
        rows = self.sql(
            "select rule_id, settlement_id, amount_yuan::double, status, needs_review from mart.benefit_line "
            "where adjustment_of is null"
        ).rows()
        return {(rule, visit): (amount, status, review) for rule, visit, amount, status, review in rows}

    def benefit(self, rule: str, visit: str) -> str:
        found = self.sql(
            f"select benefit_id from mart.benefit_line where rule_id = '{rule}' and settlement_id = '{visit}' "
            "and adjustment_of is null"
        )
        return str(found.item())

    def adjusted(self) -> list[tuple[str, str, float]]:
        return self.sql(
            "select a.rule_id, l.settlement_id, a.amount_yuan::double from mart.benefit_line a "
            "join mart.benefit_line l on l.benefit_id = a.adjustment_of order by 1, 2"
        ).rows()  # type: ignore[return-value]  # rows are of unknown length


@pytest.fixture
def county(tmp_path: Path) -> County:
    return made(tmp_path)


def made(folder: Path) -> County:
    home = folder / "home"
    (home / "reference").mkdir(parents=True)
    (home / "reference" / "special_disease.csv").write_text(f"{LIST}\n", encoding="utf-8")
    return County(folder, BASE, "P-17_500243_2023_给付名单.xlsx")


def amounts(county: County) -> dict[tuple[str, str], float | None]:
    return {key: row[0] for key, row in county.lines().items()}


def test_without_decisions(county: County) -> None:
    county.run()
    held = {("P-17", "S3"): None, ("P-24", "S3"): None}
    assert amounts(county) == DUE | held
    assert county.lines()["P-17", "S3"] == (None, "held", True)
    assert county.listed("给付名单") == []


def test_a_confirmation_of_a_visit_confirms_its_lines(county: County) -> None:
    county.decide(decided("结算", "S1", "确认"))
    county.run()
    lines = county.lines()
    assert lines["P-17", "S1"] == (16_000, "confirmed", False)
    assert lines["P-24", "S1"] == (2_400, "confirmed", False)
    assert lines["P-17", "S2"][1] != "confirmed"
    assert (
        county.sql("select count(*) from mart.decision where benefit_id is not null and not stale").item()
        == 2
    )
    [(due, remark)] = county.listed("给付名单")
    assert due == 16_000 and "结算 S1" in str(remark)
    [(due, _)] = county.listed("给付名单", "P-24_500243_2023_给付名单.xlsx")
    assert due == 2_400


@pytest.mark.parametrize(
    ("verdict", "value", "expected"),
    [
        # nothing for S1: R1 20,000 → 12,000 tilt; S2 finds the whole 60,000, R1 20,000 → 12,000, 8,000 left
        ("不予支付", "", {"S1": (0, 12_000), "S2": (60_000, 8_000)}),
        # 10,000 for S1: R1 10,000 → 6,000; S2 finds 50,000, R1 30,000 → 18,000, 14,000 left
        ("核定金额", "10000.00", {"S1": (10_000, 6_000), "S2": (50_000, 14_000)}),
        # only what lies above the gate of 30,000 (none of R0 20,000): as if nothing had been due for S1
        ("按读法", "A-P08=b", {"S1": (0, 12_000), "S2": (60_000, 8_000)}),
        ("按读法", "A-P08=a", {"S1": (16_000, 2_400), "S2": (44_000, 17_600)}),
    ],
)
def test_an_amount_by_decision_moves_the_accounts(
    county: County, verdict: str, value: str, expected: dict[str, tuple[int, int]]
) -> None:
    county.run()
    county.decide(decided("待遇", county.benefit("P-17", "S1"), verdict, value, year=""))
    county.run()
    found = {
        visit: tuple(amounts(county)[rule, visit] for rule in ("P-17", "P-24")) for visit in ("S1", "S2")
    }
    assert found == expected
    amount, status, review = county.lines()["P-17", "S1"]
    assert (status, review) == ("within" if amount == 0 else "confirmed", False)
    readings = county.sql(
        "select readings from mart.benefit_line where settlement_id = 'S1' and rule_id = 'P-17'"
    ).item()
    assert ("A-P08=b" in readings) == (value == "A-P08=b")


def test_a_reading_for_one_line_stays_within_its_account(county: County) -> None:
    """S2 under A-P01=b: (36,000 − 4,000) × 60 % = 19,200, of which 17,600 are left after S1's 2,400."""
    county.decide(decided("待遇", f"P-24/{A}/2023", "按读法", "A-P01=b", year=""))
    county.run()
    assert any("待遇编号" in matter for matter in county.matters())  # two lines: which one is not said
    county.decide(decided("待遇", county.benefit("P-24", "S2"), "按读法", "A-P01=b", year=""))
    county.run()
    assert amounts(county)["P-24", "S2"] == 17_600


def test_a_held_line_is_settled_by_a_referral_or_an_amount(tmp_path: Path, county: County) -> None:
    """认定转诊: 16,000 and, outside the municipality, no tilt. 核定金额 9,000: the referral stays unknown for tilt."""
    county.decide(decided("结算", "S3", "认定转诊"))
    county.run()
    assert county.lines()["P-17", "S3"][0] == 16_000
    assert ("P-24", "S3") not in county.lines() or amounts(county)["P-24", "S3"] == 0
    [row] = county.sql(
        "select distinct decision, status, stale from mart.decision where benefit_id is not null"
    ).rows()
    assert row == ("认定转诊", "stored", False)
    (tmp_path / "other").mkdir()
    other = made(tmp_path / "other")
    other.run()
    other.decide(decided("待遇", other.benefit("P-17", "S3"), "核定金额", "9000"))
    other.run()
    assert other.lines()["P-17", "S3"] == (9_000, "confirmed", False)


def test_paid_and_adjusted(county: County) -> None:
    """16,000 paid on S1: paid. 40,000 on S2 by rule and person: 44,000 − 40,000 = 4,000 more. S1 paid with 17,000."""
    county.decide(decided("人员", A, "确认"))
    county.run()
    first = f"1,{county.benefit('P-17', 'S1')},,,,16000.00,2024-03-10"
    county.receive("ledger.csv", "2024-03-11", LEDGER, first, f"2,,P-17,{A},2023,40000.00,2024-03-10")
    county.run()
    lines = county.lines()
    assert lines["P-17", "S1"][1] == "paid" and lines["P-17", "S2"][1] == "adjust_up"
    assert county.adjusted() == [("P-17", "S2", 4_000)]
    assert county.listed("给付名单")[0][0] == 4_000
    paid = county.sql(
        "select object_id, status, amount_yuan::double from mart.payment where rule_id = 'P-17' or benefit_id is not null"
    )
    assert sorted(paid["amount_yuan"]) == [16_000, 40_000] if "amount_yuan" in paid.columns else True
    more = f"3,{county.benefit('P-17', 'S1')},,,,1000.00,2024-03-12"
    county.receive("ledger2.csv", "2024-03-13", LEDGER, more)
    county.run()
    assert county.lines()["P-17", "S1"][1] == "adjust_down"
    assert ("P-17", "S1", -1_000) in county.adjusted()
    assert [row[0] for row in county.listed("应退")] == [-1_000]


def test_money_by_person_is_laid_on_the_visits_in_order(county: County) -> None:
    """50,000 for A under P-17: 16,000 on S1, 34,000 on S2 (10,000 short)."""
    county.receive("ledger.csv", "2024-03-11", LEDGER, f"1,,P-17,{A},2023,50000.00,2024-03-10")
    county.decide(decided("人员", A, "确认"))
    county.run()
    assert county.lines()["P-17", "S1"][1] == "paid"
    assert county.adjusted() == [("P-17", "S2", 10_000)]
    assert (
        county.sql(
            "select sum(amount_yuan)::double from mart.payment where source_table = 'paid_ledger'"
        ).item()
        == 50_000
    )


@pytest.mark.parametrize("year", ["", "2023"])
def test_an_unknown_number_in_the_ledger_is_shown(county: County, year: str) -> None:
    county.receive("ledger.csv", "2024-03-11", LEDGER, f"1,B0000000000000,,,{year},500.00,2024-03-10")
    county.run()
    assert any("待遇编号不是任何已发布年度" in matter for matter in county.matters())
    assert county.sql("select count(*) from mart.payment where finding = 'unmatched_paid'").item() == 1


def test_a_reversed_visit_after_it_was_paid(county: County) -> None:
    """S1 is refunded after its 16,000 were paid: its line stays with 0 and −16,000; S2 finds the whole account."""
    county.decide(decided("人员", A, "确认"))
    county.run()
    number = county.benefit("P-17", "S1")
    county.receive("ledger.csv", "2024-03-11", LEDGER, f"1,{number},,,,16000.00,2024-03-10")
    refund = settlement("S1R", A, "2023-06-20", 50_000, 30_000, visit="VS1", init="S1")
    county.receive("refund.csv", "2024-03-20", HEADER, refund)
    county.run()
    assert county.lines()["P-17", "S2"][0] == 60_000
    assert county.lines()["P-17", "S1"][:2] == (0, "adjust_down")
    assert ("P-17", "S1", -16_000) in county.adjusted()
    assert [row[0] for row in county.listed("应退")] == [-16_000]


def test_stale_when_the_facts_of_the_visit_change(county: County) -> None:
    """A corrected S1 (60,000, R0 30,000 → 24,000) after the confirmation: to be confirmed again; S2's account too."""
    county.decide(decided("人员", A, "确认"), on="2024-03-02")
    county.run()
    assert not county.sql("select bool_or(stale) from mart.decision").item()
    corrected = settlement("S1", A, "2023-06-10", 60_000, 30_000)
    county.receive("again.csv", "2024-03-20", HEADER, corrected)
    county.run()
    amount, status, review = county.lines()["P-17", "S1"]
    assert (amount, review) == (24_000, True) and status != "confirmed"
    assert county.sql("select count(*) from mart.decision where stale").item() > 0
    assert county.listed("给付名单") == []


def test_closed_list_of_assistance(county: County) -> None:
    county.decide(decided("结算", "S1", "确认"))
    county.run()
    done = close(county.home, "P-17", 2023, ON)
    assert done.report()["lines"] == 1 and done.report()["amount_fen"] == 1_600_000
    county.decide(
        decided("待遇", county.benefit("P-17", "S1"), "核定金额", "15000", on="2024-03-05"), on="2024-03-06"
    )
    county.run()
    assert county.lines()["P-17", "S1"][:2] == (15_000, "adjust_down")
    assert county.adjusted() == [("P-17", "S1", -1_000)]
    assert [row[0] for row in county.listed("给付名单")] == [16_000]


def test_what_was_given_at_the_settlement_is_not_paid_again(tmp_path: Path) -> None:
    """maf_pay 16,000 of the 16,000 due for S1: nothing is left to pay, and nothing comes back."""
    county = made(tmp_path)
    cells = settlement("S1", A, "2023-06-10", 50_000, 30_000).split(",")
    heads = HEADER.split(",")
    for name, value in (
        ("maf_pay", "16000.00"),
        ("fund_pay_sumamt", "46000.00"),
        ("psn_pay", "4000.00"),
        ("cash_payamt", "4000.00"),
    ):
        cells[heads.index(name)] = value
    county.receive("costs2.csv", "2024-02-11", HEADER, ",".join(cells))
    county.decide(decided("结算", "S1", "确认"))
    county.run()
    assert county.lines()["P-17", "S1"][0] == 16_000
    assert not (county.home.exports / "latest" / county.lists).exists() or county.listed("给付名单") == []


def test_every_decided_line_is_an_amount_and_never_negative(county: County) -> None:
    county.decide(decided("人员", A, "不予支付"))
    county.run()
    frame = county.sql(
        "select amount_yuan, limit_before_yuan, limit_after_yuan from mart.benefit_line where person_key is not null"
    )
    assert frame.filter(pl.col("amount_yuan") < 0).is_empty()
    assert frame.filter(pl.col("limit_after_yuan") > pl.col("limit_before_yuan")).is_empty()
