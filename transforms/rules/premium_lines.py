"""Premium lines (居民缴费明细) that stand: of which insurance year they are, what was written off, what a person paid.

A line that was written off never counts (revs_flag + the original, − the negative line), nor does the version of it that
was delivered before. Amounts in fen.
"""

from __future__ import annotations

import polars as pl

WRITTEN_OFF, NEGATIVE = "+", "-"
LINE = ["person_key", "accrym_begn", "accrym_end", "_amount"]
"""What a line, its written-off version and its negative line have in common."""
STANDING = (
    "person_key", "insurance_year", "paid", "paid_on", "tier", "own_fen", "accrym_begn", "accrym_end",
    "psn_idet_type", "insu_admdvs", "file_id", "sheet", "source_row",
)  # fmt: skip
TIERS = {"1": "1", "01": "1", "一档": "1", "2": "2", "02": "2", "二档": "2"}
"""缴费档次 as platforms and ledgers write it → 1 or 2; anything else is unknown."""


def insurance_year() -> pl.Expr:
    """参保年度 of a line: the calendar year in which the middle of its period (accrym_begn to accrym_end) lies."""
    begin, end = pl.col("accrym_begn"), pl.col("accrym_end")
    days = (end - begin).dt.total_days().clip(lower_bound=0) // 2
    return (begin + pl.duration(days=days)).dt.year().cast(pl.Int32).alias("insurance_year")


def tier_of(column: str) -> pl.Expr:
    """The premium tier (一档, 二档) as 1 or 2; null where it is not said or not known."""
    return pl.col(column).replace_strict(TIERS, default=None, return_dtype=pl.String)


def standing(rows: pl.DataFrame) -> pl.DataFrame:
    """The lines that were not written off: STANDING; `paid` is null where the flag says neither 1 nor 0.

    `rows`: current core lines (rsdt_psn_clct_detl_d) with person_key. A negative line whose original shows no mark takes
    the latest line of the same period and amount before it with it.
    """
    flag = (
        pl.when(pl.col("own_fen") < 0)
        .then(pl.lit(NEGATIVE))
        .otherwise(pl.col("revs_flag").str.to_uppercase().fill_null("Z"))
    )
    lines = rows.with_columns(_flag=flag, _amount=pl.col("own_fen").abs())
    marked = lines.filter(pl.col("_flag") == WRITTEN_OFF)
    normal = lines.filter(~pl.col("_flag").is_in([WRITTEN_OFF, NEGATIVE])).join(
        marked.select(*LINE, "clct_time"), on=[*LINE, "clct_time"], how="anti", nulls_equal=True
    )
    return (
        _without_unmarked(normal, lines, marked)
        .with_columns(
            insurance_year(),
            paid=pl.when(pl.col("clct_flag").is_in(["1", "0"])).then(pl.col("clct_flag") == "1"),
            paid_on=pl.col("clct_time").dt.date(),
            tier=tier_of("clct_grde"),
        )
        .select(STANDING)
    )


def _without_unmarked(normal: pl.DataFrame, lines: pl.DataFrame, marked: pl.DataFrame) -> pl.DataFrame:
    """Normal lines without those that a negative line took back and nobody marked as written off."""
    negative = lines.filter(pl.col("_flag") == NEGATIVE)
    if negative.is_empty():
        return normal
    surplus = (
        negative.group_by(LINE)
        .agg(_last=pl.col("clct_time").max(), _negative=pl.len())
        .join(marked.group_by(LINE).agg(_marked=pl.len()), on=LINE, how="left", nulls_equal=True)
        .with_columns(
            _gone=pl.col("_negative").cast(pl.Int64) - pl.col("_marked").fill_null(0).cast(pl.Int64)
        )
        .filter(pl.col("_gone") > 0)
        .select(*LINE, "_last", "_gone")
    )
    joined = normal.join(surplus, on=LINE, how="left", nulls_equal=True, maintain_order="left")
    before = (pl.col("clct_time") <= pl.col("_last")).fill_null(True) & pl.col("_gone").is_not_null()
    latest_first = joined.with_columns(_before=before).sort(
        *LINE, "_before", "clct_time", "file_id", "source_row", descending=[False] * 5 + [True] * 3
    )
    place = pl.int_range(pl.len()).over(*LINE, "_before")
    return latest_first.filter(~(pl.col("_before") & (place < pl.col("_gone"))).fill_null(False))


def payments(lines: pl.DataFrame, year: int) -> pl.DataFrame:
    """One row a person with a paid line of the insurance year: first payment day, last known tier, sum paid, origin.

    person_key, paid_on (null: no day shown), tier, own_fen (null: one line's is unknown), n_lines, n_tiers, file_id,
    sheet, source_row (of the first line). `lines`: `standing`.
    """
    known = pl.col("own_fen").is_not_null().all()
    return (
        lines.filter(pl.col("paid") & (pl.col("insurance_year") == year))
        .sort("person_key", "paid_on", "file_id", "source_row", nulls_last=True)
        .group_by("person_key", maintain_order=True)
        .agg(
            paid_on=pl.col("paid_on").min(),
            tier=pl.col("tier").drop_nulls().last(),
            own_fen=pl.when(known).then(pl.col("own_fen").sum()),
            n_lines=pl.len().cast(pl.Int64),
            n_tiers=pl.col("tier").drop_nulls().n_unique().cast(pl.Int64),
            file_id=pl.col("file_id").first(),
            sheet=pl.col("sheet").first(),
            source_row=pl.col("source_row").first(),
        )
    )


def ledger_sums(rows: pl.DataFrame, year: int) -> pl.DataFrame:
    """资助参保台账 of an insurance year, one row a person: what was really subsidised, by whom, out of what.

    person_key, actual_fen, source, ledger_tier, ledger_standard_fen, ledger_region, subsidised_on, n_ledger. `rows`: core
    rows that count (`transforms.facts`), with person_key.
    """
    text = pl.col("source").drop_nulls().unique().sort().str.join("、")
    return (
        rows.filter(pl.col("insurance_year") == year)
        .sort("person_key", "subsidised_on", "file_id", "source_row", nulls_last=True)
        .group_by("person_key", maintain_order=True)
        .agg(
            actual_fen=pl.col("amount_fen").sum(),
            source=pl.when(pl.col("source").is_not_null().any()).then(text),
            ledger_tier=tier_of("tier").drop_nulls().last(),
            ledger_standard_fen=pl.col("standard_fen").drop_nulls().last(),
            ledger_region=pl.col("region_code").drop_nulls().last(),
            subsidised_on=pl.col("subsidised_on").min(),
            n_ledger=pl.len().cast(pl.Int64),
        )
    )
