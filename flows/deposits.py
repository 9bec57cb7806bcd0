"""Stays for which no deposit may be taken, and deposits taken all the same (P-34)."""

from __future__ import annotations

from datetime import date

import polars as pl

from flows.year import Tables, Year
from schemas.policy import PolicyRule
from stores import lake
from transforms import places, versions
from transforms.identity import with_person
from transforms.rules import deposits
from transforms.spans import below, best_code_spans, on_day
from transforms.stays import with_kind, with_visits

KIND = "deposit_waiver"
REFERRALS, DEPOSITS = "refl_appy_evt_c", "deposit"
REFERRAL_KEY = ["id_key", "mdtrt_id", "setl_id", "refl_date", "begndate"]
DEPOSIT_KEY = ["id_key", "setl_id", "mdtrt_id", "admitted_on", "taken_on", "amount_fen", "serial"]
COLUMNS = [
    "person_key", "category", "institution_code", "admitted_on", "settled_on", "deposit_fen", "verdict", "reason",
]  # fmt: skip


def deposit_waivers(year: Year, tables: Tables) -> Tables:
    """Rows of mart.deposit_waiver, and findings: deposits taken, and what could not be told."""
    rows = []
    for county in year.rosters.certificates["county_code"].drop_nulls().unique().sort():
        for rule in year.configuration.policies.for_region(county, KIND)[:1]:
            rows.append(_of_county(year, rule, county))
    found = pl.concat(rows) if rows else pl.DataFrame()
    if found.is_empty():
        return {}
    named = tables.get("institution")
    if named is not None:
        found = found.join(named, on="institution_code", how="left", maintain_order="left")
    return {"deposit_waiver": found, "roster_finding": _findings(found)}


def _of_county(year: Year, rule: PolicyRule, county: str) -> pl.DataFrame:
    last = date(year.year, 12, 31)
    own = year.rosters.certificates.filter(county_code=county)
    spans = best_code_spans(own, list(rule.rule.categories), date(year.year - 1, 1, 1), last)
    reference = year.configuration.reference
    people = spans.select("person_key").unique()
    settlements = year.burdens.settlements.join(people, on="person_key", how="semi").with_columns(
        place=places.region_of_institution(reference["region_alias"], pl.col("setl_time").dt.date())
    )
    stays = _stays(with_visits(with_kind(settlements, reference["med_type"])))
    in_force = stays.filter(
        (pl.col("admitted_on") >= rule.policy.in_force) & pl.col("inpatient").fill_null(True)
    )
    dated = on_day(in_force, spans, "admitted_on", ["category"])
    told = lake.delivered(year.files, REFERRALS)
    chained = deposits.with_chain(dated, _records(year, REFERRALS, REFERRAL_KEY, people), told)
    # a place is unknown where the institution shows none: neither in the county nor outside it
    here = pl.when(pl.col("place").is_not_null()).then(below("place", county))
    stays = deposits.entitled(chained.with_columns(in_county=here, no_referrals=pl.lit(not told)))
    taken = None
    if lake.delivered(year.files, DEPOSITS):
        taken = _records(year, DEPOSITS, DEPOSIT_KEY, people)
    return deposits.with_deposits(stays, taken).select(
        *COLUMNS,
        rule_id=pl.lit(rule.id),
        region_code=pl.lit(county),
        cost_year=pl.lit(year.year, pl.Int32),
        settlement_id="visit_id",
    )


def _stays(settlements: pl.DataFrame) -> pl.DataFrame:
    """One row a visit: what its last settlement shows, and its first day."""
    ordered = settlements.sort("person_key", "setl_time", "setl_id")
    last = (
        "person_key",
        "setl_time",
        "mdtrt_id",
        "institution_code",
        "place",
        "refl_stas",
        "designated",
        "inpatient",
    )
    return (
        ordered.group_by("visit_id", maintain_order=True)
        .agg(*(pl.col(name).last() for name in last), admitted_on=pl.col("begndate").min())
        .with_columns(settled_on=pl.col("setl_time").dt.date())
        .with_columns(pl.coalesce("admitted_on", "settled_on").alias("admitted_on"))
    )


def _records(year: Year, table: str, key: list[str], people: pl.DataFrame) -> pl.DataFrame:
    """Current rows of a core table about these people, with person_key."""
    rows = lake.scan(year.home, table, year.files)
    updt = "updt_time" if "updt_time" in rows.collect_schema() else None
    current, _ = versions.current(rows, key, year.files, updt=updt)
    return (
        with_person(current, year.people.links)
        .join(people.lazy(), on="person_key", how="semi")
        .collect(engine="streaming")
    )


def _findings(found: pl.DataFrame) -> pl.DataFrame:
    """One finding a county and verdict that somebody must look at."""
    texts = {
        "breach": "应免除住院押金而收取",
        "held": "是否免除住院押金待核实",
        "unknown": "未收到押金台账，不能核对是否收取押金",
    }
    asks = {
        "breach": "请医疗机构退还押金并说明；明细见 mart.deposit_waiver。",
        "held": "请报送转诊记录（含基层首诊标识）。",
        "unknown": "请定点医疗机构报送押金台账（身份证号、入院日期、押金金额）。",
    }
    return (
        found.filter(pl.col("verdict").is_in(list(texts)))
        .group_by("rule_id", "region_code", "verdict")
        .agg(n_rows=pl.len().cast(pl.Int64), amount_fen=pl.col("deposit_fen").sum())
        .sort("rule_id", "region_code", "verdict")
        .select(
            "rule_id",
            "region_code",
            "n_rows",
            amount_fen=pl.when(pl.col("verdict") == "breach").then("amount_fen"),
            finding=pl.col("rule_id") + " " + pl.col("verdict").replace_strict(texts),
            suggestion=pl.col("verdict").replace_strict(asks),
        )
    )
