"""Lists that departments and hospitals send in their own words: 救助申请, 押金, 死亡名单."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from ingest_samples import CERT_X, write_csv

from stores import lake
from stores.home import Home
from stores.ingest import ingest

DAY = date(2024, 1, 5)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("FENGDING_SECRET", "for tests only")
    return Home(tmp_path / "home").ensure()


def read(home: Home, table: str, *rows: dict[str, str]) -> pl.DataFrame:
    write_csv(home.inbox / "a.csv", list(rows), "gb18030")
    (file,) = ingest(home, received=DAY).files
    assert (file.status, file.table, file.rejected) == ("read", table, {}), file.message
    return lake.scan(home, table, lake.files_in_force(home)).collect().sort("source_row")


def test_applications(home: Home) -> None:
    row = read(home, "application", {
        "申请编号": "SQ1", "申请人姓名": "张三丰", "申请人身份证号": CERT_X, "区划代码": "500243", "救助类型": "因病致贫重病患者",
        "申请日期": "2023-09-01", "受理日期": "2023/9/4", "审核日期": "", "审批日期": "", "审批结果": "", "发放日期": "",
        "救助金额": "1,200.50",
    }).row(0, named=True)  # fmt: skip
    assert (row["applied_on"], row["accepted_on"], row["decided_on"]) == (
        date(2023, 9, 1),
        date(2023, 9, 4),
        None,
    )
    assert (row["amount_fen"], row["aid_kind"], row["serial"]) == (120_050, "因病致贫重病患者", "SQ1")


def test_deposits(home: Home) -> None:
    row = read(home, "deposit", {
        "患者姓名": "张三丰", "患者身份证号": CERT_X, "医疗机构代码": "H50024300001", "医院名称": "县人民医院", "住院号": "M1",
        "入院日期": "20230901", "住院押金": "3000", "退还日期": "",
    }).row(0, named=True)  # fmt: skip
    assert (row["amount_fen"], row["mdtrt_id"], row["institution_code"]) == (300_000, "M1", "H50024300001")
    assert (row["admitted_on"], row["taken_on"]) == (date(2023, 9, 1), None)


def test_the_deceased(home: Home) -> None:
    row = read(home, "deceased", {
        "姓名": "张三丰", "身份证号码": CERT_X, "死亡日期": "2023-05-03", "户口注销日期": "2023-05-20", "提供部门": "公安",
    }).row(0, named=True)  # fmt: skip
    assert (row["died_on"], row["cancelled_on"], row["sender"]) == (
        date(2023, 5, 3),
        date(2023, 5, 20),
        "公安",
    )


@pytest.mark.parametrize("missing", ["申请日期", "身份证号"])
def test_an_application_without_its_date_or_person_is_rejected(home: Home, missing: str) -> None:
    """The row is named; what else it says goes nowhere."""
    row = {"身份证号": CERT_X, "申请日期": "2023-09-01", "申请类型": "医疗救助"} | {missing: ""}
    write_csv(home.inbox / "a.csv", [row], "utf-8")
    (file,) = ingest(home, received=DAY).files
    assert file.table == "application" and sum(file.rejected.values()) == 1


def test_which_years_a_list_bears_on(home: Home) -> None:
    """An application on its own year; a death and a deposit on every year since."""
    person = {"身份证号": CERT_X}
    for name, row in (
        ("a.csv", person | {"申请日期": "2022-03-01", "申请类型": "医疗救助"}),
        ("b.csv", person | {"死亡日期": "2022-03-01", "提供部门": "公安"}),
        ("c.csv", person | {"押金": "1000", "入院日期": "2023-03-01"}),
    ):
        write_csv(home.inbox / name, [row], "utf-8")
    files = {file.table: file.years for file in ingest(home, received=DAY).files}
    assert files == {"application": [2022], "deceased": [2022, 2023, 2024], "deposit": [2023, 2024]}
