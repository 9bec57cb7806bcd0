"""Untidy deliveries through a whole run: what a department writes otherwise than the platform does."""

from __future__ import annotations

import csv
from datetime import date

import openpyxl
import pytest

from flows.pipeline import Outcome
from stores.home import Home
from tests.support import deliver, run, table

ON = date(2024, 3, 15)
NAMED, ALONE, ELSEWHERE = "330185197001010014", "330185197001010022", "330185197001010030"
GONE, LEFT, MOVED = "330185197001010049", "330185197001010057", "330185197001010065"
ROSTER = (
    "区划代码,家庭编号,户主身份证号,姓名,身份证号,救助身份,生效日期,失效日期,乡镇街道,认定部门,"
    "名单类型,名单月份,减少原因"
)
PAYEES = "家庭编号,账户户名,开户银行,账号,生效日期"
SETTLEMENTS = (
    "setl_id,psn_no,certno,psn_name,insutype,insu_admdvs,fixmedins_code,setl_time,med_type,medfee_sumamt,"
    "fulamt_ownpay_amt,inscp_amt,hifp_pay,fund_pay_sumamt,psn_pay,cash_payamt,refd_setl_flag"
)
PEOPLE = "psn_no,psn_name,certno,live_addr,hsreg_addr"
PAID = "流水号,待遇编号,规则,对象编号,费用年度,金额,支付日期"


def settled(number: str, certno: str, psn: str, region: str = "330112") -> str:
    moment = "2023-05-01 10:00:00"
    return f"{number},N{certno[-6:]},{certno},某人,390,{region},H33011200001,{moment},11,{psn},{psn},0,0,0,{psn},{psn},0"


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """One small county: NAMED (township by name only), ALONE (no roster, two addresses), ELSEWHERE (unknown region),
    GONE (head, died, no day given) with LEFT, MOVED (one household under two numbers, account under the first)."""
    folder = tmp_path_factory.mktemp("untidy")
    files = {
        "roster.csv": [
            ROSTER,
            f"330112,A1,{NAMED},某人,{NAMED},低边,2023-01-01,9999-12-31,锦北街道,民政,,,",
            f"330112,G1,{GONE},某人,{GONE},低边,2023-01-01,,锦北街道,民政,,,",
            f"330112,G1,{GONE},某人,{LEFT},低边,2023-01-01,,锦北街道,民政,,,",
            f"330112,G1,{GONE},某人,{GONE},低边,2023-01-01,,锦北街道,民政,减少,202306,死亡",
            f"330112,M1,{MOVED},某人,{MOVED},低边,2023-01-01,2023-05-31,锦北街道,民政,,,",
            f"330112,M2,{MOVED},某人,{MOVED},低边,2023-06-01,,锦北街道,民政,,,",
        ],
        "setl.csv": [
            SETTLEMENTS,
            settled("S1", NAMED, "60000.00"),
            settled("S2", ALONE, "10.00"),
            settled("S3", ELSEWHERE, "70.00", "999999"),
            settled("S4", LEFT, "50001.00"),
            settled("S5", MOVED, "50002.00"),
        ],
        "psn.csv": [PEOPLE, f"N{ALONE[-6:]},某人,{ALONE},外地某处,临安区太湖源镇某村"],
        "payee.csv": [PAYEES, "M1,某人,农行,6222000000000000009,2023-01-01"],
        "paid.csv": [PAID, "1,,L-04,B7,2023,88.00,2024-02-20"],
    }
    made = []
    for name, lines in files.items():
        path = folder / name
        with path.open("w", encoding="utf-8", newline="") as handle:
            csv.writer(handle).writerows(line.split(",") for line in lines)
        made.append((path, date(2024, 2, 25)))
    home = Home(folder / "home")
    deliver(home, made)
    return run(home, 2023, on=ON, lists=True)


def test_a_certificate_until_9999_is_open_and_its_township_is_found_by_name(outcome: Outcome) -> None:
    """60,000 − 50,000 (低边) = 10,000; 锦北街道 is 330112007."""
    sql = "SELECT amount_yuan::VARCHAR, status, township_code FROM mart.cap_gap WHERE unit_id = 'A1'"
    assert table(outcome.warehouse, sql).rows() == [("10000.00", "due", "330112007")]
    sql = "SELECT township_code, township_source FROM mart.person_year WHERE household_id = 'A1'"
    assert table(outcome.warehouse, sql).rows() == [("330112007", "roster")]
    assert [path.name for path in (outcome.exports / "townships").iterdir()] == [
        "330112007_锦北街道_预警名单.xlsx"
    ]


def test_where_the_address_of_living_names_no_township_that_of_registration_counts(outcome: Outcome) -> None:
    """§7: else live_addr, then hsreg_addr; 太湖源镇 is 330112103."""
    sql = "SELECT township_code, township_source FROM mart.person_year WHERE certno_masked LIKE '%0022'"
    assert table(outcome.warehouse, sql).rows() == [("330112103", "hsreg_addr")]


def test_an_unknown_insured_region_is_a_finding_with_rows_and_yuan(outcome: Outcome) -> None:
    """§7: An unknown code is a finding with rows and yuan."""
    sql = "SELECT n_rows, amount_yuan::VARCHAR, finding FROM mart.roster_finding WHERE rule_id = 'unknown_region'"
    (rows,) = table(outcome.warehouse, sql).rows()
    assert rows[:2] == (1, "70.00") and "999999" in rows[2]


def test_money_paid_to_nobody_known_stands_on_the_morning_sheet(outcome: Outcome) -> None:
    sheet = openpyxl.load_workbook(outcome.exports / "今日须办.xlsx")["今日须办"]
    rows = [row for row in sheet.iter_rows(min_row=2, values_only=True) if "已付台账的记录" in str(row[1])]
    assert [(row[0], row[2], row[3]) for row in rows] == [("其他保障待遇", 1, 88)]


def test_a_dead_head_and_the_account_of_a_renumbered_household_stand_on_the_payment_list(
    outcome: Outcome,
) -> None:
    """Contract §5: 备注 (死亡 … 无账户); 减少 for 死亡 without a day. M1 ends 05-31, M2 starts 06-01: one household."""
    book = openpyxl.load_workbook(outcome.exports / "L-04_330112_2023_给付名单.xlsx")
    header, *rows = book["待确认"].iter_rows(values_only=True)
    place = {title: n for n, title in enumerate(header)}
    wanted = ("本次应付", "账号", "备注")
    found = {row[place["身份证号"]]: tuple(row[place[title]] for title in wanted) for row in rows}
    assert found[GONE] == (1, None, "死亡；无账户")
    assert found[MOVED] == (2, "6222000000000000009", None)
