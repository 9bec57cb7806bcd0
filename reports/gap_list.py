"""Families over a cap or close to it (封顶差额, L-12), one workbook a township: for information, nothing to fill in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from reports.entitled import cap_entitlement
from reports.payment_list import township_name
from reports.words import CATEGORIES, UNKNOWN_TOWNSHIP, worded, yuan
from reports.workbook import Field, Sheet

NEAR_PERCENT = 20
"""A unit is listed when its burden is over the cap or within this share of it."""
SETTLED = ("not_pilot", "not_in_force", "paid")
SHEET = "封顶差额"
FIELDS = (
    Field("村社区", "village", width=12),
    Field("户主/本人姓名", "name", width=10),
    Field("身份证号", "certno", width=20),
    Field("电话", "phone", width=13),
    Field("住址", "address", "long", 24),
    Field("救助类别", "category_zh", width=12),
    Field("费用年度", "cost_year", "count", 8),
    Field("合理医疗费用", "burden_fen", "money", 14),
    Field("封顶线", "cap_fen", "money", 13),
    Field("超出", "gap_fen", "money", 13),
    Field("距封顶线", "distance_fen", "money", 13),
    Field("说明", "why", "long", 40),
    Field("可享受而未享受", "entitled", "long", 26),
)


def gap_rows(units: pl.DataFrame, people: pl.DataFrame, townships: Mapping[str, str]) -> pl.DataFrame:
    """One row per unit over its cap or near it: the columns of FIELDS, `township_code`, `township`.

    `units` are `cap_gap` rows with `head_person_key` as text, `people` the vault's. Amounts are fen.
    """
    near = pl.col("burden_fen") * 100 >= pl.col("cap_fen") * (100 - NEAR_PERCENT)
    rows = (
        units.filter(near & ~pl.col("status").is_in(SETTLED))
        .join(people, left_on="head_person_key", right_on="person_key", how="left")
        .with_columns(
            pl.coalesce("name", "head_name_masked").alias("name"),
            township_name(townships).alias("township"),
            worded("category", CATEGORIES).alias("category_zh"),
        )
    )
    texts = pl.DataFrame(
        [{"why": f"{why(row)}。", "entitled": cap_entitlement(row)} for row in rows.iter_rows(named=True)],
        schema={"why": pl.String, "entitled": pl.String},
    )
    order = ["township_code", "gap_fen", "distance_fen", "village", "unit_id", "rule_id", "cost_year"]
    return rows.hstack(texts).sort(order, descending=[False, True, *[False] * 5], nulls_last=True)


def why(row: Mapping[str, object]) -> str:
    """What the family bears, and how that stands to its cap, with amounts."""
    burden, cap, gap, left = (fen(row, name) for name in ("burden_fen", "cap_fen", "gap_fen", "distance_fen"))
    category = CATEGORIES.get(str(row["category"]), "类别不明")
    head = f"{category}，{row['cost_year']}年度合理医疗费用{yuan(burden)}元，"
    if gap > 0:
        text = f"超过封顶线{yuan(cap)}元，超出{yuan(gap)}元"
    elif left == 0:
        text = f"正好达到封顶线{yuan(cap)}元"
    else:
        text = f"已达封顶线{yuan(cap)}元的{burden * 100 // cap}%，还差{yuan(left)}元"
    notes = {
        "forecast": "（年度未结束，按已收到的结算计算）",
        "incomplete": "（有结算资料不完整，金额可能变化）",
    }
    return f"{head}{text}{notes.get(str(row['status']), '')}"


def fen(row: Mapping[str, object], name: str) -> int:
    """An amount of a row in fen; an unknown one as 0, for comparisons in sentences only."""
    value = row[name]
    return value if isinstance(value, int) else 0


def gap_books(rows: pl.DataFrame) -> Iterator[tuple[str, Sheet]]:
    """File name and sheet of each township with such a family, in the order of the codes; unknown ones last."""
    for part in rows.partition_by("township_code", maintain_order=True):
        code, name = part["township_code"][0], part["township"][0]
        label = f"{code}_{name}" if code else UNKNOWN_TOWNSHIP
        yield f"{label}_{SHEET}.xlsx", Sheet(SHEET, f"{name}{SHEET}", FIELDS, part)
