"""What is passed on each month and each run: warnings to the partner departments, certificates and burdens, benefits
due but not received, chronic illness, and who should claim from the supplementary insurer (L-15, L-24, Z-26, Z-27).

Frames come with keys as texts and money in fen; names and numbers from the vault.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from reports.payment_list import township_name
from reports.words import CATEGORIES, worded
from reports.workbook import Field, Sheet

LEVELS = {"watch": "提前预警", "over": "超过预警线", "severe": "两倍以上"}
STATES = {
    "discovered": "已发现", "visiting": "走访中", "verified": "已核实", "not_confirmed": "不属实", "aided": "已帮扶",
    "closed": "已办结", "withdrawn": "已撤销", "reopened": "重新打开",
}  # fmt: skip
EXCHANGED = "变更"
CLASSES = CATEGORIES | {"QIANZAI": "其他风险潜在对象"}
WHO = (
    Field("姓名", "name", width=9),
    Field("身份证号", "certno", width=20),
    Field("乡镇街道", "township", width=12),
    Field("村社区", "village", width=12),
)
CASE_FIELDS = (
    Field("预警编号", "warning_id", width=17),
    *WHO,
    Field("预警类型", "kind", width=9),
    Field("级别", "level_zh", width=11),
    Field("监测金额", "measure_fen", "money", 14),
    Field("预警线", "threshold_fen", "money", 14),
    Field("全年预测", "forecast_fen", "money", 14),
    Field("预测误差(上年)", "error_zh", width=10),
    Field("首次发现", "first_seen", "date", 12),
    Field("状态", "state_zh", width=10),
    Field("本月变化", "changed", width=10),
    Field("原因", "reason", "long", 44),
)
CHECK_FIELDS = (
    Field("月份", "month", width=10),
    Field("部门", "partner", width=10),
    Field("发出预警", "n_out", "count", 10),
    Field("收到变更信息", "n_in", "count", 13),
    Field("收到日期", "received_on", "date", 12),
    Field("结论", "verdict", width=16),
)
HOLDER_FIELDS = (
    *WHO,
    Field("家庭编号", "household_id", width=18),
    Field("救助类别", "class_zh", width=14),
    Field("证件起", "entered_on", "date", 12),
    Field("证件止", "left_on", "date", 12),
    Field("费用年度", "cost_year", "count", 9),
    Field("个人支付", "psn_fen", "money", 14),
    Field("合理医疗费用", "burden_fen", "money", 14),
    Field("家庭合理医疗费用", "home_fen", "money", 16),
    Field("封顶线", "cap_fen", "money", 13),
    Field("距封顶线", "distance_fen", "money", 13),
)
DUE_FIELDS = (
    *WHO,
    Field("家庭编号", "household_id", width=18),
    Field("年度", "year", "count", 8),
    Field("规则", "rule_id", width=9),
    Field("金额", "amount_fen", "money", 14),
    Field("可享受而未享受", "text", "long", 44),
)
CHRONIC_FIELDS = (
    *WHO,
    Field("对象类别", "class_zh", width=16),
    Field("病种代码", "code", width=12),
    Field("病种名称", "illness", "long", 26),
    Field("备案起", "begins", "date", 12),
    Field("备案止", "ends", "date", 12),
    Field("费用年度", "cost_year", "count", 9),
    Field("合理医疗费用", "burden_fen", "money", 14),
)
CLAIM_FIELDS = (
    *WHO,
    Field("对象类别", "class_zh", width=16),
    Field("产品", "product", "long", 20),
    Field("承保公司", "insurer", "long", 20),
    Field("费用年度", "cost_year", "count", 9),
    Field("医疗费总额", "tot_fen", "money", 14),
    Field("个人支付", "psn_fen", "money", 14),
    Field("已获补充保险赔付", "com_fen", "money", 16),
    Field("说明", "advice", "long", 36),
)


def with_people(rows: pl.DataFrame, people: pl.DataFrame, townships: Mapping[str, str]) -> pl.DataFrame:
    """`rows` (person_key, township_code) with name, certno and the name of the township."""
    return rows.join(
        people.select("person_key", "name", "certno"), on="person_key", how="left", maintain_order="left"
    ).with_columns(township=township_name(townships))


def month_cases(cases: pl.DataFrame, on: date) -> pl.DataFrame:
    """The open cases and those that changed in the month of `on`, with what changed."""
    first = on.replace(day=1)

    def within(name: str) -> pl.Expr:
        return pl.col(name).is_between(first, on).fill_null(False)

    gone = pl.col("status") == "withdrawn"
    changed = (
        pl.when(gone & within("last_seen"))
        .then(pl.lit("撤销"))
        .when((pl.col("status") == "closed") & within("closed_on"))
        .then(pl.lit("办结"))
        .when(within("opened_on"))
        .then(pl.lit("重新打开"))
        .when(within("first_seen"))
        .then(pl.lit("新增"))
        .when(within("level_first_seen"))
        .then(pl.lit("升级"))
    )
    open_ = ~pl.col("status").is_in(["closed", "withdrawn", "not_confirmed"])
    percent = (pl.col("forecast_error") * 100).round(0).cast(pl.Int64)
    return (
        cases.with_columns(
            error_zh=pl.format("±{}%", percent),
            changed=changed,
            level_zh=worded("level", LEVELS),
            state_zh=worded("status", STATES),
        )
        .filter(open_ | pl.col("changed").is_not_null())
        .sort("township_code", "year", "rule_id", "warning_id", nulls_last=True)
    )


def monthly_check(delivered: pl.DataFrame, cases: pl.DataFrame, on: date) -> pl.DataFrame:
    """CHECK_FIELDS: what went out and came in each month. `delivered`: roster_delivery of the region; its kind 变更 are
    the certificate changes that the partners send.
    """
    new = cases.select(
        number=pl.col("first_seen").dt.year() * 100 + pl.col("first_seen").dt.month().cast(pl.Int32)
    )
    counted = new.group_by(pl.col("number").cast(pl.Int64)).agg(n_out=pl.len().cast(pl.Int64))
    said = {"received": "双向齐全", "missing": "没有收到", "pending": "本月未结束"}
    return (
        delivered.filter((pl.col("kind") == EXCHANGED) & (pl.col("month") <= on.year * 100 + on.month))
        .select(
            number=pl.col("month").cast(pl.Int64),
            partner="department",
            n_in="n_rows",
            received_on="received_on",
            verdict=worded("status", said),
        )
        .join(counted, on="number", how="left")
        .with_columns(pl.col("n_out").fill_null(0), month=pl.col("number").cast(pl.String))
        .sort("number", "partner")
    )


def case_sheets(rows: pl.DataFrame, check: pl.DataFrame, title: str) -> list[Sheet]:
    """The monthly warning information (预警信息), and whether both directions were there each month."""
    return [
        Sheet("预警信息", f"{title}预警信息", CASE_FIELDS, rows),
        Sheet("交互核对", f"{title}每月双向交互核对", CHECK_FIELDS, check),
    ]


def holders(register: pl.DataFrame, persons: pl.DataFrame, units: pl.DataFrame, on: date) -> pl.DataFrame:
    """L-15: who holds a certificate now, since when, what the person and the family have borne, and what is left to
    the cap. `persons`: person_year of one year; `units`: its cap_gap.
    """
    held = register.filter((pl.col("class") != "QIANZAI") & (pl.col("left_on").fill_null(on) >= on))
    homes = units.sort("household_id", "cap_fen").unique("household_id", keep="first", maintain_order=True)
    return (
        held.drop("township_code", "reason")
        .join(persons, on="person_key", how="left")
        .join(
            homes.select("household_id", "cap_fen", "distance_fen", home_fen="burden_fen"),
            on="household_id",
            how="left",
        )
        .with_columns(class_zh=worded("class", CLASSES))
        .sort("township_code", "village", "household_id", "person_key", "class", nulls_last=True)
    )


def of_register(rows: pl.DataFrame, register: pl.DataFrame, on: date) -> pl.DataFrame:
    """`rows` of the people who are in the register on a day, with all their classes in words."""
    inside = (
        register.filter(pl.col("left_on").fill_null(on) >= on)
        .with_columns(class_zh=worded("class", CLASSES))
        .sort("person_key", "class")
        .unique(["person_key", "class_zh"], maintain_order=True)
        .group_by("person_key", maintain_order=True)
        .agg(pl.col("class_zh").str.join("、"))
    )
    return rows.join(inside, on="person_key")


def claims(covers: pl.DataFrame, persons: pl.DataFrame) -> pl.DataFrame:
    """Z-26 惠民理赔: insured people with costs of their own, what was paid to them so far, and what to do.

    `covers`: person_key, product, insurer of the year; `persons`: person_year of it.
    """
    advice = (
        pl.when(pl.col("com_fen") > 0)
        .then(pl.lit("已有赔付，请核对是否足额"))
        .otherwise(pl.lit("未见赔付，请协助向承保公司申报理赔"))
    )
    return (
        covers.unique(["person_key", "product", "insurer"])
        .join(persons, on="person_key")
        .filter(pl.col("psn_fen") > 0)
        .with_columns(advice=advice)
        .sort(
            "com_fen",
            "psn_fen",
            "person_key",
            "product",
            descending=[False, True, False, False],
            nulls_last=True,
        )
    )
