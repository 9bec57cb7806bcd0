"""From rosters to what each person was on each day (semantics: rosters, households, categories).

Three kinds of rows: dated facts (no 名单类型), announcements (新增, 减少) and complete lists (在册). A list is complete
for its scope only: region code as the file shows it, department, identity, month. Who is absent from the next
complete list of the same scope has ended on the last day of the month before; a list that shrinks too much, or lacks
townships seen before, ends nobody until it is confirmed. A list never ends a dated fact; a 减少 ends any.
"""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from transforms import places
from transforms.identity import with_person
from transforms.versions import RANK, ROW, file_ranks, repeated

AT = "_at"
SHRINK_SHARE = 0.10
SHRINK_ROWS = 5
FACTS = (
    "person_key", "county_code", "code", "valid_from", "valid_to", "department", "region_code", "household_id",
    "file_id", "sheet", "source_row",
)  # fmt: skip
SPANS = (*FACTS, "label", "head_key", "township_code", "township_name", "village")
FINDINGS = pl.Schema(
    {
        "rule": pl.String, "region_code": pl.String, "department": pl.String, "code": pl.String,
        "list_month": pl.Int32, "person_key": pl.Int64, "file_id": pl.String, "rows": pl.Int64,
        "message_zh": pl.String,
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
SCOPE = ("region_code", "department", "code")


class Certificates(NamedTuple):
    """facts: one row per person, code and period (`FACTS`; valid_to inclusive, null: open).

    spans: the same for every roster row, also those whose label has no category (code null), with label, head_key
    and place: what the roster said of whom, when; household and township look here.
    findings: rule, region_code, department, code, list_month, person_key, file_id, rows, message_zh.
    """

    facts: pl.DataFrame
    spans: pl.DataFrame
    findings: pl.DataFrame


def certificates(
    roster: pl.LazyFrame,
    files: pl.DataFrame,
    links: pl.DataFrame,
    labels: pl.DataFrame,
    alias: pl.DataFrame | None = None,
    confirmed: pl.DataFrame | None = None,
    shrink_share: float = SHRINK_SHARE,
    shrink_rows: int = SHRINK_ROWS,
) -> Certificates:
    """Facts of all times from all roster rows of the files in force.

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
    lists, list_findings = judged_lists(shown.filter(complete), confirmed, shrink_share, shrink_rows)
    monthless = shown.filter(pl.col("_month").is_null() & (kind == "在册"))
    # a 在册 list of no month shows who was on it when it came; it is complete for no month and ends nobody
    since = pl.when(kind == "在册").then("received_on").otherwise("valid_from").dt.month_start()
    shown = shown.with_columns(pl.coalesce("_month", since).alias("_month"))
    listed, reappeared = list_spells(shown, lists, reductions)
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
    )


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
    codes = pl.col("codes")
    if labels.schema["codes"] == pl.String:
        codes = codes.fill_null("").str.extract_all(r"[^|,;、，；\s]+")
    map_ = (
        labels.lazy().select("label", codes.alias("code")).unique("label").with_columns(_mapped=pl.lit(True))
    )
    county = pl.col("region_code").str.slice(0, 6)
    rows = (
        with_person(roster, links)
        .drop("id_key", "has_certificate", "relation", "hsreg_region")
        .join(file_ranks(files).lazy(), on="file_id", how="inner")
        .sort(RANK, "sheet", "source_row", nulls_last=False)
        .with_row_index(AT)
        .with_columns(
            county_code=county
            if alias is None
            else places.county_of(county, alias, "roster", pl.col("valid_from")),
            label=pl.when(pl.col("labels").list.len() > 0).then("labels").otherwise(pl.lit([""])),
        )
        .drop("labels")
        .explode("label")
        .join(map_, on="label", how="left")
        .with_columns(
            pl.col("_mapped").fill_null(False), pl.col("code").fill_null(pl.lit([], pl.List(pl.String)))
        )
        .with_columns(_known=pl.col("code").list.len() > 0)
        .with_columns(
            code=pl.when("_known").then("code").otherwise(pl.concat_list(pl.lit("?") + pl.col("label")))
        )
        .explode("code")
    )
    return rows.collect(engine="streaming").sort(AT)


def month_of(number: pl.Expr) -> pl.Expr:
    """First day of a month written as YYYYMM."""
    return pl.date(number // 100, number % 100, 1)


def counted_rows(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The version of each roster fact that counts, and findings.

    The last received; of several received on the same day the one that ends first, with a finding.
    """
    key = ["region_code", "department", "list_kind", "list_month", "person_key", "code", "valid_from"]
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
    return pl.concat([rest, kept]), _findings("longer_same_day", longer)


def standing(roster: pl.LazyFrame, files: pl.DataFrame, links: pl.DataFrame) -> pl.DataFrame:
    """The roster rows that count, one row each, whatever their wordings mean; + person_key and rank."""
    none = pl.DataFrame(schema={"label": pl.String, "codes": pl.List(pl.String)})
    rows, _ = counted_rows(coded(roster, files, links, none, None))
    return rows.drop("label", "code").filter(pl.col(AT).is_first_distinct())


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
    """Complete lists and whether absence from them ends anybody: `scope, _month, _credible`; findings."""
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
        if (*here, row["_month"]) in accepted:
            fault = None
        credible.append(fault is None)
        why.append(fault)
        scope = here
        if fault is None:
            size, towns = row["n"], set(row["townships"])
    sizes = sizes.with_columns(
        _credible=pl.Series(credible, dtype=pl.Boolean), _why=pl.Series(why, dtype=pl.String)
    )
    lists = sizes.select(*SCOPE, "_month", "_credible")
    found = [
        _findings(fault, sizes.filter(pl.col("_why") == fault))
        for fault in ("list_shrank", "list_lacks_townships")
    ]
    return lists, pl.concat([*found, _findings("month_without_list", months_without(lists))])


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
    shown: pl.DataFrame, lists: pl.DataFrame, reductions: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Periods proved by lists and 新增 rows: from 生效日期 until absence, 减少, or 失效日期 of the last row.

    A run is an unbroken stretch of presence of one person in one scope. Presence after an absence or a 减少 starts
    a new run, which begins no earlier than the month in which the person reappears.
    """
    scopes = (
        pl.concat([shown.select(SCOPE), lists.select(SCOPE)]).unique().sort(SCOPE).with_row_index("_scope")
    )
    shown = shown.join(scopes, on=SCOPE, nulls_equal=True)
    ends = lists.filter("_credible").join(scopes, on=SCOPE, nulls_equal=True)
    ends = ends.select("_scope", _absent="_month").sort("_absent")
    # the first complete list after the month of the row: whoever is not in it has ended
    seen = shown.select("_scope", "person_key", "_month").unique()
    seen = (
        seen.with_columns(_after=pl.col("_month").dt.offset_by("1mo"))
        .sort("_after")
        .join_asof(
            ends,
            left_on="_after",
            right_on="_absent",
            by="_scope",
            strategy="forward",
            check_sortedness=False,
        )
    )
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
    rows = (
        shown.join(keyed, on=["_scope", "person_key", "_month"])
        .join(runs.select("_run", "_again", "_before", "_first", "_left", "_cut"), on="_run")
        .sort("_run", "valid_from", "_month", AT)
        .unique(["_run", "valid_from"], keep="last", maintain_order=True)
    )
    stale = pl.col("_again") & (pl.col("valid_from") <= pl.col("_before")).fill_null(False)
    spells = rows.with_columns(
        valid_from=pl.when(stale).then("_first").otherwise("valid_from"),
        valid_to=pl.min_horizontal(
            "valid_to", "_left", "_cut"
        ),  # null here is "no end", so skipping it is right
    )
    again = spells.filter("_again").unique("_run", maintain_order=True).with_columns(_month="_first")
    return spells.select(_columns()), _findings("reappeared", again)


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
            _findings("unknown_label", grouped.filter(~pl.col("_mapped"))),
            _findings("label_without_category", grouped.filter("_mapped", ~pl.col("_known"))),
            _findings("bare_expense", grouped.filter("_known")),
        ]
    )


def monthless_findings(rows: pl.DataFrame) -> pl.DataFrame:
    """在册 rows that name no month, once a file and scope."""
    grouped = rows.group_by(*SCOPE, "file_id", "_known").agg(pl.len().cast(pl.Int64).alias("rows"))
    return _findings("list_without_month", grouped)


def reduction_findings(reductions: pl.DataFrame) -> pl.DataFrame:
    """减少 rows that name no day."""
    return _findings("reduction_undated", reductions.filter(pl.col("_end").is_null()))


def _findings(rule: str, rows: pl.DataFrame) -> pl.DataFrame:
    """`rows` as findings; of what it does not hold, null."""
    have = set(rows.columns)
    month = pl.col("_month").dt.year() * 100 + pl.col("_month").dt.month()
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
