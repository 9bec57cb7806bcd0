"""From rosters to what each person was on each day (semantics: rosters, households, categories).

Three kinds of rows: dated facts (no 名单类型), announcements (新增, 减少) and complete lists (在册). A list is complete
for its scope only: region code as the file shows it, department, identity, month. Who is absent from the next
complete list of the same scope has ended on the last day of the month before; a list that shrinks too much, or lacks
townships seen before, ends nobody until it is confirmed. A list never ends a dated fact; a 减少 ends any.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import polars as pl

from transforms.list_number import LIST_KIND, numbers
from transforms.roster_rows import (
    AT,
    FINDINGS,
    ROWS_OF_A_FILE,
    coded,
    counted_rows,
    findings_of,
    month_of,
    number_of,
)
from transforms.versions import ROW

SHRINK_SHARE = 0.10
SHRINK_ROWS = 5
FACTS = (
    "person_key", "county_code", "code", "valid_from", "valid_to", "department", "region_code", "household_id",
    "file_id", "sheet", "source_row",
)  # fmt: skip
SPANS = (*FACTS, "label", "head_key", "township_code", "township_name", "village")
SCOPE = ("region_code", "department", "code")
LISTED = pl.Schema(
    {
        "region_code": pl.String, "department": pl.String, "code": pl.String, "_month": pl.Date,
        "person_key": pl.Int64, "township_code": pl.String, "township_name": pl.String, "_known": pl.Boolean,
        "file_id": pl.String, "county_code": pl.String, "received_on": pl.Date,
    }
)  # fmt: skip
"""What a complete list says: who stands on it, and where he lives."""
MONTHLY = pl.Schema(
    {
        "county_code": pl.String, "region_code": pl.String, "department": pl.String, "code": pl.String,
        "list_kind": pl.String, "_month": pl.Date, "person_key": pl.Int64, "received_on": pl.Date,
        "file_id": pl.String, "_credible": pl.Boolean,
    }
)  # fmt: skip


class Certificates(NamedTuple):
    """facts: one row per person, code and period (`FACTS`; valid_to inclusive, null: open).

    spans: the same for every roster row, also those whose label has no category (code null), with label, head_key
    and place: what the roster said of whom, when; household and township look here.
    findings: rule, region_code, department, code, list_month, person_key, file_id, rows, message_zh, suggestion.
    listed: who stood on which monthly list (`MONTHLY`), of the months asked for.
    needed: region_code, department, code, list_month of the lists that count only because they are confirmed.
    """

    facts: pl.DataFrame
    spans: pl.DataFrame
    findings: pl.DataFrame
    listed: pl.DataFrame
    needed: pl.DataFrame


def certificates(
    roster: pl.LazyFrame,
    files: pl.DataFrame,
    links: pl.DataFrame,
    labels: pl.DataFrame,
    alias: pl.DataFrame | None = None,
    confirmed: pl.DataFrame | None = None,
    shrink_share: float = SHRINK_SHARE,
    shrink_rows: int = SHRINK_ROWS,
    refused: pl.LazyFrame | None = None,
    months: tuple[date, date] | None = None,
) -> Certificates:
    """Facts of all times from all roster rows of the files in force.

    `months`: first day of the first and of the last month of which `listed` is wanted; None: of none.
    `refused`: core rows of roster_refused; on a 在册 list they show that their person is still there.
    `labels`: `label, codes` (List, or text separated by `|`; empty: a known wording without category), and, where it is
    there, `bare_expense` (a bare 支出型, which asks a question). `alias`:
    region_alias.csv. `confirmed`: `region_code, department, code, list_month` of lists that a decision accepts.
    """
    rows, longer = counted_rows(coded(roster, files, links, labels, alias))
    kind = pl.col("list_kind").fill_null("")
    dated = rows.filter(kind == "")
    reductions = ended(rows.filter(kind == "减少"))
    shown = rows.filter(kind.is_in(("在册", "新增"))).with_columns(_month=month_of(pl.col("list_month")))
    complete = pl.col("_month").is_not_null() & (kind == "在册")
    present = still_listed(refused, files, links, labels, alias)
    on_lists = pl.concat([shown.filter(complete).select(LISTED.names()), present])
    lists, list_findings = judged_lists(on_lists, confirmed, shrink_share, shrink_rows)
    monthless = shown.filter(pl.col("_month").is_null() & (kind == "在册"))
    # a 在册 list of no month shows who was on it when it came; it is complete for no month and ends nobody
    since = pl.when(kind == "在册").then("received_on").otherwise("valid_from").dt.month_start()
    shown = shown.with_columns(pl.coalesce("_month", since).alias("_month"))
    listed, reappeared = list_spells(shown, lists, reductions, present)
    spans = pl.concat([cut(dated, reductions), listed]).filter(
        pl.col("valid_to").is_null() | (pl.col("valid_to") >= pl.col("valid_from"))
    )
    order = ["person_key", "code", "valid_from", *ROW]
    spans = (
        spans.with_columns(code=pl.when("_known").then("code")).select(SPANS).sort(order, nulls_last=False)
    )
    findings = [
        longer,
        list_findings,
        monthless_findings(monthless),
        reappeared,
        label_findings(rows, labels),
        reduction_findings(reductions),
    ]
    return Certificates(
        facts=spans.drop_nulls("code").select(FACTS),
        spans=spans,
        findings=pl.concat(findings).sort(FINDINGS.names(), nulls_last=True),
        listed=monthly(rows, present, lists, months),
        needed=lists.filter("_needed").select(*SCOPE, list_month=number_of(pl.col("_month"))),
    )


def still_listed(
    refused: pl.LazyFrame | None,
    files: pl.DataFrame,
    links: pl.DataFrame,
    labels: pl.DataFrame,
    alias: pl.DataFrame | None,
) -> pl.DataFrame:
    """Who stands on a 在册 list with a row that was rejected for another reason than its sender (`LISTED`).

    A typing error in a date, say, is for its department to mend; it does not mean that the person has left.
    """
    if refused is None:
        return pl.DataFrame(schema=LISTED)
    month = month_of(pl.col("list_month"))
    readable = pl.col("id_key").is_not_null() & month.is_not_null() & ~pl.col("wrong_sender")
    rows = refused.filter(pl.col("list_kind") == "在册", readable).with_columns(valid_from=month)
    return (
        coded(rows, files, links, labels, alias)
        .with_columns(_month=month)
        .select(LISTED.names())
        .cast(LISTED)
    )


def monthly(
    rows: pl.DataFrame, present: pl.DataFrame, lists: pl.DataFrame, months: tuple[date, date] | None
) -> pl.DataFrame:
    """The rows of monthly lists within `months`, each person once a list and file (`MONTHLY`)."""
    if months is None:
        return pl.DataFrame(schema=MONTHLY)
    of_lists = rows.filter(pl.col("list_kind").is_not_null()).with_columns(
        _month=month_of(pl.col("list_month"))
    )
    both = pl.concat([of_lists, present.with_columns(list_kind=pl.lit("在册"))], how="diagonal")
    return (
        both.filter(pl.col("_month").is_between(*months), pl.col("_known"))
        .join(lists, on=[*SCOPE, "_month"], how="left", nulls_equal=True)
        .with_columns(pl.col("_credible").fill_null(True))
        .select(MONTHLY.names())
        .unique()
        .cast(MONTHLY)
    )


def ended(rows: pl.DataFrame) -> pl.DataFrame:
    """减少 rows with the last day of what they end (`_end`) and their month (`_month`)."""
    month = month_of(pl.col("list_month"))
    return rows.with_columns(
        _end=pl.coalesce("valid_to", month - pl.duration(days=1)).cast(pl.Date),
        _month=pl.coalesce(month, pl.col("valid_to").dt.month_start()),
    )


def judged_lists(
    rows: pl.DataFrame, confirmed: pl.DataFrame | None, shrink_share: float, shrink_rows: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Complete lists and whether absence from them ends anybody: `scope, _month, _credible`, and `_needed` (only because
    the list is confirmed); findings.
    """
    place = pl.coalesce("township_code", "township_name")
    sizes = (
        rows.group_by(*SCOPE, "_month")
        .agg(
            pl.col("person_key").n_unique().alias("n"),
            place.drop_nulls().unique().alias("townships"),
            pl.col("_known").any(),
            pl.col("file_id").min(),
        )
        .sort(*SCOPE, "_month", nulls_last=False)
    )
    accepted: set[tuple[object, ...]] = set()
    if confirmed is not None:
        accepted = set(confirmed.select(*SCOPE, month_of(pl.col("list_month"))).rows())
    credible: list[bool] = []
    why: list[str | None] = []
    before: list[int] = []
    lacking: list[int] = []
    scope: tuple[object, ...] | None = None
    size, towns = 0, set[str]()
    for row in sizes.iter_rows(named=True):
        here = tuple(row[name] for name in SCOPE)
        fault = None
        if here == scope:
            lost = size - row["n"]
            if lost > shrink_rows and lost > shrink_share * size:
                fault = "list_shrank"
            elif towns - set(row["townships"]):
                fault = "list_lacks_townships"
        credible.append(fault is None or (*here, row["_month"]) in accepted)
        why.append(fault)
        before.append(size)
        lacking.append(len(towns - set(row["townships"])) if here == scope else 0)
        scope = here
        if credible[-1]:
            size, towns = row["n"], set(row["townships"])
    sizes = sizes.with_columns(
        pl.Series("_credible", credible, dtype=pl.Boolean),
        pl.Series("_why", why, dtype=pl.String),
        pl.Series("_before", before, dtype=pl.Int64),
        pl.Series("_lacking", lacking, dtype=pl.Int64),
    ).with_columns(_needed=pl.col("_credible") & pl.col("_why").is_not_null(), suggestion=how_to_confirm())
    lists = sizes.select(*SCOPE, "_month", "_credible", "_needed")
    held = sizes.filter(~pl.col("_credible"))
    found = [
        findings_of(fault, held.filter(pl.col("_why") == fault))
        for fault in ("list_shrank", "list_lacks_townships")
    ]
    return lists, pl.concat([*found, findings_of("month_without_list", months_without(lists))])


def how_to_confirm() -> pl.Expr:
    """What to do about a list that ends nobody: the figures, and the row of a decision that confirms it."""
    fewer = (
        pl.when(pl.col("_lacking") > 0)
        .then(pl.format("，少 {} 个乡镇街道", "_lacking"))
        .otherwise(pl.lit(""))
    )
    number = numbers(pl.col("region_code"), pl.col("department"), pl.col("code"), number_of(pl.col("_month")))
    return pl.format(
        "上次采用的在册名单 {} 人，这次 {} 人{}。请认定部门核对：名单不全的补送；确实完整的，由医保经办人在审核决定表中写一行：对象类型“{}”，"
        "对象编号“{}”，决定“确认”，并写理由、决定人、决定日期。",
        "_before", "n", fewer, pl.lit(LIST_KIND), pl.coalesce(number, "file_id"),
    )  # fmt: skip


def months_without(lists: pl.DataFrame) -> pl.DataFrame:
    """Months for which a scope that had a list before has none, up to the latest list of its region and department."""
    latest = lists.group_by("region_code", "department").agg(pl.col("_month").max().alias("_latest"))
    due = (
        lists.group_by(SCOPE)
        .agg(pl.col("_month").min())
        .join(latest, on=["region_code", "department"], nulls_equal=True)
        .with_columns(pl.date_ranges("_month", "_latest", "1mo").alias("_month"))
        .explode("_month")
        .drop("_latest")
    )
    return due.join(lists, on=[*SCOPE, "_month"], how="anti", nulls_equal=True).sort(
        *SCOPE, "_month", nulls_last=False
    )


def list_spells(
    shown: pl.DataFrame,
    lists: pl.DataFrame,
    reductions: pl.DataFrame,
    present: pl.DataFrame | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Periods proved by lists and 新增 rows: from 生效日期 until absence, 减少, or 失效日期 of the last row.

    A run is an unbroken stretch of presence of one person in one scope. Presence after an absence or a 减少 starts
    a new run, which begins no earlier than the month in which the person reappears. `present`: who stands on a list
    with a rejected row (`still_listed`); that goes on with a run and proves none by itself.
    """
    scopes = (
        pl.concat([shown.select(SCOPE), lists.select(SCOPE)]).unique().sort(SCOPE).with_row_index("_scope")
    )
    narrow = (*SCOPE, "person_key", "_month", "valid_from", AT)
    days = shown.select(narrow).join(scopes, on=SCOPE, nulls_equal=True).drop(SCOPE)
    ends = lists.filter("_credible").join(scopes, on=SCOPE, nulls_equal=True)
    ends = ends.select("_scope", _absent="_month").sort("_absent")
    seen = days.select("_scope", "person_key", "_month")
    if present is not None and present.height:
        also = present.join(scopes, on=SCOPE, nulls_equal=True).select(seen.columns)
        seen = pl.concat([seen, also])
    # the first complete list after the month of the row: whoever is not in it has ended
    next_list = (
        seen.select("_scope", "_month")
        .unique()
        .with_columns(_after=pl.col("_month").dt.offset_by("1mo"))
        .sort("_after")
        .join_asof(
            ends,
            left_on="_after",
            right_on="_absent",
            by="_scope",
            strategy="forward",
            check_sortedness=False,
        )
        .drop("_after")
    )
    seen = seen.unique().join(next_list, on=["_scope", "_month"])
    cuts = scope_reductions(seen, scopes, reductions)
    events = pl.concat(
        [
            seen.select("_scope", "person_key", "_month", "_absent", _cut=pl.lit(None, pl.Date)),
            cuts.select("_scope", "person_key", "_month", pl.lit(None, pl.Date).alias("_absent"), "_cut"),
        ]
    ).sort("_scope", "person_key", "_month", pl.col("_cut").is_not_null(), "_cut")
    same = (pl.col("_scope") == pl.col("_scope").shift(1)) & (
        pl.col("person_key") == pl.col("person_key").shift(1)
    )
    broken = pl.col("_cut").shift(1).is_not_null() | (
        pl.col("_month") > pl.col("_absent").shift(1)
    ).fill_null(False)
    last_day = pl.col("_absent").sub(pl.duration(days=1)).cast(pl.Date)
    events = events.with_columns(
        _starts=~same.fill_null(False) | (pl.col("_cut").is_null() & broken.fill_null(False)),
        _again=(same & broken).fill_null(False) & pl.col("_cut").is_null(),
        _ended=pl.coalesce("_cut", last_day),
    ).with_columns(
        _run=pl.col("_starts").cum_sum(), _before=pl.when("_again").then(pl.col("_ended").shift(1))
    )
    runs = events.group_by("_run", maintain_order=True).agg(
        pl.col("_scope", "person_key", "_again", "_before").first(),
        pl.col("_month").first().alias("_first"),
        pl.col("_absent")
        .filter(pl.col("_cut").is_null())
        .last()
        .sub(pl.duration(days=1))
        .cast(pl.Date)
        .alias("_left"),
        pl.col("_cut").min(),
    )
    keyed = events.filter(pl.col("_cut").is_null()).select("_scope", "person_key", "_month", "_run")
    # which row counts is worked out on whole numbers and days; only those rows are then fetched with their texts
    month, at = pl.col("_month").to_physical().cast(pl.Int64), pl.col(AT).cast(pl.Int64)
    last = (
        days.join(keyed, on=["_scope", "person_key", "_month"])
        .group_by("_run", "valid_from", "_scope")
        .agg((month * ROWS_OF_A_FILE + at).max().alias("_last"))
        .with_columns((pl.col("_last") % ROWS_OF_A_FILE).cast(shown.schema[AT]).alias(AT))
        .sort("_run", "valid_from")
        .select("_run", "_scope", AT)
    )
    fetched = shown.join(last.select(AT).unique(), on=AT, how="semi").join(scopes, on=SCOPE, nulls_equal=True)
    rows = (
        last.join(fetched, on=["_scope", AT], maintain_order="left")
        .unique(["_run", "valid_from"], keep="last", maintain_order=True)
        .join(
            runs.select("_run", "_again", "_before", "_first", "_left", "_cut"),
            on="_run",
            maintain_order="left",
        )
    )
    stale = pl.col("_again") & (pl.col("valid_from") <= pl.col("_before")).fill_null(False)
    spells = rows.with_columns(
        valid_from=pl.when(stale).then("_first").otherwise("valid_from"),
        valid_to=pl.min_horizontal(
            "valid_to", "_left", "_cut"
        ),  # null here is "no end", so skipping it is right
    )
    again = spells.filter("_again").unique("_run", maintain_order=True).with_columns(_month="_first")
    return spells.select(_columns()), findings_of("reappeared", again)


def _columns() -> list[str]:
    return [*SPANS, "_known"]


def same_department() -> pl.Expr:
    """The departments of fact and 减少 agree, or one of them does not say."""
    mine, theirs = pl.col("department"), pl.col("_department")
    return mine.is_null() | theirs.is_null() | (mine == theirs)


def scope_reductions(seen: pl.DataFrame, scopes: pl.DataFrame, reductions: pl.DataFrame) -> pl.DataFrame:
    """减少 rows laid on each scope in which the person is listed with that code: `_scope, person_key, _month, _cut`."""
    held = (
        seen.select("_scope", "person_key")
        .join(reductions.select("person_key").unique(), on="person_key", how="semi")
        .unique()
        .join(scopes, on="_scope")
        .with_columns(_county=pl.col("region_code").str.slice(0, 6))
    )
    out = reductions.drop_nulls("_end").select(
        "person_key",
        "code",
        "_month",
        _county=pl.col("region_code").str.slice(0, 6),
        _department="department",
        _cut="_end",
    )
    both = held.join(out, on=["person_key", "code", "_county"]).filter(same_department())
    return both.select("_scope", "person_key", "_month", "_cut").unique()


def cut(dated: pl.DataFrame, reductions: pl.DataFrame) -> pl.DataFrame:
    """Dated facts, ended early where a 减少 of the same county, person, code and department says so."""
    out = reductions.drop_nulls("_end").select(
        "county_code", "person_key", "code", _department="department", _cut="_end"
    )
    numbered = dated.with_row_index("_n")
    hits = (
        numbered.join(out, on=["county_code", "person_key", "code"])
        .filter(same_department() & (pl.col("_cut") >= pl.col("valid_from")))
        .group_by("_n")
        .agg(pl.col("_cut").min())
    )
    return (
        numbered.join(hits, on="_n", how="left", maintain_order="left")
        .with_columns(valid_to=pl.min_horizontal("valid_to", "_cut"))  # null is "no end"
        .select(_columns())
    )


def label_findings(rows: pl.DataFrame, labels: pl.DataFrame) -> pl.DataFrame:
    """Wordings that are in no table, known ones without a category, and a bare 支出型, once a file."""
    asking = labels.filter("bare_expense")["label"].to_list() if "bare_expense" in labels.columns else []
    bare = ~pl.col("_known") | pl.col("label").is_in(asking)
    grouped = (
        rows.filter(bare)
        .group_by("region_code", "department", "label", "_mapped", "_known", "file_id")
        .agg(pl.len().cast(pl.Int64).alias("rows"))
        .with_columns(code="label")
    )
    return pl.concat(
        [
            findings_of("unknown_label", grouped.filter(~pl.col("_mapped"))),
            findings_of("label_without_category", grouped.filter("_mapped", ~pl.col("_known"))),
            findings_of("bare_expense", grouped.filter("_known")),
        ]
    )


def monthless_findings(rows: pl.DataFrame) -> pl.DataFrame:
    """在册 rows that name no month, once a file and scope."""
    grouped = rows.group_by(*SCOPE, "file_id", "_known").agg(pl.len().cast(pl.Int64).alias("rows"))
    return findings_of("list_without_month", grouped)


def reduction_findings(reductions: pl.DataFrame) -> pl.DataFrame:
    """减少 rows that name no day."""
    return findings_of("reduction_undated", reductions.filter(pl.col("_end").is_null()))
