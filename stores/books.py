"""Workbooks of a run written to a closed folder: large ones two at a time."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from datetime import date
from multiprocessing import get_context
from pathlib import Path

from reports.workbook import Sheet, write_workbook

MANY_CELLS = 100_000
"""Half a second of writing: from there on a second process is worth its start."""


@dataclass(frozen=True)
class Book:
    """One workbook: its path below the folder of the run, and its sheets."""

    path: str
    sheets: Sequence[Sheet]


def write_books(folder: Path, books: Sequence[Book], on: date) -> dict[str, dict[str, int]]:
    """Write the workbooks, the larger half of many cells in a process beside; the data rows of each sheet by path."""
    for book in books:
        (folder / book.path).parent.mkdir(mode=0o700, exist_ok=True)
    ordered = sorted(books, key=_cells, reverse=True)
    here, there = ordered[1::2], ordered[::2]
    if sum(map(_cells, ordered)) < MANY_CELLS:
        return _written(folder, ordered, on)
    try:
        with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as beside:
            half = beside.submit(_written, folder, there, on)
            return _written(folder, here, on) | half.result()
    except (BrokenProcessPool, OSError):  # no process to be had: slower, and the same
        return _written(folder, ordered, on)


def _written(folder: Path, books: Sequence[Book], on: date) -> dict[str, dict[str, int]]:
    counts = {}
    for book in books:
        path = folder / book.path
        counts[book.path] = write_workbook(path, book.sheets, on)
        path.chmod(0o600)
    return counts


def _cells(book: Book) -> int:
    return sum(sheet.rows.height * len(sheet.fields) for sheet in book.sheets)
