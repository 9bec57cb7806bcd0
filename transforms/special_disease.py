"""Is a settlement one of a special disease (特殊疾病)? By the region's list on the date of the visit (读法 A-P09).

The code of the disease (病种编号) decides; where it is empty, a discharge diagnosis, and a person looks at it. No list
for region and date: unknown. A list that was delivered empty says that there is none.
"""

from __future__ import annotations

import polars as pl

DISCHARGE = "2"


def with_special(
    settlements: pl.DataFrame, diagnoses: pl.DataFrame, diseases: pl.DataFrame, delivered: bool
) -> pl.DataFrame:
    """Adds special (null: no list) and by_diagnosis (special only by a diagnosis) to settlements.

    settlements: setl_id, mdtrt_id, dise_no, region_code, visit_date. diagnoses: core setl_diag_list_d, current.
    diseases: special_disease.csv; `delivered`: a bureau has sent one, so a table without any row means none.
    """
    if diseases.is_empty():
        known = pl.lit(False) if delivered else pl.lit(None, pl.Boolean)
        return settlements.with_columns(special=known, by_diagnosis=pl.lit(False))
    entries = _in_force(settlements, diseases)
    code = pl.col("dise_no").str.strip_chars()
    coded = (code != "").fill_null(False)
    with_list = entries.select("region_code", "visit_date", _listed=pl.lit(True)).unique()
    special = entries.filter(pl.col("class") == "special")
    codes = special.filter(pl.col("code_kind") == "dise_no")
    by_code = codes.select("region_code", "visit_date", _code="code", _by_code=pl.lit(True)).unique()
    by_diagnosis = _diagnosed(settlements.filter(~coded), special, diagnoses)
    hit = pl.col("_by_code").fill_null(False)
    guess = pl.col("_by_diagnosis").fill_null(False)
    place = ["region_code", "visit_date"]
    return (
        settlements.with_columns(_code=code)
        .join(with_list, on=place, how="left", maintain_order="left")
        .join(by_code, on=[*place, "_code"], how="left", maintain_order="left")
        .join(by_diagnosis, on="setl_id", how="left", maintain_order="left")
        .with_columns(
            special=pl.when(pl.col("_listed").fill_null(False)).then(hit | guess),
            by_diagnosis=guess & ~hit,
        )
        .drop("_code", "_listed", "_by_code", "_by_diagnosis")
    )


def _in_force(settlements: pl.DataFrame, diseases: pl.DataFrame) -> pl.DataFrame:
    """region_code, visit_date, code_kind, code, class: the entries of the list of each region and date asked for."""
    prefix = pl.col("region_code").str.replace(r"0000$", "").str.replace(r"00$", "")
    listed = diseases.select("code_kind", "code", "class", "valid_from", "valid_to", _prefix=prefix)
    holds = (
        pl.col("region_code").str.starts_with(pl.col("_prefix"))
        & (pl.col("valid_from") <= pl.col("visit_date"))
        & (pl.col("valid_to") >= pl.col("visit_date")).fill_null(True)
    )
    dates = settlements.select("region_code", "visit_date").unique()
    return dates.join(listed, how="cross").filter(holds).drop("_prefix", "valid_from", "valid_to")


def _diagnosed(uncoded: pl.DataFrame, special: pl.DataFrame, diagnoses: pl.DataFrame) -> pl.DataFrame:
    """setl_id, _by_diagnosis of settlements whose deciding discharge diagnosis begins with a listed prefix.

    The main diagnosis decides; where all or none are flagged main, the flag says nothing and any of them does.
    """
    main = (pl.col("main_flag") == "1").fill_null(False)
    out = diagnoses.filter(pl.col("inout_type").fill_null(DISCHARGE) == DISCHARGE).with_columns(_main=main)
    some = pl.col("_main").any().over("mdtrt_id") & ~pl.col("_main").all().over("mdtrt_id")
    diagnosis = pl.col("diag_code").str.strip_chars().str.to_uppercase()
    deciding = out.filter(~some | pl.col("_main")).select("mdtrt_id", _diagnosis=diagnosis)
    asked = uncoded.select("setl_id", "mdtrt_id", "region_code", "visit_date").join(deciding, on="mdtrt_id")
    listed = special.filter(pl.col("code_kind") == "icd10_prefix").select(
        "region_code", "visit_date", _prefix=pl.col("code").str.to_uppercase()
    )
    hits = [asked.select("setl_id").clear()]
    for length in listed["_prefix"].str.len_chars().unique().sort():
        of_length = listed.filter(pl.col("_prefix").str.len_chars() == length)
        begins = asked.with_columns(_prefix=pl.col("_diagnosis").str.slice(0, length))
        hits.append(begins.join(of_length, on=["region_code", "visit_date", "_prefix"]).select("setl_id"))
    return pl.concat(hits).unique().with_columns(_by_diagnosis=pl.lit(True))
