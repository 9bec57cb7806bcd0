"""Parts of the lake: what is read back is what was written, types and empty values included."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from stores.lake import write_parquet

FRAME = pl.DataFrame(
    {
        "person_key": [2**63 - 1, None, 0],
        "cost_year": pl.Series([2023, None, 2024], dtype=pl.Int32),
        "n_uses": pl.Series([1, None, 2], dtype=pl.UInt32),
        "village": ["甲村", None, ""],
        "labels": [["低保", None], [], None],
        "rate": pl.Series([Decimal("0.700000"), None, Decimal("-1.000000")], dtype=pl.Decimal(9, 6)),
        "value": [0.1, None, -0.0],
        "counted": [True, None, False],
        "valid_from": [date(2023, 1, 1), None, date(1899, 12, 31)],
        "setl_time": [datetime(2023, 5, 4, 12, 30, 0, 1), None, datetime(2023, 5, 4)],
        "nothing": pl.Series([None, None, None], dtype=pl.Null),
    }
)


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_a_part_is_read_back_as_it_was(tmp_path: Path, rows: int) -> None:
    frame = FRAME.head(rows)
    write_parquet(frame, tmp_path / "out" / "part.parquet")
    found = pl.read_parquet(tmp_path / "out" / "part.parquet")
    assert found.schema == frame.schema
    assert found.equals(frame)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["part.parquet"]


def test_categories_are_texts_on_disk(tmp_path: Path) -> None:
    coded = FRAME.drop("nothing").with_columns(pl.col("village").cast(pl.Categorical))
    write_parquet(coded, tmp_path / "part.parquet")
    assert pl.read_parquet(tmp_path / "part.parquet").equals(FRAME.drop("nothing"))


def test_columns_named_as_repeated_change_nothing_in_the_rows(tmp_path: Path) -> None:
    write_parquet(FRAME.drop("nothing"), tmp_path / "part.parquet", repeated=["cost_year"])
    assert pl.read_parquet(tmp_path / "part.parquet").equals(FRAME.drop("nothing"))
