"""Data rows made column by column are the cells that a cell by cell writer gives, whatever stands in them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import openpyxl
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from reports import sheet_rows
from reports.workbook import Chart, Field, Sheet, write_workbook

ON = date(2024, 3, 31)
FIELDS = (
    Field("姓名", "name", choices=("张三", "李四"), strict=False),
    Field("说明", "note", "long"),
    Field("金额", "fen", "money"),
    Field("件数", "n", "count"),
    Field("日期", "day", "date"),
    Field("填写", ""),
)
SCHEMA = {"name": pl.String, "note": pl.String, "fen": pl.Int64, "n": pl.Int64, "day": pl.Date}
DRAWN = Chart("图", "姓名", ("金额",))
"""A sheet with a chart is written cell by cell."""
texts = st.one_of(
    st.none(),
    st.text(max_size=8),
    st.sampled_from(
        ["=1+1", "a&b <c>", " 前", "后\n", "\t", "_x0041_", "_x000D_ &", "\r\n", "\x00\x1f", "\uffff", "<r>x</r", "330112198001010018", "'", '"']
    ),
)  # fmt: skip
rows = st.lists(
    st.tuples(
        texts,
        texts,
        st.none() | st.integers(-(10**15), 10**15),
        st.none() | st.integers(-(2**53), 2**53),
        st.none() | st.dates(min_value=date(1900, 1, 1)),
    ),
    min_size=1,
    max_size=6,
)


def sheet(content: list[tuple[Any, ...]]) -> Sheet:
    frame = pl.DataFrame(content, schema=SCHEMA, orient="row")
    return Sheet("名单", "名单", FIELDS, frame, totals={"金额": 1}, closing=("", "制表："))


def cells(path: Path) -> list[tuple[Any, ...]]:
    page = openpyxl.load_workbook(path)["名单"]
    assert page.freeze_panes == "A2" and page.data_validations.dataValidation
    return [
        (c.coordinate, c.value, c.number_format, c.alignment.wrap_text, c.border.left.style, c.font.b)
        for row in page.iter_rows()
        for c in row
    ]


def calamine(path: Path) -> list[list[Any]]:
    return CalamineWorkbook.from_path(path).get_sheet_by_name("名单").to_python()


@settings(max_examples=60, deadline=None)
@given(rows)
def test_columns_give_what_single_cells_give(content: list[tuple[Any, ...]]) -> None:
    with TemporaryDirectory() as folder:
        whole, single = Path(folder, "whole.xlsx"), Path(folder, "single.xlsx")
        write_workbook(whole, [sheet(content)], ON)
        write_workbook(single, [replace(sheet(content), chart=DRAWN)], ON)
        assert cells(whole) == cells(single)
        assert calamine(whole) == calamine(single)


def test_values_come_back_as_they_went(tmp_path: Path) -> None:
    path = tmp_path / "list.xlsx"
    given_rows = [
        ("330112198001010018", "=1+1", -150, 7, date(1900, 2, 28)),
        ("a&b <c>", " 前 ", 100_000, 0, date(1900, 3, 1)),
        (None, "", None, None, None),
        ("<r><t>x</t></r>", None, 1, 1, None),
        ("李四", "长" * 40_000, 10**15 + 1, -3, date(9999, 12, 31)),
    ]
    write_workbook(path, [sheet(given_rows)], ON)
    page = openpyxl.load_workbook(path)["名单"]
    read = [[cell.value for cell in row] for row in page.iter_rows(min_row=2, max_row=6)]
    assert read[0][:4] == ["330112198001010018", "=1+1", -1.5, 7]
    assert read[1][:4] == ["a&b <c>", " 前 ", 1000, 0]
    assert read[1][4].date() == date(1900, 3, 1)
    assert read[2] == [None] * 6
    assert read[3][0] == "<r><t>x</t></r>"
    assert read[4][1] == "长" * sheet_rows.LONGEST
    assert read[4][2:4] == [10_000_000_000_000.01, -3]
    assert read[4][4].date() == date(9999, 12, 31)
    assert all(cell.data_type != "f" for row in page.iter_rows() for cell in row)
    assert [page.cell(7, 1).value, page.cell(7, 3).value, page.cell(9, 1).value] == ["合计", 0.01, "制表："]


def test_rows_keep_their_numbers_over_slices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = [(f"第{n}人", None, n, n, None) for n in range(7)]
    write_workbook(tmp_path / "whole.xlsx", [sheet(content)], ON)
    monkeypatch.setattr(sheet_rows, "SLICE", 3)
    write_workbook(tmp_path / "sliced.xlsx", [sheet(content)], ON)
    assert (tmp_path / "whole.xlsx").read_bytes() == (tmp_path / "sliced.xlsx").read_bytes()
    page = openpyxl.load_workbook(tmp_path / "sliced.xlsx")["名单"]
    assert [page.cell(n + 2, 1).value for n in range(7)] == [row[0] for row in content]


def test_a_sheet_that_is_one_of_several_gets_its_own_rows(tmp_path: Path) -> None:
    sheets = [replace(sheet([(name, None, 1, 1, None)]), name=name) for name in ("甲", "乙", "丙")]
    sheets[1] = replace(sheets[1], rows=sheets[1].rows.clear())
    assert write_workbook(tmp_path / "three.xlsx", sheets, ON) == {"甲": 1, "乙": 0, "丙": 1}
    book = openpyxl.load_workbook(tmp_path / "three.xlsx")
    assert [page.cell(2, 1).value for page in book.worksheets] == ["甲", "合计", "丙"]


def test_a_sheet_without_texts_and_rows_with_heights(tmp_path: Path) -> None:
    fields = (Field("件数", "n", "count"), Field("金额", "fen", "money"))
    write_workbook(
        tmp_path / "n.xlsx", [Sheet("数", "数", fields, pl.DataFrame({"n": [3], "fen": [-5]}))], ON
    )
    page = openpyxl.load_workbook(tmp_path / "n.xlsx")["数"]
    assert list(page.values) == [("件数", "金额"), (3, -0.05)]
    contents = pl.DataFrame({"0": ["7", None]})
    (xml,) = sheet_rows.rows_xml(sheet_rows.Cells(contents, ["0"], [27.0, 40.5]), ["4"])
    assert xml == (
        b'<row r="2" ht="27" customHeight="1"><c r="A2" s="4" t="s"><v>7</v></c></row>'
        b'<row r="3" ht="40.5" customHeight="1"><c r="A3" s="4"/></row>'
    )
