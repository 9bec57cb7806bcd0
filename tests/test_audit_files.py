"""Files as they come: several tables in one workbook, copies of every keyed table, a dry run, a file without header."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from flows import pipeline
from stores.home import Home
from stores.ingest import ingest
from tests.ingest_samples import CERT_X, PAYMENT, ROSTER, SETTLEMENT, rows, table_rows, write_csv, write_xlsx
from tests.support import quiet, run, table

DAY = date(2024, 1, 10)


def read(home: Home, *paths: Path, on: date = DAY) -> None:
    home.ensure()
    pipeline.read_inbox(home, on, quiet, list(paths))


def test_a_workbook_with_sheets_of_several_tables_balances(tmp_path: Path) -> None:
    """Three settlements, one rejected (three decimals); one roster row; two payments, one rejected; one fee line.

    Two settlements of 500 count: 1,000 less 120.50 of 惠民保 = 879.50. The fee line of 50.00 does not touch the totals.
    """
    item = {
        "BKKP_SN": "F1", "SETL_ID": "S1", "DET_ITEM_FEE_SUMAMT": "50.00", "MED_LIST_CODG": "X1", "FEE_OCUR_TIME": "2023-05-02",
        "INSCP_AMT": "50.00", "FULAMT_OWNPAY_AMT": "0", "OVERLMT_SELFPAY": "0", "PRESELFPAY_AMT": "0",
    }  # fmt: skip
    settled = rows(SETTLEMENT, {}, {"SETL_ID": "S2"}, {"SETL_ID": "S3", "PSN_PAY": "500.005"})
    sheets = {
        "结算": table_rows(settled),
        "名册": table_rows(rows(ROSTER, {})),
        "待遇": table_rows(rows(PAYMENT, {}, {"流水号": "L2", "待遇类别": "别的"})),
        "明细": table_rows([item]),
    }
    home = Home(tmp_path / "home")
    read(home, write_xlsx(tmp_path / "all.xlsx", sheets))
    warehouse = run(home, 2023).warehouse
    assert warehouse is not None
    counts = "n_rows, n_accepted, n_rejected, n_duplicate"
    assert table(warehouse, f"select {counts} from mart.source_file").rows() == [(7, 5, 2, 0)]
    person = table(
        warehouse, "select n_settlements, psn_yuan::float p, burden_yuan::float b from mart.person_year"
    )
    assert person.rows() == [(2, 1000.0, 879.5)]
    ingested = table(
        warehouse,
        "select amount_in::int i, amount_out::int o, difference::int d from mart.reconciliation"
        " where stage = 'ingest' and measure = 'rows'",
    )
    assert ingested.rows() == [(3, 2, 0)]


def test_copies_and_older_versions_are_duplicates_in_every_keyed_table(tmp_path: Path) -> None:
    """psn_info_b by psn_no, psn_insu_d by psn_no + insutype + insu_admdvs + crt_insu_date, premiums by their key.

    Second file: the person's row as it was (a copy) and an older version of it: two duplicates. Enrolment: one copy,
    one row of another scheme: one duplicate. Premium: one copy, one line written off: one duplicate.
    """
    info = {"psn_no": "P1", "psn_name": "张三", "certno": CERT_X, "updt_time": "2023-05-02 00:00:00"}
    insured = {
        "psn_no": "P1",
        "insutype": "390",
        "psn_insu_stas": "1",
        "insu_admdvs": "330112",
        "crt_insu_date": "2023-01-01",
    }
    premium = {
        "certno": CERT_X, "accrym_begn": "2023-01-01", "accrym_end": "2023-12-31", "psn_clct_amt": "380", "clct_flag": "1",
        "clct_time": "2022-11-01", "revs_flag": "Z",
    }  # fmt: skip
    first = {"info": [info], "insured": [insured], "premium": [premium]}
    second = {
        "info": rows(info, {}, {"updt_time": "2023-05-01 00:00:00"}),
        "insured": rows(insured, {}, {"insutype": "310"}),
        "premium": rows(premium, {}, {"revs_flag": "+"}),
    }
    home = Home(tmp_path / "home")
    read(home, *(write_csv(tmp_path / f"{name}1.csv", content) for name, content in first.items()))
    later = [write_csv(tmp_path / f"{name}2.csv", content) for name, content in second.items()]
    read(home, *later, on=date(2024, 2, 10))
    warehouse = run(home, 2023).warehouse
    assert warehouse is not None
    found = table(
        warehouse, "select name, n_rows, n_accepted, n_duplicate from mart.source_file order by name"
    )
    assert found.rows() == [
        ("info1.csv", 1, 1, 0), ("info2.csv", 2, 0, 2), ("insured1.csv", 1, 1, 0), ("insured2.csv", 2, 1, 1),
        ("premium1.csv", 1, 1, 0), ("premium2.csv", 2, 1, 1),
    ]  # fmt: skip


def test_facts_without_a_number_are_a_multiset(tmp_path: Path) -> None:
    """The largest number of identical rows in any one file: 2 in the first, 3 in the second, so one more is accepted."""
    decided = {
        "对象类型": "结算",
        "对象编号": "S1",
        "决定": "确认",
        "理由": "核对无误",
        "决定人": "李四",
        "决定日期": "2024-01-05",
    }
    home = Home(tmp_path / "home")
    read(home, write_csv(tmp_path / "a.csv", rows(decided, {}, {})))
    read(home, write_csv(tmp_path / "b.csv", rows(decided, {}, {}, {})), on=date(2024, 2, 1))
    warehouse = run(home, 2023).warehouse
    assert warehouse is not None
    found = table(warehouse, "select n_accepted, n_duplicate from mart.source_file order by name")
    assert found.rows() == [(2, 0), (1, 2)]


def test_a_dry_run_makes_nothing_where_there_is_nothing(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "s.csv", rows(SETTLEMENT, {}))
    home = Home(tmp_path / "home")
    summary = pipeline.read_inbox(home, DAY, quiet, [path], dry_run=True)
    assert [file.status for file in summary.files] == ["would_read"]
    assert not home.root.exists()


def test_a_file_without_header_shows_nobodys_name(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("诸葛小明,城里,开户编号\n诸葛小红,乡下,丙\n", encoding="utf-8")
    summary = ingest(Home(tmp_path / "home"), [path], received=DAY)
    message = summary.files[0].message or ""
    assert "诸葛" not in message and "开户编号" in message


@pytest.mark.parametrize(
    ("begin", "end"),
    [("202301", "202302"), ("2023-01", "2023-02"), ("2023年1月", "2023年2月"), ("2023/1", "2023.02")],
)
def test_periods_of_premiums_are_months(tmp_path: Path, begin: str, end: str) -> None:
    """费款所属期 is a month: from the first day of the first month to the last day of the last."""
    premium = {"psn_no": "P1", "accrym_begn": begin, "accrym_end": end, "clct_flag": "1"}
    home = Home(tmp_path / "home")
    summary = ingest(home, [write_csv(tmp_path / "p.csv", [premium])], received=DAY)
    assert summary.files[0].n_rejected == 0
    part = next((home.core / "rsdt_psn_clct_detl_d").glob("*.parquet"))
    assert pl.read_parquet(part).select("accrym_begn", "accrym_end").rows() == [
        (date(2023, 1, 1), date(2023, 2, 28))
    ]
