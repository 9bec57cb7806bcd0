"""What each department gets back about the rosters that it sent: gathered for `reports.department_findings`."""

from __future__ import annotations

from datetime import date

import polars as pl

from reports.department_findings import department_books
from reports.workbook import Sheet
from stores import lake
from stores.home import Home

YEARS_BACK = 1
"""Lists and rows of the run's own year and of so many before it."""


def department_lists(
    home: Home,
    files: pl.DataFrame,
    tables: dict[str, pl.DataFrame],
    regions: dict[str, str],
    categories: dict[str, str],
    on: date,
    people: pl.DataFrame,
) -> list[tuple[str, list[Sheet]]]:
    """Workbooks as `stores.exports.export` takes them. `people`: the vault's, under the texts of their keys."""
    since = (on.year - YEARS_BACK) * 100
    recent = pl.col("month").is_null() | (pl.col("month") > since)
    county = pl.col("region_code").str.slice(0, 6)
    findings, delivery = (tables.get(name) for name in ("roster_finding", "roster_delivery"))
    if findings is None or delivery is None:
        return []
    own = findings.filter(recent, pl.col("department").is_not_null()).with_columns(
        county.alias("region_code")
    )
    rejected = refused_rows(home, files, date(on.year - YEARS_BACK, 1, 1))
    return list(department_books(delivery.filter(recent), own, rejected, people, regions, categories))


def refused_rows(home: Home, files: pl.DataFrame, since: date) -> pl.DataFrame:
    """Rejected roster rows of files received from a day on, with the department that sent them and the reason."""
    late = files.filter(pl.col("received_on") >= since)
    row = ["file_id", "sheet", "source_row"]
    sent = lake.scan(home, "roster_refused", late).select(
        *row, "department", region_code=pl.col("region_code").str.slice(0, 6)
    )
    return (
        lake.rejected(home, late)
        .filter(pl.col("table") == "roster")
        .join(sent, on=row, nulls_equal=True)
        .join(late.select("file_id", file_name="name").lazy(), on="file_id")
        .select("region_code", "department", "file_name", "sheet", "source_row", "column_name", "message_zh")
        .collect()
    )
