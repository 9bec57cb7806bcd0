"""Counter exports: what they leave open is unknown, never a reason to lose a row (contract §3); people of rejected rows."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from flows import pipeline
from stores.home import Home
from tests.ingest_samples import CERT_X, ROSTER, SETTLEMENT, rows, write_csv
from tests.support import quiet, run, table

CHONGQING: dict[str, Any] = {
    "医保分类": "住院", "清算期": "202305", "结算id": "C1", "镇街": "汉葭街道", "参保地": "彭水县", "参保类别": "居民",
    "身份证号": CERT_X, "姓名": "王五", "就诊医疗机构名称": "彭水县人民医院", "医保就诊类别": "普通住院", "结算日期": "20230508",
    "费用总额": "¥1,000.00", "符合医保报销金额": "1000.00", "基本医疗保险报销金额": "600.00", "大病报销金额": "--",
    "大额报销金额": "--", "医疗救助": "100.00", "倾斜救助": "--", "扶贫济困金额（元）": "--", "渝快保支出金额（元）": "--",
    "个人账户支付金额（元）": "0", "个人现金支付金额（元）": "300.00",
}  # fmt: skip


def warehouse(tmp_path: Path, *deliveries: Path) -> Path:
    home = Home(tmp_path / "home")
    home.ensure()
    pipeline.read_inbox(home, date(2024, 1, 10), quiet, list(deliveries))
    found = run(home, 2023).warehouse
    assert found is not None
    return found


def test_an_empty_account_is_nothing_where_the_parts_of_the_total_say_so(tmp_path: Path) -> None:
    """1,000 = 600 + 100 + 300 without any account: it is 0. 1,000 ≠ 600 + 100 + 250: the account is unknown, and so is
    what the person paid: rejected. A fund total that stands empty is 1,000 − 300 = 700."""
    path = write_csv(
        tmp_path / "c.csv",
        rows(
            CHONGQING | {"个人账户支付金额（元）": "--"}, {}, {"结算id": "C2", "个人现金支付金额（元）": "250.00"},
        ),
    )  # fmt: skip
    made = warehouse(tmp_path, path)
    sums = "tot_yuan::float t, fund_yuan::float f, psn_yuan::float p, acct_yuan::float a"
    assert table(made, f"select settlement_id, {sums} from lake.settlements").rows() == [
        ("C1", 1000.0, 700.0, 300.0, 0.0)
    ]
    assert table(made, "select settlement_id, rule from mart.rejected_row").rows() == [("C2", "amount")]


def test_a_row_without_kind_of_treatment_or_institution_counts(tmp_path: Path) -> None:
    """A counter export must yield id, person, date, total and personal payment; everything else may stay unknown."""
    unknown = {"医保就诊类别": "--", "就诊医疗机构名称": "", "参保类别": "-"}
    made = warehouse(tmp_path, write_csv(tmp_path / "c.csv", rows(CHONGQING, unknown)))
    assert table(made, "select n_settlements, n_inpatient, psn_yuan::float from mart.person_year").rows() == [
        (1, 0, 300.0)
    ]
    assert table(made, "select count(*) from mart.rejected_row").item() == 0


def test_a_rejected_row_with_the_number_of_the_platform_only_makes_its_unit_incomplete(
    tmp_path: Path,
) -> None:
    """S1 shows certificate and psn_no; S2, rejected (three decimals), only the psn_no: matched by it."""
    settled = rows(SETTLEMENT, {}, {"SETL_ID": "S2", "CERTNO": "", "PSN_PAY": "500.005"})
    paths = [write_csv(tmp_path / "s.csv", settled), write_csv(tmp_path / "r.csv", rows(ROSTER, {}))]
    made = warehouse(tmp_path, *paths)
    assert table(made, "select n_settlements, incomplete from mart.person_year").rows() == [(1, True)]
    assert table(made, "select status, amount_yuan from mart.cap_gap").rows() == [("incomplete", None)]


def test_the_column_of_a_broken_identity_is_a_column_of_the_file(tmp_path: Path) -> None:
    """Rows 2 and 3 break B (1,000.00 + 500.00 + 0 ≠ 1,000.00) and C (0 + 400.00 ≠ 500.00)."""
    settled = rows(SETTLEMENT, {"FUND_PAY_SUMAMT": "1000.00"}, {"SETL_ID": "S2", "CASH_PAYAMT": "400.00"})
    made = warehouse(tmp_path, write_csv(tmp_path / "s.csv", settled))
    found = table(made, "select source_row, column_name, rule from mart.rejected_row order by 1").rows()
    assert found == [(2, "medfee_sumamt", "identity_b"), (3, "psn_pay", "identity_c")]


def test_a_broken_identity_a_or_d_is_a_finding_of_its_file(tmp_path: Path) -> None:
    """A: 50 + 0 + 100 + 800 ≠ 1,000, so POL is unknown. D: 300 + 100 ≠ 500. Both rows count."""
    settled = rows(SETTLEMENT, {"INSCP_AMT": "800.00"}, {"SETL_ID": "S2", "HIFP_PAY": "300.00"})
    made = warehouse(tmp_path, write_csv(tmp_path / "s.csv", settled))
    assert table(made, "select n_settlements, pol_yuan from mart.person_year").rows() == [(2, None)]
    found = table(
        made, "select rule_id, n_rows from mart.roster_finding where rule_id like 'identity%' order by 1"
    ).rows()
    assert found == [("identity_a", 1), ("identity_d", 1)]
