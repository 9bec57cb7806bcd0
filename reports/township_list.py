"""Township lists (预警名单): units over the cap or close to it, one workbook a township, to be visited and sent back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

import polars as pl

from reports.payment_list import township_name
from reports.words import CATEGORIES, UNKNOWN_TOWNSHIP, worded, yuan
from reports.workbook import Field, Sheet
from transforms.pseudonym import key_texts

NEAR_PERCENT = 20
"""A unit is listed when its burden is over the cap or within this share of it."""
SETTLED = ("not_pilot", "not_in_force", "paid")
OUTCOMES = ("属实", "不属实", "待核实")
HELP = ("医疗救助", "封顶化解", "临时救助", "慈善帮扶", "政策宣传", "其他")
FIELDS = (
    Field("预警编号", "warning_id", width=17),
    Field("村社区", "village", width=12),
    Field("姓名", "name", width=9),
    Field("身份证号", "certno", width=20),
    Field("电话", "phone", width=13),
    Field("住址", "address", "long", 24),
    Field("为什么", "why", "long", 44),
    Field("可享受而未享受", "entitled", "long", 26),
    Field("上次走访", "last_visit", "date", 11),
    Field("走访日期", "", "date", 11),
    Field("走访人", "", width=9),
    Field("核实结果", "", width=9, choices=OUTCOMES),
    Field("帮扶措施", "", width=12, choices=HELP, strict=False),
    Field("帮扶金额", "", "money", 11),
    Field("办结日期", "", "date", 11),
)


def township_rows(units: pl.DataFrame, people: pl.DataFrame, townships: Mapping[str, str]) -> pl.DataFrame:
    """One row per unit over its cap or near it: the columns of FIELDS, `township_code`, `township`.

    `units` are `cap_gap` rows with `head_person_key` as text, `people` the vault's. Amounts are fen.
    """
    near = pl.col("burden_fen") * 100 >= pl.col("cap_fen") * (100 - NEAR_PERCENT)
    watched = units.filter(near & ~pl.col("status").is_in(SETTLED))
    rows = (
        watched.with_columns(warning_ids(watched))
        .join(people, left_on="head_person_key", right_on="person_key", how="left")
        .with_columns(
            pl.coalesce("name", "head_name_masked").alias("name"),
            township_name(townships).alias("township"),
            worded("category", CATEGORIES).alias("category_zh"),
        )
    )
    texts = pl.DataFrame(
        [{"why": _why(row), "entitled": _entitled(row)} for row in rows.iter_rows(named=True)],
        schema={"why": pl.String, "entitled": pl.String},
    )
    order = ["township_code", "gap_fen", "distance_fen", "village", "unit_id", "rule_id", "cost_year"]
    return rows.hstack(texts).sort(order, descending=[False, True, *[False] * 5], nulls_last=True)


def warning_ids(units: pl.DataFrame) -> pl.Series:
    """A stable id W… for each unit, rule and cost year: the same in every issue of the list."""
    numbers = [
        int.from_bytes(hashlib.blake2b(f"warning|{rule}|{unit}|{year}".encode(), digest_size=8).digest()) >> 1
        for rule, unit, year in units.select("rule_id", "unit_id", "cost_year").iter_rows()
    ]
    return key_texts(pl.Series("warning_id", numbers, dtype=pl.Int64), "W")


def _why(row: Mapping[str, object]) -> str:
    """One sentence with amounts: what the family bears, and how that stands to its cap."""
    burden, cap, gap, left = (
        _fen(row, name) for name in ("burden_fen", "cap_fen", "gap_fen", "distance_fen")
    )
    head = f"{row['category_zh'] or '类别不明'}，{row['cost_year']}年度合理医疗费用{yuan(burden)}元，"
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
    return f"{head}{text}{notes.get(str(row['status']), '')}。"


def _entitled(row: Mapping[str, object]) -> str:
    """What the family may claim and has not been paid."""
    gap, amount, paid = (_fen(row, name) for name in ("gap_fen", "amount_fen", "paid_fen"))
    if row["status"] == "forecast":
        return f"年度结束后可享受封顶化解，目前预计{yuan(gap)}元" if gap else ""
    if row["status"] == "incomplete":
        return "封顶化解金额待资料补齐后确定" if gap else ""
    return f"封顶化解待付{yuan(amount - paid)}元" if amount > paid else ""


def _fen(row: Mapping[str, object], name: str) -> int:
    value = row[name]
    return value if isinstance(value, int) else 0


def township_books(rows: pl.DataFrame) -> Iterator[tuple[str, Sheet]]:
    """File name and sheet of each township with somebody to visit, in the order of the codes; unknown ones last."""
    for part in rows.partition_by("township_code", maintain_order=True):
        code, name = part["township_code"][0], part["township"][0]
        label = f"{code}_{name}" if code else UNKNOWN_TOWNSHIP
        yield f"{label}_预警名单.xlsx", Sheet("预警名单", f"{name}预警名单", FIELDS, part)
