"""From result frames to mart rows: their order, their keys, money that stays as it lies in memory."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.mart import TABLES
from stores.mart_rows import LOOKED_AT, WarehouseError, arrow_rows, columns_sql, in_order, repeated

REVIEW = TABLES["review_case"]
"""Key: benefit_id, reading_key, reading."""
LARGEST = 10**18 - 1
keys = st.none() | st.sampled_from(["", "A-L04", "A-P01", "甲"])
rows = st.lists(st.tuples(st.none() | st.integers(0, 2**63 - 1), keys, keys), max_size=12)


def review(found: list[tuple[int | None, str | None, str | None]]) -> pl.DataFrame:
    """Review cases of these keys; the amount is the place in the list."""
    schema = {"benefit_id": pl.Int64, "reading_key": pl.String, "reading": pl.String}
    return pl.DataFrame(found, schema=schema, orient="row").with_columns(
        amount_fen=pl.int_range(len(found), dtype=pl.Int64)
    )


@given(rows)
def test_rows_come_by_their_key_with_empty_values_last(
    found: list[tuple[int | None, str | None, str | None]],
) -> None:
    ordered = in_order(review(found), REVIEW)
    expected = sorted(
        enumerate(found),
        key=lambda row: [(value is None, value if value is not None else 0) for value in row[1]],
    )
    assert ordered["amount_fen"].to_list() == [place for place, _ in expected]


@given(rows)
def test_a_key_that_comes_again_is_counted(found: list[tuple[int | None, str | None, str | None]]) -> None:
    again = sum(times - 1 for times in Counter(found).values())
    assert repeated(in_order(review(found), REVIEW), REVIEW) == again


def test_a_table_without_a_unique_key_may_repeat_it() -> None:
    assert not TABLES["lead"].unique
    assert repeated(pl.DataFrame({"region_code": ["330112"] * 2}), TABLES["lead"]) == 0


@given(st.lists(st.none() | st.integers(-LARGEST, LARGEST), min_size=1, max_size=20), st.integers(0, 19))
def test_fen_are_yuan_with_two_places(fen: list[int | None], start: int) -> None:
    """Also for a slice of a frame, whose values do not begin where the memory does."""
    frame = review([(1, "A", "a")] * len(fen)).with_columns(amount_fen=pl.Series(fen, dtype=pl.Int64))
    yuan = arrow_rows(frame.slice(start), REVIEW)["amount_yuan"].to_pylist()
    assert yuan == [None if value is None else Decimal(value).scaleb(-2) for value in fen[start:]]


@pytest.mark.parametrize("fen", [LARGEST + 1, -LARGEST - 1])
def test_more_than_the_type_holds_is_refused(fen: int) -> None:
    with pytest.raises(WarehouseError, match="amount_yuan"):
        arrow_rows(review([(1, "A", "a")]).with_columns(amount_fen=pl.lit(fen)), REVIEW)


@pytest.mark.parametrize("name", ["amount_fen", "amount_yuan"])
def test_money_as_a_binary_fraction_is_refused(name: str) -> None:
    with pytest.raises(WarehouseError, match="amount_yuan"):
        arrow_rows(pl.DataFrame({name: [0.1]}), REVIEW)


def test_keys_are_texts_and_columns_outside_the_dictionary_stay_behind() -> None:
    frame = review([(2**63 - 1, "A", "a"), (None, "A", "a")]).with_columns(name=pl.lit("张三丰"))
    found = arrow_rows(frame, REVIEW)
    assert found["benefit_id"].to_pylist() == ["B7ZZZZZZZZZZZZ", None]
    assert found.column_names == ["benefit_id", "reading_key", "reading", "amount_yuan"]


def test_texts_of_which_each_row_has_its_own_get_no_dictionary() -> None:
    n = LOOKED_AT
    own = {"benefit_id": range(n), "reading_key": ["A-L04"] * n, "reading": [f"r{i}" for i in range(n)]}
    frame = pl.DataFrame(own)
    of_its_own = {
        line.split('"')[1]
        for line in columns_sql(frame, REVIEW).split(", ")
        if line.endswith("compression zstd")
    }
    assert of_its_own == {"benefit_id", "reading"}
    assert "compression" not in columns_sql(frame.head(n - 1), REVIEW)
    assert "compression" not in columns_sql(pl.DataFrame(), REVIEW)
