"""Visits (一次就医): an outpatient settlement by itself, the settlements of one stay together.

A stay is the inpatient settlements of one person at one institution under one 就诊ID (读法 A-P30 a); without it those
that began on one day; without both each by itself, flagged.
"""

from __future__ import annotations

import polars as pl

NATIONAL = "*"


def groups(med_types: pl.DataFrame) -> pl.DataFrame:
    """Every province, code, group of the table of medical types; ? of a code stands for each digit."""
    rows = [
        (str(province)[:2].replace("*", NATIONAL), exact, group)
        for province, code, group in med_types.select("province", "code", "group").iter_rows()
        for exact in _expanded(str(code))
    ]
    schema = {"_province": pl.String, "med_type": pl.String, "group": pl.String}
    found = pl.DataFrame(rows, schema=schema, orient="row")
    four = [(NATIONAL, code, "inpatient") for code in _expanded("21??")]
    listed = pl.concat([found, pl.DataFrame(four, schema=schema, orient="row")])
    return listed.unique(["_province", "med_type"], keep="first", maintain_order=True)


def _expanded(pattern: str) -> list[str]:
    codes = [""]
    for sign in pattern:
        codes = [code + digit for code in codes for digit in ("0123456789" if sign == "?" else sign)]
    return codes


def with_kind(settlements: pl.DataFrame, med_types: pl.DataFrame) -> pl.DataFrame:
    """Adds inpatient: true, false, or null for a medical type (医疗类别) that stands in no list.

    The province of the insured county knows its own codes; national ones hold everywhere.
    """
    listed = groups(med_types)
    national = listed.filter(pl.col("_province") == NATIONAL).select("med_type", _everywhere="group")
    here = listed.filter(pl.col("_province") != NATIONAL).rename({"group": "_here"})
    return (
        settlements.with_columns(_province=pl.col("county_code").str.slice(0, 2))
        .join(here, on=["_province", "med_type"], how="left", maintain_order="left")
        .join(national, on="med_type", how="left", maintain_order="left")
        .with_columns(inpatient=pl.coalesce("_here", "_everywhere") == "inpatient")
        .drop("_province", "_here", "_everywhere")
    )


def with_visits(settlements: pl.DataFrame) -> pl.DataFrame:
    """Adds visit_id (setl_id of the visit's last settlement, by setl_time and setl_id) and flagged (a stay
    without 就诊ID and admission date).

    In: setl_id, person_key, institution_code, mdtrt_id, begndate, setl_time, inpatient.
    """
    stay = pl.col("inpatient").fill_null(False)
    by = (
        pl.when(stay & pl.col("mdtrt_id").is_not_null())
        .then(pl.lit("m") + pl.col("mdtrt_id"))
        .when(stay & pl.col("begndate").is_not_null())
        .then(pl.lit("b") + pl.col("begndate").cast(pl.String))
        .otherwise(pl.lit("s") + pl.col("setl_id"))
    )
    key = ["person_key", "institution_code", "_by"]
    return (
        settlements.with_columns(
            _by=by, flagged=stay & pl.col("mdtrt_id").is_null() & pl.col("begndate").is_null()
        )
        .sort("person_key", "setl_time", "setl_id")
        .with_columns(visit_id=pl.col("setl_id").last().over(key))
        .drop("_by")
    )


def each_by_itself(settlements: pl.DataFrame) -> pl.DataFrame:
    """The reading that every settlement is a visit of its own (A-P02 a): visit_id becomes setl_id."""
    return settlements.with_columns(stay_id="visit_id", visit_id="setl_id")
