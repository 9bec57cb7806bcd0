"""Leads of a cost year (mart.lead), from the settlements that can be one."""

from __future__ import annotations

import polars as pl

from flows.year import Tables, Year
from stores import lake
from stores.home import Home
from transforms.identity import People, with_person
from transforms.person_year import is_inpatient
from transforms.rules import leads

KINDS = ("lead", "early_warning")
"""Kinds of the rule under which a region looks for leads (P-37; Z-12 自动标识), the first one that it has."""


def lead_tables(year: Year, tables: Tables) -> Tables:
    """mart.lead, and a finding with the number of leads of each kind; never a benefit effect."""
    inpatient = is_inpatient(year.configuration.reference["med_type"])
    dead = deaths(year.home, year.files, year.people)
    eyed = year.mass.eyed.lazy()
    stays, died, paid = pl.collect_all(
        [
            leads.stays(leads.may_overlap(eyed, inpatient).lazy(), inpatient),
            leads.after_death(eyed, dead, inpatient),
            leads.relieved(eyed),
        ]
    )
    found = pl.concat(
        [
            leads.overlapping_stays(stays),
            leads.death_leads(died),
            leads.twice_leads(year.mass.twice),
            leads.without_category(paid, year.rosters.certificates),
        ]
    )
    ruled = under_rules(year, found)
    text = pl.col("kind").replace_strict(leads.TEXTS, return_dtype=pl.String)
    rows = ruled.with_columns(finding=text, cost_year=pl.lit(year.year, pl.Int32))
    return {"lead": rows.drop("kind"), "roster_finding": counts_of(rows)}


def deaths(home: Home, files: pl.DataFrame, people: People) -> pl.DataFrame:
    """person_key, died_on: the earliest date of death that a list (死亡名单) or the platform shows."""
    listed = with_person(lake.scan(home, "deceased", files), people.links)
    shown = people.people.lazy().select("person_key", died_on="deceased_on").drop_nulls()
    both = pl.concat([listed.select("person_key", "died_on"), shown])
    return (
        both.group_by("person_key")
        .agg(pl.col("died_on").min())
        .collect(engine="streaming")
        .sort("person_key")
    )


def under_rules(year: Year, found: pl.DataFrame) -> pl.DataFrame:
    """The leads of regions whose policies ask for any, with rule_id."""
    rules = {}
    for region in found["region_code"].drop_nulls().unique().sort():
        named = [rule for kind in KINDS for rule in year.configuration.policies.for_region(region, kind)]
        if named:
            rules[region] = named[0].id
    schema = {"region_code": pl.String, "rule_id": pl.String}
    return found.join(pl.DataFrame(list(rules.items()), schema=schema, orient="row"), on="region_code")


def counts_of(rows: pl.DataFrame) -> pl.DataFrame:
    """One finding a region and kind, so that somebody looks."""
    return (
        rows.group_by("rule_id", "region_code", "finding")
        .agg(n_rows=pl.len().cast(pl.Int64), amount_fen=pl.col("amount_fen").sum())
        .sort("rule_id", "region_code", "finding")
        .with_columns(
            finding=pl.lit("核查线索：") + pl.col("finding"),
            suggestion=pl.lit("明细见 mart.lead；只供核查，不影响任何待遇。"),
        )
    )
