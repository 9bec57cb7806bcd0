"""Assistance from delivered files to the published marts, the morning sheet's findings and the summary."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from flows.messages import run_lines
from flows.pipeline import Outcome
from stores.home import Home
from tests.support import deliver, run, table
from tests.test_order import ROSTER, A, B, written

HEADER = (
    "setl_id,mdtrt_id,init_setl_id,psn_no,psn_name,psn_cert_type,certno,gend,insutype,insu_admdvs,fixmedins_code,"
    "fixmedins_name,begndate,setl_time,med_type,hosp_lv,medfee_sumamt,fulamt_ownpay_amt,overlmt_selfpay,preselfpay_amt,"
    "inscp_amt,hifp_pay,hifmi_pay,hifob_pay,maf_pay,fund_pay_sumamt,psn_pay,acct_pay,cash_payamt,refd_setl_flag,vali_flag,"
    "dise_no,refl_stas"
)
REFERRAL = "psn_no,certno,mdtrt_id,setl_id,refl_date,begndate,enddate,refl_setl_flag,vali_flag"
OPENING = "身份证号,年度,账户,已用金额,截至日期"
LIST = "region_code,code_kind,code,name,class,valid_from,valid_to,source"
ON = date(2024, 3, 31)


def settlement(number: str, who: str, on: str, pol: int, bas: int, *, kind: str = "21", dise: str = "", refl: str = "0",
               visit: str = "", init: str = "") -> str:  # fmt: skip
    """One row without costs outside the policy range: what insurance leaves is paid by the person."""
    sign = "-" if init else ""
    money = [f"{sign}{value}.00" for value in (pol, 0, 0, 0, pol, bas, 0, 0, 0, bas, pol - bas, 0, pol - bas)]
    return (
        f"{number},{visit or 'V' + number},{init},P{who},某某,01,{who},1,390,500243,H50024300001,县医院,{on},"
        f"{on} 10:00:00,{kind},05,{','.join(money)},{'1' if init else '0'},1,{dise},{refl}"
    )


def listed(who: str, label: str, county: str = "500243") -> str:
    return f"{county},F{who[-4:]},{who},某某,{who},{label},2023-01-01,,民政,,,{county}101"


def outcome_of(
    folder: Path, rows: list[str], roster: list[str], disease_list: str | None = "", **more: list[str]
) -> Outcome:
    """A published year from these rows; `disease_list`: rows of the local list, None: not delivered."""
    home = Home(folder / "home").ensure()
    if disease_list is not None:
        home.reference.mkdir(exist_ok=True)
        (home.reference / "special_disease.csv").write_text(f"{LIST}\n{disease_list}", encoding="utf-8")
    headers = {"referral": REFERRAL, "opening": OPENING}
    files = [("cost.csv", HEADER, rows), ("roster.csv", ROSTER, roster)]
    files += [(f"{name}.csv", headers[name], content) for name, content in more.items()]
    deliver(
        home, [(written(folder, name, header, content), date(2023, 9, 1)) for name, header, content in files]
    )
    return run(home, 2023, on=ON, lists=True)


M01 = "500000,dise_no,M01,某病,special,2020-01-01,,测试\n"
COSTS = [
    settlement("S1", A, "2023-06-10", 50_000, 30_000),
    settlement("S2", A, "2023-07-10", 6_000, 3_000, kind="14", dise="M01", refl=""),
    settlement("S3", A, "2023-07-11", 6_000, 3_000, kind="14", dise="M01", refl="9"),
]


def lines_of(found: Outcome) -> pl.DataFrame:
    assert found.warehouse is not None
    return table(
        found.warehouse,
        "select rule_id, settlement_id, base_yuan, limit_before_yuan, amount_yuan, status from mart.benefit_line "
        "order by rule_id, settlement_id",
    )


def test_from_files_to_marts(tmp_path: Path) -> None:
    """S1: 80% of 20,000 = 16,000, R1 4,000: 2,400. S2, S3 in the own county: 80% of 3,000 = 2,400 each; the opening
    balance of 97,000 leaves 3,000: 2,400 and 600; R1 below 4,000.
    """
    found = outcome_of(
        tmp_path, COSTS, [listed(A, "低保")], M01, opening=[f"{A},2023,特殊疾病,97000.00,2023-05-29"]
    )
    lines = lines_of(found).select("rule_id", "settlement_id", pl.col("amount_yuan").cast(pl.Int64)).rows()
    assert lines == [("P-16", "S2", 2400), ("P-16", "S3", 600), ("P-17", "S1", 16_000), ("P-24", "S1", 2400)]
    assert found.warehouse is not None
    audit = table(
        found.warehouse, "select settlement_id, verdict from mart.assistance_audit order by 1"
    ).rows()
    assert audit == [("S1", "under"), ("S2", "under"), ("S3", "under")]
    names = table(found.warehouse, "select distinct institution_name from mart.benefit_item").rows()
    assert names == [("县医院",)]
    stages = table(
        found.warehouse, "select stage, difference from mart.reconciliation where stage like 'P-%' order by 1"
    )
    assert stages["stage"].to_list() == ["P-16", "P-17", "P-24"]
    assert any("P-17（500243）：1 人 1 次就医，应救助 16,000.00 元" in line for line in run_lines(found))


def test_without_a_list_everything_is_held_and_said(tmp_path: Path) -> None:
    found = outcome_of(tmp_path, COSTS, [listed(A, "低保")], None)
    lines = lines_of(found)
    assert lines["amount_yuan"].null_count() == lines.height == 5
    assert set(lines["status"]) == {"held"}
    text = "\n".join(run_lines(found))
    assert "待核实：特殊疾病清单未提供，不能确定病种，1 人，政策范围内费用 26,000.00 元" in text
    assert found.warehouse is not None
    findings = table(
        found.warehouse,
        "select n_rows, amount_yuan, suggestion from mart.roster_finding where rule_id = 'P-16'",
    )
    assert findings["n_rows"].to_list() == [1] and "special_disease.csv" in findings["suggestion"][0]
    assert found.attention > 0


def test_a_referral_record_of_the_visit(tmp_path: Path) -> None:
    """Treated in Chengdu without a word on referral: held; with the record: paid, but no tilt outside Chongqing."""
    away = settlement("S1", A, "2023-06-10", 50_000, 30_000, refl="").replace("H50024300001", "H51010700001")
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    held = lines_of(outcome_of(tmp_path / "a", [away], [listed(A, "低保")]))
    assert held["amount_yuan"].to_list() == [None, None]
    record = f"P{A},{A},VS1,,2023-06-09,2023-06-09,2023-12-31,1,1"
    paid = lines_of(outcome_of(tmp_path / "b", [away], [listed(A, "低保")], referral=[record]))
    assert paid["amount_yuan"].cast(pl.Int64).to_list() == [16_000, 0]


def test_a_settlement_and_its_reversal_leave_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FENGDING_SECRET", "a secret of the tests")
    undone = [
        settlement("S0", A, "2023-06-01", 90_000, 10_000),
        settlement("R0", A, "2023-06-20", 90_000, 10_000, visit="VS0", init="S0"),
    ]
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    plain = lines_of(outcome_of(tmp_path / "a", COSTS, [listed(A, "低保")], M01))
    both = lines_of(outcome_of(tmp_path / "b", [*COSTS, *undone], [listed(A, "低保")], M01))
    assert both.equals(plain)


def test_a_county_without_such_rules_has_no_lines(tmp_path: Path) -> None:
    """B is on Lin'an's roster only: the document of Pengshui says nothing about B, wherever insured and treated."""
    costs = [settlement("S1", B, "2023-06-10", 50_000, 30_000)]
    found = outcome_of(tmp_path, costs, [listed(B, "低保", "330112")], M01)
    assert set(lines_of(found)["rule_id"]) == {"L-04"}
    assert found.warehouse is not None
    assert table(found.warehouse, "select * from mart.assistance_audit").is_empty()
