"""Applications for assistance (救助申请) of a year with their stage and age (P-33)."""

from __future__ import annotations

import polars as pl

from flows.year import Tables, Year
from schemas.policy import covers
from stores import lake
from transforms import places, versions
from transforms.identity import with_person
from transforms.rules.applications import STAGES, waiting, with_stage
from transforms.spans import below

TABLE = "application"
KIND = "application"
NUMBERED = ["region_code", "serial"]
UNNUMBERED = ["id_key", "applied_on", "aid_kind"]
"""What makes two rows versions of one application: its number within the region, else who applied for what and when."""


def applications(year: Year, tables: Tables) -> Tables:
    """Rows of mart.application made in the year, and findings: what waits, or that the list is missing."""
    rules = [rule for rule in year.configuration.policies.rules.values() if rule.rule.kind == KIND]
    if not rules:
        return {}
    if not lake.delivered(year.files, TABLE):
        here = year.rosters.certificates["county_code"].drop_nulls().unique().sort()
        asked = [(rule.id, code) for rule in rules for code in here if covers(rule.policy.territory, code)]
        return {"roster_finding": _missing(asked)} if asked else {}
    rows = pl.concat([_of_territory(year, current(year), rule.id, rule.policy.territory) for rule in rules])
    return {"application": rows, "roster_finding": _findings(rows)}


def current(year: Year) -> pl.DataFrame:
    """Every application of the year in its latest version, with person_key and the county that it was made in."""
    delivered = lake.scan(year.home, TABLE, year.files)
    parts = [
        (delivered.filter(pl.col("serial").is_not_null()), NUMBERED),
        (delivered.filter(pl.col("serial").is_null()), UNNUMBERED),
    ]
    newest = [versions.current(rows, key, year.files, updt=None)[0] for rows, key in parts]
    alias = year.configuration.reference["region_alias"]
    county = places.county_of(pl.col("region_code").str.slice(0, 6), alias, "roster", pl.col("applied_on"))
    keyed = with_person(pl.concat(newest), year.people.links).with_columns(county=county)
    return keyed.filter(pl.col("applied_on").dt.year() == year.year).collect(engine="streaming")


def _of_territory(year: Year, found: pl.DataFrame, rule_id: str, territory: str) -> pl.DataFrame:
    """The applications of one territory: by the region that they name, else by that of the person."""
    homes = year.places.select("person_key", "township_code", _home="region_code").unique("person_key")
    placed = found.join(homes, on="person_key", how="left", maintain_order="left").with_columns(
        region_code=pl.coalesce("county", "_home")
    )
    aged = with_stage(placed.filter(below("region_code", territory)), year.on)
    return aged.select(
        "region_code",
        "township_code",
        "person_key",
        "aid_kind",
        "applied_on",
        "accepted_on",
        "reviewed_on",
        "decided_on",
        "paid_on",
        "stage",
        "n_days",
        "outcome",
        "amount_fen",
        "file_id",
        "source_row",
        rule_id=pl.lit(rule_id),
        application_no=pl.col("serial").str.replace_all(r"\d{15,}[Xx]?", "***"),
        cost_year=pl.lit(year.year, pl.Int32),
    ).sort("region_code", "applied_on", "person_key", "file_id", "source_row")


def _findings(rows: pl.DataFrame) -> pl.DataFrame:
    return waiting(rows).select(
        "rule_id",
        "region_code",
        "n_rows",
        finding=pl.format(
            "救助申请{}，最长已{}天（文件未设期限）", pl.col("stage").replace_strict(STAGES), "longest"
        ),
        suggestion=pl.lit("请按申请先后办理；明细见 mart.application。"),
    )


def _missing(asked: list[tuple[str, str]]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "rule_id": rule_id,
                "region_code": region,
                "finding": f"{rule_id} 未收到救助申请表，不能统计办理进度",
                "suggestion": "请报送救助申请表（身份证号、申请日期、受理日期、审核日期、审批日期、审批结果、给付日期）。",
            }
            for rule_id, region in asked
        ]
    )
