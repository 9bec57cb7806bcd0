"""Roster rows as they count: in the order of their versions, one row a code, the version that stands.

What they prove is the business of `certificates` (who was what when) and `households` (who belonged where).
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from transforms import places
from transforms.identity import with_person
from transforms.versions import RANK, file_ranks, repeated

AT = "_at"
ROWS_OF_A_FILE = 2**40
"""More than any file has."""
FINDINGS = pl.Schema(
    {
        "rule": pl.String, "region_code": pl.String, "department": pl.String, "code": pl.String,
        "list_month": pl.Int32, "person_key": pl.Int64, "file_id": pl.String, "rows": pl.Int64,
        "message_zh": pl.String, "suggestion": pl.String,
    }
)  # fmt: skip
MESSAGES = {
    "unknown_label": "救助身份的写法不在对照表中，该行只用于家庭成员，不计类别",
    "label_without_category": "该救助身份不属于任何救助类别",
    "bare_expense": "支出型的写法未说明是低保还是低边，只计支出型困难人员，请认定部门写明",
    "longer_same_day": "同日收到同一身份的两个失效日期，先按较早的，请确认",
    "month_without_list": "该月未收到在册名单，沿用上月",
    "list_without_month": "在册名单没有名单月份，不作完整名单，不终止任何人的身份，请补填",
    "list_shrank": "在册名单人数减少超过一成，暂不终止任何人的身份，请确认",
    "list_lacks_townships": "在册名单缺少以前有的乡镇，暂不终止任何人的身份，请确认",
    "reappeared": "名单中消失后又出现，自再次出现的月份起恢复",
    "reduction_undated": "减少名单无失效日期也无名单月份，无法终止",
}
STANDING = (
    "region_code", "household_id", "labels", "valid_from", "valid_to", "department", "list_kind", "list_month", "reason",
)  # fmt: skip
"""What `standing` tells of a row."""


def coded(
    roster: pl.LazyFrame,
    files: pl.DataFrame,
    links: pl.DataFrame,
    labels: pl.DataFrame,
    alias: pl.DataFrame | None,
) -> pl.DataFrame:
    """Roster rows, one per row and code: + person_key, county_code, label, code, `_known`, `received_on`, and the
    place of the row in the order of versions (`_at`), in which they stand.

    A wording without a code stands under itself (`_known` false), so that its lists can be followed all the same.
    """
    rows = ordered(roster, files, links)
    county = pl.col("region_code").str.slice(0, 6)
    if alias is not None:
        county = places.county_of(county, alias, "roster", pl.col("valid_from"))
    rows = rows.with_columns(county_code=county)
    if (rows["labels"].list.len() <= 1).all():
        rows = rows.with_columns(label=pl.col("labels").list.first().fill_null("")).drop("labels")
    else:
        several = pl.when(pl.col("labels").list.len() > 0).then("labels").otherwise(pl.lit([""]))
        rows = rows.with_columns(label=several).drop("labels").explode("label")
    return rows.join(meanings(rows["label"], labels), on="label", how="left", maintain_order="left_right")


def ordered(
    roster: pl.LazyFrame, files: pl.DataFrame, links: pl.DataFrame, columns: Sequence[str] = ()
) -> pl.DataFrame:
    """Roster rows with person_key, received_on and their place in the order of versions (`_at`), in that order.

    `columns`: those wanted besides; none: all but what only the reading needs. Parts are read in the order of receipt,
    so that millions of rows hardly ever need the sort.
    """
    place = ("file_id", "sheet", "source_row", "id_key")
    picked = roster.select(*place, *columns) if columns else roster
    rows = (
        with_person(picked, links, maintain_order="left")
        .drop("id_key", "born_key", "has_certificate", "relation", "hsreg_region", strict=False)
        .join(file_ranks(files).lazy(), on="file_id", how="inner", maintain_order="left")
        .collect(engine="streaming")
    )
    at = pl.col(RANK).cast(pl.Int64) * ROWS_OF_A_FILE + pl.col("source_row")
    if rows["sheet"].null_count() < rows.height or not rows.select(at).to_series().is_sorted():
        rows = rows.sort(RANK, "sheet", "source_row", nulls_last=False)
    return rows.with_row_index(AT)


def meanings(wordings: pl.Series, labels: pl.DataFrame) -> pl.DataFrame:
    """What each wording stands for, one row a code: label, code, `_mapped` (in the table), `_known` (has a code)."""
    codes = pl.col("codes")
    if labels.schema["codes"] == pl.String:
        codes = codes.fill_null("").str.extract_all(r"[^|,;、，\s]+")
    table = labels.select("label", codes.alias("code")).unique("label").with_columns(_mapped=pl.lit(True))
    unknown = pl.concat_list(pl.lit("?") + pl.col("label"))
    return (
        pl.DataFrame({"label": wordings.unique()})
        .join(table, on="label", how="left")
        .with_columns(
            pl.col("_mapped").fill_null(False), _known=(pl.col("code").list.len() > 0).fill_null(False)
        )
        .with_columns(code=pl.when("_known").then("code").otherwise(unknown))
        .explode("code")
    )


def month_of(number: pl.Expr) -> pl.Expr:
    """First day of a month written as YYYYMM."""
    return pl.date(number // 100, number % 100, 1)


def number_of(month: pl.Expr) -> pl.Expr:
    """A month as YYYYMM."""
    return (month.dt.year() * 100 + month.dt.month()).cast(pl.Int32)


def counted_rows(rows: pl.DataFrame, identity: str = "code") -> tuple[pl.DataFrame, pl.DataFrame]:
    """The version of each roster fact that counts, and findings.

    The last received; of several received on the same day the one that ends first, with a finding. `identity`: the
    column that says as what the person is listed.
    """
    key = ["region_code", "department", "list_kind", "list_month", "person_key", identity, "valid_from"]
    end = pl.col("valid_to").fill_null(pl.date(9999, 12, 31))
    hashes = rows.select(pl.struct(key).hash()).to_series()
    many = hashes.is_in(repeated(hashes).implode())
    special, rest = rows.filter(many), rows.filter(~many)
    if special.is_empty():
        return rows, FINDINGS.to_frame()
    last = special.filter(pl.col("received_on") == pl.col("received_on").max().over(key))
    first_end = end == end.min().over(key)
    several = last.filter(end.n_unique().over(key) > 1, pl.col("list_kind").fill_null("") != "在册")
    kept = last.filter(first_end).unique(key, keep="last", maintain_order=True)
    longer = several.filter(~first_end).unique(key, keep="last", maintain_order=True)
    return pl.concat([rest, kept]), findings_of("longer_same_day", longer)


def standing(roster: pl.LazyFrame, files: pl.DataFrame, links: pl.DataFrame) -> pl.DataFrame:
    """The roster rows that count, one row each, whatever their wordings mean: `STANDING`, person_key and `_at`."""
    rows = ordered(roster, files, links, STANDING).with_columns(pl.col("labels").list.join("\x1f"))
    return counted_rows(rows, "labels")[0].drop(
        "file_id", "sheet", "source_row", RANK, "received_on", "labels"
    )


def findings_of(rule: str, rows: pl.DataFrame) -> pl.DataFrame:
    """`rows` as findings; of what it does not hold, null."""
    have = set(rows.columns)
    month = number_of(pl.col("_month"))
    columns = {
        "rule": pl.lit(rule),
        "message_zh": pl.lit(MESSAGES[rule]),
        "list_month": month
        if "_month" in have
        else (pl.col("list_month") if "list_month" in have else pl.lit(None)),
    }
    found = [
        columns.get(name, pl.col(name) if name in have else pl.lit(None)).cast(kind).alias(name)
        for name, kind in FINDINGS.items()
    ]
    return rows.select(found)
