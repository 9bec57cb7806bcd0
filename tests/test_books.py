"""Workbooks written two at a time are those that one after the other gives."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from reports.workbook import Field, Sheet
from stores import books


def written(folder: Path) -> tuple[dict[str, dict[str, int]], list[bytes]]:
    sheets = [
        Sheet("名单", f"第{n}份", (Field("姓名", "name"), Field("金额", "amount_fen", "money")),
              pl.DataFrame({"name": ["张**"] * n, "amount_fen": list(range(n))}))
        for n in (3, 40, 7)
    ]  # fmt: skip
    folder.mkdir()
    made = [books.Book(f"{n}/list.xlsx", [sheet]) for n, sheet in enumerate(sheets)]
    counts = books.write_books(folder, made, date(2024, 3, 31))
    return counts, [(folder / book.path).read_bytes() for book in made]


def test_two_at_once_write_what_one_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    two = written(tmp_path / "two")
    monkeypatch.setattr(books, "AT_ONCE", 1)
    assert two == written(tmp_path / "one")
    assert two[0] == {"0/list.xlsx": {"名单": 3}, "1/list.xlsx": {"名单": 40}, "2/list.xlsx": {"名单": 7}}
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "two").rglob("*.xlsx")} == {0o600}
