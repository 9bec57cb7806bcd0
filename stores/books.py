"""Workbooks of a run written to a closed folder, two at a time."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from reports.workbook import Sheet, write_workbook

AT_ONCE = 2
"""Threads: text is made and packed outside the interpreter, and one large workbook must not make all others wait."""


@dataclass(frozen=True)
class Book:
    """One workbook: its path below the folder of the run, and its sheets."""

    path: str
    sheets: Sequence[Sheet]


def write_books(folder: Path, books: Sequence[Book], on: date) -> dict[str, dict[str, int]]:
    """Write the workbooks, the largest first; the data rows of each sheet by path."""
    for book in books:
        (folder / book.path).parent.mkdir(mode=0o700, exist_ok=True)
    ordered = sorted(books, key=_cells, reverse=True)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        counts = list(threads.map(lambda book: _written(folder, book, on), ordered))
    return {book.path: rows for book, rows in zip(ordered, counts, strict=True)}


def _written(folder: Path, book: Book, on: date) -> dict[str, int]:
    path = folder / book.path
    counts = write_workbook(path, book.sheets, on)
    path.chmod(0o600)
    return counts


def _cells(book: Book) -> int:
    return sum(sheet.rows.height * len(sheet.fields) for sheet in book.sheets)
