"""Indicators, funds, waterfall and areas through the whole job: a few families in files, figures worked by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from stores.home import Home
from tests.support import deliver, run, table
from tests.test_order import ROSTER, SETTLEMENT, A, B, C, settlement, written

D = "330199199504040044"
FUND = "基金,年度,收支,来源类别,区划代码,金额"
PAID = "规则,对象编号,费用年度,金额,支付日期"
ENROLMENT = "psn_no,certno,insutype,psn_insu_stas,insu_admdvs,crt_insu_date"
SUBSIDY = "身份证号,参保年度,资助金额,资助地区划"


def listed(who: str, label: str, household: str, county: str = "330112", since: str = "2022-01-01") -> str:
    return f"{county},{household},{who},王某,{who},{label},{since},,民政,,,{county}102"


def insured(who: str, scheme: str = "390") -> str:
    return f"N{who[6:14]},{who},{scheme},1,330112,2020-01-01"


@pytest.fixture(scope="module")
def linan(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Lin'an 2023. A, 低保: 40,000 of 80,000 borne, and a settlement refunded in full. C, 低边: 4,000 of 8,000.
    D, 低保, not insured, no costs. B, in no category: 10,000 of 20,000.

    A's household is 10,000 over its cap; 4,000 are paid.
    """
    root = tmp_path_factory.mktemp("linan")
    rows = [
        settlement("S1", A, "2023-03-01", "40000.00"),
        settlement("S2", A, "2023-04-01", "9000.00", flag="1"),
        settlement("S3", A, "2023-04-02", "-9000.00", init="S2"),
        settlement("S4", B, "2023-03-01", "10000.00"),
        settlement("S5", C, "2023-03-01", "4000.00"),
    ]
    files = [
        ("setl.csv", SETTLEMENT, rows),
        ("roster.csv", ROSTER, [listed(A, "低保", "F1"), listed(C, "低边", "F2"), listed(D, "低保", "F3")]),
        ("paid.csv", PAID, ["L-04,F1,2023,4000,2024-03-01"]),
        ("insu.csv", ENROLMENT, [insured(A), insured(B), insured(C, "310")]),
        ("subsidy.csv", SUBSIDY, [f"{A},2023,380,330112"]),
        (
            "fund.csv",
            FUND,
            [
                "病贫无忧暖心基金,2023,收入,社会捐赠,330112,6000",
                "病贫无忧暖心基金,2023,收入,财政,330112,3000",
                "病贫无忧暖心基金,2023,支出,,330112,3999",
                "慈善基金,2023,收入,社会捐赠,330112,77",
            ],
        ),
    ]
    home = Home(root / "home")
    deliver(home, [(written(root, name, head, lines), date(2024, 1, 20)) for name, head, lines in files])
    outcome = run(home, 2023, on=date(2024, 3, 31), lists=True)
    return outcome.warehouse, outcome.exports


def figure(
    warehouse: Path, indicator: str, variant: str, policy: str = "Z", population: str = "hardship"
) -> tuple[Any, ...]:
    """(numerator, denominator, met) of one figure."""
    [row] = table(
        warehouse,
        f"select numerator, denominator, met from mart.indicator where indicator_id = '{indicator}' "
        f"and variant = '{variant}' and policy_id = '{policy}' and population = '{population}'",
    ).rows()
    return row


def test_coverage_of_the_hardship_population(linan: tuple[Path, Path]) -> None:
    """44,000 of 88,000 borne; the cap takes 10,000 off: 54,000 of 88,000 covered. The refunded settlement is nowhere."""
    warehouse, _ = linan
    assert figure(warehouse, "IND-3", "default") == (54_000, 88_000, False)
    assert figure(warehouse, "IND-3", "paid") == (48_000, 88_000, False)
    assert figure(warehouse, "IND-3", "cash_only") == (54_000, 88_000, False)
    assert figure(warehouse, "IND-3", "three_systems") == (44_000, 88_000, False)
    assert figure(warehouse, "IND-3", "policy_range") == (54_000, 88_000, False)
    assert figure(warehouse, "IND-3", "default", "L") == (54_000, 88_000, None)


def test_burden_of_the_insured(linan: tuple[Path, Path]) -> None:
    """A, B and C: 54,000 of 108,000 borne, 10,000 of it taken off by the cap."""
    warehouse, _ = linan
    assert figure(warehouse, "IND-4", "default", population="insured") == (44_000, 108_000, False)
    assert figure(warehouse, "IND-4", "paid", population="insured") == (50_000, 108_000, False)
    assert figure(warehouse, "IND-4", "default") == (34_000, 88_000, False)


def test_enrolment_of_those_entitled(linan: tuple[Path, Path]) -> None:
    """A is insured and subsidised, C an employee, D not insured: two of three."""
    warehouse, _ = linan
    assert figure(warehouse, "IND-1", "default") == (2, 3, False)
    assert figure(warehouse, "IND-1", "insured") == (2, 3, False)


def test_a_county_without_enrolment_rows_has_no_enrolment_rate(tmp_path: Path) -> None:
    """Rows of 临安 say nothing about 平阳: IND-7 and IND-1 of the latter are empty, not 0, and a finding asks."""
    files = [
        (
            "roster.csv",
            ROSTER,
            [listed(A, "低保", "F1"), listed(B, "相对低收入家庭第二类对象", "F2", "330326")],
        ),
        ("insu.csv", ENROLMENT, [insured(A)]),
    ]
    home = Home(tmp_path / "home")
    deliver(home, [(written(tmp_path, name, head, lines), date(2025, 1, 20)) for name, head, lines in files])
    warehouse = run(home, 2024, on=date(2025, 3, 31)).warehouse
    assert warehouse is not None
    rows = table(
        warehouse,
        "select region_code, indicator_id, numerator, denominator from mart.indicator "
        "where (indicator_id, variant) in (('IND-7', 'default'), ('IND-1', 'insured')) order by all",
    ).rows()
    assert rows == [
        ("330112", "IND-1", 1, 1), ("330326", "IND-1", None, None), ("330326", "IND-7", None, None),
    ]  # fmt: skip
    asked = "select region_code from mart.roster_finding where rule_id = 'IND-7'"
    assert table(warehouse, asked).rows() == [("330326",)]


def test_people_of_two_counties_at_one_institution(tmp_path: Path) -> None:
    """A (低保, 临安) and B (低保, 平阳) at one hospital: a sheet of the institution for each county, each with its own."""
    files = [
        ("roster.csv", ROSTER, [listed(A, "低保", "F1"), listed(B, "低保", "F2", "330326")]),
        (
            "setl.csv",
            SETTLEMENT,
            [settlement("S1", A, "2023-03-01", "40.00"), settlement("S2", B, "2023-03-01", "10.00")],
        ),
    ]
    home = Home(tmp_path / "home")
    deliver(home, [(written(tmp_path, name, head, lines), date(2024, 1, 20)) for name, head, lines in files])
    warehouse = run(home, 2023, on=date(2024, 3, 31)).warehouse
    assert warehouse is not None
    sheets = (
        "select region_code, tot_yuan from mart.provider_sheet where population = 'hardship' order by all"
    )
    assert table(warehouse, sheets).rows() == [("330112", 80), ("330326", 20)]
    rates = (
        "select region_code, numerator, denominator from mart.indicator "
        "where indicator_id = 'IND-3' and variant = 'default' and policy_id = 'Z' order by all"
    )
    assert table(warehouse, rates).rows() == [("330112", 40, 80), ("330326", 10, 20)]


def test_high_cost_is_resolved_when_paid(linan: tuple[Path, Path]) -> None:
    """One household over its cap, 4,000 of its 10,000 paid and nothing approved."""
    warehouse, _ = linan
    assert figure(warehouse, "IND-5", "default") == (0, 1, False)
    assert figure(warehouse, "IND-5", "amount") == (4_000, 10_000, False)


def test_self_pay_in_the_policy_range(linan: tuple[Path, Path]) -> None:
    warehouse, _ = linan
    [(numerator, denominator, target)] = table(
        warehouse,
        "select numerator, denominator, target from mart.indicator where indicator_id = 'IND-6' and variant = 'DIBAO'",
    ).rows()
    assert (numerator, denominator, target) == (40_000, 80_000, None)


def test_what_is_missing_is_said_once(linan: tuple[Path, Path]) -> None:
    """The civil-affairs benefit file never comes; a fund is not what the paid ledger says."""
    warehouse, _ = linan
    found = table(
        warehouse,
        "select rule_id, amount_yuan, n_rows from mart.roster_finding "
        "where rule_id like 'IND-%' or rule_id in ('fund_ledger', 'L-09', 'L-10') order by rule_id",
    ).rows()
    assert found == [
        ("IND-2", None, None),
        ("L-09", Decimal("1000.00"), 1),
        ("fund_ledger", Decimal("1.00"), 1),
    ]
    empty = "select count(*) from mart.indicator where indicator_id = 'IND-2' and variant = 'default' and value is null"
    assert table(warehouse, empty).item() == 1


def test_funds_of_the_district(linan: tuple[Path, Path]) -> None:
    """10,000 due against 9,000 raised; exactly a third is public money. One row a region, year and fund."""
    warehouse, _ = linan
    rows = table(
        warehouse,
        "select fund, rule_id, raised_yuan, fiscal_yuan, due_yuan, paid_yuan, balance_yuan, check_left, check_right, "
        "met, n_units, n_objects from mart.fund_position order by fund, rule_id",
    ).rows()
    warm = (9_000, 3_000, 10_000, 4_000, 5_000)
    assert rows == [
        ("慈善基金", None, 77, 0, None, None, None, None, None, None, None, None),
        ("病贫无忧暖心基金", "L-10", *warm, 9_000, 9_000, True, 1, 3),
    ]


def test_waterfall_of_the_household_and_its_area(linan: tuple[Path, Path]) -> None:
    warehouse, _ = linan
    steps = table(
        warehouse,
        "select layer_code, paid_yuan, remaining_yuan from mart.layer_waterfall "
        "where unit_id = 'F1' and paid_yuan <> 0 order by layer_no",
    ).rows()
    assert steps == [("BAS", 40_000, 40_000), ("CAP", 10_000, 30_000)]
    area = table(
        warehouse,
        "select n_persons, n_households, tot_yuan, burden_yuan, over_yuan from mart.area_burden "
        "where area_code = '330112102' and category = 'DIBAO'",
    ).rows()
    assert area == [(2, 2, 80_000, 40_000, 10_000)]


def test_the_scorecard_reads_back(linan: tuple[Path, Path]) -> None:
    _, exports = linan
    book = openpyxl.load_workbook(exports / "评价考核.xlsx", read_only=True)
    assert book.sheetnames == ["考核表", "指标", "基金", "基金绩效", "救助支出"]
    head, first, *_ = book["考核表"].iter_rows(values_only=True)
    row = dict(zip(head, first, strict=True))
    assert row["区划"] == "临安区" and row["年度"] == 2023
    assert "L·困难群众：61.36%" in str(row["困难群众医疗费用综合保障率"])
    assert "Z·困难群众：61.36%（目标80.00%，未达标）" in str(row["困难群众医疗费用综合保障率"])
    assert row["高额医疗费用动态清零化解率"] == "0.00%（目标100.00%，未达标）"
    assert row["封顶化解应付"] == 10_000 and row["封顶化解已付"] == 4_000
    results = [r for r in book["基金绩效"].iter_rows(values_only=True)][1]
    assert results[2:] == ("L-04", 1, 1, 4_000, 10_000, 4_000, "40.00%", 40_000, 36_000)


def in_county(row: str, county: str = "330326") -> str:
    return row.replace("330112", county)


def test_increase_over_the_base_year_and_the_city_fund(tmp_path: Path) -> None:
    """Pingyang. 2023: 50,000 of 100,000 covered. 2025: 260,000 of 600,000 borne, relief 100,000: 440,000 covered.

    At the base rate 300,000 would have been covered: 140,000 beyond it, of 600,000; relative of 300,000. The relief
    stands in IND-4 of the insured too. City 20,000,000 to the fen, local 100,000 against 100,000 allocated. The
    residual of 160,000 is above the threshold although the relief is paid.
    """
    rows = [
        settlement("S1", A, "2023-03-01", "50000.00"),
        settlement("S2", A, "2025-03-01", "260000.00"),
        settlement("S4", B, "2025-03-01", "40000.00"),
    ]
    total = settlement("S2", A, "2025-03-01", "260000.00").replace("520000.00", "600000.00")
    rows[1] = total.replace(
        ",260000.00,260000.00,260000.00,0,260000.00", ",340000.00,340000.00,260000.00,0,260000.00"
    )
    files = [
        ("setl.csv", SETTLEMENT, [in_county(row) for row in rows]),
        ("roster.csv", ROSTER, [listed(A, "相对低收入家庭第二类对象", "G1", "330326", "2023-01-01")]),
        ("paid.csv", PAID, ["W-06,G1,2025,100000,2026-03-01"]),
        (
            "fund.csv",
            FUND,
            [
                "慈善医疗救助共富基金,2025,收入,财政,330300,20000000",
                "慈善医疗救助共富基金,2025,分配,,330326,100000",
                "慈善医疗救助共富基金,2025,收入,社会捐赠,330326,100000",
                "慈善医疗救助共富基金,2025,分配,,330381,5",
            ],
        ),
    ]
    home = Home(tmp_path / "home")
    deliver(home, [(written(tmp_path, name, head, lines), date(2026, 1, 20)) for name, head, lines in files])
    warehouse = run(home, 2025, on=date(2026, 3, 31)).warehouse
    assert figure(warehouse, "IND-9", "level", "W", "low_income") == (440_000, 600_000, None)
    assert figure(warehouse, "IND-9", "default", "W", "low_income") == (140_000, 600_000, True)
    assert figure(warehouse, "IND-9", "relative", "W", "low_income") == (140_000, 300_000, True)
    assert figure(warehouse, "IND-4", "default", "Z", "insured") == (200_000, 680_000, False)
    assert figure(warehouse, "IND-5", "default") == (0, 1, False)
    assert figure(warehouse, "IND-5", "amount") == (100_000, 140_000, False)
    assert figure(warehouse, "IND-3", "default")[2] is None
    funds = table(
        warehouse,
        "select region_code, rule_id, raised_yuan, allocated_yuan, due_yuan, paid_yuan, check_left, check_right, met "
        "from mart.fund_position order by region_code",
    ).rows()
    assert funds == [
        ("330300", "W-07", 20_000_000, 100_005, 100_000, 100_000, 20_000_000, 20_000_000, True),
        ("330326", "W-08", 100_000, 100_000, 100_000, 100_000, 100_000, 100_000, True),
        ("330381", "W-08", None, 5, None, None, None, None, None),
    ]
    outside = (
        "select region_code, rule_id, amount_yuan from mart.roster_finding where rule_id in ('W-07', 'W-08')"
    )
    assert table(warehouse, outside).rows() == [("330381", "W-07", 5)]
