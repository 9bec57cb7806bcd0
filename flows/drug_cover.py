"""Full cover of outpatient drugs (W-16) of a cost year, where a policy file turns it on; else nothing, at no cost."""

from __future__ import annotations

import polars as pl

from flows.counting import KEYS
from flows.year import Tables, Year
from schemas.drug_cover import DrugCover, drug_covers
from stores import lake
from transforms import versions
from transforms.pseudonym import key_texts
from transforms.referral import level
from transforms.rules import drug_cover as rule
from transforms.rules.assistance_facts import with_levels
from transforms.rules.critical_illness import RESIDENT
from transforms.stays import NATIONAL, groups

NEEDED = (
    "setl_id", "mdtrt_id", "person_key", "county_code", "institution_code", "hosp_lv", "setl_time", "med_type",
    "insutype", "tot_fen", "psn_fen", "file_id", "sheet", "source_row",
)  # fmt: skip


def full_drug_cover(year: Year, tables: Tables) -> Tables:
    """Benefit lines and items of every cover in force, and a finding for each reason to hold one."""
    covers = drug_covers(year.configuration.policies, year.year)
    found = [rows for cover in covers if not (rows := _covered(year, cover)).is_empty()]
    if not found:
        return {}
    rows = pl.concat(found)
    named = rule.items(rows)
    if "institution" in tables:
        named = named.join(tables["institution"], on="institution_code", how="left", maintain_order="left")
    return {"benefit_line": rule.lines(rows), "benefit_item": named, "roster_finding": _findings(rows)}


def _covered(year: Year, cover: DrugCover) -> pl.DataFrame:
    settlements = _settlements(year, cover)
    if settlements.is_empty():
        return settlements
    rows = rule.covered(_with_burden(year, settlements), _drugs(year, settlements), cover.level_max)
    texts = pl.format("benefit|{}|{}|{}", pl.lit(cover.rule_id), "setl_id", pl.lit(year.year))
    ids = year.ids(rows.select(texts).to_series())
    return rows.with_columns(
        benefit_id=ids,
        unit_id=key_texts(rows["person_key"], "P"),
        rule_id=pl.lit(cover.rule_id),
        article=pl.lit(cover.article),
        policy_version=pl.lit(cover.policy_version),
        cost_year=pl.lit(year.year, pl.Int32),
    ).sort("setl_time", "setl_id")


def _settlements(year: Year, cover: DrugCover) -> pl.DataFrame:
    """Outpatient settlements of residents of the counties whose visit has a diagnosis of the illnesses."""
    begins = [
        pl.col("diag_code").str.strip_chars().str.to_uppercase().str.starts_with(d) for d in cover.diseases
    ]
    diagnoses = lake.scan(year.home, "setl_diag_list_d", year.files).filter(pl.any_horizontal(begins))
    current, _ = versions.current(diagnoses, KEYS["setl_diag_list_d"], year.files, updt=None)
    mine = (
        pl.col("county_code").is_in(list(cover.counties))
        & pl.col("insutype").is_in(list(RESIDENT))
        & (pl.col("setl_time").dt.date() >= cover.first_day)
        & (pl.col("tot_fen") > 0)
    )
    rows = (
        year.settled.plain.select(NEEDED)
        .filter(mine)
        .join(current.select("mdtrt_id").unique(), on="mdtrt_id", how="semi")
        .collect(engine="streaming")
    )
    institutions = lake.scan(year.home, "fixmedins_b", year.files).select(
        "institution_code", "hosp_lv", "valid_from", "valid_to"
    )
    kinds = groups(year.configuration.reference["med_type"])
    province = pl.col("county_code").str.slice(0, 2)
    own = kinds.filter(pl.col("_province") != NATIONAL).rename({"group": "_here"})
    everywhere = kinds.filter(pl.col("_province") == NATIONAL).select("med_type", _everywhere="group")
    outpatient = (
        rows.with_columns(_province=province)
        .join(own, on=["_province", "med_type"], how="left", maintain_order="left")
        .join(everywhere, on="med_type", how="left", maintain_order="left")
        .filter(pl.coalesce("_here", "_everywhere") == "outpatient")
        .drop("_province", "_here", "_everywhere")
    )
    return with_levels(outpatient, institutions.collect()).with_columns(level=level())


def _with_burden(year: Year, settlements: pl.DataFrame) -> pl.DataFrame:
    """With what the person bears: the burden where payments were set against it, else all that was paid."""
    known = year.burdens.settlements.select(
        "setl_id", "burden_fen", "neg_fen", com_fen="com_used_fen", sub_fen="sub_used_fen"
    )
    return settlements.join(known, on="setl_id", how="left", maintain_order="left").with_columns(
        pl.coalesce("burden_fen", "psn_fen").alias("burden_fen"),
        pl.col("neg_fen", "com_fen", "sub_fen").fill_null(0),
    )


def _drugs(year: Year, settlements: pl.DataFrame) -> pl.DataFrame:
    if not lake.delivered(year.files, "fee_list_d"):
        return pl.DataFrame(schema={"setl_id": pl.String, "drug_fen": pl.Int64, "items_fen": pl.Int64})
    rows = lake.scan(year.home, "fee_list_d", year.files).filter(
        pl.col("setl_id").is_in(settlements["setl_id"].implode())
    )
    current, _ = versions.current(rows, KEYS["fee_list_d"], year.files, updt=None)
    return rule.drug_sums(current).collect(engine="streaming")


def _findings(rows: pl.DataFrame) -> pl.DataFrame:
    return (
        rows.filter(pl.col("reason").is_not_null())
        .group_by("rule_id", "reason", region_code="county_code")
        .agg(n_rows=pl.col("person_key").n_unique().cast(pl.Int64), amount_fen=pl.col("burden_fen").sum())
        .sort("rule_id", "region_code", "reason")
        .select(
            "rule_id",
            "region_code",
            "n_rows",
            "amount_fen",
            finding=pl.format("{} 待核实，金额未定：{}（件数为人数）", "rule_id", "reason"),
            suggestion=pl.lit("请报送费用明细和定点医药机构名册（含医院等级）。"),
        )
    )
