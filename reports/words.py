"""Chinese words for codes, as they stand on lists and sheets."""

from __future__ import annotations

import polars as pl

CATEGORIES = {
    "TEKUN": "特困人员",
    "DIBAO": "低保家庭",
    "DIBIAN": "低边家庭",
    "FANPIN": "返贫致贫人口",
    "JIANCE": "监测对象",
    "YINBING": "因病致贫重病患者",
    "ZHICHU": "支出型困难家庭",
    "YOUFU": "优抚对象",
    "ZHONGCAN": "重度残疾人",
    "LINSHI": "临时救助对象",
    "QITA_TK": "其他特殊困难人员",
    "XD2": "相对低收入家庭第二类",
    "XD": "相对低收入家庭",
    "DISHOURU": "低收入家庭",
    "KUNNAN_ZG": "困难职工",
}
UNIT_TYPES = {"household": "家庭", "person": "个人"}
CHANGES = {"new": "新增", "gone": "消除", "up": "增加", "down": "减少"}
CAUSES = {
    "file": "新文件",
    "reversal": "冲正退费",
    "roster": "名册",
    "policy": "政策",
    "decision": "审核决定",
}
UNKNOWN_TOWNSHIP = "未知乡镇"


def yuan(fen: int) -> str:
    """Fen as yuan with thousands separators, for sentences."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100:,}.{abs(fen) % 100:02d}"


def yuan_text(column: str) -> pl.Expr:
    """Fen of a column as yuan with thousands separators, for sentences; null stays null."""
    return pl.col(column).map_elements(yuan, return_dtype=pl.String)


def worded(column: str, words: dict[str, str]) -> pl.Expr:
    """A code in words; an unknown code as it stands."""
    return pl.col(column).replace_strict(words, default=pl.col(column), return_dtype=pl.String)


def causes_worded(column: str) -> pl.Expr:
    """Comma-separated causes in words."""
    return pl.col(column).str.split(",").list.eval(worded("", CAUSES)).list.join("、")
