"""Workbooks as sheets of text. Cells are taken with their type: a long id that was typed as a number has lost its
last digits and the file is refused, whatever the number looks like."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import python_calamine

from stores.readers import HEAD_ROWS, Refused, Wanted
from stores.readers_facts import SheetFacts, workbook_facts

EXACT = 10**15
"""From here on a spreadsheet number no longer holds all digits of an id."""
DAYS = range(18_264, 73_416)
"""Numbers that are days of 1950 to 2100 where a date should stand: no date is written as such a number."""
EPOCHS = {False: datetime(1899, 12, 30), True: datetime(1904, 1, 1)}
_DAY_KINDS = ("date", "datetime", "period", "period_end", "month")
_MONEY = ("amount", "quantity")
_BATCH = 100_000
_FAILURES = (
    python_calamine.CalamineError,
    python_calamine.XmlError,
    python_calamine.ZipError,
    python_calamine.WorksheetNotFound,
)


class ExcelSheet:
    """One worksheet."""

    encoding = "excel"

    def __init__(
        self,
        name: str,
        visible: bool,
        rows: list[list[Any]],
        facts: SheetFacts | None = None,
        since_1904: bool = False,
    ) -> None:
        self.name: str | None = name
        self.visible = visible
        self.facts = facts or SheetFacts()
        self._since_1904 = since_1904
        self._rows = _with_errors(rows, self.facts)
        self._below = _shown_by_merged_cells(self._rows, self.facts)
        self.hidden_rows = self.facts.hidden_rows
        self.hidden_columns = self.facts.columns_hidden_within(
            max(map(len, rows[: HEAD_ROWS + 1]), default=0)
        )
        self.head = [
            [_text(self._below.get((r, c), cell)) or "" for c, cell in enumerate(row)]
            for r, row in enumerate(rows[: HEAD_ROWS + 1])
        ]

    def batches(self, wanted: Wanted) -> Iterator[pl.DataFrame]:
        first = wanted.header_row + 1
        for start in range(first, len(self._rows), _BATCH):
            rows = self._rows[start : start + _BATCH]
            columns = {
                name: pl.Series(name, self._column(rows, start, position, name, wanted), dtype=pl.String)
                for name, position in wanted.columns.items()
            }
            numbers = pl.Series(range(start + 1, start + 1 + len(rows)), dtype=pl.Int64)
            yield pl.DataFrame({"source_row": numbers, **columns}).with_columns(ragged=pl.lit(False))

    def _column(
        self, rows: list[list[Any]], start: int, position: int, name: str, wanted: Wanted
    ) -> list[str | None]:
        cells = [row[position] if position < len(row) else "" for row in rows]
        kind = wanted.kinds.get(name)
        if self._below and kind not in _MONEY:  # an amount that is shown once is one amount
            cells = [self._below.get((start + n, position), cell) for n, cell in enumerate(cells)]
        self._refuse_open_formulas(start, len(rows), position, wanted)
        if kind in ("id", "cert"):
            for number, cell in enumerate(cells, start=start + 1):
                if isinstance(cell, (int, float)) and not isinstance(cell, bool) and abs(cell) >= EXACT:
                    raise Refused(
                        f"工作表「{self.name}」第 {number} 行「{wanted.headers[position]}」是数字格式,"
                        "长号码的末几位已经丢失。请把该列设为文本格式后从系统重新导出，不要在 Excel 里改格式后直接保存"
                    )
        if kind in _DAY_KINDS:
            cells = self._days(cells, wanted.headers[position], wanted)
        return [_text(cell) for cell in cells]

    def _refuse_open_formulas(self, start: int, count: int, position: int, wanted: Wanted) -> None:
        """A formula that was never calculated says nothing; whoever opens and saves the workbook calculates it."""
        for row, column in sorted(self.facts.open_formulas):
            if column == position and start <= row < start + count:
                raise Refused(
                    f"工作表「{self.name}」第 {row + 1} 行「{wanted.headers[position]}」是没有计算结果的公式。"
                    "请用 Excel 或 WPS 打开后保存一次，或把该列粘贴为数值，再放入"
                )

    def _days(self, cells: list[Any], header: str, wanted: Wanted) -> list[Any]:
        """Day numbers that lost their date format, as dates of the workbook's own epoch; told once a column."""
        plain = [isinstance(c, (int, float)) and not isinstance(c, bool) and int(c) in DAYS for c in cells]
        if any(plain):
            year = 1904 if self._since_1904 else 1900
            message = f"「{header}」列是没有日期格式的天数，已按 {year} 日期系统读作日期，请核对"
            wanted.notes[message] = wanted.notes.get(message, 0) + sum(plain)
        epoch = EPOCHS[self._since_1904]
        return [epoch + timedelta(days=c) if p else c for c, p in zip(cells, plain, strict=True)]


def _with_errors(rows: list[list[Any]], facts: SheetFacts) -> list[list[Any]]:
    """Cells whose formula failed hold its error word (#N/A …): unreadable, not empty."""
    for (row, column), word in facts.errors.items():
        if row < len(rows) and column < len(rows[row]):
            rows[row][column] = word
    return rows


def _shown_by_merged_cells(rows: list[list[Any]], facts: SheetFacts) -> dict[tuple[int, int], Any]:
    """What the cells below the first one of a merged range show: its value, in the same column."""
    shown = {}
    for (top, left), (bottom, _) in facts.merged:
        if bottom > top and top < len(rows) and left < len(rows[top]) and rows[top][left] != "":
            for row in range(top + 1, min(bottom + 1, len(rows))):
                if left < len(rows[row]) and rows[row][left] == "":
                    shown[row, left] = rows[top][left]
    return shown


def _text(cell: Any) -> str | None:
    """A cell as text: whole numbers without a decimal point, other numbers in their shortest form, dates as ISO."""
    if isinstance(cell, str):
        return cell or None
    if cell is None:
        return None
    if isinstance(cell, bool):
        return "1" if cell else "0"
    if isinstance(cell, float):
        if cell.is_integer() and abs(cell) < EXACT:
            return str(int(cell))
        return repr(cell)
    if isinstance(cell, datetime):
        return cell.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(cell, (date, time)):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return str(cell)
    return str(cell)


def excel_sheets(path: Path, kind: str) -> Iterator[ExcelSheet]:
    """All worksheets of a workbook, hidden ones too. Refused: password, truncated, not a workbook."""
    facts = workbook_facts(path, kind)
    try:
        if facts.encrypted:
            raise python_calamine.PasswordError
        workbook = python_calamine.CalamineWorkbook.from_path(str(path))
        for meta in workbook.sheets_metadata:
            if meta.typ != python_calamine.SheetTypeEnum.WorkSheet:
                continue
            sheet = workbook.get_sheet_by_name(meta.name)
            about = facts.sheets.get(meta.name, SheetFacts())
            about.merged = about.merged or list(sheet.merged_cell_ranges or [])
            rows = sheet.to_python(skip_empty_area=False)
            visible = meta.visible == python_calamine.SheetVisibleEnum.Visible
            yield ExcelSheet(meta.name, visible, rows, about, facts.since_1904)
    except python_calamine.PasswordError as error:
        raise Refused("工作簿有密码，请用 Excel 或 WPS 打开、去掉密码后另存再放入") from error
    except (*_FAILURES, zipfile.BadZipFile, OSError, ValueError) as error:
        if "password" in str(error).lower():
            raise Refused("工作簿有密码，请用 Excel 或 WPS 打开、去掉密码后另存再放入") from error
        raise Refused(
            "工作簿打不开（不完整，或不是 Excel 能认的格式）。请用 Excel 或 WPS 打开后另存为 xlsx 再放入"
        ) from error
