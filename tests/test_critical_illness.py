"""Better critical-illness terms (P-11), worked on paper; threshold and shares are invented for the arithmetic.

大病保险起付线降低50%，报销比例提高5个百分点，不设封顶线.
"""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.critical_illness import terms_of
from transforms.rules.critical_illness import Better, Terms, improved, recomputed

BETTER = Better(("TEKUN", "DIBAO", "FANPIN"), Fraction(1, 2), Fraction(5, 100), False)
TERMS = Terms(((1_500_000, Fraction("0.60")), (10_000_000, Fraction("0.98"))), 20_000_000)


def costs(*rows: tuple[str, float, str | None, float | None], **same: Any) -> pl.DataFrame:
    """One person's settlements: date, policy-range cost after basic insurance, category, paid by the extract."""
    return pl.DataFrame(
        [
            {
                "person_key": 1,
                "setl_id": f"S{n}",
                "setl_time": datetime.fromisoformat(day),
                "category": category,
                "in_force": day >= "2023-05-30",
                "pol_fen": round(own * 100) + 5_000,
                "bas_fen": 5_000,
                "cii_fen": None if paid is None else round(paid * 100),
                "incomplete": False,
            }
            | same
            for n, (day, own, category, paid) in enumerate(rows)
        ],
        schema_overrides={"category": pl.String, "cii_fen": pl.Int64, "pol_fen": pl.Int64},
    )


def due(
    *rows: tuple[str, float, str | None, float | None], terms: Terms | None = TERMS, **same: Any
) -> dict[str, Any]:
    return recomputed(costs(*rows, **same), terms, BETTER).row(0, named=True)


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        (7_500, 0),  # at the halved threshold
        (7_500.02, 0.01),  # 65 % of 0.02, half-up
        (20_000, 8_125),  # 65 % of 12,500
        (100_000, 60_125),  # 65 % of 92,500, the end of the first band
        (110_000, 70_125),  # 98 % + 5 points is never above 100 %
        (500_000, 460_125),  # no limit
    ],
)
def test_below_at_and_above(own: float, expected: float) -> None:
    found = due(("2023-07-01", own, "DIBAO", expected))
    assert (found["due_fen"], found["verdict"]) == (round(expected * 100), "match")
    assert found["threshold_fen"] == 750_000 and found["difference_fen"] == 0


@pytest.mark.parametrize("category", BETTER.categories)
def test_each_category(category: str) -> None:
    assert due(("2023-07-01", 20_000, category, 0))["due_fen"] == 812_500


def test_costs_add_up_and_each_is_paid_under_the_terms_of_its_day() -> None:
    """10,000 without a category, 10,000 on 低保: 65 % of 20,000 - 10,000. Another 10,000 without: 60 % of 10,000."""
    rows = [
        ("2023-06-10", 10_000, None, 0),
        ("2023-07-01", 10_000, "DIBAO", 0),
        ("2023-09-01", 10_000, None, 0),
    ]
    assert due(*rows)["due_fen"] == 650_000 + 600_000


def test_before_the_document_the_plain_terms_hold() -> None:
    """20,000 on the day before: 60 % of 5,000; then 65 % of another 1,000."""
    assert (
        due(("2023-05-29", 20_000, "DIBAO", 0), ("2023-05-30", 1_000, "DIBAO", 0))["due_fen"]
        == 300_000 + 65_000
    )


def test_the_yearly_limit_binds_only_the_plain_terms() -> None:
    """400,000 before a category: 60 % of 85,000 + 98 % of 300,000 = 345,000, cut to 200,000."""
    assert due(("2023-06-10", 400_000, None, 0), ("2023-07-01", 0, "DIBAO", 0))["due_fen"] == 20_000_000


@pytest.mark.parametrize(
    ("paid", "verdict", "difference"),
    [(8_125, "match", 0), (8_124.99, "match", 1), (8_124.98, "under", 2), (8_200, "over", -7_500)],
)
def test_against_the_extract(paid: float, verdict: str, difference: int) -> None:
    found = due(("2023-07-01", 20_000, "TEKUN", paid))
    assert (found["verdict"], found["difference_fen"]) == (verdict, difference)


def test_without_terms_nothing_is_said() -> None:
    found = due(("2023-07-01", 20_000, "DIBAO", 100), terms=None)
    assert (found["due_fen"], found["difference_fen"], found["verdict"]) == (None, None, "not_determined")
    assert found["actual_fen"] == 10_000 and found["reason"]


@pytest.mark.parametrize("unknown", ["pol_fen", "bas_fen"])
def test_an_unknown_part_holds_it(unknown: str) -> None:
    found = due(("2023-07-01", 20_000, "DIBAO", 100), **{unknown: None})
    assert (found["due_fen"], found["base_fen"], found["verdict"]) == (None, None, "held")


def test_what_the_extract_does_not_show_is_not_compared() -> None:
    found = due(("2023-07-01", 20_000, "DIBAO", None))
    assert (found["due_fen"], found["actual_fen"], found["verdict"]) == (812_500, None, "held")


def test_a_person_with_settlements_to_check_is_held() -> None:
    assert due(("2023-07-01", 20_000, "DIBAO", 8_125), incomplete=True)["verdict"] == "held"


def test_the_most_local_terms_of_the_year() -> None:
    rows = [
        ("500000", 2023, 1_500_000, "0.60", None),
        ("500000", 2023, 10_000_000, "0.65", 20_000_000),
        ("500243", 2024, 1_000_000, "0.70", None),
        ("500000", 2024, 1_500_000, "0.60", None),
    ]
    schema = {
        "region_code": pl.String,
        "year": pl.Int64,
        "band_from_fen": pl.Int64,
        "ratio": pl.String,
        "cap_fen": pl.Int64,
    }
    table = pl.DataFrame(rows, schema=schema, orient="row")
    assert terms_of(table, "500243", 2023) == Terms(
        ((1_500_000, Fraction("0.60")), (10_000_000, Fraction("0.65"))), 20_000_000
    )
    assert terms_of(table, "500243", 2024) == Terms(((1_000_000, Fraction("0.70")),), None)
    assert terms_of(table, "500243", 2025) is None and terms_of(table, "330112", 2023) is None


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 30_000_000), min_size=1, max_size=5),
    st.integers(1, 3_000_000),
    st.integers(0, 100),
)
def test_the_better_terms_never_pay_less_and_splitting_a_cost_changes_nothing(
    parts: list[int], threshold: int, share: int
) -> None:
    terms = Terms(((threshold, Fraction(share, 100)),), None)
    rows = [("2023-07-01", fen / 100, "DIBAO", 0) for fen in parts]
    whole = [("2023-07-01", sum(parts) / 100, "DIBAO", 0)]
    split, joined = (recomputed(costs(*each), terms, BETTER)["due_fen"][0] for each in (rows, whole))
    plain = recomputed(costs(*whole).with_columns(category=pl.lit(None, pl.String)), terms, BETTER)[
        "due_fen"
    ][0]
    assert split == joined and plain <= joined <= sum(parts)
    assert improved(terms, BETTER).bands[0][1] <= 1
