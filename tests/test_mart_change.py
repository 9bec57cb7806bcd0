"""What changed since the last publish: new, gone, up, down, with its reason."""

from __future__ import annotations

import polars as pl
from mart_frames import cap_gap

from transforms.change import SCHEMA, changes


def _amount(frame: pl.DataFrame, unit: str, fen: int | None) -> pl.DataFrame:
    here = pl.col("unit_id") == unit
    return frame.with_columns(amount_fen=pl.when(here).then(pl.lit(fen, pl.Int64)).otherwise("amount_fen"))


def test_new_gone_up_and_down_with_amounts_before_and_after() -> None:
    after = cap_gap()
    before = _amount(_amount(_amount(_amount(after, "J1", 0), "J2", 600_000), "J3", 5), "J6", 100_056)
    found = changes(before, after)
    assert found.select("unit_id", "what", "before_fen", "after_fen").rows() == [
        ("J1", "new", 0, 1_900_000),
        ("J2", "up", 600_000, 700_000),
        ("J3", "gone", 5, 0),
        ("J6", "down", 100_056, 100_055),
    ]


def test_a_unit_that_left_the_rosters_is_gone_and_one_that_came_is_new() -> None:
    every = cap_gap()
    found = changes(every.filter(pl.col("unit_id") != "J1"), every.filter(pl.col("unit_id") != "J6"))
    assert found.select("unit_id", "what", "township_code").rows() == [
        ("J1", "new", "330112104"),
        ("J6", "gone", "330112106"),
    ]


def test_an_undetermined_amount_stands_for_its_gap() -> None:
    """J1's gap is its amount, so that becoming incomplete alone is no change."""
    assert changes(cap_gap(), _amount(cap_gap(), "J1", None)).is_empty()


def test_nothing_published_before_makes_every_amount_new() -> None:
    found = changes(None, cap_gap())
    assert found.schema == SCHEMA
    assert found["unit_id"].to_list() == ["J1", "J2", "J5", "J6", "J7"]
    assert set(found["what"]) == {"new"}


def test_reasons_are_those_given_else_a_file() -> None:
    why = pl.DataFrame({"unit_id": ["J1", "J1"], "cost_year": [2023, 2023], "why": ["roster", "file"]})
    found = changes(None, cap_gap(), why)
    assert dict(found.select("unit_id", "why").rows())["J1"] == "file,roster"
    assert dict(found.select("unit_id", "why").rows())["J2"] == "file"
