"""Promises of burden and cap that hold for any facts: generated households, checked without knowing the
answer.
"""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from tests.assess_run import Outcome, run

PERSONS = ("A", "B", "C")
KINDS = ("政策性商业保险", "惠民保", "优抚", "慈善", "商业保险", "临时救助")
DAYS = st.integers(0, 364).map(
    lambda n: str(pl.date_range(pl.date(2023, 1, 1), pl.date(2023, 12, 31), eager=True)[n])
)
# one example takes some hundredths of a second: a few of them find what there is to find
FEW = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)

Tables = dict[str, list[dict[str, Any]]]


@st.composite
def counties(draw: st.DrawFn) -> Tables:
    """A small county: up to three persons in up to two households, certificates that change, costs and
    payments.
    """
    spans = draw(
        st.lists(
            st.tuples(st.sampled_from(PERSONS), st.sampled_from(["TEKUN", "DIBAO", "DIBIAN"]), DAYS, DAYS),
            max_size=5,
        )
    )
    costs = draw(
        st.lists(
            st.tuples(st.sampled_from(PERSONS), DAYS, st.integers(-20_000, 60_000)), min_size=1, max_size=8
        )
    )
    paid = draw(
        st.lists(
            st.tuples(
                st.sampled_from(PERSONS), st.sampled_from(KINDS), st.integers(0, 40_000), st.integers(0, 10)
            ),
            max_size=5,
        )
    )
    moves = draw(st.lists(st.tuples(st.sampled_from(PERSONS), DAYS), max_size=1))
    members: list[dict[str, Any]] = [{"person": p, "household": "H1"} for p in PERSONS]
    for person, day in moves:
        members = [m for m in members if m["person"] != person]
        after = str(pl.select(pl.lit(day).str.to_date().dt.offset_by("1d")).item())
        members.append({"person": person, "household": "H1", "to": day})
        if after <= "2023-12-31":
            members.append({"person": person, "household": "H2", "from": after})
    return {
        "certificates": [
            {"person": p, "code": c, "from": min(a, b), "to": max(a, b)} for p, c, a, b in spans
        ],
        "members": members,
        "settlements": [
            {"setl_id": f"S{n}", "person": p, "date": d, "psn": str(v)} for n, (p, d, v) in enumerate(costs)
        ],
        "payments": [
            {"person": p, "kind": k, "amount": str(v), "setl_id": f"S{n}"}
            if n < 8
            else {"person": p, "kind": k, "amount": str(v)}
            for p, k, v, n in paid
        ],
    }


def results(outcome: Outcome) -> list[pl.DataFrame]:
    assessed = outcome.assessed
    items = assessed.benefit_item.drop("source_row").sort("benefit_id", "settlement_id")
    return [
        outcome.persons,
        outcome.households,
        assessed.cap_gap,
        assessed.benefit_line,
        assessed.review_case,
        items,
    ]


@FEW
@given(counties(), st.randoms(use_true_random=False))
def test_order_is_irrelevant(tables: Tables, random: Any) -> None:
    shuffled = {name: random.sample(rows, len(rows)) for name, rows in tables.items()}
    for one, other in zip(results(run(tables)), results(run(shuffled)), strict=True):
        assert_frame_equal(one, other)


CODES = st.sampled_from(["TEKUN", "DIBAO", "DIBIAN"])
ENDS = st.sampled_from(["2023-05-31", "2023-09-30", "2024-12-31"])
# some of them as a household together above 5,000, 30,000 or 50,000
YUAN = st.sampled_from([-3_000, 1_000, 4_000, 6_000, 20_000, 31_000, 52_000])


@FEW
@given(
    st.tuples(CODES, CODES, CODES),
    st.tuples(ENDS, ENDS, ENDS),
    st.lists(st.tuples(st.sampled_from(PERSONS), DAYS, YUAN, YUAN), min_size=3, max_size=9),
)
def test_households_that_reach_no_cap_have_nothing_to_review(codes: Any, ends: Any, costs: Any) -> None:
    """Their costs are left out before the other readings are worked out; the list is the same without that."""
    tables: Tables = {
        "certificates": [
            {"person": person, "code": code, "from": "2023-02-01", "to": end}
            for person, code, end in zip(PERSONS, codes, ends, strict=True)
        ],
        "members": [
            {"person": "A", "household": "H1"},
            {"person": "B", "household": "H1"},
            {"person": "C", "household": "H2"},
        ],
        "settlements": [
            {"setl_id": f"S{n}", "person": p, "date": day, "psn": str(psn), "cash": str(min(psn, cash))}
            for n, (p, day, psn, cash) in enumerate(costs)
        ],
    }
    with patch("transforms.rules.review.reaching", lambda facts, _: facts):
        every = run(tables)
    assert_frame_equal(run(tables).assessed.review_case, every.assessed.review_case)


@FEW
@given(counties())
def test_sums_fit(tables: Tables) -> None:
    outcome = run(tables)
    items, lines = outcome.assessed.benefit_item, outcome.assessed.benefit_line
    sums = items.filter("counted").group_by("benefit_id").agg(total=pl.col("base_fen").sum())
    joined = lines.join(sums, on="benefit_id", how="left").with_columns(pl.col("total").fill_null(0))
    assert (joined["total"] + joined["floor_fen"] == joined["base_fen"]).all()
    assert items.filter(pl.col("counted"))["settlement_id"].is_unique().all()
    p = outcome.persons
    assert (
        p["psn_fen"] - p["com_fen"] - p["sub_fen"] - p["neg_fen"] + p["unused_fen"] + p["floor_fen"]
        == p["burden_fen"]
    ).all()
    h = outcome.households
    assert (
        h["psn_fen"] - h["com_fen"] - h["sub_fen"] - h["neg_fen"] + h["floor_fen"] == h["burden_fen"]
    ).all()
    paid = outcome.burdens.payments.filter(pl.col("state").is_in(["named", "followed", "lump"]))
    assert (paid["used_fen"] + paid["unused_fen"] == paid["amount_fen"]).all()
    assert (
        paid["used_fen"].sum()
        == outcome.burdens.people.select(pl.col("com_used_fen") + pl.col("sub_used_fen")).sum().item()
    )
    assert ((paid["used_fen"] >= 0) & (paid["unused_fen"] >= 0)).all()


@FEW
@given(counties())
def test_never_negative(tables: Tables) -> None:
    outcome = run(tables)
    gaps = outcome.assessed.cap_gap
    for column in ("burden_fen", "gap_fen", "distance_fen", "amount_fen"):
        assert (gaps[column].fill_null(0) >= 0).all()
    settled = outcome.burdens.settlements
    assert (settled.filter(pl.col("psn_fen") >= 0)["burden_fen"] >= 0).all()
    assert (outcome.assessed.review_case["amount_fen"] >= 0).all()
    assert (gaps["gap_fen"] * gaps["distance_fen"] == 0).all()


@FEW
@given(
    counties(), st.sampled_from(PERSONS), st.sampled_from(KINDS), st.integers(1, 30_000), st.integers(0, 10)
)
def test_a_further_payment_never_raises_a_burden(
    tables: Tables, person: str, kind: str, amount: int, number: int
) -> None:
    more = {"person": person, "kind": kind, "amount": str(amount)} | (
        {"setl_id": f"S{number}"} if number < 8 else {}
    )
    before, after = run(tables), run(tables | {"payments": [*tables["payments"], more]})
    for frame in ("persons", "households"):
        assert (getattr(after, frame)["burden_fen"] <= getattr(before, frame)["burden_fen"]).all()


@FEW
@given(counties(), st.sampled_from(PERSONS), DAYS, st.integers(1, 50_000))
def test_a_reversed_settlement_leaves_no_trace(tables: Tables, person: str, day: str, psn: int) -> None:
    pair = [
        {"setl_id": f"R{n}", "person": person, "date": day, "psn": str(sign * psn), "state": "reversed"}
        for n, sign in enumerate((1, -1))
    ]
    before, after = run(tables), run(tables | {"uncounted": pair})
    for one, other in zip(results(before)[:5], results(after)[:5], strict=True):
        assert_frame_equal(one, other)
    items = after.assessed.benefit_item.filter(pl.col("settlement_id").str.starts_with("R"))
    assert not items["counted"].any() and items["base_fen"].sum() == 0


@FEW
@given(counties())
def test_each_line_has_its_gap_and_one_row(tables: Tables) -> None:
    assessed = run(tables).assessed
    assert assessed.cap_gap["unit_id"].is_unique().all()
    assert assessed.cap_gap["unit_id"].to_list() == assessed.benefit_line["unit_id"].to_list()
    reviewed = set(assessed.review_case["unit_id"])
    assert set(assessed.cap_gap.filter("needs_review")["unit_id"]) == reviewed
