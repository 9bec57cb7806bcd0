"""The lists of a run, read back from the workbooks: who stands where, with which amount, and what cannot happen."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path

import openpyxl
import polars as pl
import pytest
from mart_frames import ON, REGIONS, RUN, TOWNSHIPS, cap_gap, payees, people, person_year, tables
from openpyxl.worksheet.worksheet import Worksheet

from reports.gap_list import gap_books, gap_rows
from reports.payment_list import FIELDS as PAID
from reports.payment_list import accounts
from reports.township_list import FIELDS as LISTED
from reports.workbook import Field, Sheet, row_heights, write_workbook
from stores import books
from stores.exports import export
from transforms.change import changes
from transforms.pseudonym import key_texts

LIST = "L-04_330112_2023_给付名单.xlsx"
HEADING = [
    "序号",
    "乡镇街道",
    "村社区",
    "对象类型",
    "户主/本人姓名",
    "身份证号",
    "救助类别",
    "费用年度",
    "合理医疗费用",
    "封顶线",
    "应付",
    "已付",
    "本次应付",
    "收款户名",
    "开户银行",
    "账号",
    "依据条款",
    "待遇编号",
    "备注",
]


def written(home: Path, run: str = RUN, **other: pl.DataFrame) -> Path:
    """The lists of the seven families."""
    return export(
        home,
        run,
        tables() | other,
        people=people(),
        payees=payees(),
        townships=TOWNSHIPS,
        regions=REGIONS,
        on=ON,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    change = changes(None, cap_gap())
    finding = pl.DataFrame(
        {"region_code": ["330112"] * 2, "month": [202312] * 2, "rule_id": ["X"] * 2, "person_key": [1, 2]}
    ).with_columns(finding=pl.lit("身份证校验位错误"))
    payment = pl.DataFrame(
        {"finding": ["unknown_kind"], "finding_zh": ["待遇类别不在约定范围"], "amount_fen": [500]}
    )
    return written(tmp_path_factory.mktemp("home"), change=change, roster_finding=finding, payment=payment)


def sheet(path: Path, name: str) -> Worksheet:
    return openpyxl.load_workbook(path)[name]


def records(path: Path, name: str) -> list[dict[str, object]]:
    """The data rows of a sheet, without the total and the closing lines."""
    heading, *rows = sheet(path, name).iter_rows(values_only=True)
    ended = [at for at, row in enumerate(rows) if row[0] == "合计"]
    return [dict(zip(map(str, heading), row, strict=True)) for row in rows[: ended[0] if ended else None]]


def test_confirmed_lines_alone_are_to_be_paid(folder: Path) -> None:
    (row,) = records(folder / LIST, "给付名单")
    assert list(row) == HEADING
    assert row == {
        "序号": 1,
        "乡镇街道": "太阳镇",
        "村社区": "甲村",
        "对象类型": "家庭",
        "户主/本人姓名": "周八",
        "身份证号": "330112196001010006",
        "救助类别": "低保家庭",
        "费用年度": 2023,
        "合理医疗费用": 31000.55,
        "封顶线": 30000,
        "应付": 1000.55,
        "已付": 0,
        "本次应付": 1000.55,
        "收款户名": "周八",
        "开户银行": "某银行",
        "账号": "0062280001",
        "依据条款": "临政办〔2024〕1号 二(三)",
        "待遇编号": row["待遇编号"],
        "备注": None,
    }
    assert str(row["待遇编号"]).startswith("B")


def test_what_waits_for_a_decision_stands_apart_with_its_other_reading(folder: Path) -> None:
    rows = records(folder / LIST, "待确认")
    assert [(r["户主/本人姓名"], r["本次应付"], r["备注"]) for r in rows] == [
        ("=1+1", 19000, "多账户"),
        ("李四", 7000, "无账户；读法待定 A-L04(a)：2,000.00"),
    ]


def test_money_paid_too_much_is_to_be_returned(folder: Path) -> None:
    (row,) = records(folder / LIST, "应退")
    assert (row["应付"], row["已付"], row["本次应付"], row["账号"], row["备注"]) == (
        2000,
        3000,
        -1000,
        "77",
        "死亡",
    )


def test_totals_in_figures_and_capitals_and_places_to_sign(folder: Path) -> None:
    texts = {
        name: [r[0] for r in sheet(folder / LIST, name).iter_rows(values_only=True)]
        for name in ("给付名单", "待确认", "应退")
    }
    assert "给付合计：1,000.55 元　　大写：人民币壹仟元伍角伍分" in texts["给付名单"]
    assert "待确认合计：26,000.00 元　　大写：人民币贰万陆仟元整" in texts["待确认"]
    assert "应退合计：1,000.00 元　　大写：人民币壹仟元整" in texts["应退"]
    assert all(word in str(texts["给付名单"][-1]) for word in ("制表", "审核", "负责人"))
    total = [r for r in sheet(folder / LIST, "待确认").iter_rows(values_only=True) if r[0] == "合计"]
    assert total[0][HEADING.index("本次应付")] == 26000


def test_before_any_decision_the_list_is_empty_but_complete(tmp_path: Path) -> None:
    undecided = cap_gap().with_columns(
        status=pl.col("status").replace({"confirmed": "due", "adjust_down": "due"}),
        paid_fen=pl.lit(0, pl.Int64),
        confirmed=pl.lit(False),
    )
    path = written(tmp_path, cap_gap=undecided) / LIST
    assert records(path, "给付名单") == []
    assert [str(c.value) for c in sheet(path, "给付名单")[1]] == HEADING
    assert sheet(path, "给付名单").cell(3, 1).value == "给付合计：0.00 元　　大写：人民币零元整"
    assert [r["本次应付"] for r in records(path, "待确认")] == [19000, 7000, 1000.55, 2000]


def test_a_supplement_is_paid_only_when_confirmed(tmp_path: Path) -> None:
    """J1: 19,000 due, 10,000 paid: 9,000 more, on 待确认 until a decision stands."""
    here = pl.col("unit_id") == "J1"
    for decided, place in ((False, "待确认"), (True, "给付名单")):
        units = cap_gap().with_columns(
            paid_fen=pl.when(here).then(1_000_000).otherwise("paid_fen"),
            status=pl.when(here).then(pl.lit("adjust_up")).otherwise("status"),
            confirmed=pl.when(here).then(pl.lit(decided)).otherwise("confirmed"),
        )
        path = written(tmp_path, cap_gap=units) / LIST
        assert [r["本次应付"] for r in records(path, place) if r["应付"] == 19000] == [9000]


def test_cells_are_texts_and_numbers_and_never_formulas(folder: Path) -> None:
    for path in folder.rglob("*.xlsx"):
        for page in openpyxl.load_workbook(path).worksheets:
            kinds = {cell.data_type for row in page.iter_rows() for cell in row if cell.value is not None}
            assert kinds <= {"s", "n", "d"}, path.name
    heading = HEADING.index
    for row in sheet(folder / LIST, "待确认").iter_rows(min_row=2, max_row=3):
        assert row[heading("身份证号")].data_type == "s"
        assert row[heading("本次应付")].number_format == "#,##0.00"


def test_pages_print_on_a4_with_their_heading(folder: Path) -> None:
    page = sheet(folder / LIST, "待确认")
    assert page.page_setup.orientation == "landscape"
    assert int(page.page_setup.paperSize) == 9
    assert page.freeze_panes == "A2"
    assert page.print_title_rows == "$1:$1"
    assert "临安区2023年度" in str(page.oddHeader.center.text)


def test_rows_are_as_high_as_their_longest_text() -> None:
    """A column of 21 holds 20 narrow characters a line: 20 is one line, 21 two, 25 wide ones (50) three; 13.5 points each."""
    texts = ["a" * 20, "a" * 21, "字" * 25, None, "字" * 4000]
    rows = pl.DataFrame({"why": texts, "name": ["字" * 99] * 5})
    page = Sheet("x", "x", [Field("为什么", "why", "long", 21), Field("姓名", "name", width=5)], rows)
    assert row_heights(page) == [16.5, 30.0, 43.5, 16.5, 405.0]


def test_columns_are_as_wide_as_their_largest_amount(tmp_path: Path) -> None:
    """One that does not fit shows as marks: 1,234,567,890.00 has 16 characters."""
    rows = pl.DataFrame({"small": [100, None], "large": [123_456_789_000, -5]})
    fields = [Field("小", "small", "money", 9), Field("大", "large", "money", 9), Field("空", "", "money", 9)]
    write_workbook(tmp_path / "x.xlsx", [Sheet("x", "2023年度", fields, rows)], ON)
    page = sheet(tmp_path / "x.xlsx", "x")
    wide = [page.column_dimensions[letter].width for letter in "ABC"]
    assert wide[0] == wide[2] < 10 and wide[1] > 16
    assert (page.oddHeader.center.text, page.oddHeader.center.size) == ("2023年度", 14)


def test_printed_letters_are_not_too_small() -> None:
    """The table is made to fit 799 points (A4 without its margins); a unit of width is 7 pixels, and a column has 5 more."""
    for fields in (LISTED, PAID):
        points = sum(field.width * 7 + 5 for field in fields) * 0.75
        assert 10 * 799 / points > 6.5


def test_the_posted_list_shows_no_name_and_no_number(folder: Path) -> None:
    path = folder / "L-04_330112_2023_公示.xlsx"
    (row,) = records(path, "公示")
    assert row == {
        "序号": 1, "乡镇街道": "太阳镇", "村社区": "甲村", "姓名": "张**", "救助类别": "低保家庭", "费用年度": 2023,
        "金额": 1000.55,
    }  # fmt: skip
    assert len(records(path, "待确认")) == 2
    texts = str([list(page.values) for page in openpyxl.load_workbook(path).worksheets])
    assert not any(name in texts for name in people()["name"])
    assert not any(number in texts for number in people()["certno"])


def gaps() -> dict[str, list[dict[str, object]]]:
    """The families over the cap or near it by the name of their workbook."""
    people_ = people().with_columns(person_key=key_texts(people()["person_key"], "P"))
    heads = key_texts(cap_gap()["head_person_key"], "P")
    rows = gap_rows(cap_gap().with_columns(head_person_key=heads), people_, TOWNSHIPS)
    return {name: sheet.rows.to_dicts() for name, sheet in gap_books(rows)}


def test_townships_see_their_own_families_over_the_cap_or_within_a_fifth_of_it() -> None:
    assert {name: [r["name"] for r in rows] for name, rows in gaps().items()} == {
        "330112104_於潜镇_封顶差额.xlsx": ["=1+1", "李四"],
        "330112106_太阳镇_封顶差额.xlsx": ["吴九", "周八", "王五"],
        "未知乡镇_封顶差额.xlsx": ["孙七"],
    }


def test_a_row_of_a_family_says_how_it_stands_and_what_is_due() -> None:
    row = gaps()["330112104_於潜镇_封顶差额.xlsx"][0]
    assert row["why"] == "低保家庭，2023年度合理医疗费用49,000.00元，超过封顶线30,000.00元，超出19,000.00元。"
    assert row["entitled"] == "封顶化解待付19,000.00元"
    near = gaps()["330112106_太阳镇_封顶差额.xlsx"][2]
    assert (
        near["why"]
        == "低边家庭，2023年度合理医疗费用41,000.00元，已达封顶线50,000.00元的82%，还差9,000.00元。"
    )


def test_the_morning_sheet_names_each_thing_to_do_with_count_and_amount(folder: Path) -> None:
    rows = records(folder / "今日须办.xlsx", "今日须办")
    assert list(rows[0]) == ["类别", "事项", "件数", "金额(元)", "该怎么做", "哪里看"]
    assert [(r["类别"], r["件数"], r["金额(元)"]) for r in rows] == [
        ("文件未读入", 1, None),
        ("数据行被拒绝", 1, None),
        ("资料不完整", 1, 5000),
        ("待确认", 1, 7000),
        ("待确认", 1, 19000),
        ("待给付", 1, 1000.55),
        ("应退", 1, 1000),
        ("收款账户", 1, 7000),
        ("收款账户", 1, 19000),
        ("名册与身份", 2, None),
        ("其他保障待遇", 1, 5),
        ("乡镇不明", 1, 5000),
    ]
    assert "psn_pay 1行，setl_time 1行" in str(rows[1]["事项"])
    assert rows[0]["该怎么做"] == "表头缺少“身份证号”，请补上后重新放入收件箱。"
    assert all(r["该怎么做"] and r["哪里看"] for r in rows)


def test_an_open_reading_is_to_be_decided_even_where_nothing_is_due_now(tmp_path: Path) -> None:
    reviewed = cap_gap().with_columns(
        status=pl.when(pl.col("unit_id") == "J3").then(pl.lit("review")).otherwise("status")
    )
    path = written(tmp_path, cap_gap=reviewed)
    assert len(records(path / LIST, "待确认")) == 2
    rows = [r for r in records(path / "今日须办.xlsx", "今日须办") if "本次无应付" in str(r["事项"])]
    assert [(r["件数"], r["金额(元)"]) for r in rows] == [(1, 0)]


def test_the_basis_names_the_document_where_it_is_known(tmp_path: Path) -> None:
    dated = tables()["benefit_line"].with_columns(policy_version=pl.lit("L@2024-02-01"))
    path = export(
        tmp_path, RUN, tables() | {"benefit_line": dated}, people=people(), payees=payees(), townships=TOWNSHIPS,
        regions=REGIONS, on=ON, documents={"L": "临政办〔2024〕1号"},
    )  # fmt: skip
    assert records(path / LIST, "给付名单")[0]["依据条款"] == "临政办〔2024〕1号 二(三)"


def test_changes_stand_on_the_second_sheet(folder: Path) -> None:
    rows = records(folder / "今日须办.xlsx", "变化")
    assert [(r["变化"], r["单元编号"], r["变化前"], r["变化后"], r["原因"]) for r in rows][:2] == [
        ("新增", "J1", 0, 19000, "新文件"),
        ("新增", "J2", 0, 7000, "新文件"),
    ]


def test_nothing_to_do_is_said(tmp_path: Path) -> None:
    path = export(
        tmp_path, RUN, {}, people=people().clear(), payees=payees().clear(), townships={}, regions={}, on=ON
    )
    assert sheet(path / "今日须办.xlsx", "今日须办").cell(2, 1).value == "没有须办事项。"
    assert json.loads((path / "manifest.json").read_text())["attention"] == 0


def test_the_manifest_has_the_hash_and_rows_of_every_workbook(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert (manifest["run_id"], manifest["on"], manifest["attention"]) == (RUN, "2024-03-31", 12)
    listed = {file["path"]: file for file in manifest["files"]}
    assert set(listed) == {p.relative_to(folder).as_posix() for p in folder.rglob("*.xlsx")}
    for name, file in listed.items():
        assert file["sha256"] == hashlib.sha256((folder / name).read_bytes()).hexdigest()
    assert listed[LIST]["rows"] == {"给付名单": 1, "待确认": 2, "应退": 1}


def test_the_zone_is_closed_and_latest_points_at_the_run(folder: Path) -> None:
    zone = folder.parent
    for path in (zone, *zone.rglob("*")):
        if not path.is_symlink():
            assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path
    assert (zone / "latest").readlink() == Path(RUN)


def test_equal_inputs_in_any_order_give_equal_bytes(folder: Path, tmp_path: Path) -> None:
    change = changes(None, cap_gap())
    shuffled = {name: frame.sample(fraction=1, shuffle=True, seed=3) for name, frame in tables().items()}
    first = written(tmp_path / "a", change=change)
    second = export(
        tmp_path / "b",
        RUN,
        shuffled | {"change": change.reverse()},
        people=people().reverse(),
        payees=payees().reverse(),
        townships=TOWNSHIPS,
        regions=REGIONS,
        on=ON,
    )
    for path in first.rglob("*.xlsx"):
        assert path.read_bytes() == (second / path.relative_to(first)).read_bytes(), path.name


def test_a_failure_leaves_the_last_lists_and_nothing_half_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path)

    def full_disk(*_: object) -> dict[str, int]:
        raise OSError("no space left")

    monkeypatch.setattr(books, "write_workbook", full_disk)
    with pytest.raises(OSError, match="no space"):
        written(tmp_path, "R2")
    assert (tmp_path / "exports" / "latest").readlink() == Path(RUN)
    assert sorted(p.name for p in (tmp_path / "exports").iterdir()) == [RUN, "latest"]


def test_a_run_written_again_replaces_its_own_lists(tmp_path: Path) -> None:
    first = written(tmp_path)
    (first / "stray.txt").write_text("x")
    assert not (written(tmp_path) / "stray.txt").exists()
    assert sorted(p.name for p in (tmp_path / "exports").iterdir()) == [RUN, "latest"]


def test_an_as_of_run_leaves_latest_alone(tmp_path: Path) -> None:
    written(tmp_path)
    aside = tmp_path / "exports" / "asof" / "R2"
    made = export(
        tmp_path, "R2", tables(), people=people(), payees=payees(), townships=TOWNSHIPS, regions=REGIONS, on=ON,
        folder=aside,
    )  # fmt: skip
    assert made == aside
    assert (aside / LIST).exists()
    assert (tmp_path / "exports" / "latest").readlink() == Path(RUN)


def test_accounts_count_on_their_days_both_ends_included() -> None:
    unit = pl.DataFrame({"unit_id": ["J2"], "household_id": ["J2"], "head_person_key": ["P2"]})
    until = payees().with_columns(person_key=pl.lit(None, pl.String))
    assert accounts(unit, until, date(2024, 3, 30))["account"].to_list() == ["33"]
    assert accounts(unit, until, date(2024, 3, 31)).is_empty()
    assert accounts(unit, until, date(2022, 12, 31)).is_empty()
    assert accounts(unit, until, date(2023, 1, 1))["n_accounts"].to_list() == [1]


@pytest.mark.parametrize(("born", "minor"), [("20060331", False), ("20060401", True), ("20231231", True)])
def test_a_child_is_marked_until_the_eighteenth_birthday(tmp_path: Path, born: str, minor: bool) -> None:
    young = people().with_columns(certno=pl.lit(f"330112{born}0011"))
    path = export(
        tmp_path, RUN, tables(), people=young, payees=payees(), townships=TOWNSHIPS, regions=REGIONS, on=ON
    )
    (row,) = records(path / LIST, "给付名单")
    assert ("未成年" in str(row["备注"])) == minor


def test_a_head_without_number_is_judged_by_year_and_shown_masked(tmp_path: Path) -> None:
    newborn = person_year().with_columns(birth_year=pl.lit(2023, pl.Int32))
    path = export(
        tmp_path, RUN, tables() | {"person_year": newborn}, people=people().clear(), payees=payees(),
        townships=TOWNSHIPS, regions=REGIONS, on=ON,
    )  # fmt: skip
    (row,) = records(path / LIST, "给付名单")
    assert (row["户主/本人姓名"], row["身份证号"], row["备注"]) == ("张**", None, "未成年")
