"""Words for codes in what a person reads: categories, statuses, kinds of money. Names come from the reference tables."""

from __future__ import annotations

import csv
from functools import cache

from stores.state import CODE_ROOT

STATUSES = {
    "forecast": "当年预测，年度结束后才能核定",
    "not_in_force": "办法尚未施行，不付",
    "not_pilot": "不在试点地区，不付",
    "within": "没有超过封顶线，不付",
    "incomplete": "数据不全，暂时算不出应付金额",
    "review": "有不同读法，等待复核",
    "due": "应付，等待确认",
    "confirmed": "已确认，待付",
    "paid": "已付清",
    "adjust_up": "已付少了，应补",
    "adjust_down": "已付多了，应退",
    "held": "缺少事实，暂不计算",
    "before_document": "缴费早于文件日期，金额供参考",
}


@cache
def _categories() -> dict[str, str]:
    path = CODE_ROOT / "data" / "reference" / "category.csv"
    with path.open(encoding="utf-8", newline="") as handle:
        return {row["code"]: row["name_zh"] for row in csv.DictReader(handle)}


def category_name(code: str | None) -> str:
    """The Chinese name of a category; the code itself where the table has none."""
    return _categories().get(code, code) if code else "无类别"
