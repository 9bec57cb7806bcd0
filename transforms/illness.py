"""Of which illness is a cost? The ICD-10 category of the main diagnosis of its visit (setl_diag_list_d)."""

from __future__ import annotations

import polars as pl

DISCHARGE = "2"
CATEGORY = r"^([A-Z]\d{2})"
"""The three characters of an ICD-10 category; a code of another shape names no illness."""


def illnesses(visits: pl.Series, diagnoses: pl.DataFrame) -> pl.DataFrame:
    """mdtrt_id, illness of those `visits` (就诊ID) whose diagnoses agree on one.

    diagnoses: core setl_diag_list_d, current. Discharge diagnoses go before those at admission; of them the one
    flagged main, else the first. Where several are flagged main and name different illnesses, none is known.
    """
    main = (pl.col("main_flag") == "1").fill_null(False)
    named = diagnoses.filter(pl.col("mdtrt_id").is_in(visits.implode())).with_columns(
        illness=pl.col("diag_code").str.strip_chars().str.to_uppercase().str.extract(CATEGORY),
        discharge=(pl.col("inout_type").fill_null(DISCHARGE) == DISCHARGE),
        main=main,
    )
    leaving = named.filter(pl.col("discharge") | ~pl.col("discharge").any().over("mdtrt_id"))
    several = pl.col("main").sum().over("mdtrt_id") > 0
    first = pl.col("diag_no").fill_null(0) == pl.col("diag_no").fill_null(0).min().over("mdtrt_id")
    deciding = leaving.filter(pl.when(several).then(pl.col("main")).otherwise(first))
    return (
        deciding.group_by("mdtrt_id")
        .agg(pl.col("illness").drop_nulls().unique())
        .filter(pl.col("illness").list.len() == 1)
        .select("mdtrt_id", pl.col("illness").list.first())
        .sort("mdtrt_id")
    )


def with_illness(settlements: pl.DataFrame, diagnoses: pl.DataFrame) -> pl.DataFrame:
    """Adds illness (null: not known) to settlements, which keep their order."""
    visits = settlements["mdtrt_id"].drop_nulls().unique()
    named = illnesses(visits, diagnoses)
    return settlements.join(named, on="mdtrt_id", how="left", maintain_order="left")
