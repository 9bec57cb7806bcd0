"""Decisions (审核决定) from the sheet to the payment list, worked on paper.

Household F1: A on 低保, costs 32,000 (S1) + 500 (S2, an institution that is on no list) = 32,500 where nothing is
excluded; cap 30,000. Household F2: B 低边 to June with 20,000 (T1), 低保 from July with 29,000 (T2): 49,000 − 30,000 =
19,000; with a cap for each period (A-L02=d) 0. Household F3: C on 低保 with 40,000 (U1): 10,000; a negative row of
−1,000 (U9) that fits two settlements is listed, and the unit incomplete.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from flows import pipeline
from flows.closing import close
from flows.pipeline import Outcome, Request
from flows.touched import years_to_assess
from stores import lake
from stores.errors import OperatorError
from stores.home import Home
from stores.ingest import withdraw
from tests.support import deliver, quiet, request, run, table
from tests.test_order import ROSTER, SETTLEMENT, A, B, C, settlement, written

ON = date(2024, 3, 31)
HEADER = "对象类型,对象编号,费用年度,决定,取值,理由,决定人,决定日期,撤销日期"
INSTITUTIONS = "fixmedins_code,fixmedins_name,fix_blng_admdvs,fixmedins_type,hosp_lv,begntime,endtime"
LEDGER = "流水号,待遇编号,规则,对象编号,费用年度,金额,支付日期"


def on_list(who: str, label: str, household: str, start: str, end: str = "") -> str:
    return f"330112,{household},{who},王某,{who},{label},{start},{end},民政,,,330112102"


def costs(number: str, who: str, on: str, psn: str, institution: str = "H33011200001") -> str:
    """One settlement at an institution."""
    row = settlement(number, who, on, psn)
    cells = row.split(",")
    cells[10] = institution
    return ",".join(cells)


BASE: dict[str, tuple[str, list[str]]] = {
    "costs.csv": (
        SETTLEMENT,
        [
            costs("S1", A, "2023-02-01", "32000.00"),
            costs("S2", A, "2023-02-02", "500.00", institution="H33011200009"),
            costs("T1", B, "2023-02-01", "20000.00"),
            costs("T2", B, "2023-08-01", "29000.00"),
            costs("U1", C, "2023-02-01", "40000.00"),
        ],
    ),
    "list.csv": (
        ROSTER,
        [
            on_list(A, "低保", "F1", "2022-01-01"),
            on_list(B, "低边", "F2", "2022-01-01", "2023-06-30"),
            on_list(B, "低保", "F2", "2023-07-01"),
            on_list(C, "低保", "F3", "2022-01-01"),
        ],
    ),
    "places.csv": (INSTITUTIONS, ["H33011200001,某医院,330112,1,05,2020-01-01,"]),
}


def decided(
    kind: str,
    number: str,
    verdict: str,
    value: str = "",
    on: str = "2024-03-01",
    year: str = "2023",
    off: str = "",
) -> str:
    return f"{kind},{number},{year},{verdict},{value},已核实,李科长,{on},{off}"


class County:
    """A small home: files come in with a date of receipt, then the year is run."""

    def __init__(self, root: Path) -> None:
        self.folder, self.home, self.number = root, Home(root / "home"), 0
        for name, (header, rows) in BASE.items():
            self.receive(name, "2024-02-10", header, *rows)

    def receive(self, name: str, on: str, header: str, *rows: str) -> None:
        deliver(self.home, [(written(self.folder, name, header, rows), date.fromisoformat(on))])

    def decide(self, *rows: str, on: str = "2024-03-02", name: str = "") -> None:
        self.receive(name or f"decisions-{len(list(self.folder.glob('*.csv')))}.csv", on, HEADER, *rows)

    def run(self, on: date = ON) -> Outcome:
        self.number += 1
        return run(self.home, 2023, on=on, number=self.number)

    def sql(self, text: str) -> pl.DataFrame:
        return table(self.home.warehouse / "fengding.duckdb", text)

    def unit(self, number: str) -> dict[str, object]:
        """amount, status, needs_review of a unit."""
        rows = self.sql(
            f"select amount_yuan::double as amount, status, needs_review, confirmed from mart.cap_gap where unit_id = '{number}'"
        ).rows(named=True)
        assert len(rows) == 1, rows
        return rows[0]

    def decisions(self) -> list[tuple[str, str, bool, str | None]]:
        frame = self.sql(
            "select decision, status, stale, message_zh from mart.decision order by decided_on, source_row, file_id"
        )
        return frame.rows()  # type: ignore[return-value]

    def matters(self) -> list[str]:
        sheet = openpyxl.load_workbook(self.home.exports / "latest" / "今日须办.xlsx")["今日须办"]
        return [f"{row[0]}：{row[1]}" for row in sheet.iter_rows(min_row=2, values_only=True) if row[1]]

    def listed(self, sheet: str, name: str = "L-04_330112_2023_给付名单.xlsx") -> list[tuple[object, object]]:
        """本次应付 and 备注 of the rows of a payment list."""
        heading, *rows = openpyxl.load_workbook(self.home.exports / "latest" / name)[sheet].iter_rows(
            values_only=True
        )
        ended = [at for at, row in enumerate(rows) if row[0] == "合计"]
        due, remark = heading.index("本次应付"), heading.index("备注")
        return [
            (row[due], row[remark]) for row in rows[: ended[0] if ended else None] if isinstance(row[0], int)
        ]


@pytest.fixture
def county(tmp_path: Path) -> County:
    return County(tmp_path)


def expect(county: County, unit: str, amount: float | None, status: str, review: bool = False) -> None:
    found = county.unit(unit)
    assert (found["amount"], found["status"], found["needs_review"]) == (amount, status, review)


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
        (decided("家庭", "F1", "按读法", "A-L07=b"), "unreadable", "读法"),
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
