"""Every effective date of every policy file on the day before and on the day itself, with what must hold on each.

The table below is kept by hand from the documents: a date in a file that stands in no line of it, or another value, fails.
`-`: no value on that day, which is an error where a rule asks for it, never a zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

import tests.assess_frames as af
from schemas.assistance import assistances
from schemas.policy import Policies, PolicyError, household_caps, household_reliefs, load_policies, target
from schemas.policy_model import Version
from stores.home import Home
from tests import assess_run, assistance_run
from tests.support import deliver, run, table
from tests.test_assistance_flow import HEADER, listed, settlement
from tests.test_order import ROSTER, SETTLEMENT, A, B, C, written
from tests.test_order import settlement as plain_settlement

DATES = """
rule.parameter | date | the day before | the day
L-01.certificate | 2023-01-01 | - | DIBAO=最低生活保障家庭证 DIBIAN=最低生活保障边缘家庭证 TEKUN=特困人员救助供养证
L-01.sender | 2023-01-01 | - | DIBAO=民政 DIBIAN=民政 TEKUN=民政
L-04.cap_yuan | 2023-01-01 | - | DIBAO=30000 DIBIAN=50000 TEKUN=5000
L-04.pay_rate | 2023-01-01 | - | 1
L-04.first_cost_year | 2023-01-01 | - | 2023
L-04.insured_in_region | 2023-01-01 | - | yes
L-04.designated_only | 2023-01-01 | - | yes
L-05.years_back | 2023-01-01 | - | 1
L-07.target | 2024-01-01 | - | 0.90
L-10.fiscal_share_max | 2024-01-01 | - | 1/3
L-10.fund_name | 2024-01-01 | - | 病贫无忧暖心基金
L-10.fund_manager | 2024-01-01 | - | 区慈善总会
L-20.threshold_yuan | 2023-01-01 | - | 20000
L-21.income_kind | 2023-01-01 | - | urban
L-21.income_years_back | 2023-01-01 | - | 1
L-21.insutype | 2023-01-01 | - | 310
L-22.income_kind | 2023-01-01 | - | rural
L-22.income_years_back | 2023-01-01 | - | 1
L-22.insutype | 2023-01-01 | - | 390 380 391
L-24.interval | 2024-02-01 | - | monthly
L-24.partners | 2024-02-01 | - | 民政 残联
L-28.visit_working_days | 2024-01-01 | - | 10
L-28.issue_working_day | 2024-01-01 | - | 1
P-05.tier1_rate | 2023-05-30 | - | TEKUN=1
P-06.tier1_rate | 2023-05-30 | - | DIBAO=0.90
P-07.tier1_rate | 2023-05-30 | - | DIBIAN=0.70 FANPIN=0.70 JIANCE=0.70
P-08.tier2_rate | 2023-05-30 | - | 1
P-11.threshold_factor | 2023-05-30 | - | 0.50
P-11.ratio_add | 2023-05-30 | - | 0.05
P-11.capped | 2023-05-30 | - | no
P-13.designated_only | 2023-05-30 | - | yes
P-15.deductible_yuan | 2023-05-30 | - | 0
P-16.rate | 2023-05-30 | - | DIBAO=0.80 DIBIAN=0.70 FANPIN=0.80 JIANCE=0.70 TEKUN=0.80 YINBING=0.70 YOUFU=0.70 ZHONGCAN=0.70
P-16.limit_yuan | 2023-05-30 | - | 100000
P-17.rate | 2023-05-30 | - | DIBAO=0.80 DIBIAN=0.70 FANPIN=0.80 JIANCE=0.70 TEKUN=0.80 YINBING=0.70 YOUFU=0.70 ZHONGCAN=0.70
P-17.gate_yuan | 2023-05-30 | - | 30000
P-17.min_level | 2023-05-30 | - | 2
P-17.inpatient_only | 2023-05-30 | - | yes
P-17.limit_yuan | 2023-05-30 | - | 60000
P-20.not_referred_rate | 2023-05-30 | - | 0
P-24.threshold_yuan | 2023-05-30 | - | DIBAO=4000 DIBIAN=5000 FANPIN=4000 JIANCE=5000 TEKUN=3000 YINBING=5000
P-24.rate | 2023-05-30 | - | 0.60
P-24.limit_yuan | 2023-05-30 | - | 20000
P-24.inside | 2023-05-30 | - | 500000
P-29.due_day | 2023-05-30 | - | 5
P-29.list_kinds | 2023-05-30 | - | 新增 减少 在册
P-30.sender | 2023-05-30 | - | DIBAO=民政 DIBIAN=民政 FANPIN=乡村振兴 JIANCE=乡村振兴 TEKUN=民政 YINBING=民政 YOUFU=退役军人 ZHONGCAN=残联
P-31.merge_working_days | 2023-05-30 | - | 5
W-01.pilot_counties | 2024-01-01 | - | 330305 330324 330326 330327 330328 330329
W-02.target | 2025-01-01 | - | 0.995
W-02.class_2 | 2025-01-01 | - | XD2
W-03.target | 2025-01-01 | - | 1
W-04.target | 2025-01-01 | - | 0.05
W-04.baseline_year | 2025-01-01 | - | 2023
W-05.sender | 2024-01-01 | - | XD2=民政
W-06.threshold_yuan | 2024-01-01 | - | 120000
W-06.limit_yuan | 2024-01-01 | - | 100000
W-06.pay_rate | 2024-01-01 | - | 1
W-06.first_cost_year | 2024-01-01 | - | 2024
W-06.counted_from | 2024-01-01 | - | 2024-02-01
W-06.insured_in_region | 2024-01-01 | - | no
W-06.designated_only | 2024-01-01 | - | no
W-07.city_fund_yuan | 2024-01-01 | - | 20000000
W-07.fund_name | 2024-01-01 | - | 慈善医疗救助共富基金
W-08.local_match_ratio | 2024-01-01 | - | 1
W-10.through_illness | 2024-02-01 | - | YINBING ZHICHU
W-10.ages_confirmed | 2024-02-01 | - | no
W-10.old_age | 2024-02-01 | - | 60
W-10.young_age | 2024-02-01 | - | 3
W-11.waiting_days | 2024-02-01 | - | 0
W-12.required | 2024-02-01 | - | yes
W-14.visit_working_days | 2023-12-22 | - | 10
W-14.issue_working_day | 2023-12-22 | - | 1
W-16.enabled | 2024-02-01 | - | no
W-16.counties_max | 2024-02-01 | - | 2
W-16.counties | 2024-02-01 | - | (none)
W-16.diseases | 2024-02-01 | - | I10 I11 I12 I13 I15 E10 E11 E12 E13 E14
W-16.level_max | 2024-02-01 | - | 1
Z-01.target | 2022-01-01 | - | 1
Z-01.target | 2026-01-01 | 1 | -
Z-02.target | 2022-01-01 | - | 1
Z-02.target | 2026-01-01 | 1 | -
Z-02.through_illness | 2022-01-01 | - | YINBING ZHICHU LINSHI
Z-02.secured | 2022-01-01 | - | TEKUN DIBAO DIBIAN LINSHI
Z-03.target | 2022-01-01 | - | 0.80
Z-03.target | 2025-01-01 | 0.80 | 0.85
Z-03.target | 2026-01-01 | 0.85 | -
Z-04.target | 2022-01-01 | - | 0.20
Z-04.target | 2025-01-01 | 0.20 | 0.15
Z-04.target | 2026-01-01 | 0.15 | -
Z-05.target | 2022-01-01 | - | 1
Z-05.target | 2026-01-01 | 1 | -
Z-12.watch_share | 2022-06-30 | - | 0.80
Z-16.top_n | 2022-06-30 | - | 20
Z-27.visit_working_days | 2022-06-30 | - | 10
Z-27.issue_working_day | 2022-06-30 | - | 1
"""
EXPECTED = {
    (name, date.fromisoformat(day)): (before, on)
    for name, day, before, on in (
        tuple(cell.strip() for cell in line.split("|")) for line in DATES.strip().splitlines()[1:]
    )
}


@pytest.fixture(scope="module")
def policies() -> Policies:
    return load_policies(Path(__file__).resolve().parents[1] / "data" / "policies")


def effective_dates(policies: Policies) -> Iterator[tuple[str, str, date]]:
    """Rule, parameter and each date from which it has another value, or none."""
    for rule in policies.rules.values():
        for parameter in rule.rule.parameter:
            days = set()
            for version in rule.parameter(parameter.name).version:
                days.add(version.effective_from)
                if version.effective_to is not None:
                    days.add(version.effective_to + timedelta(days=1))
            yield from ((rule.id, parameter.name, day) for day in sorted(days))


def written_out(version: Version | None) -> str:
    """A version's value as the table writes it."""
    if version is None:
        return "-"
    if version.values is not None:
        return " ".join(f"{code}={value}" for code, value in sorted(version.values.items()))
    if isinstance(version.value, bool):
        return "yes" if version.value else "no"
    if isinstance(version.value, list):
        return " ".join(version.value) or "(none)"
    return str(version.value)


def test_the_table_has_every_date_of_every_file(policies: Policies) -> None:
    found = {(f"{rule}.{name}", day) for rule, name, day in effective_dates(policies)}
    assert {f"{name} {day}" for name, day in found ^ set(EXPECTED)} == set()


@pytest.mark.parametrize(("name", "day"), EXPECTED, ids=lambda each: str(each))
def test_the_day_before_and_the_day_itself(policies: Policies, name: str, day: date) -> None:
    rule_id, _, parameter = name.partition(".")
    rule = policies.rule(rule_id)
    days = (day - timedelta(days=1), day)
    found = tuple(written_out(rule.parameter(parameter).at(each)) for each in days)
    assert found == EXPECTED[name, day]
    for each, value in zip(days, found, strict=True):
        if value == "-":
            with pytest.raises(PolicyError, match="没有有效取值"):
                rule.version(parameter, each)


def test_dates_of_the_documents(policies: Policies) -> None:
    """Z and P: the date of the document; L and W: 自2024年2月1日起施行."""
    assert {p.id: (p.issued, p.in_force) for p in policies.policies} == {
        "Z": (date(2022, 6, 30), date(2022, 6, 30)),
        "L": (date(2024, 1, 1), date(2024, 2, 1)),
        "W": (date(2023, 12, 22), date(2024, 2, 1)),
        "P": (date(2023, 5, 30), date(2023, 5, 30)),
    }


def capped(policies: Policies, settled: str, year: int, on: str) -> tuple[str, int | None]:
    """Status and amount (yuan) of a 低保 household that bears 35,000 in one settlement."""
    tables = {
        "certificates": af.table("person|code|from\nA|DIBAO|2020-01-01"),
        "members": af.table("person|household\nA|H1"),
        "settlements": af.table(f"setl_id|person|date|psn\nS1|A|{settled}|35000"),
    }
    [cap] = household_caps(policies, year)
    [row] = assess_run.run(tables, cap, year, date.fromisoformat(on)).assessed.cap_gap.to_dicts()
    return row["status"], None if row["amount_fen"] is None else row["amount_fen"] // 100


@pytest.mark.parametrize(
    ("settled", "year", "on", "expected"),
    [
        ("2023-06-01", 2023, "2024-01-31", ("not_in_force", None)),
        ("2023-06-01", 2023, "2024-02-01", ("due", 5000)),
        ("2022-12-31", 2022, "2024-02-01", ("not_in_force", None)),
        ("2023-01-01", 2023, "2024-02-01", ("due", 5000)),
        ("2023-12-31", 2023, "2024-02-01", ("due", 5000)),
        ("2024-01-01", 2023, "2024-02-01", ("within", 0)),
        ("2024-06-01", 2024, "2024-12-31", ("forecast", None)),
        ("2024-06-01", 2024, "2025-01-01", ("due", 5000)),
    ],
)
def test_linans_cap_on_both_sides_of_its_dates(
    policies: Policies, settled: str, year: int, on: str, expected: tuple[str, int | None]
) -> None:
    assert capped(policies, settled, year, on) == expected


def relieved(policies: Policies, settled: str, year: int, on: str) -> tuple[str, int, int | None]:
    """Status, burden and amount (yuan) of a household of class 2 that bears 130,000 in one settlement."""
    tables = {
        "certificates": af.table("person|code|from|county\nA|XD2|2020-01-01|330326"),
        "members": af.table("person|household\nA|H1"),
        "settlements": af.table(f"setl_id|person|date|psn\nS1|A|{settled}|130000"),
    }
    [relief] = household_reliefs(policies, year)
    [row] = assess_run.run(tables, relief, year, date.fromisoformat(on)).assessed.cap_gap.to_dicts()
    amount = None if row["amount_fen"] is None else row["amount_fen"] // 100
    return row["status"], row["burden_fen"] // 100, amount


@pytest.mark.parametrize(
    ("settled", "year", "on", "status", "burden", "amount"),
    [
        ("2024-02-01", 2024, "2024-01-31", "not_in_force", 130_000, None),
        ("2024-02-01", 2024, "2024-02-01", "forecast", 130_000, None),
        ("2024-02-01", 2024, "2024-12-31", "forecast", 130_000, None),
        ("2024-02-01", 2024, "2025-01-01", "due", 130_000, 10_000),
        ("2023-12-31", 2023, "2025-01-01", "not_in_force", 0, None),
    ],
)
def test_wenzhous_relief_on_both_sides_of_its_dates(
    policies: Policies, settled: str, year: int, on: str, status: str, burden: int, amount: int | None
) -> None:
    assert relieved(policies, settled, year, on) == (status, burden, amount)


def test_a_settlement_before_wenzhous_date_counts_nothing(policies: Policies) -> None:
    """2024-01-31 nothing, 2024-02-01 all: whether another reading would count it is a matter for review."""
    _, before, _ = relieved(policies, "2024-01-31", 2024, "2025-01-01")
    assert before == 0
    assert relieved(policies, "2024-02-01", 2024, "2025-01-01") == ("due", 130_000, 10_000)


@pytest.mark.parametrize(
    ("dise", "rules"), [("M01", ["P-16", "P-24"]), ("", ["P-17", "P-24"])], ids=["special", "other"]
)
def test_pengshuis_relief_on_both_sides_of_its_date(dise: str, rules: list[str]) -> None:
    """低保, 40,000 in a stay: on 2023-05-29 nothing; on 2023-05-30 80% = 32,000 and 60% of 8,000 = 4,800."""
    row = {"setl_id": "S1", "person": "A", "pol": "40000"} | ({"dise": dise} if dise else {})
    certificates = af.table("person|code|from\nA|DIBAO|2020-01-01")
    before = assistance_run.run({"settlements": [row | {"date": "2023-05-29"}], "certificates": certificates})
    on = assistance_run.run({"settlements": [row | {"date": "2023-05-30"}], "certificates": certificates})
    assert before.lines.is_empty() and before.audit.is_empty()
    assert on.lines["rule_id"].to_list() == rules
    assert on.lines["amount_fen"].to_list() == [3_200_000, 480_000]


def test_pengshui_has_no_rules_for_the_year_before(policies: Policies) -> None:
    assert assistances(policies, ["500243"], 2022) == []
    [rules] = assistances(policies, ["500243"], 2023)
    assert [(terms.valid_from, terms.valid_to) for terms in rules.terms] == [
        (date(2023, 5, 30), date(2023, 12, 31))
    ]


@pytest.mark.parametrize(
    ("rule", "year", "before", "on"),
    [
        ("Z-03", 2022, None, "4/5"),
        ("Z-03", 2025, "4/5", "17/20"),
        ("Z-03", 2026, "17/20", None),
        ("Z-04", 2025, "1/5", "3/20"),
        ("L-07", 2024, None, "9/10"),
        ("W-02", 2025, None, "199/200"),
    ],
)
def test_targets_of_the_year_before_and_of_the_year(
    policies: Policies, rule: str, year: int, before: str | None, on: str | None
) -> None:
    found = [target(policies.rule(rule), each) for each in (year - 1, year)]
    assert [None if value is None else str(value) for value in found] == [before, on]


def test_the_whole_job_on_both_sides(tmp_path: Path) -> None:
    """Three people under three documents: L by the date of the run, P by the date of the settlement.

    A (低保, Lin'an) bears 35,000. B (低保, Pengshui): 1,000 of a special disease on 05-29 and on 05-30: 800 once. C (class
    2, Wenzhou) bears 130,000 in 2023, which no rule of 2023 relieves.
    """
    costs = [
        settlement("P1", B, "2023-05-29", 1000, 0, kind="14", dise="M01"),
        settlement("P2", B, "2023-05-30", 1000, 0, kind="14", dise="M01"),
    ]
    plain = [
        plain_settlement("L1", A, "2023-06-01", "35000.00"),
        plain_settlement("W1", C, "2023-06-01", "130000.00").replace("330112", "330326"),
    ]
    roster = [
        listed(A, "低保", "330112"),
        listed(B, "低保"),
        listed(C, "相对低收入家庭第二类对象", "330326"),
    ]
    home = Home(tmp_path / "home").ensure()
    home.reference.mkdir(exist_ok=True)
    header = "region_code,code_kind,code,name,class,valid_from,valid_to,source"
    (home.reference / "special_disease.csv").write_text(
        f"{header}\n500000,dise_no,M01,某病,special,2020-01-01,,测试\n", encoding="utf-8"
    )
    files = [("p.csv", HEADER, costs), ("lw.csv", SETTLEMENT, plain), ("roster.csv", ROSTER, roster)]
    deliver(home, [(written(tmp_path, name, head, rows), date(2024, 1, 10)) for name, head, rows in files])
    sql = (
        "select rule_id, settlement_id, status, amount_yuan::int amount from mart.benefit_line "
        "where rule_id in ('L-04', 'W-06', 'P-16') order by rule_id"
    )
    found = [
        table(run(home, 2023, on=date.fromisoformat(on), number=n).warehouse, sql).rows()
        for n, on in enumerate(("2024-01-31", "2024-02-01"), start=1)
    ]
    assistance = ("P-16", "P2", "due", 800)
    relief = ("W-06", None, "not_in_force", None)
    assert found == [
        [("L-04", None, "not_in_force", None), assistance, relief],
        [("L-04", None, "due", 5000), assistance, relief],
    ]
