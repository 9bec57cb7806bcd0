"""Pushes and consent from files to workbooks."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import openpyxl

from flows.configuration import load_configuration
from flows.issuing import withheld_people
from stores import lake
from tests.test_warnings_run import INCOMES, three_townships
from tests.warning_home import County, certno, findings, settled
from transforms.cases import number_of, year_of
from transforms.identity import people
from transforms.pseudonym import key_texts

COVER = "身份证号,姓名,保障年度,产品名称,承保公司"
CONSENT = "身份证号,姓名,是否授权,授权日期"


def records(path: Path, sheet: str) -> list[dict[str, object]]:
    heading, *rows = openpyxl.load_workbook(path)[sheet].iter_rows(values_only=True)
    return [dict(zip(map(str, heading), row, strict=True)) for row in rows if any(row)]


def test_the_month_goes_out_with_burdens_benefits_illness_and_claims(tmp_path: Path) -> None:
    county = three_townships(tmp_path)
    county.bring("2024-01-06", "慢病.csv", [
        f"{certno(1)},M01,高血压,2023-01-01,", f"{certno(2)},M02,糖尿病,2022-01-01,2022-12-31", f"{certno(8)},M01,高血压,2023-01-01,",
    ], "certno,opsp_dise_code,opsp_dise_name,begndate,enddate")  # fmt: skip
    county.bring(
        "2024-01-06",
        "惠民保.csv",
        [f"{certno(3)},王某,2023,某惠民保,某公司", f"{certno(7)},王某,2023,某惠民保,某公司"],
        COVER,
    )
    outcome = county.run("2024-03-01")
    assert outcome.exports is not None
    folder = outcome.exports / "推送"
    out = records(folder / "330112_202403_预警信息_残联.xlsx", "预警信息")
    # 21,000 to 24,000 in cash: four of L-20; 24,000 and 35,000 of 30,000: two of L-22
    assert len(out) == 6
    assert {r["预警类型"] for r in out} == {"返贫", "致贫"}
    check = records(folder / "330112_202403_预警信息_民政.xlsx", "交互核对")
    assert all(r["部门"] == "民政" for r in check)
    held = records(folder / "330112_持证与负担.xlsx", "持证与负担")
    four = [r for r in held if r["身份证号"] in (certno(3), certno(4))]
    assert {(r["家庭合理医疗费用"], r["封顶线"], r["距封顶线"]) for r in four} == {(47000, 30000, 0)}
    assert sorted(float(str(r["合理医疗费用"])) for r in four) == [23000, 24000]
    due = records(folder / "330112_应享未享.xlsx", "应享未享")
    assert {(r["金额"], r["身份证号"]) for r in due if r["规则"] == "L-04"} == {(17000, certno(3))}
    (ill,) = records(folder / "330112_浙里慢病.xlsx", "浙里慢病")
    assert (ill["身份证号"], ill["病种名称"], ill["对象类别"]) == (certno(1), "高血压", "低保家庭")
    (claim,) = records(folder / "330112_惠民理赔.xlsx", "惠民理赔")
    assert (claim["身份证号"], claim["个人支付"], claim["说明"]) == (
        certno(3), 23000, "未见赔付，请协助向承保公司申报理赔",
    )  # fmt: skip


def test_people_without_consent_are_held_back_where_the_region_asks_for_it(tmp_path: Path) -> None:
    """W-12 is Wenzhou's: nobody of Lin'an is held back."""
    county = three_townships(tmp_path)
    county.bring("2024-01-06", "授权.csv", [f"{certno(1)},王某,是,2024-01-01"], CONSENT)
    files = lake.files_in_force(county.home)
    links = people(lake.scan(county.home, "person", files), files).links
    warned = county.cases("2024-03-01").select("person_key", "region_code")
    texts = warned.with_columns(person_key=key_texts(warned["person_key"], "P"))
    configuration = load_configuration(county.home, None)

    def held(region: str) -> int:
        own = texts.with_columns(region_code=texts["region_code"].replace("330112", region))
        return len(withheld_people(county.home, configuration, files, links, own, date(2024, 3, 1)))

    assert held("330112") == 0
    assert held("330302") == texts["person_key"].n_unique() - 1


def test_the_morning_sheet_asks_for_visits(tmp_path: Path) -> None:
    county = County(tmp_path, INCOMES)
    county.bring("2023-05-04", "五月.csv", [settled("S1", 1, "2023-05-02", "31000")])
    outcome = county.run("2023-06-30")
    assert outcome.exports is not None
    said = [
        str(r["事项"])
        for r in records(outcome.exports / "今日须办.xlsx", "今日须办")
        if r["类别"] == "预警走访"
    ]
    assert len(said) == 3
    assert "预警走访已逾期（1 个乡镇街道，最早应于 2023-05-17 前走访）" in said[0]
    assert "尚未走访的预警（其中最近一批来文新增 1 件）" in said[1]
    assert not [f for f in findings(outcome) if f[0] == "Z-27"]
    assert {year_of(number_of(text)) for text in _numbers(outcome.exports)} == {2023}


def _numbers(folder: Path) -> list[str]:
    (path,) = (folder / "townships").glob("*.xlsx")
    return [str(row["预警编号"]) for row in records(path, "预警名单") if str(row["预警编号"]).startswith("W")]
