"""Rosters as departments really send them: each quirk is read as it is meant, or refused with what to do about it."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import msoffcrypto
import openpyxl
import polars as pl
import pytest
import xlsxwriter
import xlwt
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import PatternFill

from stores import lake
from stores.home import Home
from stores.ingest import FileSummary, ingest
from tests.ingest_samples import CERT_15, CERT_X, write_csv

HEADER = ["区划代码", "家庭编号", "姓名", "身份证号", "救助身份", "生效日期", "失效日期", "乡镇街道", "认定部门", "名单类型", "名单月份"]  # fmt: skip
ZHANG = ["330112", "H1", "张三丰", CERT_X, "低保对象", "2023-01-01", "", "高虹镇", "民政", "在册", "202305"]
OTHERS = ["330112198001010018", "330112197502030022"]  # check digits are not what is tested here
LI = [
    "330112",
    "H2",
    "李四",
    OTHERS[0],
    "特困人员",
    "2022-07-01",
    "2023-12-31",
    "於潜镇",
    "民政",
    "在册",
    "202305",
]
WANG = ["330112", "H1", "王五", OTHERS[1], "低边家庭", "2023-02-01", "", "高虹镇", "民政", "在册", "202305"]
RECEIVED = date(2023, 5, 6)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("FENGDING_SECRET", "for tests only")
    return Home(tmp_path / "home").ensure()


def book(path: Path, rows: Sequence[Sequence[Any]], **sheets: Sequence[Sequence[Any]]) -> Path:
    """A workbook of XlsxWriter with its rows on sheet 名册, and more sheets by name."""
    made = xlsxwriter.Workbook(str(path))
    for name, content in {"名册": rows, **sheets}.items():
        sheet = made.add_worksheet(name)
        for r, row in enumerate(content):
            sheet.write_row(r, 0, row)
    made.close()
    return path


def read(home: Home, path: Path) -> tuple[FileSummary, pl.DataFrame]:
    """What became of one file, and the roster rows that it gave, with names of towns and days to look at."""
    (summary,) = ingest(home, [path], received=RECEIVED).files
    rows = lake.scan(home, "roster", lake.files_in_force(home)).collect().sort("sheet", "source_row")
    return summary, rows


def accepted(home: Home, path: Path, people: int = 2) -> pl.DataFrame:
    summary, rows = read(home, path)
    assert (summary.status, summary.n_rejected, rows.height) == ("read", 0, people), summary.message
    return rows


def refusal(home: Home, path: Path) -> str:
    """Why a file was refused; it stays where it is and gives nothing."""
    summary, rows = read(home, path)
    assert summary.status == "refused" and rows.is_empty() and path.exists()
    assert summary.message and "请" in summary.message, "a refusal says what to do"
    return summary.message


def keys(home: Home, tmp_path: Path) -> pl.Series:
    """The keys of 张三丰 and 李四 as a plain CSV gives them, in another home with the same secret."""
    other = Home(tmp_path / "other").ensure()
    plain = write_csv(tmp_path / "plain.csv", [dict(zip(HEADER, row, strict=True)) for row in (ZHANG, LI)])
    return accepted(other, plain)["id_key"]


def found(summary: FileSummary, rule: str) -> dict[str, int]:
    return {f["message_zh"]: f["count"] for f in summary.findings if f["rule"] == rule}


# --- layout of the sheet -----------------------------------------------------------------------------------------


def test_title_rows_merged_headers_and_notes_below(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "w.xlsx"
    made = xlsxwriter.Workbook(str(path))
    sheet = made.add_worksheet("名册")
    sheet.merge_range(0, 0, 0, 10, "临安区救助对象名册（2023年5月）")
    sheet.merge_range(1, 0, 1, 10, "填报单位：区民政局    单位：人")
    for c, name in enumerate(HEADER[:7]):
        sheet.merge_range(2, c, 3, c, name)
    sheet.merge_range(2, 7, 2, 10, "其他")
    sheet.write_row(3, 7, HEADER[7:])
    for r, row in enumerate((ZHANG, LI), start=4):
        sheet.write_row(r, 0, row)
    sheet.write_row(7, 0, ["合计", "2人"])
    sheet.write_row(9, 0, ["注：本表一式两份。", "", "经办人：赵六"])
    made.close()
    rows = accepted(home, path)
    assert rows["source_row"].to_list() == [5, 6]
    assert rows["valid_to"].to_list() == [None, date(2023, 12, 31)]


@pytest.mark.parametrize("make", ["xlsx", "xls", "ods"])
def test_merged_cells_hold_for_every_row_that_they_span(home: Home, tmp_path: Path, make: str) -> None:
    """One 家庭编号 over the rows of a family: each of its members is of that household."""
    rows = [HEADER, ZHANG, WANG, LI]
    path = tmp_path / f"w.{make}"
    if make == "xlsx":
        made = xlsxwriter.Workbook(str(path))
        sheet = made.add_worksheet("名册")
        for r, row in enumerate(rows):
            sheet.write_row(r, 0, row)
        sheet.merge_range(1, 1, 2, 1, "H1")
        made.close()
    elif make == "xls":
        old = xlwt.Workbook()
        page = old.add_sheet("名册")
        for r, row in enumerate(rows):
            for c, cell in enumerate(row):
                if (r, c) not in ((1, 1), (2, 1)):
                    page.write(r, c, cell)
        page.write_merge(1, 2, 1, 1, "H1")
        old.save(str(path))
    else:
        opendocument(path, rows, merged=(1, 1))
    got = accepted(home, path, 3)
    assert got["household_id"].to_list() == ["H1", "H1", "H2"]


def test_several_sheets_are_all_read_and_explanations_are_named(home: Home, tmp_path: Path) -> None:
    path = book(tmp_path / "w.xlsx", [HEADER, ZHANG], 特困=[HEADER, LI], 说明=[["由民政局每月填写"]])
    summary, rows = read(home, path)
    assert rows["sheet"].to_list() == ["名册", "特困"]
    assert found(summary, "sheet") == {"工作表「说明」不是数据表，没有读": 1}


def test_a_sheet_that_goes_on_without_a_header_is_not_left_out_in_silence(home: Home, tmp_path: Path) -> None:
    path = book(tmp_path / "w.xlsx", [HEADER, ZHANG], 续表=[LI, WANG, LI])
    assert "续表" in refusal(home, path) and "表头" in refusal(home, path)


def test_header_synonyms_with_marks_and_invisible_characters(home: Home, tmp_path: Path) -> None:
    names = ["所属区划代码", "户编号", "人员\n姓名", "*公民身份号码", "人员类别", "起始日期", "终止日期", "镇（街）", "认定单位", "名册类型", "名册月份"]  # fmt: skip
    rows = accepted(home, book(tmp_path / "w.xlsx", [[f"\u200b{n} " for n in names], ZHANG, LI]))
    assert rows["household_id"].to_list() == ["H1", "H2"]


# --- hidden things are read, and told -----------------------------------------------------------------------------


def test_hidden_rows_columns_and_sheets_of_a_new_workbook(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "w.xlsx"
    made = xlsxwriter.Workbook(str(path))
    for name in ("一", "二"):
        sheet = made.add_worksheet(name)
        for r, row in enumerate((HEADER, ZHANG if name == "一" else LI)):
            sheet.write_row(r, 0, row)
    made.get_worksheet_by_name("一").set_row(1, None, None, {"hidden": True})
    made.get_worksheet_by_name("一").set_column(6, 7, None, None, {"hidden": True})
    made.get_worksheet_by_name("一").set_column(11, 16383, None, None, {"hidden": True})  # beyond the table
    made.get_worksheet_by_name("二").hide()
    made.close()
    summary, rows = read(home, path)
    assert rows.height == 2 and summary.needs_a_person
    assert found(summary, "hidden") == {
        "工作表「一」有隐藏的行，已照常读入": 1,
        "工作表「一」有隐藏的列，已照常读入": 2,
        "工作表「二」是隐藏的，已照常读入": 1,
    }


@pytest.mark.parametrize("ending", ["xls", "et"])
def test_hidden_rows_columns_and_sheets_of_an_old_workbook(home: Home, tmp_path: Path, ending: str) -> None:
    """WPS writes its .et in the format of xls."""
    old = xlwt.Workbook()
    for name, person in (("一", ZHANG), ("二", LI)):
        sheet = old.add_sheet(name)
        for r, row in enumerate((HEADER, person)):
            for c, cell in enumerate(row):
                sheet.write(r, c, cell)
    old.get_sheet(0).row(1).hidden = True
    old.get_sheet(0).col(7).hidden = True
    old.get_sheet(1).visibility = 1
    path = tmp_path / f"w.{ending}"
    old.save(str(path))
    summary, rows = read(home, path)
    assert rows.height == 2
    assert set(found(summary, "hidden")) == {
        "工作表「一」有隐藏的行，已照常读入",
        "工作表「一」有隐藏的列，已照常读入",
        "工作表「二」是隐藏的，已照常读入",
    }


SPACES = " ".join(
    f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for short, name in (("office", "office"), ("table", "table"), ("text", "text"))
)


def opendocument(path: Path, rows: Sequence[Sequence[Any]], merged: tuple[int, int] | None = None) -> None:
    """An OpenDocument sheet; its last row is hidden where nothing is merged, as is the column 失效日期."""

    def field(r: int, c: int, cell: Any) -> str:
        if merged and (r, c) == (merged[0] + 1, merged[1]):
            return "<table:covered-table-cell/>"
        more = ' table:number-rows-spanned="2" table:number-columns-spanned="1"' if (r, c) == merged else ""
        if isinstance(cell, date):
            return f'<table:table-cell office:value-type="date" office:date-value="{cell}"{more}/>'
        return (
            f'<table:table-cell office:value-type="string"{more}><text:p>{cell}</text:p></table:table-cell>'
        )

    collapse = "" if merged else ' table:visibility="collapse"'
    columns = '<table:table-column table:number-columns-repeated="{}"{}/>'
    lines = [
        f"<table:table-row{collapse if r == len(rows) - 1 else ''}>{''.join(field(r, c, x) for c, x in enumerate(row))}</table:table-row>"
        for r, row in enumerate(rows)
    ]
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {SPACES} office:version="1.2"><office:body>'
        f'<office:spreadsheet><table:table table:name="名册">{columns.format(6, "")}{columns.format(1, collapse)}'
        f"{columns.format(4, '')}{''.join(lines)}</table:table></office:spreadsheet></office:body></office:document-content>"
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    entry = '<manifest:file-entry manifest:full-path="{}" manifest:media-type="{}"/>'
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", kind, zipfile.ZIP_STORED)
        archive.writestr("content.xml", content)
        archive.writestr(
            "META-INF/manifest.xml",
            '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
            f"{entry.format('/', kind)}{entry.format('content.xml', 'text/xml')}</manifest:manifest>",
        )


def test_an_opendocument_sheet_with_hidden_rows_and_columns(home: Home, tmp_path: Path) -> None:
    opendocument(tmp_path / "w.ods", [HEADER, [*ZHANG[:5], date(2023, 1, 1), *ZHANG[6:]], LI])
    summary, rows = read(home, tmp_path / "w.ods")
    assert rows["valid_from"].to_list() == [date(2023, 1, 1), date(2022, 7, 1)]
    assert found(summary, "hidden") == {
        "工作表「名册」有隐藏的行，已照常读入": 1,
        "工作表「名册」有隐藏的列，已照常读入": 1,
    }


# --- ids ---------------------------------------------------------------------------------------------------------


FULL = str.maketrans("0123456789X", "０１２３４５６７８９Ｘ")


@pytest.mark.parametrize(
    "written",
    [
        f"'{CERT_X}", f"‘{CERT_X}", f"\t{CERT_X}\t", f"  {CERT_X} ", CERT_X.lower(), CERT_X.translate(FULL), f"{CERT_X}\u200b",
        f"{CERT_X[:6]} {CERT_X[6:14]} {CERT_X[14:]}", f"{CERT_X}\n", f"{CERT_X}\u3000", CERT_15, f'"{CERT_X}"',
    ],
)  # fmt: skip
def test_a_number_is_the_same_person_however_it_is_written(home: Home, tmp_path: Path, written: str) -> None:
    rows = accepted(home, book(tmp_path / "w.xlsx", [HEADER, [*ZHANG[:3], written, *ZHANG[4:]], LI]))
    assert rows["id_key"].to_list() == keys(home, tmp_path).to_list()


@pytest.mark.parametrize("ending", ["xlsx", "xls"])
def test_a_number_typed_as_a_number_is_refused(home: Home, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"w.{ending}"
    row = [*LI[:3], float(OTHERS[0]), *LI[4:]]
    if ending == "xlsx":
        book(path, [HEADER, ZHANG, row])
    else:
        old_workbook(path, [HEADER, ZHANG, row])
    message = refusal(home, path)
    assert "第 3 行「身份证号」" in message and "文本格式" in message
    assert OTHERS[0][:14] not in message


def old_workbook(
    path: Path, rows: Sequence[Sequence[Any]], since_1904: bool = False, style: Any = None
) -> None:
    made = xlwt.Workbook()
    made.dates_1904 = since_1904
    sheet = made.add_sheet("名册")
    for r, row in enumerate(rows):
        for c, cell in enumerate(row):
            if isinstance(cell, date) and style is not None:
                sheet.write(r, c, cell, style)
            else:
                sheet.write(r, c, cell)
    made.save(str(path))


@pytest.mark.parametrize("separator", ["、", "，", ",", "；", ";", "|", "/", " ", "\n", " 、 "])
def test_several_identities_in_one_cell(home: Home, tmp_path: Path, separator: str) -> None:
    cell = separator.join(["特困人员-7131", "重度残疾人员", "稳定脱贫人口"])
    rows = accepted(home, book(tmp_path / "w.xlsx", [HEADER, [*ZHANG[:4], cell, *ZHANG[5:]], LI]))
    assert rows["labels"].to_list()[0] == ["特困人员", "重度残疾人员", "稳定脱贫人口"]


# --- dates and formulas ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("since_1904", [False, True])
@pytest.mark.parametrize("ending", ["xlsx", "xls"])
@pytest.mark.parametrize("shown", ["as a date", "as a number"])
def test_dates_in_both_epochs(home: Home, tmp_path: Path, ending: str, since_1904: bool, shown: str) -> None:
    """2023-01-01 is day 44927 of the 1900 system and day 43465 of the 1904 system, with and without a date format."""
    path, day = tmp_path / f"w.{ending}", date(2023, 1, 1)
    cell: Any = day if shown == "as a date" else (43_465 if since_1904 else 44_927)
    if ending == "xlsx":
        made = xlsxwriter.Workbook(str(path), {"date_1904": since_1904, "default_date_format": "yyyy/m/d"})
        sheet = made.add_worksheet("名册")
        sheet.write_row(0, 0, HEADER)
        sheet.write_row(1, 0, [*ZHANG[:5], "", *ZHANG[6:]])
        if isinstance(cell, date):
            sheet.write_datetime(1, 5, datetime(2023, 1, 1))
        else:
            sheet.write_number(1, 5, cell)
        sheet.write_row(2, 0, LI)
        made.close()
    else:
        style = xlwt.easyxf(num_format_str="yyyy-mm-dd")
        old_workbook(path, [HEADER, [*ZHANG[:5], cell, *ZHANG[6:]], LI], since_1904, style)
    summary, rows = read(home, path)
    assert rows["valid_from"].to_list() == [day, date(2022, 7, 1)]
    told = f"没有日期格式的天数，已按 {1904 if since_1904 else 1900} 日期系统读作日期"
    assert any(told in message for message in found(summary, "day_numbers")) == (shown == "as a number")


def test_formulas_are_read_by_their_results(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "w.xlsx"
    made = xlsxwriter.Workbook(str(path))
    sheet = made.add_worksheet("名册")
    for r, row in enumerate((HEADER, ZHANG, LI)):
        sheet.write_row(r, 0, row)
    sheet.write_formula(2, 4, '="特困"&"人员"', None, "特困人员")
    sheet.write_formula(2, 6, "=DATE(2023,12,31)", made.add_format({"num_format": "yyyy-mm-dd"}), 45_291)
    made.close()
    rows = accepted(home, path)
    assert rows["labels"].to_list()[1] == ["特困人员"] and rows["valid_to"].to_list()[1] == date(2023, 12, 31)


def test_a_formula_without_a_result_is_refused_and_a_failed_one_is_not_empty(
    home: Home, tmp_path: Path
) -> None:
    """An empty 失效日期 means for ever: a formula that nobody has calculated must not become one."""
    made = openpyxl.Workbook()
    for row in (HEADER, ZHANG, [*LI[:6], "=F3+365", *LI[7:]]):
        made.active.append(row)  # type: ignore[union-attr]  # a new workbook has an active sheet
    made.save(tmp_path / "open.xlsx")
    message = refusal(home, tmp_path / "open.xlsx")
    assert "第 3 行「失效日期」" in message and "保存一次" in message
    path = tmp_path / "failed.xlsx"
    failed = xlsxwriter.Workbook(str(path))
    sheet = failed.add_worksheet("名册")
    for r, row in enumerate((HEADER, ZHANG, LI)):
        sheet.write_row(r, 0, row)
    sheet.write_formula(2, 6, "=VLOOKUP(1,A1:B2,2)", None, "#N/A")
    failed.close()
    summary, rows = read(home, path)
    assert (rows.height, summary.rejected) == (1, {"date": 1})


# --- size, and files that are not what they say --------------------------------------------------------------------


def test_a_hundred_thousand_empty_formatted_rows(home: Home, tmp_path: Path) -> None:
    made = openpyxl.Workbook(write_only=True)
    sheet = made.create_sheet("名册")
    for row in (HEADER, ZHANG, LI):
        sheet.append(row)
    blank = WriteOnlyCell(sheet, value=None)
    blank.fill = PatternFill("solid", fgColor="FFFF00")
    for _ in range(100_000):
        sheet.append([blank, blank])
    made.save(tmp_path / "w.xlsx")
    accepted(home, tmp_path / "w.xlsx")


def test_a_workbook_with_a_password_is_refused(home: Home, tmp_path: Path) -> None:
    plain = book(tmp_path / "plain.xlsx", [HEADER, ZHANG])
    locked = tmp_path / "w.xlsx"
    with plain.open("rb") as stream, locked.open("wb") as out:
        msoffcrypto.OfficeFile(stream).encrypt("secret", out)
    assert "密码" in refusal(home, locked)


def test_an_old_workbook_with_a_password_is_refused(home: Home, tmp_path: Path) -> None:
    """Its stream begins with a FILEPASS record behind BOF; all that follows would be ciphertext."""
    old = xlwt.Workbook()
    old.add_sheet("名册").write(0, 0, "姓名")
    stream = old.get_biff_data()
    size = 4 + struct.unpack_from("<H", stream, 2)[0]
    locked = stream[:size] + struct.pack("<HHHHH", 0x2F, 6, 0, 0x1234, 0x5678) + bytes(len(stream) - size)
    out = io.BytesIO()
    xlwt.CompoundDoc.XlsDoc().save(out, locked)
    (tmp_path / "w.xls").write_bytes(out.getvalue())
    assert "密码" in refusal(home, tmp_path / "w.xls")


@pytest.mark.parametrize("share", [0.3, 0.9])
@pytest.mark.parametrize("ending", ["xlsx", "xls", "ods"])
def test_a_truncated_workbook_is_refused(home: Home, tmp_path: Path, ending: str, share: float) -> None:
    path = tmp_path / f"whole.{ending}"
    rows = [HEADER, *[[*ZHANG[:2], f"张{n}", *ZHANG[3:]] for n in range(300)]]
    if ending == "xlsx":
        book(path, rows)
    elif ending == "xls":
        old_workbook(path, rows)
    else:
        opendocument(path, rows)
    whole = path.read_bytes()
    (tmp_path / f"w.{ending}").write_bytes(whole[: int(len(whole) * share)])
    assert any(word in refusal(home, tmp_path / f"w.{ending}") for word in ("打不开", "不完整"))


def test_a_csv_named_xlsx_is_read(home: Home, tmp_path: Path) -> None:
    path = write_csv(
        tmp_path / "w.xlsx", [dict(zip(HEADER, row, strict=True)) for row in (ZHANG, LI)], "gb18030"
    )
    accepted(home, path)
