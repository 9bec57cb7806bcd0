"""Policies with other figures or readings: what may be set, how it is checked, and that nothing else changes."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from schemas.policy import Policies, PolicyError, household_caps, household_reliefs, load_policies
from schemas.what_if import changed, keys

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def policies() -> Policies:
    return load_policies(ROOT / "data" / "policies")


def test_a_cap_of_one_category(policies: Policies) -> None:
    [cap] = household_caps(changed(policies, {"L-04.cap_yuan.DIBAO": "25000"}, 2023), 2023)
    assert cap.cap_fen == {"TEKUN": 500_000, "DIBAO": 2_500_000, "DIBIAN": 5_000_000}
    [today] = household_caps(policies, 2023)
    assert today.cap_fen["DIBAO"] == 3_000_000  # the given policies stay as they are


def test_a_rate_a_switch_and_a_reading(policies: Policies) -> None:
    other = changed(policies, {"L-04.pay_rate": "4/5", "L-04.insured_in_region": "否", "A-L02": "d"}, 2023)
    [cap] = household_caps(other, 2023)
    assert (cap.rate, cap.insured_in_region, cap.readings["A-L02"]) == (Fraction(4, 5), False, "d")


def test_a_relief_its_date_and_its_counties(policies: Policies) -> None:
    other = changed(
        policies,
        {
            "W-06.threshold_yuan": "100000.50",
            "W-06.counted_from": "2024-01-01",
            "W-01.pilot_counties": "330305,330324",
        },
        2024,
    )
    [relief] = household_reliefs(other, 2024)
    assert (relief.threshold_fen, str(relief.counted_from)) == (10_000_050, "2024-01-01")
    assert relief.pilot_regions == ("330305", "330324")


def test_a_parameter_that_another_stands_for(policies: Policies) -> None:
    """P-17 takes its rate from P-16: setting P-16 sets both."""
    other = changed(policies, {"P-16.rate.DIBAO": "0.5"}, 2024)
    same = [p for rule in policies.rules.values() for p in rule.rule.parameter if p.same_as == "P-16.rate"]
    holders = [r for r in other.rules.values() if any(p.same_as == "P-16.rate" for p in r.rule.parameter)]
    assert len(holders) == len(same)
    for rule in holders:
        name = next(p.name for p in rule.rule.parameter if p.same_as == "P-16.rate")
        assert rule.parameter(name).version[-1].values["DIBAO"] == "0.5"


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("L-04.cap_yuan.DIBO", "1", "最接近的：L-04.cap_yuan.DIBAO"),
        ("L-04.cap_yuan", "1", "L-04.cap_yuan.TEKUN"),
        ("l-04.cap_yuan.dibao", "1", "L-04.cap_yuan.DIBAO"),
        ("A-L-02", "b", "A-L02"),
        ("A-L02", "z", "可选：a "),
        ("L-04.cap_yuan.DIBAO", "25,000", "金额"),
        ("L-04.cap_yuan.DIBAO", "-1", "金额"),
        ("L-04.cap_yuan.DIBAO", "100.001", "金额"),
        ("L-04.pay_rate", "80%", "比例"),
        ("L-04.pay_rate.DIBAO", "1", "L-04.pay_rate"),
        ("L-04.first_cost_year", "neun", "写法不对"),
        ("L-04.insured_in_region", "perhaps", "写法不对"),
        ("W-06.counted_from", "2024-02-30", "写法不对"),
        ("W-01.pilot_counties", "33030", "区划"),
    ],
)
def test_a_wrong_key_or_value_is_refused(policies: Policies, key: str, value: str, message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        changed(policies, {key: value}, 2024)


def test_every_key_can_be_set_to_what_it_is(policies: Policies) -> None:
    """Setting the default reading of every register entry gives the policies back."""
    same = {key: reading.default for key, reading in policies.readings.items()}
    assert changed(policies, same, 2023) == policies
    assert {"L-04.cap_yuan.TEKUN", "A-L01", "W-06.limit_yuan", "L-10.fiscal_share_max"} <= set(keys(policies))
