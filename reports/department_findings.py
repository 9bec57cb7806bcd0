"""For each department that sends rosters a workbook of its own: what came when, whom to look at, which rows went back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import polars as pl

from reports.workbook import Field, Sheet

STATES = {
    "on_time": "按时", "late": "迟送", "missing": "未送", "partial": "不全", "pending": "未到期", "none": "当月无变动",
    "received": "已送",
}  # fmt: skip
HOW = "请核对后在下一份名单中更正；迟送、未送的请尽快补送。退回的行没有计入，请更正后随下一份名单重新报送。"
DELIVERY = (
    Field("月份", "month", width=9),
    Field("类别", "category_zh", width=22),
    Field("名单类型", "kind", width=9),
    Field("应送日期", "due_on", "date", 11),
    Field("送达日期", "received_on", "date", 11),
    Field("人数", "n_rows", "count", 8),
    Field("情况", "state", width=10),
    Field("汇总比对期限", "merge_due_on", "date", 12),
)
FINDING = (
    Field("月份", "month", width=9),
    Field("姓名", "name", width=9),
    Field("身份证号", "certno", width=20),
    Field("问题", "finding", "long", 52),
    Field("请办理", "suggestion", "long", 44),
    Field("核对结果", "", "long", 24),
)
REJECTED = (
    Field("文件", "file_name", "long", 30),
    Field("工作表", "sheet", width=10),
    Field("行", "source_row", "count", 8),
    Field("栏目", "column_name", width=12),
    Field("退回原因", "message_zh", "long", 60),
)


def department_books(
    delivery: pl.DataFrame,
    findings: pl.DataFrame,
    rejected: pl.DataFrame,
    people: pl.DataFrame,
    regions: Mapping[str, str],
    categories: Mapping[str, str],
) -> Iterator[tuple[str, list[Sheet]]]:
    """(path below the folder of the run, sheets) of each county and department with anything to say.

    `delivery`: mart.roster_delivery; `findings`: mart.roster_finding; `rejected`: region_code, department, file_name,
    sheet, source_row, column_name, message_zh; `people`: person_key, name, certno of the vault, keys as texts.
    """
    odd = delivery.filter(~pl.col("status").is_in(["on_time", "none", "pending", "received"]))
    place = ["region_code", "department"]
    wanted = (
        pl.concat([frame.select(place) for frame in (odd, findings, rejected)])
        .drop_nulls()
        .unique()
        .sort(place)
    )
    named = findings.join(people.unique("person_key"), on="person_key", how="left", maintain_order="left")
    shown = delivery.with_columns(
        pl.col("month").cast(pl.String),
        category_zh=pl.col("category").replace(dict(categories)),
        state=pl.col("status").replace(STATES),
    )
    for region, department in wanted.iter_rows():
        own = (pl.col("region_code") == region) & (pl.col("department") == department)
        sheets = [
            _sheet("名单报送", DELIVERY, shown.filter(own).sort("month", "category", "kind"), region, department, regions),
            _sheet(
                "请核对",
                FINDING,
                named.filter(own).with_columns(pl.col("month").cast(pl.String)).sort("month", "finding", "certno", nulls_last=True),
                region,
                department,
                regions,
            ),
            _sheet("退回的行", REJECTED, rejected.filter(own).sort("file_name", "source_row"), region, department, regions),
        ]  # fmt: skip
        name = re.sub(r'[\\/:*?"<>|\s]', "_", f"{region}_{department}_名单问题.xlsx")
        yield f"departments/{name}", [sheet for sheet in sheets if sheet.rows.height]


def _sheet(
    name: str,
    fields: tuple[Field, ...],
    rows: pl.DataFrame,
    region: str,
    department: str,
    regions: Mapping[str, str],
) -> Sheet:
    title = f"{regions.get(region, region)} {department}：{name}"
    return Sheet(name, title, fields, rows, closing=(HOW,))
