"""The workbook of a simulation: each scenario beside today's rules, with a chart beside each table.

A forecast for whoever sizes the fund, never a list to pay from: it holds household numbers and amounts, no names.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import polars as pl

from reports.workbook import Chart, Field, Sheet, write_workbook

NOTE = "测算结果，不是核定结果，不得据以付款。"
WHICH = (
    Field("情景", "scenario", "long", 30),
    Field("规则", "rule_id", width=8),
    Field("区划", "region_code", width=9),
    Field("计数", "counted_by", width=6),
)
MONEYS = (
    Field("现行应付", "before_fen", "money", 16),
    Field("情景应付", "after_fen", "money", 16),
    Field("增减", "change_fen", "money", 16),
)
PAID = (Field("现行受益户次", "paid_before", "count", 12), Field("情景受益户次", "paid_after", "count", 12))
FIELDS: Mapping[str, tuple[Field, ...]] = {
    "汇总": (
        *WHICH,
        *MONEYS,
        *PAID,
        Field("现行受益人", "persons_before", "count", 11),
        Field("情景受益人", "persons_after", "count", 11),
        Field("数据不全户次", "unknown_after", "count", 11),
        Field("多得户(人)", "gainers", "count", 9),
        Field("多得金额", "gained_fen", "money", 16),
        Field("少得户(人)", "losers", "count", 9),
        Field("少得金额", "lost_fen", "money", 16),
    ),
    "基金": (
        *WHICH,
        Field("条款", "article", "long", 24),
        Field("项目", "item", "long", 26),
        Field("现行", "before_fen", "money", 16),
        Field("情景", "after_fen", "money", 16),
    ),
    "类别": (*WHICH, Field("类别", "category_name", width=18), *MONEYS, *PAID),
    "乡镇街道": (*WHICH, Field("乡镇街道", "township_name", width=14), *MONEYS, *PAID),
    "逐户增减": (
        *WHICH,
        Field("家庭(人员)编号", "household_id", width=22),
        Field("类别", "category_name", width=18),
        Field("乡镇街道", "township_name", width=14),
        *MONEYS,
    ),
}
"""The sheets in order, with their columns."""
CHARTS = {
    "汇总": Chart("各情景应付金额（元）", "情景", ("现行应付", "情景应付")),
    "类别": Chart("按类别应付金额（元）", "类别", ("现行应付", "情景应付")),
    "乡镇街道": Chart("按乡镇街道增减（元）", "乡镇街道", ("增减",)),
}


def write_scenarios(folder: Path, frames: Mapping[str, pl.DataFrame], year: int, on: date) -> Path:
    """Write `frames` (one for each sheet of FIELDS, money in fen) as a workbook into `folder`; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"模拟_{year}.xlsx"
    sheets = [
        Sheet(name, f"{year} 年度模拟：{name}", fields, frames[name], closing=(NOTE,), chart=CHARTS.get(name))
        for name, fields in FIELDS.items()
    ]
    write_workbook(path, sheets, on)
    return path
