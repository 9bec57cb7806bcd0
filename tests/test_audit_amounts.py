"""Amounts: the shortest decimal text of a number decides how many decimals it has (semantics §3)."""

from __future__ import annotations

import polars as pl
import pytest

from transforms.normalise_amounts import fen


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.1", 10),
        ("0.29", 29),  # 0.29 × 100 is 28.999… in binary
        ("1.15", 115),
        ("100.100", 10_010),
        ("999999999.99", 99_999_999_999),
        ("-0.00", 0),
        ("33.1", 3_310),
        # 0.1 + 0.2 and 1.1 × 3 as a spreadsheet holds them: 17 decimals, so they are no amounts in yuan and fen
        ("0.30000000000000004", None),
        ("3.3000000000000003", None),
        ("123456.78000000001", None),
        ("1.005", None),
        ("1000000000.00", None),
        ("nan", None),
        ("inf", None),
    ],
)
def test_two_decimals_exactly(text: str, expected: int | None) -> None:
    for filler in ([], ["0.00"] * 30_000):  # the fast way looks at large columns in another manner
        frame, bad = fen(pl.DataFrame({"a": [text, *filler]}), ["a"])
        assert frame["a"][0] == expected
        assert bool("a" in bad and bad["a"][0]) == (expected is None)
