"""Workbooks for offices: text stays text, money has two decimals, pages print on A4 with their heading repeated.

A cell can never be read as a formula: every text is one by the type of its cell, sums are numbers. Equal sheets give
equal bytes: the only date in the file is the run's own. Data rows are made by `reports.sheet_rows`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import polars as pl
import xlsxwriter

from reports.sheet_rows import Cells, day, fill, number, text, yuan

Kind = Literal["text", "long", "money", "count", "date"]
FONT = "宋体"
HEAD_FONT = "黑体"
FORMATS: dict[Kind, dict[str, Any]] = {
    "text": {"num_format": "@"},
    "long": {"num_format": "@", "text_wrap": True},
    "money": {"num_format": "#,##0.00", "align": "right"},
    "count": {"num_format": "0", "align": "right"},
    "date": {"num_format": "yyyy-mm-dd", "align": "center"},
}
CONTENTS = {"text": text, "long": text, "money": yuan, "count": number, "date": day}
OPTIONS = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
}
HEADER_LIMIT = 200
LINE_HEIGHT = 13.5
"""Points that a line of wrapped text takes, in any of the fonts that an office may have."""
ROW_HEIGHTS = (15.0, 405.0)
"""The lowest and the highest row in points; a spreadsheet program allows no row above 409."""


@dataclass(frozen=True)
class Field:
    """A column of a sheet: where it comes from (`source`), how wide it is, what may be filled in."""

    title: str
    source: str
    kind: Kind = "text"
    width: float = 12
    choices: tuple[str, ...] = ()
    strict: bool = True


@dataclass(frozen=True)
class Chart:
    """Columns of the sheet as bars, one bar a row and series; fields by their titles."""

    title: str
    names: str
    series: Sequence[str]


@dataclass(frozen=True)
class Sheet:
    """A sheet: a heading row, one row for each row of `rows`, then a total and closing lines.

    Money in `rows` is whole fen. `totals` maps field titles to what the total row shows under them.
    """

    name: str
    title: str
    fields: Sequence[Field]
    rows: pl.DataFrame
    totals: dict[str, int] = field(default_factory=dict)
    closing: Sequence[str] = ()
    closing_at: int = 0
    """The column in which the closing lines begin; 1 where the first one holds numbers that are read back."""
    chart: Chart | None = None


def write_workbook(path: Path, sheets: Sequence[Sheet], on: date) -> dict[str, int]:
    """Write a workbook; returns the number of data rows of each sheet."""
    skeleton = BytesIO()
    with xlsxwriter.Workbook(skeleton, OPTIONS) as book:
        book.set_properties(
            {"created": datetime.combine(on, time()), "author": "fengding", "title": sheets[0].title}
        )
        styles = _Styles(book)
        for sheet in sheets:
            page = book.add_worksheet(sheet.name)
            _write_sheet(page, sheet, styles, on)
            if sheet.chart is not None and sheet.rows.height:
                _draw(book, page, sheet, sheet.chart)
    bare = {at: sheet for at, sheet in enumerate(sheets, start=1) if sheet.rows.height and not sheet.chart}
    fill(skeleton, path, {at: data_cells(sheet) for at, sheet in bare.items()})
    return {sheet.name: sheet.rows.height for sheet in sheets}


class _Styles:
    """The cell formats of one workbook."""

    def __init__(self, book: xlsxwriter.Workbook) -> None:
        base = {"font_name": FONT, "font_size": 10, "valign": "vcenter"}
        boxed = base | {"border": 1}
        centred = {"align": "center", "text_wrap": True, "bold": True, "bg_color": "#DDEBF7"}
        self.head = book.add_format(boxed | centred | {"font_name": HEAD_FONT})
        self.cells = {kind: book.add_format(boxed | options) for kind, options in FORMATS.items()}
        self.totals = {
            kind: book.add_format(boxed | options | {"bold": True}) for kind, options in FORMATS.items()
        }
        self.closing = book.add_format(base)


def _write_sheet(sheet: Any, content: Sheet, styles: _Styles, on: date) -> None:
    _set_up_page(sheet, content, on)
    for at, column in enumerate(content.fields):
        sheet.set_column(at, at, _width(column, content))
        sheet.write_string(0, at, column.title, styles.head)
    sheet.set_row(0, 30)
    _write_cells(sheet, content, styles)
    for at, column in enumerate(content.fields):
        _restrict(sheet, at, column, content.rows.height)
    _write_end(sheet, content, styles)


def _write_cells(sheet: Any, content: Sheet, styles: _Styles) -> None:
    """The data rows of a sheet with a chart, which keeps a copy of them; of another the last, empty, for its styles."""
    height = content.rows.height
    shown = height if content.chart else min(height, 1)
    if content.chart:
        for row, points in enumerate(row_heights(content), start=1):
            sheet.set_row(row, points)
    for at, column in enumerate(content.fields):
        known = content.chart is not None and column.source in content.rows.columns
        values = content.rows[column.source].to_list() if known else [None] * shown
        for row, value in enumerate(values, start=height - shown + 1):
            _write_cell(sheet, row, at, column.kind, value, styles.cells[column.kind])


def data_cells(content: Sheet) -> Cells:
    """The cells of the data rows; empty where there is no such column."""
    there, nothing = content.rows.columns, pl.repeat(None, pl.len(), dtype=pl.String)
    made = [CONTENTS[f.kind](f.source) if f.source in there else nothing for f in content.fields]
    texts = [
        str(at) for at, f in enumerate(content.fields) if f.kind in ("text", "long") and f.source in there
    ]
    return Cells(
        content.rows.select(column.alias(str(at)) for at, column in enumerate(made)),
        texts,
        row_heights(content),
    )


def row_heights(content: Sheet) -> list[float]:
    """The height of each data row in points: room for its longest wrapped text.

    Not every office program works it out on opening, and where none is given the lines lie upon one another. A wide
    character counts as two; a line holds a little less than its column, for a number or a mark does not break.
    """
    lines = [
        (_halves(pl.col(c.source).cast(pl.String)) / (c.width - 1)).ceil()
        for c in content.fields
        if c.kind == "long" and c.source in content.rows.columns
    ]
    if not lines:
        return []
    height = pl.max_horizontal(*lines, 1).fill_null(1) * LINE_HEIGHT + 3
    return content.rows.select(height.clip(*ROW_HEIGHTS).alias("height"))["height"].to_list()


def _halves(text: pl.Expr) -> pl.Expr:
    """How many narrow characters a text takes the room of: a Chinese one has three bytes, and counts as two."""
    return (text.str.len_chars() + text.str.len_bytes()) / 2


def _width(column: Field, content: Sheet) -> float:
    """The width of a column: at least what its largest amount takes, for one that does not fit shows as marks."""
    if column.kind != "money" or column.source not in content.rows.columns:
        return column.width
    found = content.rows.select(low=pl.col(column.source).min(), high=pl.col(column.source).max()).row(0)
    amounts = [fen for fen in (*found, content.totals.get(column.title)) if fen is not None]
    return max([column.width, *(1.1 * len(f"{fen / 100:,.2f}") + 1 for fen in amounts)])


def _set_up_page(sheet: Any, content: Sheet, on: date) -> None:
    """A4 landscape, one page wide, heading row frozen and repeated; title, page number and day in the margins."""
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.set_margins(left=0.3, right=0.3, top=0.8, bottom=0.6)
    sheet.center_horizontally()
    sheet.repeat_rows(0)
    sheet.freeze_panes(1, 0)
    title = content.title[:HEADER_LIMIT].replace("&", "&&")
    sheet.set_header(f'&C&14&"{HEAD_FONT},Regular"{title}')  # a size before a digit takes it in
    sheet.set_footer(f"&L单位：元&C第 &P 页，共 &N 页&R{on}")
    if content.rows.height:
        sheet.autofilter(0, 0, content.rows.height, len(content.fields) - 1)


def _write_cell(sheet: Any, row: int, at: int, kind: Kind, value: Any, style: Any) -> None:
    """One value by its kind; money from whole fen, the nearest number to it."""
    if value is None or value == "":
        sheet.write_blank(row, at, None, style)
    elif kind == "money":
        sheet.write_number(row, at, value / 100, style)
    elif kind == "count":
        sheet.write_number(row, at, value, style)
    elif kind == "date":
        sheet.write_datetime(row, at, datetime.combine(value, time()), style)
    else:
        sheet.write_string(row, at, str(value), style)


def _restrict(sheet: Any, at: int, column: Field, height: int) -> None:
    """A drop-down where the column has choices; `strict` refuses anything else."""
    if column.choices and height:
        stop = "stop" if column.strict else "information"
        rule = {"validate": "list", "source": list(column.choices), "error_type": stop}
        sheet.data_validation(
            1, at, height, at, rule | {"error_title": column.title, "error_message": "请从列表中选择"}
        )


def _write_end(sheet: Any, content: Sheet, styles: _Styles) -> None:
    """The total row and the closing lines below the data."""
    row = content.rows.height + 1
    if content.totals:
        for at, column in enumerate(content.fields):
            value = "合计" if at == 0 else content.totals.get(column.title)
            kind: Kind = column.kind if at else "text"
            _write_cell(sheet, row, at, kind, value, styles.totals[kind])
        row += 1
    for line in content.closing:
        if line:
            sheet.write_string(row, content.closing_at, line, styles.closing)
        row += 1


def _draw(book: xlsxwriter.Workbook, page: Any, content: Sheet, chart: Chart) -> None:
    """A bar chart of the rows, right of the table; the office program draws it from the cells."""
    at = {column.title: place for place, column in enumerate(content.fields)}
    last = content.rows.height
    drawn = book.add_chart({"type": "bar"})
    for title in chart.series:
        drawn.add_series(
            {
                "name": [content.name, 0, at[title]],
                "categories": [content.name, 1, at[chart.names], last, at[chart.names]],
                "values": [content.name, 1, at[title], last, at[title]],
            }
        )
    drawn.set_title({"name": chart.title, "name_font": {"size": 12}})
    drawn.set_y_axis({"reverse": True})
    drawn.set_legend({"position": "bottom"})
    drawn.set_size({"width": 720, "height": 140 + 26 * last * len(chart.series)})
    page.insert_chart(1, len(content.fields) + 1, drawn)
