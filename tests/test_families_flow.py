"""From delivered files to mart.lead, deposit_waiver, application, critical_illness, high_cost and aid_register."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl

from flows.pipeline import Outcome
from stores.home import Home
from tests.support import deliver, run, table
from tests.test_assistance_flow import HEADER, listed, settlement
from tests.test_order import ROSTER, A, B, written

REFERRAL = "psn_no,certno,mdtrt_id,setl_id,refl_date,begndate,enddate,refl_setl_flag,vali_flag,first_at_base"
APPLICATION = "申请编号,姓名,身份证号,区划代码,申请类型,申请日期,受理日期,审核日期,审批日期,审批结果"
DEPOSIT = "患者姓名,患者身份证号,医疗机构代码,入院日期,押金金额"
DECEASED = "姓名,身份证号,死亡日期,提供部门"
TERMS = "region_code,year,band_from_yuan,ratio,cap_yuan,source"
ON = date(2024, 3, 31)


def county(
    folder: Path, rows: list[str], roster: list[str], terms: str = "", **more: tuple[str, list[str]]
) -> Outcome:
    home = Home(folder / "home").ensure()
    if terms:
        home.reference.mkdir(exist_ok=True)
        (home.reference / "critical_illness.csv").write_text(f"{TERMS}\n{terms}\n", encoding="utf-8")
    files = [("cost.csv", HEADER, rows), ("roster.csv", ROSTER, roster)]
    files += [(f"{name}.csv", header, content) for name, (header, content) in more.items()]
    deliver(home, [(written(folder, n, header, content), date(2023, 12, 1)) for n, header, content in files])
    return run(home, 2023, on=ON)


def mart(found: Outcome, query: str) -> list[tuple[object, ...]]:
    assert found.warehouse is not None
    return table(found.warehouse, query).rows()


def at(row: str, institution: str) -> str:
    return row.replace("H50024300001", institution)


COSTS = [
    settlement("S1", A, "2023-06-10", 50_000, 30_000),
    at(settlement("S2", B, "2023-06-05", 9_000, 4_000), "H50024300002").replace(
        ",2023-06-05,", ",2023-06-01,", 1
    ),
    settlement("S3", B, "2023-06-03", 8_000, 4_000),
    settlement("S4", B, "2023-07-10", 300, 100, kind="11"),
    settlement("S5", B, "2023-07-10", 300, 100, kind="11"),
]
"""S2: 1 to 5 June at another hospital, S3: 3 June, in and out on one day; S4 and S5 look the same."""


def test_without_the_lists_each_rule_says_what_is_missing(tmp_path: Path) -> None:
    found = county(tmp_path, COSTS, [listed(A, "低保")])
    findings = mart(
        found, "select rule_id, finding from mart.roster_finding where rule_id in ('P-11', 'P-33', 'P-34')"
    )
    assert {rule for rule, _ in findings} == {"P-11", "P-33", "P-34"}
    waived = mart(
        found, "select settlement_id, verdict, deposit_yuan, institution_name from mart.deposit_waiver"
    )
    assert waived == [("S1", "held", None, "县医院")]  # nobody knows whether A was referred
    check = mart(found, "select verdict, due_yuan, actual_yuan, n_settlements from mart.critical_illness")
    assert check == [("not_determined", None, 0, 1)]
    assert mart(found, "select count(*) from mart.application") == [(0,)]


def test_leads_change_no_amount(tmp_path: Path) -> None:
    """The dead, the doubled and the overlapping are listed; every benefit and burden is as without the lists."""
    stays = [
        *COSTS,
        settlement("S6", B, "2023-06-04", 8_000, 4_000).replace(",2023-06-04,", ",2023-06-02,", 1),
    ]
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    roster = [listed(A, "低保"), listed(B, "低保")]
    plain = county(tmp_path / "a", stays, roster)
    found = county(tmp_path / "b", stays, roster, died=(DECEASED, [f"某某,{A},2023-06-09,公安"]))
    leads = mart(
        found, "select settlement_id, other_settlement_id, date, finding from mart.lead order by 1, 4"
    )
    assert [(number, other, str(day)) for number, other, day, _ in leads] == [
        ("S1", None, "2023-06-10"),
        ("S5", "S4", "2023-07-10"),
        ("S6", "S2", "2023-06-02"),
    ]
    assert {rule for (rule,) in mart(found, "select distinct rule_id from mart.lead")} == {"P-37"}
    for query in (
        "select rule_id, settlement_id, amount_yuan, status from mart.benefit_line order by all",
        "select burden_yuan, psn_yuan from mart.person_year order by all",
    ):
        assert mart(found, query) == mart(plain, query)


def test_deposits_and_applications(tmp_path: Path) -> None:
    """A was referred after a first visit at a basic institution and paid a deposit; B was not."""
    found = county(
        tmp_path, COSTS, [listed(A, "低保"), listed(B, "低保边缘家庭成员")],
        referral=(REFERRAL, [f"P{A},{A},VS1,,2023-06-09,,,1,1,1"]),
        deposits=(DEPOSIT, [f"某某,{A},H50024300001,2023-06-10,3000.00"]),
        applications=(APPLICATION, [
            f"N1,某某,{B},500243,医疗救助,2023-06-01,2023-06-02,,,",
            f"N1,某某,{B},500243,医疗救助,2023-06-01,2023-06-02,2023-06-20,2023-06-21,同意",
            f"{A},某某,{A},500243,医疗救助,2023-07-01,,,,",
        ]),
    )  # fmt: skip
    waived = mart(
        found, "select settlement_id, category, verdict, deposit_yuan, reason from mart.deposit_waiver"
    )
    assert waived == [("S1", "DIBAO", "breach", 3000, "应免除押金而收取")]
    told = mart(found, "select finding, amount_yuan from mart.roster_finding where rule_id = 'P-34'")
    assert told == [("P-34 应免除住院押金而收取", 3000)]
    rows = mart(found, "select application_no, stage, n_days from mart.application order by 1")
    assert rows == [("***", "applied", 274), ("N1", "decided", 20)]
    waits = mart(found, "select n_rows, finding from mart.roster_finding where rule_id = 'P-33'")
    assert waits == [(1, "救助申请已申请，未受理，最长已274天（文件未设期限）")]
    shows_no_number(found)


def shows_no_number(found: Outcome) -> None:
    """No certificate number in any of the tables, the number of an application included."""
    assert found.warehouse is not None
    for name in ("lead", "application", "deposit_waiver", "critical_illness", "aid_register", "high_cost"):
        rows = table(found.warehouse, f"select * from mart.{name}")
        text = rows.select(pl.col(pl.String).str.contains(A[:17])).fill_null(False)
        assert not any(column.any() for column in text.iter_columns())


def test_critical_illness_is_compared_and_never_replaces(tmp_path: Path) -> None:
    """50,000 - 30,000 = 20,000; 65 % of 20,000 - 7,500 = 8,125 against 0 in the extract. P-17 stays 80 % of 20,000."""
    terms = "500000,2023,15000,0.60,200000,测试"
    found = county(tmp_path, COSTS, [listed(A, "低保")], terms)
    rows = mart(
        found,
        "select base_yuan, threshold_yuan, due_yuan, actual_yuan, difference_yuan, verdict from mart.critical_illness",
    )
    assert rows == [(20_000, 7_500, 8_125, 0, 8_125, "under")]


def household(folder: Path) -> Outcome:
    """A household of class 2 in 洞头 with 150,000 and help from a charity, and a cost in January."""
    home = Home(folder / "home").ensure()
    row = settlement("S1", A, "2024-03-10", 150_000, 0).replace(
        ",390,500243,H50024300001", ",390,330305,H33030500001"
    )
    early = settlement("S0", A, "2024-01-10", 1_000, 0).replace(
        ",390,500243,H50024300001", ",390,330305,H33030500001"
    )
    roster = f"330305,F1,{A},某某,{A},相对低收入家庭第二类,2024-01-01,,民政,,,330305001"
    diagnoses = ["VS1,2,C34.900,1", "VS0,2,I10.x00,1"]
    helped = [f"1,{A},某某,S1,慈善,1000.00,2024-06-01,2024,某慈善会,"]
    deliver(home, [
        (written(folder, "cost.csv", HEADER, [row, early]), date(2025, 1, 5)),
        (written(folder, "roster.csv", ROSTER, [roster]), date(2025, 1, 5)),
        (written(folder, "diag.csv", "mdtrt_id,inout_diag_type,diag_code,maindiag_flag", diagnoses), date(2025, 1, 5)),
        (written(folder, "help.csv", "流水号,身份证号,姓名,结算ID,待遇类别,金额,支付日期,费用年度,支付单位,说明", helped),
         date(2025, 1, 5)),
    ])  # fmt: skip
    return run(home, 2024, on=date(2025, 3, 1))


def test_relief_with_its_readings_register_and_open_list(tmp_path: Path) -> None:
    """150,000 - 1,000 - 120,000 = 29,000; from January on 30,000. One illness from February on: no other amount."""
    found = household(tmp_path)
    gap = mart(found, "select burden_yuan, amount_yuan, status from mart.cap_gap")
    assert gap == [(149_000, 29_000, "review")]
    cases = mart(found, "select reading_key, reading, amount_yuan from mart.review_case order by 1, 2")
    assert cases == [("A-W05", "c", 29_000)] * 0 + [("A-W06", "a", 30_000), ("A-W06", "c", 30_000)]
    high = mart(found, "select rule_id, benefit_rule_id, standard_yuan, excess_yuan, residual_yuan, pol_yuan, "
                       "self_pay_yuan, state, n_days from mart.high_cost")  # fmt: skip
    assert high == [("Z-19", "W-06", 120_000, 29_000, 29_000, 150_000, 150_000, "open", 60)]
    aid = mart(found, "select aid_kind, source, n_payments, amount_yuan, category from mart.aid_register")
    assert aid == [("慈善", "其他保障待遇", 1, 1_000, "XD2")]


def test_costs_of_two_years_add_up_under_another_reading(tmp_path: Path) -> None:
    """100,000 and then 50,000: nothing in either year; together 30,000 above. January 2024 counts in no year."""
    home = Home(tmp_path / "home").ensure()
    there = (",390,500243,H50024300001", ",390,330305,H33030500001")
    rows = [
        settlement(number, A, day, amount, 0).replace(*there)
        for number, day, amount in (
            ("S0", "2024-01-10", 70_000),
            ("S1", "2024-03-10", 100_000),
            ("S2", "2025-03-10", 50_000),
        )
    ]
    roster = f"330305,F1,{A},某某,{A},相对低收入家庭第二类,2024-01-01,,民政,,,330305001"
    deliver(
        home,
        [
            (written(tmp_path, "cost.csv", HEADER, rows), date(2026, 1, 5)),
            (written(tmp_path, "roster.csv", ROSTER, [roster]), date(2026, 1, 5)),
        ],
    )
    found = run(home, 2025, on=date(2026, 3, 1))
    assert mart(found, "select burden_yuan, amount_yuan, status from mart.cap_gap") == [(50_000, 0, "review")]
    cases = mart(found, "select reading_key, reading, amount_yuan from mart.review_case")
    assert cases == [("A-W01", "c", 30_000)]
