"""A county that no shipped file knows: its policy file and reference rows, the whole job, amounts worked out on paper.

`tests/sibling/xuxian.toml` caps the person instead of the household, knows a category of its own, pays shares and up to
limits of its own from dates of its own. Nothing in the code is told of it.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from flows import configuration
from flows.explain import explanation
from flows.explain_text import explain_lines
from flows.simulation import Scenario, simulate
from stores.home import Home
from tests.support import deliver, run, table
from tests.test_order import ROSTER, A, B, C, written

ROOT = Path(__file__).resolve().parents[1]
COUNTY = "990101"
COST = (
    "setl_id,mdtrt_id,init_setl_id,psn_no,psn_name,psn_cert_type,certno,gend,insutype,insu_admdvs,fixmedins_code,"
    "fixmedins_name,begndate,setl_time,med_type,hosp_lv,medfee_sumamt,fulamt_ownpay_amt,overlmt_selfpay,preselfpay_amt,"
    "inscp_amt,hifp_pay,hifmi_pay,hifob_pay,maf_pay,fund_pay_sumamt,psn_pay,acct_pay,cash_payamt,refd_setl_flag,vali_flag,"
    "dise_no,refl_stas"
)
REFERENCE = {
    "regions": ("code,name_zh,level,parent_code,source", ["990000,虚构省,province,,测试", "990100,虚构市,city,990000,测试",
                                                          "990101,虚构县,county,990100,测试"]),
    "category": ("code,rank,name_zh,name_en,source", ["YUMIN,16,困难渔民,Fisher in hardship,虚府办〔2025〕3号 第二条"]),
    "identity_label": ("policy,label,codes,valid_from,source", ["N,困难渔民,YUMIN,,虚府办〔2025〕3号 第二条"]),
    "special_disease": ("region_code,code_kind,code,name,class,valid_from,valid_to,source",
                        [f"{COUNTY},dise_no,M01,某病,special,2020-01-01,,测试"]),
    "premium_standard": ("region_code,insurance_year,tier,amount_yuan,source", [f"{COUNTY},2025,1,100.10,测试"]),
}  # fmt: skip


def settlement(number: str, who: str, on: str, pol: str, bas: str, *, kind: str = "21", dise: str = "", level: str = "05",
               init: str = "") -> str:  # fmt: skip
    """One row without costs outside the policy range: what insurance leaves is paid by the person in cash."""
    sign = -1 if init else 1
    left = Decimal(pol) - Decimal(bas)
    parts = [Decimal(pol), 0, 0, 0, Decimal(pol), Decimal(bas), 0, 0, 0, Decimal(bas), left, 0, left]
    money = ",".join(f"{sign * part:.2f}" for part in parts)
    return (
        f"{number},V{init or number},{init},P{who},某某,01,{who},1,390,{COUNTY},H99010100001,县医院,{on},{on} 10:00:00,"
        f"{kind},{level},{money},{'1' if init else '0'},1,{dise},0"
    )


def listed(who: str, label: str, department: str, household: str = "X1") -> str:
    return f"{COUNTY},{household},{A},某某,{who},{label},2025-01-01,,{department},,,"


def new_home(folder: Path, patch: pytest.MonkeyPatch) -> Home:
    """A home under the shipped policies and one more; its reference rows lie with the home."""
    data = folder / "data"
    for name in ("policies", "reference"):
        shutil.copytree(ROOT / "data" / name, data / name)
    shutil.copy(ROOT / "tests" / "sibling" / "xuxian.toml", data / "policies")
    patch.setattr(configuration, "DATA", data)
    home = Home(folder / "home").ensure()
    home.reference.mkdir(exist_ok=True)
    for name, (header, rows) in REFERENCE.items():
        (home.reference / f"{name}.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return home


@pytest.fixture
def sibling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    return new_home(tmp_path, monkeypatch)


COSTS = [
    settlement("S1", A, "2025-03-31", "9000.00", "4000.00"),
    settlement("S2", A, "2025-04-01", "30000.00", "18000.00"),
    settlement("S3", A, "2025-05-02", "6000.00", "2000.00", kind="14", dise="M01"),
    settlement("S4", B, "2025-06-03", "9999.99", "2000.00"),
    settlement("S5", B, "2025-06-20", "10000.00", "4000.00", level="09"),
    settlement("S6", C, "2025-07-04", "52000.00", "10000.01", kind="14", dise="M01"),
    settlement("S7", C, "2025-08-05", "20000.00", "16000.00"),
    settlement("S8", C, "2025-08-06", "8000.00", "1000.00"),
    settlement("R8", C, "2025-08-20", "8000.00", "1000.00", init="S8"),
]
"""A and B are one household: under a cap on the household their costs would be pooled."""


PREMIUM = "psn_no,certno,psn_name,insutype,accrym_begn,accrym_end,psn_clct_amt,finsubs_amt,clct_flag,clct_time,clct_grde,revs_flag"
PREMIUMS = [
    f"P{who},{who},某某,390,202501,202512,{amount},0,1,2025-01-02 10:00:00,1,0"
    for who, amount in ((A, "40.04"), (C, "65.06"))
]
FUND = "流水号,基金,年度,日期,收支,来源类别,区划代码,金额,说明"
RAISED = [
    f"F1,渔民基金,2025,2025-06-01,收入,财政,{COUNTY},40000,",
    f"F2,渔民基金,2025,2025-06-02,收入,社会捐赠,{COUNTY},60000,",
]
LISTED = [listed(A, "低保", "民政"), listed(B, "低保", "民政"), listed(C, "困难渔民", "残联", "X2")]
FILES = [
    ("cost.csv", COST, COSTS),
    ("roster.csv", ROSTER, LISTED),
    ("premium.csv", PREMIUM, PREMIUMS),
    ("fund.csv", FUND, RAISED),
]


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """The year 2025 published on 2026-03-31."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("sibling")
        home = new_home(folder, patch)
        deliver(home, [(written(folder, name, head, rows), date(2026, 1, 10)) for name, head, rows in FILES])
        run(home, 2025, on=date(2026, 3, 31))
        yield home


def mart(home: Home, sql: str) -> pl.DataFrame:
    return table(home.warehouse / "fengding.duckdb", sql)


def test_cap_on_the_person(county: Home) -> None:
    """S1 is a day too early, S8 was reversed.

    A 12,000 + 4,000 = 16,000: 90% of 8,000 = 7,200. B 7,999.99 + 6,000 = 13,999.99: 90% of 5,999.99 = 5,399.991, so
    5,399.99. C 41,999.99 + 4,000 = 45,999.99: 90% of 33,999.49 = 30,599.541, so 30,599.54, held to 20,000.
    """
    rows = mart(
        county,
        "select unit_type, unit_id, person_key, l.category, base_yuan, threshold_yuan, amount_yuan, policy_version, status "
        "from mart.benefit_line l where rule_id = 'N-02' order by base_yuan",
    ).rows()
    assert [(row[0], row[3], *map(str, row[4:8]), row[8]) for row in rows] == [
        ("person", "DIBAO", "13999.99", "8000.00", "5399.99", "N@2025-04-01", "due"),
        ("person", "DIBAO", "16000.00", "8000.00", "7200.00", "N@2025-04-01", "due"),
        ("person", "YUMIN", "45999.99", "12000.50", "20000.00", "N@2025-04-01", "due"),
    ]
    assert all(unit == person for _, unit, person, *_ in rows)
    gaps = mart(
        county,
        "select household_id, n_members, gap_yuan from mart.cap_gap where rule_id = 'N-02' order by gap_yuan",
    ).rows()
    assert [(home, n, str(gap)) for home, n, gap in gaps] == [
        ("X1", 1, "5999.99"), ("X1", 1, "8000.00"), ("X2", 1, "33999.49"),
    ]  # fmt: skip
    items = mart(
        county,
        "select i.settlement_id, counted, household_id_on_day from mart.benefit_item i join mart.benefit_line using (benefit_id) "
        "where rule_id = 'N-02' order by i.settlement_id",
    ).rows()
    assert [row for row in items if not row[1]] == [
        ("R8", False, "X2"),
        ("S1", False, "X1"),
        ("S8", False, "X2"),
    ]
    sums = mart(
        county,
        "select l.base_yuan - sum(i.base_yuan) from mart.benefit_line l join mart.benefit_item i using (benefit_id) "
        "where counted group by l.benefit_id, l.base_yuan",
    )
    assert sums.to_series().unique().to_list() == [0]


def test_assistance_with_other_rates_and_limits(county: Home) -> None:
    """From 2025-04-01: S1 has no line.

    A (75%, 40%): S2 30,000 reaches 10,000: 40% of 12,000 = 4,800. S3 special: 75% of 4,000 = 3,000. No tilt for 低保.
    B: S4 9,999.99 is below the gate: no line. S5 exactly 10,000, at the lowest level: 40% of 6,000 = 2,400.
    C (55%, 40%): S6 special: 55% of 41,999.99 = 23,099.9945, so 23,099.99; 18,900.00 left, above 2,000: half of it is
    9,450; this county reads A-P01 otherwise: half of the 16,900 above it, 8,450. S7: 40% of 4,000 = 1,600; 2,400 left:
    half of 400 = 200.
    """
    rows = mart(
        county,
        "select rule_id, settlement_id, amount_yuan, limit_after_yuan from mart.benefit_line "
        "where rule_id in ('N-03', 'N-04', 'N-05') order by all",
    ).rows()
    assert [(rule, visit, str(amount), str(left)) for rule, visit, amount, left in rows] == [
        ("N-03", "S3", "3000.00", "27000.00"),
        ("N-03", "S6", "23099.99", "6900.01"),
        ("N-04", "S2", "4800.00", "10200.00"),
        ("N-04", "S5", "2400.00", "12600.00"),
        ("N-04", "S7", "1600.00", "13400.00"),
        ("N-05", "S6", "8450.00", "3550.00"),
        ("N-05", "S7", "200.00", "3350.00"),
    ]


def test_explained_by_person_by_benefit_and_by_household(county: Home) -> None:
    lines = mart(
        county,
        "select g.benefit_id, person_key, household_id from mart.benefit_line join mart.cap_gap g using (rule_id, unit_id) "
        "where rule_id = 'N-02' and g.amount_yuan = 7200",
    )
    [(benefit, person, household)] = lines.rows()
    for asked in (benefit, person, household, A):
        told = explanation(county, asked, 2025, "N-02")
        text = "\n".join(explain_lines(told))
        assert "7,200.00 元" in text and "第三条" in text, asked
        assert ("5,399.99 元" in text) == (asked == household)
    json.dumps(told)


def test_simulated_with_another_cap(county: Home) -> None:
    """Cap 10,000 for 低保: A 90% of 6,000 = 5,400, B 90% of 3,999.99 = 3,599.991, so 3,599.99; C stays at 20,000."""
    wanted = [Scenario("higher", {"N-02.cap_yuan.DIBAO": "10000"})]
    [found] = [each for each in simulate(county, 2025, wanted, None).found if each.rule_id == "N-02"]
    assert {found.totals[name] for name in ("before_fen", "after_fen")} == {3_259_999, 2_899_999}


def test_what_else_follows_from_the_file(county: Home) -> None:
    """Premium: 60% of 100.10 = 60.06; 35% = 35.035, so 35.04; who pays before the document's date is marked all the same.

    Warning: C paid 45,999.99 in cash, at least twice 5,000. IND-3 of 困难渔民: C's total 72,000, of which 20,000 by the cap
    are taken off what he bears: (72,000 - 25,999.99) / 72,000 = 63.9%, above 55%; with 低保 it would be another number.
    The fund: 40,000 of 100,000 from the treasury: 5 x 40,000 = 2 x 100,000, exactly met.
    """
    paid = mart(
        county,
        "select category, rate, subsidy_yuan from mart.premium_subsidy where subsidy_yuan is not null order by rate",
    ).rows()
    assert [(code, float(rate), str(amount)) for code, rate, amount in paid] == [
        ("YUMIN", 0.35, "35.04"),
        ("DIBAO", 0.6, "60.06"),
    ]
    warned = mart(
        county, "select rule_id, kind, level, measure_yuan, threshold_yuan from mart.warning"
    ).rows()
    assert [(*row[:3], str(row[3]), str(row[4])) for row in warned] == [
        ("N-07", "返贫", "severe", "45999.99", "5000.00")
    ]
    [indicator] = mart(
        county,
        "select numerator, denominator, target, met from mart.indicator "
        "where indicator_id = 'IND-3' and variant = 'default' and policy_id = 'N'",
    ).rows()
    assert [str(value) for value in indicator[:2]] == ["46000.01", "72000.00"]
    assert float(indicator[2]) == 0.55 and indicator[3] is True
    [position] = mart(
        county,
        "select raised_yuan, fiscal_yuan, check_left, check_right, met, rule_id from mart.fund_position "
        "where fund = '渔民基金' and rule_id = 'N-09'",
    ).rows()
    assert (int(position[0]), int(position[1]), position[4], position[5]) == (100_000, 40_000, True, "N-09")
    assert position[2] == position[3]


def test_the_cap_of_the_next_year(sibling: Home, tmp_path: Path) -> None:
    """For 2026 the cap is 9,000: A bears 16,000 again: 90% of 7,000 = 6,300; the day before 2026 it was 7,200."""
    rows = [
        settlement("T1", A, "2025-12-31", "16000.00", "0.00"),
        settlement("T2", A, "2026-01-01", "16000.00", "0.00"),
    ]
    files = [("cost.csv", COST, rows), ("roster.csv", ROSTER, [listed(A, "低保", "民政")])]
    deliver(sibling, [(written(tmp_path, n, header, lines), date(2026, 1, 10)) for n, header, lines in files])
    amounts = []
    for number, year in enumerate((2025, 2026), start=1):
        found = run(sibling, year, on=date(2027, 3, 31), number=number)
        amounts += table(
            found.warehouse,
            "select amount_yuan, policy_version from mart.benefit_line where rule_id = 'N-02' "
            f"and cost_year = {year}",
        ).rows()
    assert [(str(amount), version) for amount, version in amounts] == [
        ("7200.00", "N@2025-04-01"),
        ("6300.00", "N@2026-02-01"),
    ]


def test_lists_by_the_dates_of_the_county(sibling: Home, tmp_path: Path) -> None:
    """By the 8th, only 在册: 2025-06-08 is a Sunday, so until Monday the 9th; received on the 10th: late. 残联 sent none.

    No list is due for March, before the document.
    """
    rows = [f"{COUNTY},X1,{A},某某,{A},低保,2025-01-01,,民政,在册,202506,"]
    deliver(sibling, [(written(tmp_path, "june.csv", ROSTER, rows), date(2025, 6, 10))])
    deliver(sibling, [(written(tmp_path, "cost.csv", COST, COSTS[:1]), date(2025, 6, 10))])
    found = run(sibling, 2025, on=date(2025, 6, 30)).warehouse
    delivered = table(
        found,
        "select department, category, kind, due_on, strict_due_on, received_on, status from mart.roster_delivery "
        "where month = 202506 and category is not null order by category",
    ).rows()
    assert delivered == [
        ("民政", "DIBAO", "在册", date(2025, 6, 9), date(2025, 6, 8), date(2025, 6, 10), "late"),
        ("残联", "YUMIN", "在册", date(2025, 6, 9), date(2025, 6, 8), None, "missing"),
    ]
    [first] = table(found, "select min(month) from mart.roster_delivery where category is not null").rows()
    assert int(first[0]) == 202504


def test_a_category_from_another_department_is_rejected(sibling: Home, tmp_path: Path) -> None:
    """困难渔民 come from 残联 there; a list of 民政 naming one is refused row by row."""
    files = [("cost.csv", COST, COSTS[:1]), ("roster.csv", ROSTER, [listed(C, "困难渔民", "民政", "X2")])]
    deliver(sibling, [(written(tmp_path, n, header, lines), date(2026, 1, 10)) for n, header, lines in files])
    found = run(sibling, 2025, on=date(2026, 3, 31))
    rules = table(found.warehouse, "select rule from mart.rejected_row")["rule"].to_list()
    assert rules == ["wrong_sender"]


ALLOWED = {
    ("transforms/rules/readings.py", "TEKUN"): "A-L04: the one certificate that is personal by its name",
    ("transforms/rules/assistance_facts.py", "FANPIN"): "A-P21: the group that one article leaves out",
    ("transforms/rules/assistance_review.py", "FANPIN"): "A-P21",
    ("flows/comparisons.py", "DISHOURU"): "Z-25: the one list that the article names",
    ("transforms/waterfall.py", "YOUFU"): "a layer of protection, not a category",
    ("transforms/analytics.py", "YOUFU"): "the same layer",
    ("flows/cli.py", "330112"): "the county that `fengding synth` makes where none is named",
}
"""What is named in code, and why."""


def test_code_knows_no_category_no_county_and_asks_for_no_rule_by_its_id() -> None:
    """They stand in data: code finds rules by kind, categories by rule, counties by territory."""
    named = re.compile(r'"([A-Z]{5,}|[A-Z]+_[A-Z]+|XD2?|330112|500243|3303\d\d)"')
    asked = re.compile(r'(?:\.rules?[(\[]|\.rules\.get\()"[LWPZ]-')
    rows = (ROOT / "data" / "reference" / "category.csv").read_text(encoding="utf-8").splitlines()
    categories = {line.split(",")[0] for line in rows}
    hits, by_id = set(), []
    for room in ("transforms", "flows", "stores"):
        for path in sorted((ROOT / room).rglob("*.py")):
            text, name = path.read_text(encoding="utf-8"), str(path.relative_to(ROOT))
            hits |= {(name, word) for word in named.findall(text) if word in categories or word.isdigit()}
            by_id += [name for _ in asked.findall(text)]
    assert hits - set(ALLOWED) == set()
    assert by_id == []
