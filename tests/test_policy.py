"""The shipped policy files: every figure against the documents, every register entry present."""

from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest

from schemas.policy import (
    Policies,
    PolicyError,
    household_caps,
    household_reliefs,
    load_policies,
    policy_hash,
    roster_senders,
    target,
)

FOLDER = Path(__file__).resolve().parents[1] / "data" / "policies"


@pytest.fixture(scope="module")
def policies() -> Policies:
    return load_policies(FOLDER)


def test_linan_cap_is_the_documents(policies: Policies) -> None:
    """临政办〔2024〕1号 二(三): 特困人员5000元、低保家庭3万元、低边家庭5万元, 100%, household, from 2024-02-01."""
    (cap,) = household_caps(policies, 2023)
    assert (cap.rule_id, cap.policy_id, cap.region_code, cap.unit_type) == (
        "L-04",
        "L",
        "330112",
        "household",
    )
    assert cap.cap_fen == {"TEKUN": 500_000, "DIBAO": 3_000_000, "DIBIAN": 5_000_000}
    assert cap.rate == 1
    assert cap.limit_fen is None and cap.threshold_fen is None
    assert cap.first_cost_year == 2023
    assert cap.in_force_on == date(2024, 2, 1)
    assert cap.counted_from is None
    assert cap.insured_in_region and cap.designated_only
    assert not cap.pilot
    assert cap.article == "二(三)"
    assert cap.policy_version == "L@2024-02-01"
    wanted = {"A-L01": "a", "A-L02": "a", "A-L03": "a", "A-L04": "b", "A-L05": "a", "A-L06": "a"}
    assert wanted.items() <= cap.readings.items()


def test_a_cost_year_before_the_first_keeps_the_first_figures(policies: Policies) -> None:
    (cap,) = household_caps(policies, 2021)
    assert cap.cap_fen["DIBAO"] == 3_000_000
    assert cap.first_cost_year == 2023  # which says that nothing is due for 2021


def test_wenzhou_relief_is_the_documents(policies: Policies) -> None:
    """温政办〔2023〕90号 三(五): above 12万, at most 10万, six pilot counties, from 2024-02-01."""
    (relief,) = household_reliefs(policies, 2024)
    assert (relief.rule_id, relief.region_code) == ("W-06", "330300")
    assert (relief.threshold_fen, relief.limit_fen, relief.rate) == (12_000_000, 10_000_000, 1)
    assert relief.first_cost_year == 2024
    assert relief.counted_from == relief.in_force_on == date(2024, 2, 1)
    assert not relief.insured_in_region
    assert relief.pilot
    assert set(relief.pilot_regions) == {"330305", "330324", "330326", "330327", "330328", "330329"}
    assert relief.cap_fen == {}


def test_pengshui_figures_are_the_documents(policies: Policies) -> None:
    """彭水府办发〔2023〕52号 二(二)、二(三)."""
    on = date(2024, 1, 1)
    eighty, seventy = Fraction(4, 5), Fraction(7, 10)
    rates = dict.fromkeys(["TEKUN", "DIBAO", "FANPIN"], eighty)
    rates |= dict.fromkeys(["JIANCE", "DIBIAN", "YINBING", "YOUFU", "ZHONGCAN"], seventy)
    special, inpatient, tilt = (policies.rule(rule) for rule in ("P-16", "P-17", "P-24"))
    assert special.fractions("rate", on) == rates
    assert inpatient.fractions("rate", on) == rates  # “按特殊疾病的救助比例”
    assert special.fen("limit_yuan", on) == 10_000_000
    assert inpatient.fen("limit_yuan", on) == 6_000_000
    assert (inpatient.fen("gate_yuan", on), inpatient.rule.operator) == (3_000_000, ">")
    assert inpatient.number("min_level", on) == 2
    thresholds = {"TEKUN": 300_000, "DIBAO": 400_000, "FANPIN": 400_000}
    thresholds |= dict.fromkeys(["JIANCE", "DIBIAN", "YINBING"], 500_000)
    assert tilt.fens("threshold_yuan", on) == thresholds
    assert (tilt.fraction("rate", on), tilt.fen("limit_yuan", on), tilt.rule.operator) == (
        Fraction(3, 5),
        2_000_000,
        ">=",
    )
    assert tilt.codes("inside", on) == ("500000",)
    assert policies.rule("P-05").fractions("tier1_rate", on) == {"TEKUN": Fraction(1)}
    assert policies.rule("P-06").fractions("tier1_rate", on) == {"DIBAO": Fraction(9, 10)}
    assert policies.rule("P-07").fractions("tier1_rate", on) == dict.fromkeys(
        ["FANPIN", "JIANCE", "DIBIAN"], seventy
    )
    assert policies.rule("P-08").fraction("tier2_rate", on) == 1
    assert policies.rule("P-11").fraction("threshold_factor", on) == Fraction(1, 2)
    assert policies.rule("P-11").fraction("ratio_add", on) == Fraction(1, 20)
    assert not policies.rule("P-11").flag("capped", on)
    assert policies.rule("P-15").fen("deductible_yuan", on) == 0
    assert policies.rule("P-29").number("due_day", on) == 5
    assert policies.rule("P-31").number("merge_working_days", on) == 5


def test_pengshui_begins_on_the_date_of_its_document(policies: Policies) -> None:
    """A-P23 a: 2023-05-30; the day before there is no rate, and that is an error, not a zero."""
    special = policies.rule("P-16")
    assert special.fraction("rate", date(2023, 5, 30), "DIBAO") == Fraction(4, 5)
    with pytest.raises(PolicyError, match="2023-05-29"):
        special.fraction("rate", date(2023, 5, 29), "DIBAO")


@pytest.mark.parametrize(
    ("rule", "targets"),
    [
        ("Z-01", {2022: "1", 2025: "1"}),
        ("Z-02", {2022: "1"}),
        ("Z-03", {2021: None, 2022: "0.80", 2024: "0.80", 2025: "0.85", 2026: None}),
        ("Z-04", {2022: "0.20", 2023: "0.20", 2025: "0.15", 2026: None}),
        ("Z-05", {2022: "1", 2024: "1"}),
        ("L-07", {2023: None, 2024: "0.90", 2027: "0.90"}),
        ("W-02", {2024: None, 2025: "0.995"}),
        ("W-03", {2025: "1"}),
        ("W-04", {2025: "0.05"}),
    ],
)
def test_indicator_targets_by_year(policies: Policies, rule: str, targets: dict[int, str | None]) -> None:
    found = {year: target(policies.rule(rule), year) for year in targets}
    assert found == {year: None if text is None else Fraction(text) for year, text in targets.items()}


def test_linan_warnings_and_fund_share(policies: Policies) -> None:
    """三(一): 2万元以上 (inclusive), 超过 (exclusive) income of the year before; 三(三): at most 1/3."""
    on = date(2023, 1, 1)
    cash, employee, resident = (policies.rule(rule) for rule in ("L-20", "L-21", "L-22"))
    assert (cash.fen("threshold_yuan", on), cash.rule.operator, cash.rule.measure) == (
        2_000_000,
        ">=",
        "CASH",
    )
    assert (employee.text("income_kind", on), employee.rule.operator) == ("urban", ">")
    assert (resident.text("income_kind", on), resident.rule.operator) == ("rural", ">")
    assert resident.codes("insutype", on) == ("390", "380", "391")
    assert policies.rule("L-10").fraction("fiscal_share_max", date(2024, 1, 1)) == Fraction(1, 3)
    assert policies.rule("W-07").fen("city_fund_yuan", date(2024, 1, 1)) == 2_000_000_000
    assert policies.rule("W-08").fraction("local_match_ratio", date(2024, 1, 1)) == 1
    assert policies.rule("W-16").number("counties_max", date(2024, 2, 1)) == 2
    assert not policies.rule("W-16").flag("enabled", date(2024, 2, 1))


def test_senders_by_region(policies: Policies) -> None:
    """P-30 for Pengshui; 民政 for Lin'an's three certificates and Wenzhou's second class."""
    assert roster_senders(policies, "330112", date(2023, 5, 1)) == dict.fromkeys(
        ["TEKUN", "DIBAO", "DIBIAN"], "民政"
    )
    assert roster_senders(policies, "330324", date(2024, 3, 1)) == {"XD2": "民政"}
    assert roster_senders(policies, "500243", date(2023, 6, 1)) == {
        **dict.fromkeys(["TEKUN", "DIBAO", "DIBIAN", "YINBING"], "民政"),
        **dict.fromkeys(["FANPIN", "JIANCE"], "乡村振兴"),
        "YOUFU": "退役军人",
        "ZHONGCAN": "残联",
    }


def test_rules_of_a_region_are_its_own_and_those_above_it(policies: Policies) -> None:
    targets = [rule.id for rule in policies.for_region("330112", "indicator_target")]
    assert targets == ["L-07", "Z-01", "Z-02", "Z-03", "Z-04", "Z-05"]
    assert [r.id for r in policies.for_region("330324107", "household_relief")] == ["W-06"]
    assert policies.for_region("500243", "indicator_target") == []
    assert policies.for_region("330106", "household_cap") == []  # Hangzhou's Xihu district is not Lin'an


def test_every_entry_of_the_ambiguity_register_is_there(policies: Policies) -> None:
    counts = {"X": 4, "P": 32, "L": 22, "W": 15, "Z": 11}
    wanted = {f"A-{code}{n:02}" for code, last in counts.items() for n in range(1, last + 1)}
    assert set(policies.readings) == wanted


def test_defaults_that_are_not_the_first_letter(policies: Policies) -> None:
    defaults = {key: r.default for key, r in policies.readings.items() if r.default != "a"}
    assert defaults == {
        "A-X03": "c",
        "A-L04": "b",
        "A-L08": "c",
        "A-L16": "b",
        "A-L22": "c",
        "A-W06": "b",
        "A-W12": "b",
        "A-W14": "c",
        "A-Z02": "b",
        "A-Z09": "b",
        "A-P02": "b",
        "A-P15": "b",
        "A-P17": "c",
        "A-P20": "b",
        "A-P24": "b",
        "A-P25": "b",
    }


def test_the_hash_follows_the_meaning_not_the_layout(tmp_path: Path) -> None:
    for path in FOLDER.glob("*.toml"):
        (tmp_path / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    assert policy_hash(tmp_path) == policy_hash(FOLDER)
    changed = tmp_path / "linan.toml"
    text = changed.read_text(encoding="utf-8")
    changed.write_text("# a remark\n" + text, encoding="utf-8")
    assert policy_hash(tmp_path) == policy_hash(FOLDER)
    changed.write_text(text.replace('DIBAO = "30000"', 'DIBAO = "25000"'), encoding="utf-8")
    assert policy_hash(tmp_path) != policy_hash(FOLDER)
