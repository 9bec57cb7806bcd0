"""What must hold of assistance and tilt relief whatever the costs are."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tests.assess_frames as af
from tests.assistance_run import run

PEOPLE = {"A": "TEKUN", "B": "DIBIAN", "C": "YOUFU"}
LIMITS = {"P-16": 10_000_000, "P-17": 6_000_000, "P-24": 2_000_000}
CHECK = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
CERTIFICATES = [{"person": name, "code": code, "from": "2020-01-01"} for name, code in PEOPLE.items()]


@st.composite
def settlement(draw: st.DrawFn, number: int) -> dict[str, Any]:
    """A settlement with costs around the gates and limits, some facts unknown, some interim ones of a stay."""
    pol = draw(
        st.one_of(st.integers(0, 1_000_000), st.integers(2_999_900, 3_000_100), st.integers(0, 15_000_000))
    )
    bas = draw(st.integers(0, pol))
    other = draw(st.integers(0, pol - bas))
    row = {
        "setl_id": f"S{number:02}",
        "person": draw(st.sampled_from(sorted(PEOPLE))),
        "date": str(date(2023, 5, 28) + timedelta(days=draw(st.integers(0, 40)))),
        "pol": yuan(pol),
        "bas": yuan(bas),
        "oth": yuan(other),
        "psn": yuan(pol - bas - other),
        "med_type": draw(st.sampled_from(["21", "14", "11", "24", "77"])),
        "refl": draw(st.sampled_from(["0", "1", "2", "none"])),
        "level": draw(st.sampled_from(["02", "07", "08", "?"])),
        "visit": draw(st.sampled_from(["V1", "V2", f"V{number}", "none"])),
        "begin": "2023-05-28",
    }
    return row | ({"dise": "M01"} if draw(st.booleans()) else {})


def yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02}"


def rows() -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.integers(0, 8).flatmap(lambda n: st.tuples(*(settlement(k) for k in range(n))).map(list))


@CHECK
@given(costs=rows(), used=st.integers(0, 12_000_000))
def test_never_above_a_limit_or_what_is_borne(costs: list[dict[str, Any]], used: int) -> None:
    """Each account, with what was used before, stays within its limit; no line exceeds what the person bears."""
    opening = [
        {"person": "A", "year": 2023, "account": "特殊疾病", "amount": yuan(used), "as_of": "2023-05-29"}
    ]
    outcome = run({"settlements": costs, "certificates": CERTIFICATES, "opening": opening})
    lines = outcome.lines
    assert (lines["amount_fen"].drop_nulls() >= 0).all()
    for rule, limit in LIMITS.items():
        sums = lines.filter(pl.col("rule_id") == rule).group_by("person_key").agg(pl.col("amount_fen").sum())
        for person, total in sums.iter_rows():
            before = used if person == af.key("A") and rule == "P-16" else 0
            assert total <= max(0, limit - before)
    borne = outcome.visits.select(settlement_id="visit_id", bound="bound_fen")
    together = lines.group_by("settlement_id").agg(pl.col("amount_fen").sum()).join(borne, on="settlement_id")
    assert (together["amount_fen"] <= together["bound"]).all()
    chain = lines.filter(pl.col("amount_fen").is_not_null())
    assert (chain["limit_before_fen"] - chain["amount_fen"] == chain["limit_after_fen"]).all()
    assert lines.filter(pl.col("amount_fen").is_null() & ~pl.col("needs_review")).is_empty()


@CHECK
@given(costs=rows(), data=st.data())
def test_the_order_of_the_rows_does_not_matter(costs: list[dict[str, Any]], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(costs))
    first, second = (
        run({"settlements": given_, "certificates": CERTIFICATES}) for given_ in (costs, shuffled)
    )
    for name in ("lines", "cases", "audit", "held"):
        assert getattr(first, name).equals(getattr(second, name)), name


@CHECK
@given(costs=rows(), extra=settlement(99))
def test_what_is_taken_away_leaves_no_trace(costs: list[dict[str, Any]], extra: dict[str, Any]) -> None:
    """A settlement and its reversal are no longer among the counted ones: other people's lines never noticed it."""
    without = run({"settlements": costs, "certificates": CERTIFICATES}).lines
    others = pl.col("person_key") != af.key(extra["person"])
    with_it = run({"settlements": [*costs, extra], "certificates": CERTIFICATES}).lines
    assert with_it.filter(others).equals(without.filter(others))


@CHECK
@given(costs=rows())
def test_each_day_pays_by_itself_before_the_limits(costs: list[dict[str, Any]]) -> None:
    """Assistance of a line is its share of the base, half-up, where neither limit nor bound cut it."""
    rates = {"TEKUN": 8, "DIBIAN": 7, "YOUFU": 7}
    lines = run({"settlements": costs, "certificates": CERTIFICATES}).lines
    referral = {row["setl_id"]: row["refl"] for row in costs}
    for row in lines.filter(pl.col("rule_id") != "P-24", pl.col("amount_fen").is_not_null()).iter_rows(
        named=True
    ):
        if referral[row["settlement_id"]] == "2":
            assert row["amount_fen"] == 0
            continue
        whole = (row["base_fen"] * rates[row["category"]] * 2 + 10) // 20
        assert row["amount_fen"] <= whole
        if row["amount_fen"] < whole and row["limit_after_fen"] > 0:
            borne = sum(
                af.fen(c["psn"]) for c in costs if c["person"] and c["setl_id"] == row["settlement_id"]
            )
            assert row["amount_fen"] >= min(whole, borne)
