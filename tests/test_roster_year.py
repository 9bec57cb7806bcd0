"""A year of monthly rosters: what is injected is found, nothing else, and no certificate ends that should not."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from flows import pipeline
from stores.home import Home
from tests.roster_year import COUNTY, RosterYear, Row, certificate
from tests.support import deliver, quiet, request
from tests.support import run as support_run
from transforms import identity, roster_rows
from transforms.normalise_certificates import certificate_keys, certificates

YEAR, ON = 2024, date(2025, 3, 31)
FINDINGS = ["rule_id", "month", "finding"]
OF_ROSTERS = {"P-29", "P-30", "P-31", "P-32", "L-24", *roster_rows.MESSAGES, *identity.MESSAGES}
"""Findings of other rule families are not looked at here."""


@dataclass(frozen=True)
class Result:
    delivery: pl.DataFrame
    findings: pl.DataFrame
    certificates: pl.DataFrame
    home: Home

    def ends(self) -> set[tuple[int, str, date]]:
        over = self.certificates.filter(pl.col("valid_to").is_not_null())
        return set(over.select("person_key", "code", "valid_to").rows())

    def key(self, number: str) -> int:
        found, _ = certificate_keys(certificates(pl.Series([number])), None, self.home.secret())
        return int(found[0])

    def status(self, month: int, code: str, kind: str) -> str:
        row = self.delivery.filter(month=YEAR * 100 + month, category=code, kind=kind)
        return str(row["status"].item())

    def odd(self) -> dict[str, int]:
        """Statuses other than on_time and none, counted."""
        rows = self.delivery.filter(~pl.col("status").is_in(["on_time", "none"]))
        return dict(rows["status"].value_counts().iter_rows())


def run(root: Path, lists: RosterYear, more: list[tuple[Path, date]] | None = None) -> Result:
    inbox = root / "sent"
    inbox.mkdir(parents=True)
    home = Home(root / "home")
    deliver(home, sorted([*lists.write(inbox), *(more or [])], key=lambda one: one[1]))
    folder, _ = pipeline.assess_year(home, YEAR, request(home, YEAR, on=ON), quiet)
    assert json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["year"] == YEAR
    findings = pl.read_parquet(folder / "roster_finding.parquet")
    return Result(
        pl.read_parquet(folder / "roster_delivery.parquet"),
        findings.filter(pl.col("rule_id").is_in(list(OF_ROSTERS))),
        pl.read_parquet(folder / "certificate.parquet"),
        home,
    )


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FENGDING_SECRET", "for tests only")


def test_a_year_without_faults_has_no_finding(tmp_path: Path) -> None:
    lists = RosterYear(YEAR)
    found = run(tmp_path, lists)
    assert found.findings.select(FINDINGS).rows() == []
    assert found.odd() == {}
    assert found.delivery.height == 12 * 8 * 3
    assert found.delivery.filter(pl.col("region_code") != COUNTY).is_empty()
    assert found.ends() == {(found.key(who), code, day) for who, code, day in lists.ended}

    # 2024-04-05 is a holiday, 04-07 a working Sunday; in May and October the holidays last beyond the 5th
    due = found.delivery.select("month", "due_on", "strict_due_on").unique().sort("month")
    different = due.filter(pl.col("due_on").dt.day() != 5).rows()
    assert different == [
        (202404, date(2024, 4, 7), date(2024, 4, 7)),
        (202405, date(2024, 5, 6), date(2024, 5, 6)),
        (202410, date(2024, 10, 8), date(2024, 10, 8)),
    ]
    # all lists come on the 3rd; 3 February 2024 is a Saturday, the 4th a working Sunday, the holidays begin on the 10th
    merged = dict(found.delivery.select("month", "merge_due_on").unique().iter_rows())
    assert merged[202401] == date(2024, 1, 10) and merged[202402] == date(2024, 2, 8)


def test_what_is_injected_is_found_and_nothing_else(tmp_path: Path) -> None:
    lists = RosterYear(YEAR)
    for label in (
        "特困人员",
        "低保对象",
        "低保边缘家庭成员",
        "因病致贫重病患者",
    ):  # March: 民政 three days late
        for kind in ("在册", "新增", "减少"):
            lists.lists[3, label, kind].sent = date(YEAR, 3, 8)
    lists.lists[5, "城乡重度残疾人员", "在册"].sent = None  # May: 残联 sends the changes only
    lists.spoil(6, "低保对象", "在册", lambda rows: rows[:10])  # June: half of 低保 cut off
    stays = certificate(215)  # July: gone from the list without 减少
    for month in range(7, 13):
        lists.spoil(month, "低保边缘家庭成员", "在册", without(stays))
    comes = lists.row(950, "返贫致贫人口", date(YEAR, 7, 1), "在册", 7)  # July: there without 新增
    for month in range(7, 13):
        lists.spoil(
            month,
            "返贫致贫人口",
            "在册",
            lambda rows, m=month: [*rows, comes | {"名单月份": f"{YEAR}{m:02d}"}],
        )
    wrong = lists.row(951, "低保对象", date(YEAR, 8, 1), "在册", 8) | {
        "认定部门": "乡村振兴"
    }  # August: not theirs
    lists.spoil(8, "农村易返贫致贫人口", "在册", lambda rows: [*rows, wrong])
    for kind in ("新增", "减少"):  # September: new and removed at once
        both = lists.row(952, "特困人员", date(YEAR, 9, 1), kind, 9)
        lists.spoil(9, "特困人员", kind, lambda rows, one=both: [*rows, one])
    never = lists.row(953, "在乡重点优抚对象", date(YEAR, 1, 1), "减少", 11)  # November: was never there
    lists.spoil(11, "在乡重点优抚对象", "减少", lambda rows: [*rows, never])
    typo = lists.lists[12, "因病致贫重病患者", "在册"].rows[0]  # December: an unreadable date
    typo["生效日期"] = "2023年13月1日"
    corrected, wrong_digit = (
        certificate(15),
        certificate(15, right=False),
    )  # the number is put right in October
    for one in lists.lists.values():
        if one.month < 10:
            one.rows = [{k: v.replace(corrected, wrong_digit) for k, v in row.items()} for row in one.rows]
    papers = [
        (master(tmp_path, f"psn_info_{n}.csv", number), date(YEAR, month, 2))
        for n, (number, month) in enumerate([(wrong_digit, 1), (corrected, 10)])
    ]
    found = run(tmp_path, lists, papers)
    got = found.findings.select(FINDINGS).rows()
    assert sorted(got, key=str) == sorted(
        [
            *(
                ("P-29", 202403, f"民政 {name} 202403 减少、在册、新增名单：2024-03-08 送达，晚于期限 2024-03-05")
                for name in ("特困人员", "低保对象", "低保边缘家庭成员", "因病致贫重病患者")
            ),
            ("check_digit", None, "身份证号校验位不正确，仍按原号计入，请核对"),
            ("month_without_list", 202405, "残联 重度残疾人员 202405：该月未收到在册名单，沿用上月"),
            ("list_shrank", 202406, "民政 低保对象 202406：在册名单人数减少超过一成，暂不终止任何人的身份，请确认"),
            ("P-32", 202407, "民政 低保边缘家庭成员 202407：上月在册、本月不在册，也不在减少名单"),
            ("P-32", 202407, "民政 低保边缘家庭成员 202407：在册 20 人，按上次在册 21 人加新增 1 人减减少 1 人应为 21 人"),
            ("P-32", 202407, "乡村振兴 返贫致贫人口 202407：本月在册、上月不在册，也不在新增名单"),
            ("P-32", 202407, "乡村振兴 返贫致贫人口 202407：在册 22 人，按上次在册 21 人加新增 1 人减减少 1 人应为 21 人"),
            ("P-30", 202408, "乡村振兴 报送了不归其认定的救助身份（低保对象），各行已退回"),
            ("P-32", 202409, "民政 特困人员 202409：同月既新增又减少"),
            ("P-32", 202411, "退役军人 在乡重点优抚对象 202411：在减少名单，从未在册"),
            ("P-32", 202411, "退役军人 在乡重点优抚对象 202411：在册 21 人，按上次在册 21 人加新增 1 人减减少 2 人应为 20 人"),
        ],
        key=str,
    )  # fmt: skip
    assert found.odd() == {"late": 12, "missing": 1, "partial": 1}
    assert found.status(5, "ZHONGCAN", "在册") == "missing"
    assert found.status(6, "DIBAO", "在册") == "partial"
    gone = {(found.key(who), code, day) for who, code, day in lists.ended}
    published = found.key(wrong_digit)  # the oldest key of a linked group
    gone = {(published if key == found.key(corrected) else key, *rest) for key, *rest in gone}
    vanished = (found.key(stays), "DIBIAN", date(YEAR, 6, 30))
    assert found.ends() == gone | {vanished}


def test_a_confirmed_list_is_whole_and_ends_who_is_not_on_it(tmp_path: Path) -> None:
    """June: ten of the 21 people of 低保 are left, without a 减少 list; so it stays. Confirmed in January 2025.

    Without the word the list of June and all that follow are `partial`; with it eleven people end on 31 May, and are
    asked for because no list of 减少 names them.
    """
    lists = RosterYear(YEAR)
    june = lists.lists[6, "低保对象", "在册"].rows
    for month in range(6, 13):
        left = [row | {"名单月份": f"{YEAR}{month:02d}"} for row in june[:10]]
        lists.spoil(month, "低保对象", "在册", lambda _, rows=left: rows)
        for kind in ("新增", "减少"):
            lists.spoil(month, "低保对象", kind, lambda _: [])
    word = tmp_path / "word.csv"
    header = "对象类型,对象编号,费用年度,决定,取值,理由,决定人,决定日期,撤销日期"
    row = f"名单,{COUNTY}/民政/DIBAO/{YEAR}06,,确认,,民政已复核,李科长,{YEAR + 1}-01-10,"
    word.write_text(f"{header}\n{row}\n", encoding="utf-8")

    def of_list(found: Result) -> set[str]:
        return {text for text in found.findings["finding"] if "民政 低保对象" in text}

    held = run(tmp_path / "held", lists)
    statuses = {held.status(month, "DIBAO", "在册") for month in range(6, 13)}
    assert statuses == {"partial"}
    assert len([text for text in of_list(held) if "暂不终止任何人的身份" in text]) == 7
    found = run(tmp_path / "confirmed", lists, [(word, date(YEAR + 1, 1, 10))])
    assert {found.status(month, "DIBAO", "在册") for month in range(6, 13)} == {"on_time"}
    assert of_list(found) == {
        f"民政 低保对象 {YEAR}06：上月在册、本月不在册，也不在减少名单",
        f"民政 低保对象 {YEAR}06：在册 10 人，按上次在册 21 人加新增 0 人减减少 0 人应为 21 人",
        f"民政 低保对象 {YEAR}06 减少名单：应于 {YEAR}-06-05 前送达，至今未收到",
    }
    assert len(found.ends() - held.ends()) == 11 and held.ends() <= found.ends()
    assert {end[1:] for end in found.ends() - held.ends()} == {("DIBAO", date(YEAR, 5, 31))}


def master(folder: Path, name: str, number: str) -> Path:
    """The platform's master record of one person."""
    path = folder / name
    path.write_text(f"psn_no,psn_name,certno\n50024300000000000001,冉某,{number}\n", encoding="utf-8")
    return path


def without(number: str) -> Callable[[list[Row]], list[Row]]:
    """A change of rows: all but those of one person."""
    return lambda rows: [row for row in rows if row["身份证号"] != number]


def test_each_department_gets_a_workbook_of_its_own(tmp_path: Path) -> None:
    """What 民政 did wrong stands with 民政, with names; who sent everything well gets nothing."""
    lists = RosterYear(YEAR)
    never = lists.row(953, "低保对象", date(YEAR, 1, 1), "减少", 11)
    lists.spoil(11, "低保对象", "减少", lambda rows: [*rows, never])
    lists.lists[12, "低保对象", "在册"].rows[0]["生效日期"] = "2023年13月1日"
    lists.lists[12, "城乡重度残疾人员", "在册"].sent = date(YEAR, 12, 20)
    inbox = tmp_path / "sent"
    inbox.mkdir()
    home = Home(tmp_path / "home")
    deliver(home, lists.write(inbox))
    outcome = support_run(home, YEAR, on=ON, lists=True)
    assert outcome.exports is not None
    books = {path.name: path for path in (outcome.exports / "departments").iterdir()}
    assert set(books) == {f"{COUNTY}_民政_名单问题.xlsx", f"{COUNTY}_残联_名单问题.xlsx"}
    own = openpyxl.load_workbook(books[f"{COUNTY}_民政_名单问题.xlsx"])
    assert own.sheetnames == ["名单报送", "请核对", "退回的行"]
    asked = [[cell.value for cell in row] for row in own["请核对"].iter_rows(min_row=2, max_row=3)]
    assert [row[:4] for row in asked] == [
        [
            "202411",
            None,
            None,
            "民政 低保对象 202411：在册 21 人，按上次在册 21 人加新增 1 人减减少 2 人应为 20 人",
        ],
        ["202411", "冉某", certificate(953), "民政 低保对象 202411：在减少名单，从未在册"],
    ]
    (back,) = [[c.value for c in row] for row in own["退回的行"].iter_rows(min_row=2) if row[2].value]
    assert back[3] == "生效日期" and "日期读不出" in back[4]
    late = openpyxl.load_workbook(books[f"{COUNTY}_残联_名单问题.xlsx"])
    assert [row[6].value for row in late["名单报送"].iter_rows(min_row=2)].count("迟送") == 1
