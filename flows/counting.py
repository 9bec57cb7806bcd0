"""How many rows of each file another file has already shown: counted over all files in force, whatever the order."""

from __future__ import annotations

import polars as pl

from stores import lake
from stores.home import Home
from transforms import facts, versions

KEYS: dict[str, list[str]] = {
    "fee_list_d": ["setl_id", "item_sn"],
    "setl_diag_list_d": ["mdtrt_id", "inout_type", "diag_code"],
    "fixmedins_b": ["institution_code", "valid_from"],
    "roster": ["region_code", "department", "list_kind", "list_month", "id_key", "labels", "valid_from"],
    "psn_info_b": ["psn_key"],
    "psn_insu_d": ["psn_key", "insutype", "insu_admdvs", "crt_insu_date"],
    "rsdt_psn_clct_detl_d": ["id_key", "accrym_begn", "accrym_end", "clct_time", "revs_flag"],
}
"""Key of the tables whose rows have one of their own."""
MULTISETS: dict[str, tuple[str, ...]] = {
    "payment": ("payer", "id_key"),
    "paid_ledger": (),
    "fund_ledger": ("fund",),
}
"""Tables of facts without a key: what a serial number is unique within."""
UNNUMBERED = (
    "decision", "subsidy_ledger", "opening_balance", "declaration", "feedback", "refl_appy_evt_c", "out_appy_d", "opsp_reg",
    "consent", "supplementary_cover", "waiting_rejection", "application", "deposit", "deceased",
)  # fmt: skip
"""Tables of facts without a key and without serial numbers."""


def file_counts(home: Home, files: pl.DataFrame, settlement_marks: pl.DataFrame) -> pl.DataFrame:
    """file_id, n_duplicate: rows that are copies or older versions of rows received before."""
    marks = [
        settlement_marks.select("file_id", "mark"),
        *(_marks(home, table, files) for table in _without_settlements(files)),
    ]
    return (
        pl.concat(marks)
        .filter(pl.col("mark") == "duplicate")
        .group_by("file_id")
        .agg(n_duplicate=pl.len().cast(pl.Int64))
        .sort("file_id")
    )


def _without_settlements(files: pl.DataFrame) -> list[str]:
    """The tables with countable rows that the files hold; settlements have been walked already."""
    return [table for table in (*KEYS, *MULTISETS, *UNNUMBERED) if lake.delivered(files, table)]


def _marks(home: Home, table: str, files: pl.DataFrame) -> pl.DataFrame:
    """file_id, mark of the rows of a table that do not count."""
    rows = lake.scan(home, table, files)
    if table in MULTISETS:
        return facts.counted(rows, files, MULTISETS[table])[1].select("file_id", "mark")
    if table in UNNUMBERED:
        return facts.repeated(rows, files).select("file_id", "mark")
    columns = rows.collect_schema().names()
    if "psn_key" in columns:  # a masked 人员编号 is no key: then the certificate is
        rows = rows.with_columns(psn_key=pl.coalesce("psn_key", "id_key"))
    return versions.marks(rows, KEYS[table], files, "updt_time" if "updt_time" in columns else None).select(
        "file_id", "mark"
    )
