"""Which span holds a day: against a walk over all of them."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.evidence import SETTLEMENT, evidence
from transforms.spans import FAR, nearest, on_day

Facts = list[tuple[int | None, date]]
Spans = list[tuple[int | None, date, date | None, str]]
DAY = st.dates(date(2023, 1, 1), date(2023, 1, 12))
PERSON = st.sampled_from([1, 2, None])
FACTS = st.lists(st.tuples(PERSON, DAY), max_size=6)
SPANS = st.lists(st.tuples(PERSON, DAY, st.none() | DAY, st.sampled_from("xyz")), max_size=8)


def frames(facts: Facts, spans: Spans) -> tuple[pl.DataFrame, pl.DataFrame]:
    days = pl.DataFrame(facts, schema={"person_key": pl.Int64, "day": pl.Date}, orient="row")
    schema = {"person_key": pl.Int64, "valid_from": pl.Date, "valid_to": pl.Date, "code": pl.String}
    return days, pl.DataFrame(spans, schema=schema, orient="row")


@settings(max_examples=80, deadline=None)
@given(FACTS, SPANS)
def test_the_latest_begun_span_holds_the_day(facts: Facts, spans: Spans) -> None:
    days, held = frames(facts, spans)
    found = on_day(days, held, "day", ["code"])
    assert found.select("person_key", "day").equals(days)
    for (person, day), code in zip(facts, found["code"], strict=True):
        there = [s for s in spans if s[0] == person is not None and s[1] <= day <= (s[2] or FAR)]
        best = min(there, key=lambda s: (-s[1].toordinal(), s[3]), default=None)
        assert code == (best[3] if best else None)


@settings(max_examples=80, deadline=None)
@given(FACTS, SPANS)
def test_the_nearest_span_counts(facts: Facts, spans: Spans) -> None:
    days, held = frames(facts, spans)
    found = nearest(days, held, "day", ["code"], ["person_key"])
    for (person, day), code in zip(facts, found["code"], strict=True):
        there = [s for s in spans if s[0] == person is not None]
        best = min(
            there,
            key=lambda s: (max((s[1] - day).days, (day - (s[2] or FAR)).days, 0), s[1], s[3]),
            default=None,
        )
        assert code == (best[3] if best else None)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.none() | st.integers(0, 3), st.integers(0, 10**6)), max_size=10))
def test_kept_settlements_stand_in_order_of_time_and_id(rows: list[tuple[int | None, int]]) -> None:
    times = [None if second is None else datetime(2023, 1, 1, 0, 0, second) for second, _ in rows]
    settled = pl.DataFrame(
        {"setl_id": [f"S{number}" for _, number in rows], "setl_time": times, "person_key": [1] * len(rows)},
        schema={"setl_id": pl.String, "setl_time": pl.Datetime("us"), "person_key": pl.Int64},
    )
    span = {"person_key": pl.Int64, "valid_from": pl.Date, "valid_to": pl.Date}
    none = pl.DataFrame(schema=span)
    homes = pl.DataFrame(schema={"household_id": pl.String, "year_household_id": pl.String})
    kept = evidence(settled, settled, settled, none, none, homes, homes, 2023, date(2024, 1, 1))["settlement"]
    order = [name for name in SETTLEMENT if name in settled.columns]
    assert kept.equals(settled.select(order).sort("setl_time", "setl_id", nulls_last=True))
