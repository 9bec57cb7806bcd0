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
}
"""Key of the tables whose rows have one of their own."""
MULTISETS: dict[str, tuple[str, ...]] = {"payment": ("payer", "id_key"), "paid_ledger": ()}
"""Tables of facts without a key: what a serial number is unique within."""


def file_counts(home: Home, files: pl.DataFrame, settlement_marks: pl.DataFrame) -> pl.DataFrame:
    """file_id, n_duplicate: rows that are copies or older versions of rows received before."""
    marks = [settlement_marks.select("file_id", "mark")]
    for table, key in KEYS.items():
        if (files["table"] == table).any():
            marks.append(
                versions.marks(lake.scan(home, table, files), key, files, updt=None).select("file_id", "mark")
            )
    for table, scope in MULTISETS.items():
        if (files["table"] == table).any():
            marks.append(facts.counted(lake.scan(home, table, files), files, scope)[1].select("file_id", "mark"))
    return (
        pl.concat(marks)
        .filter(pl.col("mark") == "duplicate")
        .group_by("file_id")
        .agg(n_duplicate=pl.len().cast(pl.Int64))
        .sort("file_id")
    )
