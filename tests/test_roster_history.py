"""Identities, unique category and household on a day, and when they changed: cases worked by hand."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from transforms import roster_history
from transforms.person_year import identities
from transforms.roster_compare import differences

RANKS = ["TEKUN", "DIBAO", "DIBIAN"]
FACTS = {
    "person_key": pl.Int64,
    "county_code": pl.String,
    "code": pl.String,
    "valid_from": pl.Date,
    "valid_to": pl.Date,
}
JANUARY, JUNE = date(2023, 1, 1), date(2023, 6, 1)


def facts(*rows: tuple[int, str, date, date | None]) -> pl.DataFrame:
    return pl.DataFrame([(who, "330112", *rest) for who, *rest in rows], schema=FACTS, orient="row")


def happened(*rows: tuple[int, str, date, date | None]) -> list[tuple[Any, ...]]:
    found = roster_history.events(facts(*rows), RANKS, JANUARY, date(2023, 12, 31))
    return found.select("person_key", "on", "event", "before", "after", "category").rows()


def test_entries_exits_and_changes_are_dated_events() -> None:
    assert happened(
        (1, "DIBIAN", date(2022, 1, 1), date(2023, 5, 31)),  # 低边, from June 低保, out in October
        (1, "DIBAO", JUNE, date(2023, 9, 30)),
        (2, "TEKUN", date(2023, 3, 1), None),  # comes in March and stays
    ) == [
        (1, JUNE, "changed", ["DIBIAN"], ["DIBAO"], "DIBAO"),
        (1, date(2023, 10, 1), "left", ["DIBAO"], [], None),
        (2, date(2023, 3, 1), "entered", [], ["TEKUN"], "TEKUN"),
    ]


def test_periods_that_touch_or_overlap_are_no_event() -> None:
    assert (
        happened(
            (1, "DIBAO", date(2022, 1, 1), date(2023, 5, 31)),
            (1, "DIBAO", JUNE, None),
            (1, "DIBAO", date(2023, 2, 1), date(2023, 3, 31)),
        )
        == []
    )


def test_what_somebody_was_on_a_day() -> None:
    """Best category first; the county of the unique one; no certificate and no household on a day without."""
    papers = facts(
        (1, "DIBIAN", JANUARY, None), (1, "TEKUN", JUNE, date(2023, 6, 30)), (2, "DIBAO", JUNE, None)
    )
    homes = pl.DataFrame(
        [(1, "H1", JANUARY, date(2023, 5, 31)), (1, "H2", JUNE, None)],
        schema=["person_key", "household_id", "valid_from", "valid_to"],
        orient="row",
    )
    days = [JANUARY, date(2023, 6, 30), date(2023, 7, 1)]
    asked = pl.DataFrame(
        [(who, day) for who in (1, 2) for day in days], schema=["person_key", "day"], orient="row"
    )
    got = roster_history.on_days(asked, papers, homes, RANKS)
    assert got.select("identities", "category", "region_code", "household_id").rows() == [
        (["DIBIAN"], "DIBIAN", "330112", "H1"),
        (["TEKUN", "DIBIAN"], "TEKUN", "330112", "H2"),
        (["DIBIAN"], "DIBIAN", "330112", "H2"),
        ([], None, None, None),
        (["DIBAO"], "DIBAO", "330112", None),
        (["DIBAO"], "DIBAO", "330112", None),
    ]


def test_two_lists_are_compared_both_ways_where_the_first_names_anybody() -> None:
    people = {"person_key": [1, 2, 2], "region_code": ["330112", "330112", "330112"]}
    other = {"person_key": [2, 3, 4], "region_code": ["330112", "330112", "330324"]}
    assert differences(pl.DataFrame(people), pl.DataFrame(other)).rows() == [
        ("330112", 1, True),
        ("330112", 3, False),
    ]


def test_a_second_identity_changes_the_set_and_not_always_the_unique_category() -> None:
    assert happened((1, "DIBAO", JANUARY, None), (1, "DIBIAN", JUNE, date(2023, 6, 30))) == [
        (1, JANUARY, "entered", [], ["DIBAO"], "DIBAO"),
        (1, JUNE, "changed", ["DIBAO"], ["DIBAO", "DIBIAN"], "DIBAO"),
        (1, date(2023, 7, 1), "changed", ["DIBAO", "DIBIAN"], ["DIBAO"], "DIBAO"),
    ]


def test_an_identity_that_picks_no_rate_is_held_and_is_no_category() -> None:
    """困难职工 alone: identities without a unique category; beside 低边 the unique category is 低边."""
    papers = facts((1, "KUNNAN_ZG", JANUARY, None), (1, "DIBIAN", JUNE, None), (2, "KUNNAN_ZG", JUNE, None))
    nobody = pl.DataFrame(
        schema={"person_key": pl.Int64, "household_id": pl.String, "valid_from": pl.Date, "valid_to": pl.Date}
    )
    asked = pl.DataFrame([(1, JANUARY), (1, JUNE), (2, JUNE)], schema=["person_key", "day"], orient="row")
    got = roster_history.on_days(asked, papers, nobody, RANKS)
    assert got.select("identities", "category", "region_code").rows() == [
        (["KUNNAN_ZG"], None, "330112"),
        (["DIBIAN", "KUNNAN_ZG"], "DIBIAN", "330112"),
        (["KUNNAN_ZG"], None, "330112"),
    ]
    yearly = identities(papers, RANKS, 2023, date(2023, 12, 31))
    assert yearly.rows() == [(1, "DIBIAN", "DIBIAN,KUNNAN_ZG"), (2, None, "KUNNAN_ZG")]
    assert happened((2, "KUNNAN_ZG", JUNE, date(2023, 6, 30)), (2, "DIBAO", date(2023, 6, 11), None)) == [
        (2, JUNE, "entered", [], ["KUNNAN_ZG"], None),
        (2, date(2023, 6, 11), "changed", ["KUNNAN_ZG"], ["DIBAO", "KUNNAN_ZG"], "DIBAO"),
        (2, date(2023, 7, 1), "changed", ["DIBAO", "KUNNAN_ZG"], ["DIBAO"], "DIBAO"),
    ]
