"""Institutions, items, diseases and cost structure through the whole job: a few visits, every figure worked by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from stores.home import Home
from tests.support import deliver, run, table
from tests.test_order import ROSTER, A, B, C, written

D = "330199199504040044"
SETTLEMENT = (
    "setl_id,mdtrt_id,psn_no,psn_name,psn_cert_type,certno,gend,insutype,insu_admdvs,fixmedins_code,fixmedins_name,"
    "setl_time,med_type,medfee_sumamt,fulamt_ownpay_amt,overlmt_selfpay,preselfpay_amt,inscp_amt,hifp_pay,"
    "fund_pay_sumamt,psn_pay,acct_pay,cash_payamt,refd_setl_flag,vali_flag,dise_no"
)
LINES = (
    "setl_id,bkkp_sn,med_list_codg,hilist_name,list_type,med_chrgitm_type,chrgitm_lv,hi_nego_drug_flag,prcu_drug_flag,"
    "cnt,det_item_fee_sumamt,fulamt_ownpay_amt"
)
DIAGNOSES = "mdtrt_id,psn_no,diag_code,diag_name,maindiag_flag,inout_diag_type,diag_srt_no"
H1, H2 = "H33011200001", "H33011200002"


def visit(
    number: str, who: str, on: str, place: str, tot: int, ooc: int = 0, ovl: int = 0, disease: str = ""
) -> str:
    """One settlement in yuan: the fund pays half of what is in the policy range, the person the rest in cash."""
    ranged = tot - ooc - ovl
    fund = ranged / 2
    return (
        f"{number},V{number},N{who[6:14]},王某,01,{who},1,390,330112,{place},{place[-1]}院,{on} 10:00:00,11,"
        f"{tot},{ooc},{ovl},0,{ranged},{fund},{fund},{tot - fund},0,{tot - fund},0,1,{disease}"
    )


def listed(who: str, label: str, household: str) -> str:
    return f"330112,{household},{who},王某,{who},{label},2022-01-01,,民政,,,330112102"


SETTLEMENTS = [
    visit("S1", A, "2023-03-01", H1, 1000, ooc=200, ovl=50),
    visit("S2", A, "2023-04-01", H2, 400),
    visit("S4", B, "2023-03-05", H1, 300),
    visit("S5", C, "2023-03-02", H1, 600, ooc=100, disease="M03900"),
    visit("S6", D, "2023-03-03", H1, 100),
]
FEES = [
    "S1,1,D1,甲药,101,09,乙,1,0,2,500,0",
    "S1,2,D1,甲药,101,09,乙,1,0,1,100,0",
    "S1,3,C1,某耗材,301,08,丙,,,1,200,200",
    "S1,4,SV1,某检查,201,03,甲,,,1,200,0",
    "S5,1,D1,甲药（别名）,101,09,乙,1,1,1,300,0",
    "S5,2,D2,乙药,,11,甲,0,0,1,40,0",
    "S5,3,C1,某耗材,301,08,丙,,,1,60,60",
    "S2,1,D1,甲药,101,09,乙,1,0,1,50,0",
    "S2,2,D1,甲药,101,09,乙,1,0,-1,-50,0",
    "S2,3,SV1,某检查,201,03,甲,,,1,400,0",
    "S4,1,D9,非监测对象的药,101,09,乙,1,0,1,300,0",
]
VISITS = [
    f"VS1,N{A[6:14]},I10,高血压,1,2,1",
    f"VS1,N{A[6:14]},E11,糖尿病,0,2,2",
    f"VS5,N{C[6:14]},J18,肺炎,1,2,1",
    f"VS2,N{A[6:14]},I10,高血压,1,1,1",
]
ROWS = [listed(A, "低保", "F1"), listed(C, "低边", "F2"), listed(D, "低收入农户", "F3")]


def delivery(root: Path, *, late: bool) -> Path:
    """Lin'an 2023. A 低保, C 低边, D 低收入农户, B on no list; with or without fee lines and diagnoses."""
    files = [("setl.csv", SETTLEMENT, SETTLEMENTS), ("roster.csv", ROSTER, ROWS)]
    if late:
        files += [("fee.csv", LINES, FEES), ("diag.csv", DIAGNOSES, VISITS)]
    home = Home(root / "home")
    deliver(home, [(written(root, name, head, lines), date(2024, 1, 20)) for name, head, lines in files])
    return run(home, 2023, on=date(2024, 3, 31)).warehouse


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return delivery(tmp_path_factory.mktemp("full"), late=True)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return delivery(tmp_path_factory.mktemp("bare"), late=False)


def sheet(warehouse: Path, population: str, place: str) -> tuple[Any, ...]:
    [row] = table(
        warehouse,
        "select tot_yuan, ooc_yuan, ovl_yuan, ooc_rate, upload_rate, in_catalogue_share, vbp_share, nego_share "
        f"from mart.provider_sheet where population = '{population}' and institution_code = '{place}'",
    ).rows()
    return row


def test_what_an_institution_charged_people_in_hardship(full: Path) -> None:
    """S1 and S5: 300 of 1,600 outside; the lines of S1 cover its 200, those of S5 60 of its 100. Inside: 800 of S1's
    1,000 and 340 of S5's 400. 集采 is marked on D1 and D2, 940 in all: 300 of them; 谈判 900.
    """
    found = sheet(full, "hardship", H1)
    assert found == (1_600, 300, 50, 0.1875, 0.5, 1_140 / 1_400, 300 / 940, 900 / 940)


def test_the_monitored_take_in_every_category(full: Path) -> None:
    """D, a low-income rural person, adds 100 without lines."""
    tot, ooc, _, rate, *_ = sheet(full, "monitored", H1)
    assert (tot, ooc, rate) == (1_700, 300, 300 / 1_700)


def test_an_empty_denominator_has_no_share(full: Path) -> None:
    """Nothing outside the catalogue was charged at H2, and the one marked drug was taken back: 50 − 50."""
    assert sheet(full, "monitored", H2) == (400, 0, 0, 0.0, None, 1.0, None, None)


def test_without_fee_lines_the_shares_are_empty_and_said(bare: Path) -> None:
    assert sheet(bare, "hardship", H1) == (1_600, 300, 50, 0.1875, None, None, None, None)
    assert table(bare, "select * from mart.item_ranking").is_empty()
    said = table(bare, "select region_code, n_rows from mart.roster_finding where rule_id = 'L-16'").rows()
    assert said == [("330112", 4)]


def test_items_by_uses_and_by_amount(full: Path) -> None:
    """D1: two lines in S1, one in S5, one in S2 that is taken back. The drug of B, who is on no list, stands nowhere."""
    found = table(
        full,
        "select kind, rank, item_code, item_name, n_uses, n_persons, amount_yuan, in_both from mart.item_ranking "
        "where population = 'monitored' and measure = 'count' order by kind, rank",
    ).rows()
    assert found == [
        ("consumable", 1, "C1", "某耗材", 2, 2, 260, True),
        ("drug", 1, "D1", "甲药", 3, 2, 900, True),
        ("drug", 2, "D2", "乙药", 1, 1, 40, True),
        ("service", 1, "SV1", "某检查", 2, 1, 600, True),
    ]


def test_diseases_by_township_category_and_age(full: Path) -> None:
    """S1 and S2 by their main diagnosis, S5 by the code it shows, S6 without one. Burden: what the person paid."""
    found = table(
        full,
        "select area_code, month, disease_code, disease_name, category, age_band, n_persons, n_settlements, tot_yuan, "
        "burden_yuan from mart.disease_trend where area_level = 'township' order by month, disease_code, category",
    ).rows()
    town = "330112102"
    assert found == [
        (town, 202303, "I10", "高血压", "DIBAO", "60-74", 1, 1, 1_000, 625),
        (town, 202303, "M03900", None, "DIBIAN", "18-44", 1, 1, 600, 350),
        (town, 202303, None, None, "DISHOURU", "18-44", 1, 1, 100, 50),
        (town, 202304, "I10", "高血压", "DIBAO", "60-74", 1, 1, 400, 200),
    ]


def structure(warehouse: Path, population: str, month: int) -> dict[str, Decimal | None]:
    rows = table(
        warehouse,
        f"select layer_code, amount_yuan from mart.cost_structure where population = '{population}' and month = {month}",
    ).rows()
    return dict(rows)


def test_cost_structure_of_everybody_and_of_people_in_hardship(full: Path) -> None:
    """March: 2,000 of four people, 300 outside and 50 over the limit; half of the 1,650 in range paid by the fund."""
    march = structure(full, "insured", 202303)
    parts = {
        code: march[code] for code in ("TOT", "OOC", "OVL", "PRE", "POL", "BAS", "PSN", "CASH", "ACC", "B")
    }
    assert parts == {
        "TOT": 2_000, "OOC": 300, "OVL": 50, "PRE": 0, "POL": 1_650, "BAS": 825, "PSN": 1_175, "CASH": 1_175, "ACC": 0,
        "B": 1_175,
    }  # fmt: skip
    assert march["TILT"] is None, "what no settlement shows is not zero"
    poor = structure(full, "hardship", 202303)
    assert (poor["TOT"], poor["B"], poor["COM"]) == (1_600, 975, 0)
    assert structure(full, "monitored", 202304)["TOT"] == 400


def test_a_late_fee_list_or_diagnosis_changes_no_benefit(full: Path, bare: Path) -> None:
    for name in ("person_year", "household_year", "cap_gap", "benefit_line", "benefit_item", "indicator"):
        sql = f"select * exclude (run_id) from mart.{name} order by all" if name == "benefit_line" else (
            f"select * from mart.{name} order by all"
        )  # fmt: skip
        hidden = {
            "run_id",
            "person_key",
            "household_id",
            "unit_id",
            "benefit_id",
            "head_person_key",
            "file_id",
        }
        one, other = (table(path, sql) for path in (full, bare))
        assert one.height == other.height
        shown = [c for c in one.columns if c not in hidden]
        assert sorted(map(repr, one.select(shown).rows())) == sorted(map(repr, other.select(shown).rows())), (
            name
        )
