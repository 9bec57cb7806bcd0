"""Which version of a row counts, and how the others are counted."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core_frames import delivered, settlement, table
from transforms import facts, versions

FILES = delivered(FA=date(2023, 5, 5), FB=date(2023, 6, 5), FC=date(2023, 6, 5), FD=date(2023, 7, 5))


def walk(rows: list[dict[str, Any]]) -> tuple[dict[str, tuple[str, int]], dict[tuple[str, int], str]]:
    """(setl_id → origin of its current row, origin → mark)."""
    current, marks = versions.current(table("setl_d", rows).lazy(), ["setl_id"], FILES)
    origin = {
        row["setl_id"]: (row["file_id"], row["source_row"]) for row in current.collect().iter_rows(named=True)
    }
    return origin, {(row["file_id"], row["source_row"]): row["mark"] for row in marks.iter_rows(named=True)}


def test_a_key_that_occurs_once_is_current() -> None:
    assert walk([settlement("S1", 100), settlement("S2", 100)]) == ({"S1": ("FA", 2), "S2": ("FA", 3)}, {})


def test_an_exact_copy_is_a_duplicate_within_and_across_files() -> None:
    rows = [settlement("S1", 100), settlement("S1", 100), settlement("S1", 100, file_id="FB")]
    assert walk(rows) == ({"S1": ("FA", 2)}, {("FA", 3): "duplicate", ("FB", 2): "duplicate"})


def test_a_later_delivery_supersedes_where_no_time_is_given() -> None:
    rows = [settlement("S1", 100), settlement("S1", 90, file_id="FB")]
    assert walk(rows) == ({"S1": ("FB", 2)}, {("FA", 2): "superseded"})


def test_the_update_time_goes_before_the_date_of_receipt() -> None:
    rows = [
        settlement("S1", 100, updt_time=datetime(2023, 5, 4)),
        settlement("S1", 90, file_id="FB", updt_time=datetime(2023, 5, 3)),
        settlement("S1", 80, file_id="FD"),
    ]
    assert walk(rows) == ({"S1": ("FA", 2)}, {("FB", 2): "duplicate", ("FD", 2): "duplicate"})


def test_files_of_one_day_stand_in_the_order_of_their_content_hash() -> None:
    rows = [settlement("S1", 90, file_id="FC"), settlement("S1", 100, file_id="FB")]
    assert walk(rows) == ({"S1": ("FC", 2)}, {("FB", 2): "superseded"})


def test_a_content_that_comes_back_is_a_new_version() -> None:
    rows = [settlement("S1", 100), settlement("S1", 90, file_id="FB"), settlement("S1", 100, file_id="FD")]
    assert walk(rows) == ({"S1": ("FD", 2)}, {("FA", 2): "superseded", ("FB", 2): "superseded"})


def test_the_later_row_of_one_file_counts() -> None:
    rows = [settlement("S1", 100), settlement("S1", 90)]
    assert walk(rows) == ({"S1": ("FA", 3)}, {("FA", 2): "superseded"})


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from("ABCD"), st.integers(0, 2), st.integers(0, 2)), max_size=12),
    st.randoms(),
)
def test_the_order_in_which_rows_lie_in_the_lake_is_irrelevant(deliveries: list[Any], random: Any) -> None:
    rows = [
        settlement(
            "S1", 100 + amount, file_id=f"F{file}", updt_time=datetime(2023, 1, 1 + day) if day else None
        )
        for file, amount, day in deliveries
    ]
    frame = table("setl_d", rows)
    mixed = list(range(frame.height))
    random.shuffle(mixed)
    first = versions.marks(frame.lazy(), ["setl_id"], FILES)
    assert first.equals(versions.marks(frame[mixed].lazy(), ["setl_id"], FILES))
    assert first.height == max(frame.height - 1, 0)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.sampled_from("ABCD"), st.integers(0, 2), st.integers(0, 2)), max_size=10))
def test_the_walk_does_what_a_clerk_would_do(deliveries: list[Any]) -> None:
    rows = [
        settlement(
            "S1", 100 + amount, file_id=f"F{file}", updt_time=datetime(2023, 1, 1 + day) if day else None
        )
        for file, amount, day in deliveries
    ]
    frame = table("setl_d", rows).sort("file_id", "source_row")
    marks: dict[tuple[str, int], str] = {}
    current: dict[str, Any] | None = None
    for row in frame.iter_rows(named=True):
        time = row["updt_time"] or datetime.min
        if current is not None and (time < (current["updt_time"] or datetime.min) or same(row, current)):
            marks[row["file_id"], row["source_row"]] = "duplicate"
            continue
        if current is not None:
            marks[current["file_id"], current["source_row"]] = "superseded"
        current = row
    got = versions.marks(frame.lazy(), ["setl_id"], FILES)
    assert {(row[0], row[2]): row[3] for row in got.iter_rows()} == marks


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(one[name] == other[name] for name in one if name not in versions.ROW)


PAYMENT = {
    "id_key": 1, "kind": "惠民保", "amount_fen": 30000, "paid_on": date(2023, 6, 1), "cost_year": 2023,
    "says_medical": False, "names_fund": False,
}  # fmt: skip


@pytest.mark.parametrize(
    ("per_file", "counted_in", "number"),
    [
        ({"FA": 1, "FB": 1}, "FA", 1),  # a cumulative list shows the same payment again
        ({"FA": 2}, "FA", 2),  # two identical rows of one list are two payments
        ({"FA": 1, "FB": 2, "FD": 2}, "FA FB", 2),  # the second list adds one, the third none
        ({"FB": 3, "FD": 1}, "FB", 3),
    ],
)
def test_payments_without_a_serial_are_a_multiset(
    per_file: dict[str, int], counted_in: str, number: int
) -> None:
    rows = [{**PAYMENT, "file_id": file_id} for file_id, times in per_file.items() for _ in range(times)]
    counted, marks = facts.counted(table("payment", rows).lazy(), FILES, ["payer", "id_key"])
    assert sorted(counted.collect()["file_id"].unique()) == counted_in.split()
    assert counted.collect().height == number
    assert marks.height == len(rows) - number
    assert set(marks["mark"]) <= {"duplicate"}


def test_a_serial_is_a_key_within_payer_and_person() -> None:
    rows = [
        {**PAYMENT, "serial": "1", "payer": "甲"},
        {**PAYMENT, "serial": "1", "payer": "乙"},
        {**PAYMENT, "serial": "1", "payer": "甲", "id_key": 2},
        {**PAYMENT, "serial": "1", "payer": "甲", "amount_fen": 20000, "file_id": "FB"},
    ]
    counted, marks = facts.counted(table("payment", rows).lazy(), FILES, ["payer", "id_key"])
    assert sorted(counted.collect()["amount_fen"]) == [20000, 30000, 30000]
    assert marks.rows() == [("FA", None, 2, "superseded")]


def test_amounts_that_differ_are_different_payments() -> None:
    rows = [PAYMENT, {**PAYMENT, "amount_fen": 1, "file_id": "FB"}]
    counted, marks = facts.counted(table("payment", rows).lazy(), FILES)
    assert counted.select(pl.len()).collect().item() == 2
    assert marks.is_empty()
