"""Where the header of a sheet is and which layout it fits; if none, a message that says what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from schemas.layouts import Layout, Recognition, recognise
from stores.readers import HEAD_ROWS, Sheet
from stores.readers_text import TextSheet

_HEADER = re.compile(
    r"^(?!.*\d{4})(?:[A-Za-z][A-Za-z0-9_ ]*|[^*]*(?:姓名|名称|编号|编码|代码|号码|序号|流水号|身份证|日期|时间|年度|月份|金额|费用|支付"
    r"|类型|类别|标志|状态|等级|地址|单位|机构|说明|备注|原因|身份|数量|单价|合计|总额|险种)[^*]*)$"
)
"""Cells that can only be headers: the first row of a file without one may hold names, and they are not repeated."""


def find_header(sheet: Sheet, layouts: Sequence[Layout]) -> tuple[Recognition, int]:
    """The recognition of a sheet and the position of its header; a text sheet may change its cut and encoding."""
    best = _header_of(sheet.head, layouts)
    if best[0].match is None and not best[0].rivals and isinstance(sheet, TextSheet):
        for other in sheet.others():
            again = _header_of(other.head, layouts)
            if again[0].match is not None:
                sheet.encoding, sheet.separator = other.encoding, other.separator
                sheet.head, sheet._lines = other.head, other._lines
                return again
    return best


def _header_of(head: list[list[str]], layouts: Sequence[Layout]) -> tuple[Recognition, int]:
    closest: tuple[Recognition, int] = (Recognition(None), 0)
    likeness = 0.0
    for position, row in enumerate(head[:HEAD_ROWS]):
        if sum(bool(cell.strip()) for cell in row) < 2:
            continue
        recognition = recognise(row, layouts)
        if recognition.match is not None:
            return _second_level(head, layouts, recognition, position)
        if recognition.rivals:
            return recognition, position
        near = recognition.closest
        score = len(near.explained) - len(near.missing) / 10 if near else 0.0
        if near is not None and score > likeness:
            closest, likeness = (recognition, position), score
    return closest


def _second_level(
    head: list[list[str]], layouts: Sequence[Layout], first: Recognition, position: int
) -> tuple[Recognition, int]:
    """The row below where it, too, is a header and says more: headers over two rows, the upper ones merged."""
    if position + 1 < len(head):
        below = recognise(head[position + 1], layouts)
        if below.match and first.match and first.match.columns.items() < below.match.columns.items():
            return below, position + 1
    return first, position


def looks_like_table(recognition: Recognition) -> bool:
    """Whether a sheet that fits no layout looks like a data sheet all the same: half of the headers needed."""
    near = recognition.closest
    return near is not None and len(near.missing) * 2 <= len(near.layout.required)


_NUMBER = re.compile(r"^[\s'`’]*[1-9]\d{16}[\dXx]\s*$")


def goes_on(sheet: Sheet) -> bool:
    """Whether a sheet without a header holds rows of people: three certificate numbers among its first rows."""
    return sum(any(_NUMBER.match(cell) for cell in row) for row in sheet.head) >= 3


def why_unknown(sheet: Sheet, recognition: Recognition) -> str:
    where = f"工作表「{sheet.name}」" if sheet.name else "文件"
    if recognition.rivals:
        names = "、".join(m.layout.title_zh for m in recognition.rivals)
        return f"{where}的表头同时符合 {names}，分不清是哪一种。请按其中一种的表头重新导出"
    near = recognition.closest
    if near is None:
        first = next((row for row in sheet.head if any(cell.strip() for cell in row)), [])
        shown = "、".join(cell.strip() for cell in first[:20] if _HEADER.search(cell.strip()))
        listed = f"(第一行有：{shown[:200]})" if shown else ""
        return f"{where}没有认得出的表头{listed}。请确认首行是表头，或为这种导出添加版式文件"
    unknown = f";没有用到的表头：{'、'.join(near.unused[:10])}" if near.unused else ""
    return (
        f"{where}的表头最接近「{near.layout.title_zh}」，但缺少：{'、'.join(near.missing)}{unknown}。"
        "请补上所缺的列后重新导出，或为这种导出添加版式文件"
    )
