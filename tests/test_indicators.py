"""Indicators: figures worked by hand, targets met exactly, empty denominators, and what the policy files ask for."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.policy import Policies, load_policies
from schemas.targets import cap_rules, fund_rules, hardship_categories, targets_of
from transforms.indicators import Figure, increase, indicator_rows, met, ratio, value_of

POLICIES = Path(__file__).resolve().parents[1] / "data" / "policies"
CERTIFICATES = ("TEKUN", "DIBAO", "DIBIAN")
GROUPS = (*CERTIFICATES, "ZHICHU", "QITA_TK", "LINSHI", "YINBING")


@pytest.fixture(scope="module")
def policies() -> Policies:
    return load_policies(POLICIES)


@pytest.mark.parametrize(
    ("year", "coverage", "burden"),
    [
        (2021, None, None),
        (2022, "0.80", "0.20"),
        (2023, "0.80", "0.20"),
        (2024, "0.80", "0.20"),
        (2025, "0.85", "0.15"),
        (2026, None, None),
    ],
)
def test_targets_of_the_province_by_year(
    policies: Policies, year: int, coverage: str | None, burden: str | None
) -> None:
    """一(二): by 2022 at least 80 % and at most 20 %, by 2025 85 % and 15 %; the plan ends in 2025."""
    asked = {t.indicator_id: t for t in targets_of(policies, "330326", year) if t.policy_id == "Z"}
    assert asked["IND-3"].value == (Fraction(coverage) if coverage else None)
    assert asked["IND-4"].value == (Fraction(burden) if burden else None)
    assert asked["IND-3"].categories == asked["IND-1"].categories == GROUPS
    assert asked["IND-3"].operator == ">=" and asked["IND-4"].operator == "<="


def test_one_target_a_policy(policies: Policies) -> None:
    """Lin'an has the province's 80 % and its own 90 %, of its own three certificates, from 2024 on."""
    own = {t.policy_id: t for t in targets_of(policies, "330112", 2024) if t.indicator_id == "IND-3"}
    assert own["L"].value == Fraction("0.90") and own["L"].categories == CERTIFICATES
    assert own["Z"].value == Fraction("0.80") and own["Z"].categories == GROUPS
    before = {t.policy_id: t.value for t in targets_of(policies, "330112", 2023) if t.indicator_id == "IND-3"}
    assert before == {"L": None, "Z": Fraction("0.80")}
    assert targets_of(policies, "500243", 2024) == []


def test_the_linear_path_stands_between_two_dated_targets(policies: Policies) -> None:
    """80 % in 2022, 85 % in 2025: 81⅔ % in 2023, 83⅓ % in 2024 (reading A-Z03 b); none in the dated years."""
    paths = {
        year: next(
            t for t in targets_of(policies, "330112", year) if (t.policy_id, t.indicator_id) == ("Z", "IND-3")
        )
        for year in (2022, 2023, 2024, 2025)
    }
    assert {year: t.linear for year, t in paths.items()} == {
        2022: None,
        2023: Fraction("0.80") + Fraction("0.05") / 3,
        2024: Fraction("0.80") + Fraction("0.10") / 3,
        2025: None,
    }


def test_increase_is_compared_with_its_base_year(policies: Policies) -> None:
    (target,) = [t for t in targets_of(policies, "330326", 2025) if t.indicator_id == "IND-9"]
    assert (target.value, target.baseline, target.categories) == (Fraction("0.05"), 2023, ("XD", "XD2"))
    assert [t.value for t in targets_of(policies, "330326", 2024) if t.indicator_id == "IND-9"] == [None]


def test_who_a_policy_calls_hardship(policies: Policies) -> None:
    assert hardship_categories(policies, "Z") == GROUPS
    assert {"TEKUN", "FANPIN", "YOUFU"} <= set(hardship_categories(policies, "P"))
    assert hardship_categories(policies, "W") == ()


def test_funds_that_the_documents_name(policies: Policies) -> None:
    rules = {rule.rule_id: rule for rule in fund_rules(policies, 2024)}
    assert rules["L-10"].share == Fraction(1, 3) and rules["L-10"].fund == "病贫无忧暖心基金"
    assert rules["L-10"].manager == "区慈善总会" and rules["L-10"].pays == ("L-04",)
    assert rules["W-07"].budget_fen == 2_000_000_000 and rules["W-07"].pays == ("W-06",)
    assert rules["W-08"].share == 1 and "330326" in rules["W-08"].regions
    before = {rule.rule_id: rule for rule in fund_rules(policies, 2023)}
    assert before["L-10"].share == Fraction(1, 3) and before["L-10"].fund == "病贫无忧暖心基金"
    assert cap_rules(policies, kind="household_cap") == ("L-04",)


@pytest.mark.parametrize(
    ("numerator", "denominator", "target", "operator", "expected"),
    [
        (80, 100, "0.80", ">=", True),  # exactly at the target: 以上 holds
        (79_999_999, 100_000_000, "0.80", ">=", False),  # one fen short of it
        (20, 100, "0.20", "<=", True),
        (20_000_001, 100_000_000, "0.20", "<=", False),
        (2, 3, "2/3", ">=", True),  # no decimal is exactly two thirds
        (199, 200, "0.995", ">=", True),
        (1, 1, "1", ">=", True),
        (999, 1000, "1", ">=", False),
        (0, 0, "0.80", ">=", None),
        (None, 10, "0.80", ">=", None),
    ],
)
def test_met_on_whole_numbers(
    numerator: int | None, denominator: int, target: str, operator: str, expected: bool | None
) -> None:
    assert met(ratio(numerator, denominator), Fraction(target), operator) is expected


def test_no_target_is_neither_met_nor_missed() -> None:
    assert met(ratio(1, 2), None, ">=") is None


@given(st.integers(0, 10**15), st.integers(1, 10**15), st.fractions(0, 1, max_denominator=1000))
def test_met_agrees_with_exact_division(numerator: int, denominator: int, target: Fraction) -> None:
    assert met(ratio(numerator, denominator), target, ">=") == (
        numerator * target.denominator >= target.numerator * denominator
    )
    assert met(ratio(numerator, denominator), target, "<=") == (
        numerator * target.denominator <= target.numerator * denominator
    )


def test_rows_of_the_table() -> None:
    """Money stays fen; persons are written as whole units of the same column; an empty denominator has no value."""
    yuan = Figure("330112", 2023, "IND-3", "hardship", "default", "Z", 8_000, 10_000, target=Fraction("0.8"))
    heads = Figure("330112", 2023, "IND-1", "hardship", "insured", "Z", 3, 4, counts=True, target=Fraction(1))
    empty = Figure("330112", 2023, "IND-5", "hardship", "default", "Z", 0, 0, counts=True, target=Fraction(1))
    rows = indicator_rows([yuan, heads, empty]).select(
        "indicator_id", "numerator_fen", "denominator_fen", "value", "target", "met"
    )
    assert rows.rows() == [
        ("IND-1", 300, 400, 0.75, 1.0, False),
        ("IND-3", 8_000, 10_000, 0.8, 0.8, True),
        ("IND-5", 0, 0, None, 1.0, None),
    ]


def test_increase_in_points_and_relative() -> None:
    """Base 2,000 of 4,000 (50 %), now 3,300 of 6,000 (55 %): 5 points exactly, a tenth relative.

    At the base rate 3,000 of the 6,000 would have been covered: 300 beyond it, of 6,000 and of 3,000.
    """
    points, relative = (increase((3_300, 6_000), (2_000, 4_000), kind) for kind in (False, True))
    assert points is not None and relative is not None
    assert (points.numerator, points.denominator, points.value) == (300, 6_000, Fraction("0.05"))
    assert (relative.numerator, relative.denominator, relative.value) == (300, 3_000, Fraction("0.1"))
    assert met(points.value, Fraction("0.05"), ">=") is True
    less = increase((3_299, 6_000), (2_000, 4_000), False)
    assert less is not None and met(less.value, Fraction("0.05"), ">=") is False


def test_increase_without_a_base_year_is_not_known() -> None:
    assert increase((1, 2), None, False) is None
    assert increase((1, 2), (0, 0), False) is None
    assert increase((0, 0), (1, 2), True) is None
    assert increase((1, 2), (0, 2), True) is None


def test_an_exact_value_stands_only_beside_its_parts() -> None:
    figure = Figure("330326", 2025, "IND-9", "low_income", "default", "W", None, None, exact=Fraction(1))
    assert value_of(figure) is None
