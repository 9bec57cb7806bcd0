"""Leads (P-37): each kind below, at and above its edge, and what is none."""

from __future__ import annotations

from datetime import date
from random import Random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tests.assess_frames as af
from transforms.person_year import is_inpatient
from transforms.rules import leads
from transforms.versions import repeated

INPATIENT = is_inpatient(af.MED_TYPES)


def counted(*rows: dict[str, str]) -> pl.LazyFrame:
    """Counted settlements: setl_id, person, date, psn; begndate, enddate, maf, tilt and what af.settlements knows."""
    found = af.settlements(rows)
    days = {
        name: pl.Series([date.fromisoformat(r[name]) if name in r else None for r in rows], dtype=pl.Date)
        for name in ("begndate", "enddate")
    }
    money = {
        f"{name}_fen": pl.Series([af.fen(r[name]) if name in r else None for r in rows], dtype=pl.Int64)
        for name in ("maf", "tilt")
    }
    return found.with_columns(**days, **money).lazy()


def stay(
    number: str, begun: str, ended: str, at: str = "H33011200001", who: str = "A", **more: str
) -> dict[str, str]:
    return {
        "setl_id": number, "person": who, "date": ended, "psn": "100", "med_type": "21", "begndate": begun,
        "enddate": ended, "institution": at, "visit": f"V{number}",
    } | more  # fmt: skip


def overlaps(*rows: dict[str, str]) -> list[tuple[str, str]]:
    """Of the stays that may overlap; of all stays it must be the same."""
    every = leads.overlapping_stays(leads.stays(counted(*rows), INPATIENT).collect())
    few = leads.may_overlap(counted(*rows), INPATIENT)
    found = leads.overlapping_stays(leads.stays(few.lazy(), INPATIENT).collect())
    assert found.equals(every)
    return list(found.select("settlement_id", "other_settlement_id").iter_rows())


OTHER = "H33011200002"


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (stay("S2", "2023-03-09", "2023-03-12", OTHER), [("S2", "S1")]),
        (stay("S2", "2023-03-10", "2023-03-12", OTHER), []),  # a transfer on the day of discharge
        (stay("S2", "2023-03-02", "2023-03-03", OTHER), [("S2", "S1")]),  # inside the first
        (stay("S2", "2023-03-05", "2023-03-05", OTHER), []),  # no night
        (stay("S2", "2023-03-09", "2023-03-12", OTHER, "B"), []),  # somebody else
        (stay("S2", "2023-03-09", "2023-03-12", OTHER, med_type="11"), []),  # outpatient
        (stay("S2", "2023-03-05", "2023-03-10", visit="VS1"), []),  # the same stay, settled on the way
        (stay("S2", "2023-03-09", "2023-03-12", visit="V9"), [("S2", "S1")]),  # two at one institution
    ],
)
def test_stays_that_overlap(second: dict[str, str], expected: list[tuple[str, str]]) -> None:
    assert overlaps(stay("S1", "2023-03-01", "2023-03-10"), second) == expected


def test_a_long_stay_clashes_with_each_later_one() -> None:
    rows = [stay("S1", "2023-03-01", "2023-03-30"), stay("S2", "2023-03-05", "2023-03-07", OTHER)]
    assert overlaps(*rows, stay("S3", "2023-03-20", "2023-03-25", OTHER)) == [("S2", "S1"), ("S3", "S1")]


DAYS = st.integers(1, 12).map(lambda day: f"2023-03-{day:02d}")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(DAYS, DAYS, st.sampled_from("AB"), st.sampled_from("123"), st.booleans()), max_size=8)
)
def test_stays_left_out_overlap_nothing(rows: list[tuple[str, str, str, str, bool]]) -> None:
    """Whatever the days, also of stays settled several times and of such as end before they begin."""
    overlaps(
        *(
            stay(f"S{number}", begun, ended, OTHER if other else "H33011200001", who, visit=f"V{visit}")
            for number, (begun, ended, who, visit, other) in enumerate(rows)
        )
    )


def test_a_stay_without_a_first_day_overlaps_nothing() -> None:
    bare = {k: v for k, v in stay("S2", "2023-03-05", "2023-03-12", OTHER).items() if k != "begndate"}
    assert overlaps(stay("S1", "2023-03-01", "2023-03-10"), bare) == []


def after(*rows: dict[str, str]) -> list[str]:
    deaths = pl.DataFrame({"person_key": [af.key("A")], "died_on": [date(2023, 3, 10)]})
    found = leads.after_death(counted(*rows), deaths, INPATIENT).collect()
    return leads.death_leads(found)["settlement_id"].to_list()


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"date": "2023-03-10"}, []),  # the day of death
        ({"date": "2023-03-11"}, ["S1"]),
        (stay("S1", "2023-03-01", "2023-03-10") | {"date": "2023-03-20"}, []),  # settled by the family
        (stay("S1", "2023-03-11", "2023-03-12"), ["S1"]),
        ({"date": "2023-03-20", "med_type": "21", "enddate": "2023-03-10"}, []),  # only its last day is known
        ({"date": "2023-03-11", "person": "B"}, []),
        ({"date": "2023-03-11", "psn": "0", "tot": "0"}, []),
    ],
)
def test_treatment_after_death(row: dict[str, str], expected: list[str]) -> None:
    assert after({"setl_id": "S1", "person": "A", "psn": "100"} | row) == expected


def twice(*rows: dict[str, str]) -> list[tuple[str, str]]:
    nobody = pl.Series([], dtype=pl.Int64)
    frame = counted(*rows).with_columns(id_key="person_key")
    twins = repeated(frame.select(leads.mark()).collect().to_series())
    found = leads.twice_leads(leads.entered_twice(leads.looked_at(frame, [], nobody, twins).collect()))
    return list(found.select("settlement_id", "other_settlement_id").iter_rows())


FIRST = {"setl_id": "S1", "person": "A", "date": "2023-03-01 10:00:00", "psn": "100"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, [("S2", "S1")]),
        ({"date": "2023-03-01 10:00:01"}, []),
        ({"psn": "100.01"}, []),
        ({"tot": "200"}, []),
        ({"med_type": "14"}, []),
        ({"institution": OTHER}, []),
        ({"person": "B"}, []),
    ],
)
def test_settlements_entered_twice(change: dict[str, str], expected: list[tuple[str, str]]) -> None:
    assert twice(FIRST, FIRST | {"setl_id": "S2"} | change) == expected


def test_each_further_entry_is_a_lead_on_the_first() -> None:
    rows = [FIRST | {"setl_id": f"S{n}"} for n in (3, 1, 2)]
    assert twice(*rows) == [("S2", "S1"), ("S3", "S1")]


HELD = """
    person | code  | from       | to
    A      | DIBAO | 2023-02-01 | 2023-06-30
    """


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"date": "2023-06-30"}, []),
        ({"date": "2023-07-01"}, ["S1"]),
        (stay("S1", "2023-06-30", "2023-07-09"), []),  # admitted while on the list
        ({"date": "2023-03-01", "person": "B"}, ["S1"]),
        ({"date": "2023-01-31", "person": "B"}, []),  # before any roster of the county
        ({"date": "2023-07-01", "insured": "330182"}, []),  # a county that has sent no roster
        ({"date": "2023-07-01", "maf": "0"}, []),
        ({"date": "2023-07-01", "maf": "0", "tilt": "5"}, ["S1"]),
    ],
)
def test_relief_without_a_category(row: dict[str, str], expected: list[str]) -> None:
    frame = counted({"setl_id": "S1", "person": "A", "psn": "100", "maf": "50"} | row)
    paid = leads.relieved(frame).collect()
    found = leads.without_category(paid, af.certificates(af.table(HELD)))
    assert found["settlement_id"].to_list() == expected


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(1, 20), st.integers(0, 8)), max_size=9), st.randoms()
)
def test_overlaps_are_those_of_every_pair_in_any_order(
    found: list[tuple[int, int, int]], order: Random
) -> None:
    """A stay is a lead where some stay of the person that began before it, or with it under a smaller number, lasts
    beyond its first day."""
    rows = [
        stay(f"S{n}", f"2023-03-{begun:02d}", f"2023-03-{begun + nights:02d}", who="AB"[who])
        for n, (who, begun, nights) in enumerate(found)
    ]
    expected = {
        f"S{n}"
        for n, (who, begun, nights) in enumerate(found)
        for m, (other, first, length) in enumerate(found)
        if who == other and nights > 0 and (first, m) < (begun, n) and first + length > begun
    }
    order.shuffle(rows)
    assert {number for number, _ in (overlaps(*rows) if rows else [])} == expected


def test_what_agrees_only_after_its_refunds_is_found_too() -> None:
    """Two entries of 1,000 with 300 refunded of each; the rows as delivered are looked at, and all of refunded people."""
    both = counted(
        {"setl_id": "S1", "person": "A", "date": "2023-03-01 10:00:00", "psn": "700"},
        {"setl_id": "S2", "person": "A", "date": "2023-03-01 10:00:00", "psn": "700"},
    ).with_columns(id_key="person_key")
    nothing = pl.Series([], dtype=pl.Int64)
    refunded = both.select("id_key").collect().to_series()
    assert leads.entered_twice(leads.looked_at(both, [], nothing, nothing).collect()).is_empty()
    assert leads.entered_twice(leads.looked_at(both, [], refunded, nothing).collect()).height == 2
