"""Decisions (审核决定) from the sheet to the payment list, worked on paper.

Household F1: A on 低保, costs 32,000 (S1) + 500 (S2, an institution that is on no list) = 32,500 where nothing is
excluded; cap 30,000. Household F2: B 低边 to June with 20,000 (T1), 低保 from July with 29,000 (T2): 49,000 − 30,000 =
19,000; with a cap for each period (A-L02=d) 0. Household F3: C on 低保 with 40,000 (U1): 10,000; a negative row of
−1,000 (U9) that fits two settlements is listed, and the unit incomplete.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tests.decision_home import INSTITUTIONS, County, costs, decided, expect, on_list
from tests.test_order import ROSTER, SETTLEMENT, A, B, C, settlement


@pytest.fixture
def county(tmp_path: Path) -> County:
    return County(tmp_path)


def test_without_decisions(county: County) -> None:
    """F1 2,000 (S2 does not count); F2 19,000 with another reading; F3 10,000."""
    county.run()
    expect(county, "F1", 2000, "due")
    expect(county, "F2", 19000, "review", review=True)
    expect(county, "F3", 10000, "due")
    assert county.decisions() == [] and county.listed("给付名单") == []


@pytest.mark.parametrize(
    ("verdict", "value", "amount", "status"),
    [
        ("确认", "", 19000, "confirmed"),
        ("按读法", "A-L02=d", 0, "within"),
        ("按读法", "A-L02=a", 19000, "confirmed"),
        ("按读法", "A-L03=b", 19000, "confirmed"),
        ("不予支付", "", 0, "within"),
        ("核定金额", "12,345.60", 12345.60, "confirmed"),
    ],
)
def test_each_decision_on_an_amount(
    county: County, verdict: str, value: str, amount: float, status: str
) -> None:
    """A reading that makes no difference (A-L02=a is the default, A-L03 needs two certificates) leaves 19,000."""
    county.decide(decided("家庭", "F2", verdict, f'"{value}"'))
    county.run()
    expect(county, "F2", amount, status)
    [row] = county.sql("select benefit_id, stale, status, decision_value from mart.decision").rows()
    line = county.sql(
        "select benefit_id, amount_yuan::double, decision, readings from mart.benefit_line where unit_id = 'F2'"
    ).row(0)
    assert row[:3] == (line[0], False, "standing") and line[1:3] == (amount, verdict)
    assert ("A-L02=d" in line[3]) == (value == "A-L02=d")
    paid = [] if amount == 0 else [(amount, "无账户" + (f"；{verdict}" if verdict != "确认" else ""))]
    assert county.listed("给付名单") == paid


@pytest.mark.parametrize("way", ["benefit_id", "rule", "rule_and_year", "person"])
def test_ways_to_name_a_line(county: County, way: str) -> None:
    county.run()
    number = county.sql("select benefit_id from mart.benefit_line where unit_id = 'F1'").item()
    named = {
        "benefit_id": decided("待遇", number, "确认", year=""),
        "rule": decided("待遇", "L-04/F1", "确认"),
        "rule_and_year": decided("待遇", "L-04/F1/2023", "确认", year=""),
        "person": decided("待遇", f"L-04/{A}", "确认"),
    }
    county.decide(named[way])
    county.run()
    expect(county, "F1", 2000, "confirmed")
    assert A not in county.sql("select * from mart.decision").write_json()


def test_the_latest_valid_decision_wins(county: County) -> None:
    """确认 of 1 March, 不予支付 of 5 March: 0. The refusal withdrawn on 20 March: 2,000 again from that day on."""
    refusal = decided("家庭", "F1", "不予支付", on="2024-03-05")
    county.decide(decided("家庭", "F1", "确认", on="2024-03-01"), refusal, on="2024-03-06")
    county.run()
    expect(county, "F1", 0, "within")
    assert [row[:2] for row in county.decisions()] == [("确认", "replaced"), ("不予支付", "standing")]
    county.decide(refusal + "2024-03-20", on="2024-03-21")
    county.run(on=date(2024, 3, 19))
    expect(county, "F1", 0, "within")
    county.run()
    expect(county, "F1", 2000, "confirmed")
    assert sorted(row[:2] for row in county.decisions()) == [
        ("不予支付", "replaced"),
        ("不予支付", "withdrawn"),
        ("确认", "standing"),
    ]


def test_a_decision_made_before_but_received_later_does_not_win(county: County) -> None:
    county.decide(decided("家庭", "F1", "确认", on="2024-03-05"), on="2024-03-06")
    county.decide(decided("家庭", "F1", "不予支付", on="2024-03-01"), on="2024-03-20")
    county.run()
    expect(county, "F1", 2000, "confirmed")


def test_of_one_day_the_later_received_wins_whatever_came_first(tmp_path: Path) -> None:
    found = []
    for order in ((0, 1), (1, 0)):
        county = County(tmp_path / str(order[0]))  # each with its own folder of files
        sheets = [
            (decided("家庭", "F1", "不予支付"), "2024-03-02"),
            (decided("家庭", "F1", "确认"), "2024-03-09"),
        ]
        for place in order:
            row, on = sheets[place]
            county.decide(row, on=on)
        county.run()
        found.append((county.unit("F1"), county.decisions()))
    assert found[0] == found[1] and found[0][0]["status"] == "confirmed"


@pytest.fixture(autouse=True)
def folders(tmp_path: Path) -> None:
    """Folders for tests with two counties."""
    for name in ("0", "1"):
        (tmp_path / name).mkdir(exist_ok=True)


def test_a_confirmation_after_a_reading_is_pointed_out(county: County) -> None:
    county.decide(
        decided("家庭", "F2", "按读法", "A-L02=d", on="2024-03-01"),
        decided("家庭", "F2", "确认", on="2024-03-03"),
        on="2024-03-04",
    )
    county.run()
    expect(county, "F2", 19000, "confirmed")
    assert any("先前的“按读法”" in matter for matter in county.matters())


@pytest.mark.parametrize(
    ("row", "state", "message"),
    [
        (decided("家庭", "F77", "确认"), "unknown_object", "没有对应的待遇"),
        (decided("家庭", "F1", "确认", year=""), "unreadable", "费用年度"),
        (decided("家庭", "F1", "按读法", "A-L77=d"), "unreadable", "读法"),
        (decided("家庭", "F1", "按读法", "A-L08=b"), "unreadable", "读法"),
        (decided("家庭", "F1", "核定金额", "1.234"), "unreadable", "金额"),
        (decided("家庭", "F1", "核定金额", "-5"), "unreadable", "金额"),
        (decided("家庭", "F1", "批准"), "unreadable", "约定的范围"),
        (decided("预警", "W1", "确认"), "stored", None),
        (decided("家庭", "F1", "认定定点"), "unreadable", "对象类型"),
        (decided("结算", "X9", "认定定点"), "unknown_object", "结算ID"),
        (decided("家庭", "F1", "确认", on="2024-04-01"), "not_yet", "尚未生效"),
        (decided("家庭", "F1", "合并家庭", "F99"), "unknown_object", "家庭编号"),
        (decided("家庭", "F1", "一事一议", "800"), "unreadable", "地域"),
    ],
)
def test_what_cannot_be_used_changes_nothing_and_is_listed(
    county: County, row: str, state: str, message: str | None
) -> None:
    county.decide(row)
    county.run()
    expect(county, "F1", 2000, "due")
    [found] = county.decisions()
    assert found[1] == state
    if message:
        assert message in str(found[3]) and any(message in matter for matter in county.matters())


def test_designation(county: County) -> None:
    """S2 counts as at a designated institution: 32,500 − 30,000 = 2,500; the institution the same; 否 for S1: 0."""
    county.decide(decided("结算", "S2", "认定定点", year=""))
    county.run()
    expect(county, "F1", 2500, "due")
    county.decide(decided("结算", "S1", "认定定点", "否", on="2024-03-03"), on="2024-03-04")
    county.run()
    expect(county, "F1", 0, "within")


def test_designation_of_an_institution(county: County) -> None:
    county.receive("names.csv", "2024-02-11", INSTITUTIONS, "H33011200009,某诊所,330112,1,11,2030-01-01,")
    county.decide(decided("结算", "H33011200009", "认定定点"))
    county.run()
    expect(county, "F1", 2500, "due")


def test_pairing(county: County) -> None:
    """−1,000 fits U2 and U3, which differ in cash: listed. Paired with U3: 40,000 + 1,000 (U2) − 30,000 = 11,000."""
    county.receive(
        "more.csv", "2024-02-12", SETTLEMENT,
        costs("U2", C, "2023-03-01", "1000.00"), settlement("U3", C, "2023-04-01", "1000.00").replace(",1000.00,0,1000.00,", ",1000.00,400.00,600.00,"),
        costs("U9", C, "2023-05-01", "-1000.00"),
    )  # fmt: skip
    county.run()
    expect(county, "F3", None, "incomplete", review=True)
    county.decide(decided("结算", "U9", "冲正配对", "U3", year=""))
    county.run()
    expect(county, "F3", 11000, "due")


def test_wrong_pairings_change_nothing(county: County) -> None:
    county.decide(
        decided("结算", "U1", "冲正配对", "S1"),
        decided("结算", "S1", "冲正配对", "S2"),
        decided("结算", "S2", "冲正配对", "Z"),
    )
    county.run()
    assert [row[1] for row in county.decisions()] == ["unreadable"] * 3
    expect(county, "F1", 2000, "due")


def test_merged_and_split_households(county: County) -> None:
    """F1 and F3 as one: 32,000 + 40,000 − 30,000 = 42,000, under one number; split again by a later decision."""
    county.decide(decided("家庭", "F1", "合并家庭", "F3"))
    county.run()
    [row] = county.sql(
        "select unit_id, amount_yuan::double from mart.cap_gap where unit_id in ('F1', 'F3')"
    ).rows()
    assert row == ("F3", 42000)
    county.decide(decided("家庭", "F3", "分立家庭", "F1", on="2024-03-05"), on="2024-03-06")
    county.run()
    expect(county, "F1", 2000, "due")
    expect(county, "F3", 10000, "due")


def test_a_renumbered_household_kept_apart(tmp_path: Path) -> None:
    """F2 ends in July, F8 starts in August, same head: one household, until a decision says two."""
    county = County(tmp_path / "0")
    county.receive("again.csv", "2024-02-11", ROSTER, on_list(B, "低保", "F8", "2023-08-01", ""))
    county.run()
    before = county.sql("select unit_id from mart.cap_gap where unit_id in ('F2', 'F8') order by all")[
        "unit_id"
    ].to_list()
    county.decide(decided("家庭", "F2", "分立家庭", "F8"))
    county.run()
    after = county.sql("select unit_id from mart.cap_gap where unit_id in ('F2', 'F8') order by all")[
        "unit_id"
    ].to_list()
    assert before == ["F8"]
    assert after == ["F2", "F8"]


def test_a_person_moved_to_another_household(county: County) -> None:
    """C belongs to F1 by decision: 32,000 + 40,000 − 30,000 = 42,000."""
    county.decide(decided("人员", C, "合并家庭", "F1"))
    county.run()
    expect(county, "F1", 42000, "due")
