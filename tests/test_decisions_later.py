"""Decisions after the day: money paid too much, stale decisions, closed lists, nights, one case decided by hand.

The households are those of `tests.decision_home`.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path

import pytest

from flows import pipeline
from flows.closing import close
from flows.pipeline import Request
from flows.touched import years_to_assess
from stores import lake
from stores.errors import OperatorError
from stores.ingest import withdraw
from tests.decision_home import HEADER, LEDGER, ON, County, costs, decided, expect, on_list
from tests.support import quiet, request, table
from tests.test_order import ROSTER, SETTLEMENT, A, C, settlement, written


@pytest.fixture
def county(tmp_path: Path) -> County:
    return County(tmp_path)


def test_overpaid_money_and_how_it_comes_back(county: County) -> None:
    """5,000 paid on 2,000: 3,000 to return."""
    county.receive("paid.csv", "2024-03-01", LEDGER, "1,,L-04,F1,2023,5000,2024-02-28")
    county.run()
    expect(county, "F1", 2000, "adjust_down")
    assert county.listed("应退") == [(-3000, "无账户")]
    county.decide(decided("家庭", "F1", "追回"))
    county.run()
    assert county.listed("应退") == [(-3000, "无账户；追回")]
    assert any("已决定追回或抵扣" in matter for matter in county.matters())


def test_a_fixed_amount_settles_what_is_incomplete(county: County) -> None:
    county.receive("lost.csv", "2024-02-12", SETTLEMENT, settlement("U9", C, "2023-05-01", "-7.00"))
    county.decide(decided("家庭", "F3", "确认"))
    county.run()
    expect(county, "F3", None, "incomplete")
    county.decide(decided("家庭", "F3", "核定金额", "9000", on="2024-03-03"), on="2024-03-04")
    county.run()
    expect(county, "F3", 9000, "confirmed")


def test_stale_when_the_facts_have_changed(county: County) -> None:
    """Confirmed at 2,000 on 2 March; 100 more arrive on 20 March: 2,100, the confirmation holds no more."""
    county.decide(decided("家庭", "F1", "确认"), decided("家庭", "F3", "确认"))
    county.run()
    county.receive("late.csv", "2024-03-20", SETTLEMENT, costs("S3", A, "2023-12-01", "100.00"))
    county.run()
    expect(county, "F1", 2100, "due", review=True)
    expect(county, "F3", 10000, "confirmed")
    assert [row[:3] for row in county.decisions()] == [
        ("确认", "standing", True),
        ("确认", "standing", False),
    ]
    assert any("资料已变化" in matter for matter in county.matters())
    county.decide(decided("家庭", "F1", "确认", on="2024-03-22"), on="2024-03-23")
    county.run()
    expect(county, "F1", 2100, "confirmed")


def test_stale_does_not_depend_on_when_runs_were_made(tmp_path: Path) -> None:
    """Everything at once, without a run before the change, gives the same."""
    county = County(tmp_path / "0")
    county.receive("late.csv", "2024-03-20", SETTLEMENT, costs("S3", A, "2023-12-01", "100.00"))
    county.decide(decided("家庭", "F1", "确认"), decided("家庭", "F3", "确认"))
    county.run()
    expect(county, "F1", 2100, "due", review=True)
    expect(county, "F3", 10000, "confirmed")


def test_a_later_file_about_others_leaves_a_decision_fresh(county: County) -> None:
    county.decide(decided("家庭", "F1", "确认"))
    county.receive("late.csv", "2024-03-20", SETTLEMENT, costs("U5", C, "2023-12-01", "100.00"))
    county.receive("paid.csv", "2024-03-21", LEDGER, "1,,L-04,F1,2023,2000,2024-03-20")
    county.run()
    expect(county, "F1", 2000, "paid")


def test_a_withdrawn_file_makes_decisions_on_it_stale(county: County) -> None:
    county.receive("more.csv", "2024-02-20", SETTLEMENT, costs("S3", A, "2023-12-01", "100.00"))
    county.decide(decided("家庭", "F1", "确认"))
    withdraw(
        county.home,
        next(m.file_id for m in lake.manifests(county.home) if m.name == "more.csv"),
        "错",
        date(2024, 3, 20),
    )
    county.run()
    expect(county, "F1", 2000, "due", review=True)


def test_as_of_before_the_decision(county: County) -> None:
    county.decide(decided("家庭", "F1", "确认"), on="2024-03-10")
    county.run()
    then = date(2024, 3, 9)
    asked = Request(county.home.root, "backfill", 2023, then, ON, "R0099", datetime(2024, 3, 31), None, then)
    folder, _ = pipeline.assess_year(county.home, 2023, asked, quiet)
    warehouse, *_ = pipeline.deliver(county.home, asked, {2023: folder}, quiet)
    assert table(warehouse, "select status from mart.cap_gap where unit_id = 'F1'").item() == "due"
    assert table(warehouse, "select count(*) from mart.decision").item() == 0
    expect(county, "F1", 2000, "confirmed")


def test_the_sheet_sent_again_is_the_same_decision(county: County) -> None:
    first = decided("家庭", "F1", "确认")
    county.decide(first)
    county.decide(first, decided("家庭", "F3", "确认", on="2024-03-09"), on="2024-03-10")
    county.run()
    assert len(county.decisions()) == 2
    files = county.sql(
        "select n_rows, n_duplicate from mart.source_file where table_name = 'decision' order by received_on"
    ).rows()
    assert files == [(1, 0), (2, 1)]


def test_a_night_with_a_decision_recomputes_its_year(county: County) -> None:
    county.run()
    for number, (row, years) in enumerate(
        [(decided("家庭", "F1", "确认"), [2023]), (decided("结算", "S2", "认定定点", year=""), [2023])]
    ):
        path = written(county.folder, f"night-{number}.csv", HEADER, [row])
        summary = pipeline.read_inbox(county.home, date(2024, 3, 30), quiet, [path])
        assert years_to_assess(county.home, summary, request(county.home, 2024, on=ON)) == years


def test_closed_list(county: County) -> None:
    """F1 (2,000) closed; then 100 more: the closed 2,000 stay to be paid, 100 are a supplement that waits."""
    with pytest.raises(OperatorError, match="没有已发布"):
        close(county.home, "L-04", 2023, ON)
    county.run()
    with pytest.raises(OperatorError, match="没有可封存"):
        close(county.home, "L-04", 2023, ON)
    with pytest.raises(OperatorError, match="没有规则"):
        close(county.home, "L-99", 2023, ON)
    county.decide(decided("家庭", "F1", "确认"), decided("家庭", "F3", "确认"))
    county.run()
    closed = close(county.home, "L-04", 2023, date(2024, 3, 15))
    assert closed.fresh and closed.report()["amount_fen"] == 1_200_000
    frozen = {path.name: path.read_bytes() for path in closed.folder.iterdir()}
    assert set(frozen) == {"L-04_330112_2023_给付名单.xlsx", "manifest.json"}
    county.run()
    expect(county, "F1", 2000, "confirmed")
    assert sorted(county.listed("给付名单")) == [(2000, "无账户；名单已封存"), (10000, "无账户；名单已封存")]
    county.receive(
        "late.csv", "2024-03-20", SETTLEMENT,
        costs("S3", A, "2023-12-01", "100.00"), settlement("U8", C, "2024-01-05", "-3000.00", init="U1"),
    )  # fmt: skip
    county.run()
    expect(county, "F1", 2100, "adjust_up", review=True)
    expect(county, "F3", 7000, "adjust_down", review=True)
    assert sorted(county.listed("给付名单")) == [(2000, "无账户；名单已封存"), (10000, "无账户；名单已封存")]
    assert (100, "无账户；封存后的变化") in county.listed("待确认")
    assert county.listed("应退") == [(-3000, "无账户；封存后的变化")]
    again = close(county.home, "L-04", 2023, ON)
    assert not again.fresh and "没有改变" in again.lines()[0]
    assert {path.name: path.read_bytes() for path in closed.folder.iterdir()} == frozen
    record = json.loads((county.home.lake / "closed" / "L-04-2023.json").read_text(encoding="utf-8"))
    assert [line["amount_fen"] for line in record["lines"]] in ([200_000, 1_000_000], [1_000_000, 200_000])


def test_closed_and_paid(county: County) -> None:
    county.decide(decided("家庭", "F1", "确认"))
    county.run()
    close(county.home, "L-04", 2023, date(2024, 3, 15))
    county.receive("paid.csv", "2024-03-20", LEDGER, "1,,L-04,F1,2023,2000,2024-03-20")
    county.run()
    expect(county, "F1", 2000, "paid")
    assert county.listed("给付名单") == []


def test_case_by_case_on_its_own_list(county: County) -> None:
    """A household of Pengshui: 800 by decision, on a list of its own; 500 paid: 300 more."""
    row = (
        on_list("330199197007070049", "低保", "G1", "2022-01-01")
        .replace("330112,", "500243,", 1)
        .replace("330112102", "500243100")
    )
    county.receive("pengshui.csv", "2024-02-11", ROSTER, row)
    county.decide(decided("家庭", "G1", "一事一议", "800"))
    county.run()
    lines = (
        "select status, amount_yuan::double, article, decision from mart.benefit_line where rule_id = 'P-39'"
    )
    assert county.sql(lines).rows() == [("confirmed", 800, "三(二)", "一事一议")]
    name = "P-39_500243_2023_给付名单.xlsx"
    assert [due for due, _ in county.listed("给付名单", name)] == [800]
    county.receive("paid.csv", "2024-03-20", LEDGER, "1,,P-39,G1,2023,500,2024-03-20")
    county.run()
    assert county.sql(lines).rows()[0][0] == "adjust_up"
    assert [due for due, _ in county.listed("给付名单", name)] == [300]
    assert close(county.home, "P-39", 2023, date(2024, 3, 25)).report()["lines"] == 1
