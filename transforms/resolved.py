"""Resolve: from delivered settlement rows to the settlements of a cost year that count.

Only the few special rows (negative, refund, flagged, of several versions, named by one of these) are collected, from
all years; the mass stays lazy. Every row of the year's parts ends in exactly one state, so `counts` adds up to what
was accepted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import polars as pl

from schemas.core import AMOUNTS
from transforms import looked, places, reversals, scope, versions
from transforms.identity import with_person
from transforms.looked import CODES, MEASURES, Looked, look, measures, tied
from transforms.versions import RANK, ROW

KEPT = tuple("person_key" if name == "id_key" else name for name in looked.KEPT)
TROUBLE = pl.Schema(
    {
        "person_key": pl.Int64, "setl_id": pl.String, "cost_year": pl.Int32, "reason": pl.String,
        "reason_zh": pl.String, "file_id": pl.String, "sheet": pl.String, "source_row": pl.Int64, "setl_date": pl.Date,
    }
)  # fmt: skip
COUNTS = pl.Schema({"state": pl.String, "rows": pl.Int64, "tot": pl.Int64, "psn": pl.Int64, "cash": pl.Int64})
REASONS_ZH = {
    **scope.REASONS_ZH,
    **reversals.REASONS_ZH,
    "rejected": "结算行被拒收，金额未知",
    "unknown_scheme": "险种类型不在代码表中，按结算计入，请核对",
    "unknown_region": "参保地区划代码 {} 不在区划表中，不按本地参保处理，请核对",
}


class Resolved(NamedTuple):
    """What one cost year's settlements are.

    counted: core columns + person_key, county_code, designated, partial_refund_fen (what refunds changed the total
        by, 0 or negative); partial refunds are netted into every amount.
    plain: the same without `designated`, which is dear to find out for millions of rows and asked for few.
    uncounted: rows of the year that count nowhere, with state, reason, reason_zh, partner_id, partner_year; without
        superseded rows and duplicates.
    troubles: what makes units incomplete; cost_year null: every cost year of the person.
    counts: state, rows, tot, psn, cash (fen) over every row of the year's parts, as delivered. The states add up to
        the accepted rows and amounts: `counted` is what `counted` holds, after netting, and `netting` (0 rows) is
        what the netting took off.
    marks: file_id, sheet, source_row, mark (duplicate, superseded), over all years.
    verdicts: file_id, sheet, source_row, setl_id, state: every current row judged one by one, over all years.
    findings: rule, message_zh, rows, tot_fen.
    gone: file_id, sheet, source_row of the rows that do not count as they stand, `netted` those that count with their
        refunds: `plain_rows` of these two and the year's rows is `plain`.
    """

    counted: pl.LazyFrame
    plain: pl.LazyFrame
    uncounted: pl.DataFrame
    troubles: pl.DataFrame
    counts: pl.DataFrame
    marks: pl.DataFrame
    verdicts: pl.DataFrame
    findings: pl.DataFrame
    gone: pl.DataFrame
    netted: pl.DataFrame


def resolve(
    settlements: pl.LazyFrame,
    rejected: pl.LazyFrame,
    files: pl.DataFrame,
    links: pl.DataFrame,
    alias: pl.DataFrame,
    institutions: pl.LazyFrame,
    cost_year: int,
    regions: pl.DataFrame | None = None,
    seen: Looked | None = None,
    by_file: Mapping[str, pl.LazyFrame] | None = None,
) -> Resolved:
    """The settlements of a cost year.

    `settlements`: core rows of all years, of the files in force; `rejected`: reject rows; `links`: id_key →
    person_key where they differ; `alias`: region_alias.csv; `institutions`: core fixmedins_b rows; `regions`:
    regions.csv, where an insured region must stand unless it is an alias (None: not looked at); `seen`: what was
    looked at of these rows (None: they are looked at now); `by_file`: the year's rows by file_id, which is quicker.
    """
    rejects = in_force(rejected, files)
    seen = seen or look(settlements, files, links, rejects, cost_year)
    several = seen.near.lazy() if seen.whole else settlements
    marks = seen.marks
    around = special_rows(seen.near, marks, links, rejects)
    decided = reversals.decide(around)
    verdicts = around.select(*ROW, "setl_id").join(decided.verdicts.select("setl_id", "state"), on="setl_id")
    this_year = pl.col("cost_year") == cost_year
    names = settlements.collect_schema().names()
    netted = netted_rows(around.filter(this_year), decided).select(*names, "person_key", "partial_refund_fen")
    out = verdicts.filter(pl.col("state") != "counted")
    gone = pl.concat([frame.select(*ROW) for frame in (marks, out, netted)])
    mass = by_file or settlements.filter(this_year)
    plain = plain_rows(mass, gone, netted, links, alias)
    known = None if regions is None else [*regions["code"], *alias.filter(pl.col("use") == "insured")["code"]]
    counts, findings = tally(
        seen.codes,
        several.filter(this_year),
        marks,
        verdicts,
        decided,
        around.filter(this_year),
        known,
    )
    return Resolved(
        counted=places.with_designation(plain, institutions, files, alias),
        plain=plain,
        uncounted=uncounted_rows(seen.layers, marks, around.filter(this_year), decided, links),
        troubles=troubles(around, decided, rejects, files, links, cost_year),
        counts=counts,
        marks=marks,
        verdicts=verdicts,
        findings=findings,
        gone=gone,
        netted=netted,
    )


def plain_rows(
    rows: pl.LazyFrame | Mapping[str, pl.LazyFrame],
    gone: pl.DataFrame,
    netted: pl.DataFrame,
    links: pl.DataFrame,
    alias: pl.DataFrame,
) -> pl.LazyFrame:
    """Resolved.plain of these core rows of one year, perhaps each file's under its file_id."""
    if isinstance(rows, pl.LazyFrame):
        left = versions.without(rows, gone)
    else:
        left = versions.without_by_file(rows, gone)
    mass = with_person(left.filter(scope.settled()), links)
    columns = netted.columns
    both = pl.concat(
        [mass.with_columns(partial_refund_fen=pl.lit(0, pl.Int64)).select(columns), netted.lazy()]
    )
    by_day = pl.col("setl_time").dt.date()
    return both.with_columns(county_code=places.county_of(pl.col("insu_admdvs"), alias, "insured", by_day))


def with_states(settlements: pl.LazyFrame, settled: Resolved, links: pl.DataFrame) -> pl.LazyFrame:
    """The current rows of all years with person_key and state, as their own years resolve them."""
    current = with_person(versions.without(settlements, settled.marks), links)
    judged = settled.verdicts.lazy().select(*ROW, _judged="state")
    return current.join(judged, on=ROW, how="left", nulls_equal=True).with_columns(
        state=pl.coalesce("_judged", scope.state(), pl.lit("counted"))
    )


def in_force(rejected: pl.LazyFrame, files: pl.DataFrame) -> pl.DataFrame:
    """Rejected settlement rows of the files in force, one row each."""
    rows = rejected.filter(pl.col("table") == "setl_d").join(
        files.lazy().select("file_id").unique(), on="file_id", how="semi"
    )
    return rows.collect().sort(*ROW, "rule").unique(ROW, keep="first", maintain_order=True)


def special_rows(
    near: pl.DataFrame, marks: pl.DataFrame, links: pl.DataFrame, rejects: pl.DataFrame
) -> pl.DataFrame:
    """The current rows that can have to do with a reversal or a rejected row, of all years, with `person_key`.

    Special rows themselves; the rows that refunds or rejected rows name; the positive rows of the same person,
    institution and absolute total as an unlinked negative row. `near`: Looked.near.
    """
    current = with_person(versions.without(near.lazy(), marks), links).with_row_index("_at").collect()
    settled = current.filter(scope.settled())
    special = settled.filter(scope.special())
    named, keys = tied(special, rejects, links)
    found = [
        special,
        current.filter(pl.col("setl_id").is_in(named.implode())),
        settled.join(keys, on=["id_key", "institution_code", "tot_fen"], how="semi"),
    ]
    at = (
        pl.concat(rows.select("_at", "setl_id") for rows in found).unique("_at").sort("setl_id", "_at")["_at"]
    )
    return current.drop("_at")[at]


def netted_rows(around: pl.DataFrame, decided: reversals.Decision) -> pl.DataFrame:
    """The partly refunded originals with the refunds' amounts added; an amount unknown on either side is unknown."""
    added = decided.netting.rename({name: f"_{name}" for name in AMOUNTS})
    rows = around.join(added, on="setl_id", how="inner")
    return rows.with_columns(
        *(pl.col(name) + pl.col(f"_{name}") for name in AMOUNTS), partial_refund_fen=pl.col("_tot_fen")
    )


def uncounted_rows(
    layers: pl.DataFrame,
    marks: pl.DataFrame,
    around: pl.DataFrame,
    decided: reversals.Decision,
    links: pl.DataFrame,
) -> pl.DataFrame:
    """The current rows that count nowhere, with why and with whom. `layers`: Looked.layers."""
    judged = around.join(decided.verdicts, on="setl_id").filter(pl.col("state") != "counted")
    gone = pl.concat([marks.select(*ROW), judged.select(*ROW)])
    left = with_person(versions.without(layers.lazy(), gone), links).with_columns(
        state=scope.state(),
        reason=scope.reason(),
        partner_id=pl.lit(None, pl.String),
        partner_year=pl.lit(None, pl.Int32),
    )
    columns = [*ROW, *KEPT, "state", "reason", "partner_id", "partner_year"]
    found = pl.concat([judged.select(columns), left.select(columns).collect()])
    return found.with_columns(reason_zh=pl.col("reason").replace_strict(REASONS_ZH, default=None)).sort(ROW)


def tally(
    every: pl.DataFrame,
    near: pl.LazyFrame,
    marks: pl.DataFrame,
    verdicts: pl.DataFrame,
    decided: reversals.Decision,
    around: pl.DataFrame,
    known_regions: list[str] | None,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(counts by state, findings) over every row of the year's parts. `every`: Looked.codes; `near`: the rows that may
    have a mark or a verdict of their own; only these are looked up, all others are in the state that their codes say.
    """
    region = pl.col("insu_admdvs").str.slice(0, 6)
    nowhere = pl.lit(False) if known_regions is None else ~region.is_in(known_regions)
    state = pl.concat(
        [
            marks.select(*ROW, state="mark"),
            verdicts.filter(pl.col("state") != "counted").select(*ROW, "state"),
        ]
    )
    judged = near.join(state.lazy(), on=ROW, how="inner", nulls_equal=True)
    own = judged.group_by("state", *CODES).agg(measures()).collect(engine="streaming")
    taken = own.drop("state").with_columns(-pl.col("rows", *MEASURES))
    unmarked = (
        pl.concat([every, taken], how="diagonal")
        .group_by(CODES)
        .agg(pl.col("rows", *MEASURES).sum())
        .filter(pl.col("rows") != 0)
    )
    sums = pl.concat([own, unmarked.select(pl.lit(None, pl.String).alias("state"), pl.all())]).with_columns(
        pl.coalesce("state", scope.state(), pl.lit("counted")).alias("state"),
        scope.unknown_scheme().fill_null(False).alias("_unknown"),
        nowhere.fill_null(False).alias("_nowhere"),
    )
    counts = sums.group_by("state").agg(pl.col("rows", *MEASURES).sum()).cast(COUNTS)
    before = around.join(decided.netting.select("setl_id"), on="setl_id", how="semi")
    after = netted_rows(around, decided)
    change = {name: int(after[f"{name}_fen"].sum()) - int(before[f"{name}_fen"].sum()) for name in MEASURES}
    netting = pl.DataFrame(
        [{"state": "netting", "rows": 0, **{name: -amount for name, amount in change.items()}}], schema=COUNTS
    )
    counts = counts.with_columns(
        pl.when(pl.col("state") == "counted")
        .then(pl.col(name) + change[name])
        .otherwise(pl.col(name))
        .alias(name)
        for name in MEASURES
    )
    counts = pl.concat([counts, netting]) if before.height else counts
    found = sums.filter(pl.col("state") == "counted")
    strange = found.filter("_unknown").select(pl.col("rows", "tot").sum())
    findings = strange.filter(pl.col("rows") > 0).select(
        rule=pl.lit("unknown_scheme"),
        message_zh=pl.lit(REASONS_ZH["unknown_scheme"]),
        rows=pl.col("rows"),
        tot_fen=pl.col("tot"),
    )
    return counts.sort("state"), pl.concat([findings, unknown_regions(found.filter("_nowhere"))])


def unknown_regions(sums: pl.DataFrame) -> pl.DataFrame:
    """A finding for each insured region that is in no table, with its rows and total. `sums`: rows and tot of these."""
    regions = sums.group_by("insu_admdvs").agg(pl.col("rows", "tot").sum()).sort("insu_admdvs")
    return regions.select(
        rule=pl.lit("unknown_region"),
        message_zh=pl.format(REASONS_ZH["unknown_region"], "insu_admdvs"),
        rows="rows",
        tot_fen="tot",
    )


def troubles(
    around: pl.DataFrame,
    decided: reversals.Decision,
    rejects: pl.DataFrame,
    files: pl.DataFrame,
    links: pl.DataFrame,
    cost_year: int,
) -> pl.DataFrame:
    """What makes units incomplete in the cost year: listed, half-missing and rejected settlements."""
    bad = around.join(decided.verdicts, on="setl_id").filter(
        pl.col("state").is_in(("listed", "half_missing"))
    )
    larger = bad.filter(pl.col("reason") == "refund_larger_than_original").with_columns(
        cost_year="partner_year"
    )
    bad = bad.with_columns(setl_date=pl.col("setl_time").dt.date())
    larger = larger.with_columns(setl_date=pl.lit(None, pl.Date))
    both = pl.concat([bad, larger]).with_columns(
        reason_zh=pl.col("reason").replace_strict(REASONS_ZH, default=None)
    )
    columns = TROUBLE.names()
    found = pl.concat(
        [both.select(columns), rejected_troubles(around, rejects, files, links).select(columns)]
    )
    return (
        found.filter((pl.col("cost_year") == cost_year) | pl.col("cost_year").is_null())
        .unique()
        .sort(columns)
    )


def rejected_troubles(
    around: pl.DataFrame, rejects: pl.DataFrame, files: pl.DataFrame, links: pl.DataFrame
) -> pl.DataFrame:
    """Rejected settlement rows that no newer accepted version has replaced.

    A row that shows no person is laid at the door of the person of its older version or of the original it names.
    """
    order = ["updt_time", RANK, "sheet", "source_row"]
    ranks = versions.file_ranks(files).select("file_id", RANK)
    persons = with_person(rejects.lazy(), links).collect().join(ranks, on="file_id", how="left")
    accepted = around.join(ranks, on="file_id", how="left")
    newest = accepted.select(
        "setl_id", *(pl.col(name).alias(f"_a_{name}") for name in order), _person="person_key"
    )
    original = accepted.select(init_setl_id="setl_id", _original="person_key")
    held = persons.join(newest, on="setl_id", how="left").join(original, on="init_setl_id", how="left")
    replaced = pl.lit(False)
    for name in reversed(order):
        mine, theirs = pl.col(name), pl.col(f"_a_{name}")
        later = (theirs > mine).fill_null(mine.is_null() & theirs.is_not_null())
        replaced = later | (theirs.eq_missing(mine) & replaced)
    known = pl.col(f"_a_{RANK}").is_not_null()
    return held.filter(~(known & replaced)).with_columns(
        pl.coalesce("person_key", "_person", "_original").alias("person_key"),
        reason=pl.lit("rejected"),
        setl_date=pl.lit(None, pl.Date),
        reason_zh=pl.coalesce("message_zh", pl.lit(REASONS_ZH["rejected"])),
    )
