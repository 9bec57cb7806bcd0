"""The scorecard of a county (考核表, W-21), its indicators with their targets, and how its funds did (Z-24, L-09, P-38).

For the leaders of a bureau: counts, ratios and money of a county, never a person or a household.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from reports.words import CATEGORIES, worded
from reports.workbook import Field, Sheet

BOOK = "评价考核.xlsx"
INDICATORS = {
    "IND-1": "资助困难群众参加基本医疗保险率",
    "IND-2": "符合条件的因病困难群众基本生活保障率",
    "IND-3": "困难群众医疗费用综合保障率",
    "IND-4": "医疗费用个人负担率",
    "IND-5": "高额医疗费用动态清零化解率",
    "IND-6": "政策范围内自付费用比例",
    "IND-7": "低收入家庭户籍人口参保率",
    "IND-8": "预警监测率",
    "IND-9": "综合保障率提升",
}
POPULATIONS = {"hardship": "困难群众", "insured": "参保人员", "low_income": "低收入家庭人口"}
VARIANTS = CATEGORIES | {
    "default": "默认口径",
    "paid": "按已付金额",
    "cash_only": "只计现金",
    "policy_range": "政策范围内",
    "three_systems": "只计三重制度",
    "linear_path": "目标按直线插值（参考）",
    "all": "全部困难群众为分母",
    "insured": "只看参保",
    "roster": "按名册（参考）",
    "amount": "按金额",
    "before_relief": "救助以前",
    "recorded": "按已记录的救助",
    "after_tilt": "倾斜救助以后",
    "class_2": "第二类对象",
    "level": "当年水平",
    "relative": "相对提高",
    "warned": "应预警的已预警",
    "before_document": "早于文件",
}
CHECKS = {
    "L-10": "财政资金不超过三分之一（3×财政≤筹集）",
    "W-07": "市级筹集达到年度数额",
    "W-08": "地方配套不少于市级分配",
    "P-38": "支出不超过预算",
}
JUDGED = ("IND-3", "IND-4")
"""Indicators of which several populations or policies are shown side by side."""
PLACE = (Field("区划", "region_name", "long", 11), Field("年度", "year", "count", 6))
SCORE = (
    *PLACE,
    *(Field(title, code, "long", 17) for code, title in INDICATORS.items()),
    Field("预警人数", "n_warned", "count", 10),
    Field("已核实", "n_verified", "count", 10),
    Field("已帮扶", "n_aided", "count", 10),
    Field("已办结", "n_closed", "count", 10),
    Field("逾期", "n_overdue", "count", 8),
    Field("封顶化解应付", "due_fen", "money", 16),
    Field("封顶化解已付", "paid_fen", "money", 16),
)
FIGURES = (
    *PLACE,
    Field("指标", "indicator_name", "long", 30),
    Field("人群", "population_name", width=14),
    Field("口径", "variant_name", width=20),
    Field("设定目标的政策", "document", width=22),
    Field("分子", "numerator_text", width=18),
    Field("分母", "denominator_text", width=18),
    Field("指标值", "value_text", width=10),
    Field("目标", "target_text", width=10),
    Field("是否达标", "met_text", width=10),
    Field("暂行", "provisional_text", width=8),
)
FUNDS = (
    *PLACE,
    Field("基金", "fund", "long", 16),
    Field("检查", "check", "long", 18),
    Field("筹集", "raised_fen", "money", 11),
    Field("财政", "fiscal_fen", "money", 11),
    Field("历年累计筹集", "raised_so_far_fen", "money", 11),
    Field("历年累计财政", "fiscal_so_far_fen", "money", 11),
    Field("社会捐赠", "social_fen", "money", 11),
    Field("承保公司", "insurer_fen", "money", 11),
    Field("医药机构", "institution_fen", "money", 11),
    Field("村集体", "village_fen", "money", 11),
    Field("其他", "other_fen", "money", 11),
    Field("已分配", "allocated_fen", "money", 11),
    Field("应付", "due_fen", "money", 11),
    Field("已付", "paid_fen", "money", 11),
    Field("结余", "balance_fen", "money", 11),
    Field("累计测算应付", "forecast_fen", "money", 11),
    Field("按全年推算应付", "projected_fen", "money", 11),
    Field("受益户", "n_units", "count", 8),
    Field("对象人数", "n_objects", "count", 8),
    Field("户均应付", "average_fen", "money", 11),
    Field("左值", "left_fen", "money", 11),
    Field("右值", "right_fen", "money", 11),
    Field("是否符合", "met_text", width=10),
)
RESULTS = (
    *PLACE,
    Field("规则", "rule_id", width=8),
    Field("超线户", "n_over", "count", 10),
    Field("已付户", "n_helped", "count", 10),
    Field("已付金额", "paid_fen", "money", 16),
    Field("超线金额", "gap_fen", "money", 16),
    Field("已化解金额", "resolved_fen", "money", 16),
    Field("化解比例", "share_text", width=10),
    Field("户均负担（化解前）", "before_fen", "money", 18),
    Field("户均负担（化解后）", "after_fen", "money", 18),
)
ASSISTED = (
    *PLACE,
    Field("规则", "rule_id", width=8),
    Field("类别", "category_name", width=18),
    Field("待遇笔数", "n_lines", "count", 10),
    Field("受益人", "n_persons", "count", 10),
    Field("应付", "amount_fen", "money", 16),
    Field("待定笔数", "n_open", "count", 10),
)
CLOSING = ("指标值保留两位小数，达标与否按分子分母的整数比较。", "空白表示缺少资料，不是零。")
Marts = Mapping[str, pl.DataFrame]


def scorecard_sheets(marts: Marts, regions: Mapping[str, str], documents: Mapping[str, str]) -> list[Sheet]:
    """The sheets 考核表, 指标, 基金, 基金绩效, 救助支出; none where there is neither an indicator nor a fund.

    `marts`: mart tables with money as `*_fen` (indicator, fund_position, cap_gap, benefit_line, warning); `regions`
    and `documents` name the codes of regions and policies.
    """
    if marts["indicator"].is_empty() and marts["fund_position"].is_empty():
        return []
    made = (
        ("考核表", SCORE, scores(marts)),
        ("指标", FIGURES, figures(marts["indicator"], documents)),
        ("基金", FUNDS, positions(marts["fund_position"])),
        ("基金绩效", RESULTS, results(marts["cap_gap"])),
        ("救助支出", ASSISTED, assisted(marts["benefit_line"])),
    )
    return [
        Sheet(name, f"{name}", fields, _named(rows, regions), closing=CLOSING) for name, fields, rows in made
    ]


def _named(rows: pl.DataFrame, regions: Mapping[str, str]) -> pl.DataFrame:
    return rows.with_columns(region_name=worded("region_code", dict(regions)))


def percent(column: str) -> pl.Expr:
    """A ratio as a percentage with two decimals; null stays null."""
    return pl.when(pl.col(column).is_not_null()).then(
        pl.format("{}%", (pl.col(column) * 100).round(2).cast(pl.Decimal(18, 2)))
    )


def judged(column: str = "met") -> pl.Expr:
    """达标 or 未达标; null stays null."""
    return pl.when(pl.col(column)).then(pl.lit("达标")).when(~pl.col(column)).then(pl.lit("未达标"))


def scores(marts: Marts) -> pl.DataFrame:
    """One row a county and year: each indicator in words, cases by state, money of caps and reliefs."""
    wanted = (pl.col("variant") == "default") & pl.col("indicator_id").is_in(list(INDICATORS))
    rows = marts["indicator"].filter(wanted)
    prefix = pl.when(pl.col("indicator_id").is_in(list(JUDGED))).then(
        pl.format("{}·{}：", pl.col("policy_id").fill_null("—"), worded("population", POPULATIONS))
    )
    target = pl.when(pl.col("target").is_not_null()).then(
        pl.format("（目标{}，{}）", percent("target"), judged().fill_null("未知"))
    )
    text = pl.concat_str(prefix.fill_null(""), percent("value").fill_null("无资料"), target.fill_null(""))
    words = rows.with_columns(text=text).sort("indicator_id", "population", "policy_id", nulls_last=True)
    key = ["region_code", "year"]
    found = rows.select(key).unique().sort(key)
    for code in INDICATORS:
        own = (
            words.filter(pl.col("indicator_id") == code)
            .group_by(key)
            .agg(pl.col("text").str.join("；").alias(code))
        )
        found = found.join(own, on=key, how="left")
    return found.join(_cases(marts["warning"]), on=key, how="left").join(
        _money(marts["cap_gap"]), on=key, how="left"
    )


def _cases(warnings: pl.DataFrame) -> pl.DataFrame:
    """Cases by county and year: warned persons, verified, aided, closed, overdue; withdrawn ones do not count."""
    state = pl.col("status")
    return (
        warnings.filter(state != "withdrawn")
        .group_by("region_code", "year")
        .agg(
            n_warned=pl.col("person_key").n_unique(),
            n_verified=state.is_in(["verified", "not_confirmed", "aided", "closed"]).sum(),
            n_aided=state.is_in(["aided", "closed"]).sum(),
            n_closed=(state == "closed").sum(),
            n_overdue=pl.col("overdue").fill_null(False).sum(),
        )
        .cast({"year": pl.Int64})
    )


def _money(cap_gap: pl.DataFrame) -> pl.DataFrame:
    """What caps and reliefs owe and have paid, by county and year; nothing determined: empty."""
    known = pl.col("amount_fen").is_not_null().any()
    return cap_gap.group_by("region_code", year=pl.col("cost_year")).agg(
        due_fen=pl.when(known).then(pl.col("amount_fen").sum()), paid_fen=pl.col("paid_fen").sum()
    )


def figures(indicator: pl.DataFrame, documents: Mapping[str, str]) -> pl.DataFrame:
    """Every row of mart.indicator in words; money in yuan, persons and households as whole numbers."""
    heads = pl.col("indicator_id").is_in(["IND-1", "IND-2", "IND-7", "IND-8"]) | (
        (pl.col("indicator_id") == "IND-5") & (pl.col("variant") != "amount")
    )

    def shown(column: str) -> pl.Expr:
        amount = pl.col(column).cast(pl.Decimal(18, 2))
        whole = pl.format("{}", pl.col(column).cast(pl.Int64))
        return pl.when(heads).then(whole).otherwise(pl.format("{}元", amount))

    return indicator.sort("region_code", "year", "indicator_id", "policy_id", "population", "variant").with_columns(
        indicator_name=pl.format("{} {}", "indicator_id", worded("indicator_id", INDICATORS)),
        population_name=worded("population", POPULATIONS),
        variant_name=worded("variant", VARIANTS),
        document=worded("policy_id", dict(documents)),
        numerator_text=shown("numerator"),
        denominator_text=shown("denominator"),
        value_text=percent("value"),
        target_text=percent("target"),
        met_text=judged(),
        provisional_text=pl.when(pl.col("provisional")).then(pl.lit("是")),
    )  # fmt: skip


def positions(fund_position: pl.DataFrame) -> pl.DataFrame:
    """Funds with their checks in words, the average due to a unit, and income up to each year (A-L15)."""
    yes = pl.when(pl.col("met")).then(pl.lit("符合")).when(~pl.col("met")).then(pl.lit("不符合"))
    average = pl.when(pl.col("n_units") > 0).then(pl.col("due_fen") // pl.col("n_units"))
    own = ["region_code", "fund", "rule_id"]
    so_far = [pl.col(f"{n}_fen").cum_sum().over(own).alias(f"{n}_so_far_fen") for n in ("raised", "fiscal")]
    return fund_position.sort("region_code", "year", "fund", "rule_id").with_columns(
        *so_far,
        check=pl.format("{} {}", "rule_id", worded("rule_id", CHECKS)),
        average_fen=average,
        left_fen=(pl.col("check_left") * 100).cast(pl.Int64),
        right_fen=(pl.col("check_right") * 100).cast(pl.Int64),
        met_text=yes,
    )


def results(cap_gap: pl.DataFrame) -> pl.DataFrame:
    """What a fund has achieved (Z 二(四)): units helped, share of the excess resolved, average burden before and after."""
    paid = pl.col("paid_fen").fill_null(0)
    over = cap_gap.filter(pl.col("gap_fen") > 0).with_columns(
        resolved_fen=pl.min_horizontal(paid, "gap_fen").clip(0), after_fen=pl.col("burden_fen") - paid
    )
    sums = over.group_by("region_code", "rule_id", year=pl.col("cost_year")).agg(
        n_over=pl.len(),
        n_helped=(paid > 0).sum(),
        paid_fen=paid.sum(),
        gap_fen=pl.col("gap_fen").sum(),
        resolved_fen=pl.col("resolved_fen").sum(),
        before_fen=pl.col("burden_fen").sum() // pl.len(),
        after_fen=pl.col("after_fen").sum() // pl.len(),
    )
    share = sums.with_columns(share=pl.col("resolved_fen") / pl.col("gap_fen"))
    return share.with_columns(share_text=percent("share")).sort("region_code", "year", "rule_id")


def assisted(lines: pl.DataFrame) -> pl.DataFrame:
    """Assistance and tilt relief by rule and category (P 三(三)): lines, persons, money, lines without an amount."""
    own = lines.filter(pl.col("settlement_id").is_not_null() & pl.col("adjustment_of").is_null())
    return (
        own.group_by("region_code", "rule_id", "category", year=pl.col("cost_year"))
        .agg(
            n_lines=pl.len(),
            n_persons=pl.col("person_key").n_unique(),
            amount_fen=pl.col("amount_fen").sum(),
            n_open=pl.col("amount_fen").null_count(),
        )
        .sort("region_code", "year", "rule_id", "category", nulls_last=True)
        .with_columns(category_name=worded("category", CATEGORIES))
    )
