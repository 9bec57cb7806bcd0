"""Workbooks as sheets of text. Cells are taken with their type: a long id that was typed as a number has lost its
last digits and the file is refused, whatever the number looks like."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import python_calamine

from stores.readers import HEAD_ROWS, Refused, Wanted

EXACT = 10**15
"""From here on a spreadsheet number no longer holds all digits of an id."""
_HIDDEN = re.compile(rb"<row\b[^>]*\bhidden=\"(?:1|true)\"")
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

    def __init__(self, name: str, visible: bool, rows: list[list[Any]], hidden_rows: int) -> None:
        self.name: str | None = name
        self.visible = visible
        self._rows = rows
        self.hidden_rows = hidden_rows
        self.head = [[_text(cell) or "" for cell in row] for row in rows[: HEAD_ROWS + 1]]

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
        if wanted.kinds.get(name) in ("id", "cert"):
            for number, cell in enumerate(cells, start=start + 1):
                if isinstance(cell, (int, float)) and not isinstance(cell, bool) and abs(cell) >= EXACT:
                    raise Refused(
                        f"工作表「{self.name}」第 {number} 行「{wanted.headers[position]}」是数字格式,"
                        "长号码的末几位已经丢失。请把该列设为文本格式后从系统重新导出，不要在 Excel 里改格式后直接保存"
                    )
        return [_text(cell) for cell in cells]


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
    try:
        workbook = python_calamine.CalamineWorkbook.from_path(str(path))
        hidden = _hidden_rows(path) if kind == "xlsx" else 0
        for meta in workbook.sheets_metadata:
            if meta.typ != python_calamine.SheetTypeEnum.WorkSheet:
                continue
            sheet = workbook.get_sheet_by_name(meta.name)
            rows = sheet.to_python(skip_empty_area=False)
            visible = meta.visible == python_calamine.SheetVisibleEnum.Visible
            yield ExcelSheet(meta.name, visible, rows, hidden)
            hidden = 0
    except python_calamine.PasswordError as error:
        raise Refused("工作簿有密码，请用 Excel 或 WPS 打开、去掉密码后另存再放入") from error
    except (*_FAILURES, zipfile.BadZipFile, OSError, ValueError) as error:
        if "password" in str(error).lower() or (kind == "ole" and _is_encrypted(path)):
            raise Refused("工作簿有密码，请用 Excel 或 WPS 打开、去掉密码后另存再放入") from error
        raise Refused(
            "工作簿打不开（不完整，或不是 Excel 能认的格式）。请用 Excel 或 WPS 打开后另存为 xlsx 再放入"
        ) from error


def _is_encrypted(path: Path) -> bool:
    with path.open("rb") as stream:
        return "EncryptedPackage".encode("utf-16-le") in stream.read(2**20)


def _hidden_rows(path: Path) -> int:
    """Hidden rows in all worksheets: read like any other, but somebody should know."""
    count = 0
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.startswith("xl/worksheets/") and name.endswith(".xml"):
                with archive.open(name) as stream:
                    tail = b""
                    while chunk := stream.read(2**22):
                        block = tail + chunk
                        cut = block.rfind(b"<row") if b"<row" in block else len(block)
                        count += len(_HIDDEN.findall(block[:cut]))
                        tail = block[cut:][-(2**16) :]
                    count += len(_HIDDEN.findall(tail))
    return count
