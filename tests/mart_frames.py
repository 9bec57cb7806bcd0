"""Seven families under Lin'an's cap for 2023, as result frames: figures by hand from the caps 5,000/30,000/50,000 yuan.

J1 低保 49,000: 19,000 due · J2 特困 12,000: 7,000, 2,000 per person (review) · J3 低边 41,000: 9,000 below, near ·
J4 低边 39,999.99: 10,000.01 below, not near · J5 低保 35,000 with a rejected row: incomplete · J6 低保 31,000.55:
1,000.55 confirmed · J7 低保 32,000 with 3,000 paid: 1,000 to be returned.
"""

from __future__ import annotations

from datetime import date, datetime

import polars as pl

RUN = "R20240331-000000-0001"
ON = date(2024, 3, 31)
CAPS = {"TEKUN": 500_000, "DIBAO": 3_000_000, "DIBIAN": 5_000_000}
FAMILIES = [
    # unit, township, category, burden, amount, paid, status
    ("J1", "330112104", "DIBAO", 4_900_000, 1_900_000, 0, "due"),
    ("J2", "330112104", "TEKUN", 1_200_000, 700_000, 0, "review"),
    ("J3", "330112106", "DIBIAN", 4_100_000, 0, 0, "within"),
    ("J4", "330112106", "DIBIAN", 3_999_999, 0, 0, "within"),
    ("J5", None, "DIBAO", 3_500_000, None, 0, "incomplete"),
    ("J6", "330112106", "DIBAO", 3_100_055, 100_055, 0, "confirmed"),
    ("J7", "330112106", "DIBAO", 3_200_000, 200_000, 300_000, "adjust_down"),
]
TOWNSHIPS = {"330112104": "於潜镇", "330112106": "太阳镇"}
REGIONS = {"330112": "临安区"}


def cap_gap() -> pl.DataFrame:
    """cap_gap of the seven families; the head of family Jn has the key n."""
    rows = []
    for number, (unit, township, category, burden, amount, paid, status) in enumerate(FAMILIES, start=1):
        cap = CAPS[category]
        rows.append(
            {
                "rule_id": "L-04",
                "region_code": "330112",
                "township_code": township,
                "village": "甲村" if township else None,
                "unit_type": "household",
                "unit_id": unit,
                "household_id": unit,
                "head_name_masked": "张**",
                "n_members": 2,
                "cost_year": 2023,
                "category": category,
                "burden_fen": burden,
                "cap_fen": cap,
                "gap_fen": max(0, burden - cap),
                "distance_fen": max(0, cap - burden),
                "limit_fen": None,
                "amount_fen": amount,
                "paid_fen": paid,
                "adjustment_fen": None if amount is None else amount - paid,
                "status": status,
                "needs_review": status in ("review", "incomplete"),
                "incomplete_reason": "文件F01第9行:金额" if status == "incomplete" else None,
                "head_person_key": number,
                "benefit_id": 1000 + number,
                "confirmed": status == "confirmed",
            }
        )
    return pl.DataFrame(rows, schema_overrides={"limit_fen": pl.Int64, "cost_year": pl.Int32})


def benefit_line() -> pl.DataFrame:
    """One line for each unit."""
    return cap_gap().select(
        "benefit_id",
        "rule_id",
        "region_code",
        "unit_type",
        "unit_id",
        person_key=pl.lit(None, pl.Int64),
        cost_year="cost_year",
        settlement_id=pl.lit(None, pl.String),
        category="category",
        base_fen="burden_fen",
        threshold_fen="cap_fen",
        rate=pl.lit(1.0),
        limit_before_fen=pl.lit(None, pl.Int64),
        limit_after_fen=pl.lit(None, pl.Int64),
        amount_fen="amount_fen",
        policy_version=pl.lit("临政办〔2024〕1号"),
        article=pl.lit("二(三)"),
        readings=pl.lit("A-L01=a,A-L02=a"),
        status="status",
        needs_review="needs_review",
        adjustment_of=pl.lit(None, pl.Int64),
        run_id=pl.lit(RUN),
    )


def benefit_item() -> pl.DataFrame:
    """One counted settlement a line that is its whole base, and one of J1 that is not counted."""
    counted = cap_gap().select(
        "benefit_id",
        settlement_id=pl.format("S{}", "unit_id"),
        base_fen="burden_fen",
        person_key="head_person_key",
        setl_date=pl.lit(date(2023, 5, 4)),
        institution_name=pl.lit("某医院"),
        psn_fen="burden_fen",
        com_fen=pl.lit(0, pl.Int64),
        sub_fen=pl.lit(0, pl.Int64),
        neg_fen=pl.lit(0, pl.Int64),
        burden_fen="burden_fen",
        counted=pl.lit(True),
        reason=pl.lit(None, pl.String),
        category_on_day="category",
        household_id_on_day="household_id",
        file_id=pl.lit("F01"),
        source_row=pl.lit(2, pl.Int64),
    )
    other = counted.head(1).with_columns(
        settlement_id=pl.lit("SX"),
        base_fen=pl.lit(0, pl.Int64),
        counted=pl.lit(False),
        reason=pl.lit("不在证件有效期内"),
    )
    return pl.concat([counted, other])


def person_year() -> pl.DataFrame:
    """The heads, each with the burden of the family; the head of J7 died in February 2024."""
    gaps = cap_gap()
    return gaps.select(
        person_key="head_person_key",
        name_masked="head_name_masked",
        certno_masked=pl.lit("330112********1234"),
        birth_year=pl.lit(1960, pl.Int32),
        sex=pl.lit("1"),
        deceased_on=pl.when(pl.col("unit_id") == "J7").then(date(2024, 2, 1)),
        region_code="region_code",
        township_code="township_code",
        township_source=pl.lit("roster"),
        village="village",
        household_id="household_id",
        cost_year="cost_year",
        category="category",
        identities=pl.concat_list("category"),
        insutype=pl.lit("390"),
        n_settlements=pl.lit(1, pl.Int64),
        n_inpatient=pl.lit(1, pl.Int64),
        tot_fen=pl.col("burden_fen") * 2,
        pol_fen=pl.col("burden_fen"),
        fund_fen=pl.col("burden_fen"),
        psn_fen=pl.col("burden_fen"),
        acct_fen=pl.lit(0, pl.Int64),
        cash_fen=pl.col("burden_fen"),
        com_fen=pl.lit(0, pl.Int64),
        sub_fen=pl.lit(0, pl.Int64),
        neg_fen=pl.lit(0, pl.Int64),
        unused_fen=pl.lit(0, pl.Int64),
        private_fen=pl.lit(0, pl.Int64),
        burden_fen=pl.col("burden_fen"),
        incomplete=pl.col("status") == "incomplete",
    )


def source_file() -> pl.DataFrame:
    """A file read with one row of ten rejected and two repeated, and one refused."""
    return pl.DataFrame(
        {
            "file_id": ["F01", "F02"],
            "name": ["结算202312.csv", "名册.xlsx"],
            "table": ["setl_d", None],
            "layout": ["platform", None],
            "encoding": ["utf-8", None],
            "n_rows": [10, None],
            "n_accepted": [7, None],
            "n_rejected": [1, None],
            "n_duplicate": [2, None],
            "received_on": [date(2024, 1, 5), date(2024, 1, 6)],
            "status": ["read", "refused"],
            "message_zh": [None, "表头缺少“身份证号”，请补上后重新放入收件箱。"],
        }
    )


def rejected_row() -> pl.DataFrame:
    """The rejected row of F01, with two reasons."""
    return pl.DataFrame(
        {
            "file_id": ["F01", "F01"],
            "sheet": [None, None],
            "source_row": [9, 9],
            "setl_id": ["S9", "S9"],
            "column_name": ["psn_pay", "setl_time"],
            "rule": ["amount", "date"],
            "message_zh": ["金额有三位小数", "日期不能识别"],
        },
        schema_overrides={"sheet": pl.String, "source_row": pl.Int64},
    )


def tables() -> dict[str, pl.DataFrame]:
    """A whole, balanced publish."""
    review = pl.DataFrame(
        {"benefit_id": [1002], "reading_key": ["A-L04"], "reading": ["a"], "amount_fen": [200_000]}
    )
    reconciliation = pl.DataFrame(
        {
            "stage": ["ingest", "ingest"],
            "measure": ["rows", "tot"],
            "amount_in": [10, 123_456],
            "amount_out": [10, 123_456],
            "explained": ["duplicate=2", None],
            "difference": [0, 0],
            "run_id": [RUN, RUN],
        }
    )
    run = pl.DataFrame(
        {
            "run_id": [RUN],
            "kind": ["backfill"],
            "year": [2023],
            "as_of": [None],
            "on_date": [ON],
            "started_at": [datetime(2024, 3, 31, 2, 30)],
            "finished_at": [None],
            "status": ["running"],
            "code_version": ["c"],
            "policy_hash": ["p"],
            "input_hash": ["i"],
        }
    )
    return {
        "person_year": person_year(),
        "cap_gap": cap_gap(),
        "benefit_line": benefit_line(),
        "benefit_item": benefit_item(),
        "review_case": review,
        "source_file": source_file(),
        "rejected_row": rejected_row(),
        "reconciliation": reconciliation,
        "run": run,
    }


def people() -> pl.DataFrame:
    """Names and numbers of the heads, all invented; the name of J1's head looks like a formula."""
    return pl.DataFrame(
        {
            "person_key": list(range(1, 8)),
            "name": ["=1+1", "李四", "王五", "赵六", "孙七", "周八", "吴九"],
            "certno": [f"33011219600101{n:04d}" for n in range(1, 8)],
            "phone": [f"1390000000{n}" for n in range(1, 8)],
            "address": ["@甲村1号"] * 7,
        }
    )


def payees() -> pl.DataFrame:
    """J6 has one account (twice delivered), J1 two, J2 one that has ended, J7 its head's own."""
    return pl.DataFrame(
        {
            "household_id": ["J6", "J6", "J1", "J1", "J2", None],
            "person_key": [None, None, None, None, None, 7],
            "holder_name": ["周八", "周八", "张一", "张二", "李四", "吴九"],
            "bank": ["某银行"] * 6,
            "account": ["0062280001", "0062280001", "11", "22", "33", "77"],
            "valid_from": [date(2023, 1, 1)] * 6,
            "valid_to": [None, None, None, None, date(2024, 3, 30), None],
        }
    )
