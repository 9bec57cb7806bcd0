"""The rule families that follow the burdens, the caps and assistance, in the order in which they build on each other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import polars as pl

from flows.aid import aid, high_costs
from flows.analytics import analytics
from flows.applications import applications
from flows.comparisons import comparisons
from flows.consents import consent_findings
from flows.critical_illness import critical_illness
from flows.deliveries import roster_delivery
from flows.deposits import deposit_waivers
from flows.drug_cover import full_drug_cover
from flows.enrolment import enrolment
from flows.funds import funds
from flows.indicators import areas, indicators, waterfalls
from flows.leads import lead_tables
from flows.premium import premium_subsidy
from flows.standing import roster_spans
from flows.warnings import warning_tables
from flows.year import Family, Tables, Year

FAMILIES: tuple[Family, ...] = (
    full_drug_cover,
    critical_illness,
    deposit_waivers,
    applications,
    premium_subsidy,
    roster_delivery,
    roster_spans,
    warning_tables,
    comparisons,
    enrolment,
    consent_findings,
    lead_tables,
    aid,
    high_costs,
    funds,
    waterfalls,
    areas,
    indicators,
    analytics,
)
"""Each family sees the tables of the ones before it."""
ALONE: tuple[Family, ...] = (lead_tables, high_costs, waterfalls, analytics)
"""Families that look at the year, the caps and the institutions, at no rows of another family, and whose rows no other
looks at: worked out beside the others, on the core that these leave idle."""


def with_families(year: Year, tables: Tables) -> Tables:
    """All result tables; rows that a family adds to a table stand under those already there, in the order of FAMILIES."""
    added: dict[Family, Tables] = {}
    with ThreadPoolExecutor(max_workers=1) as beside:
        alone = {family: beside.submit(family, year, dict(tables)) for family in ALONE}
        known = tables
        for family in FAMILIES:
            if family not in alone:
                added[family] = family(year, known)
                known = _stacked(known, added[family])
        added |= {family: rows.result() for family, rows in alone.items()}
    found = tables
    for family in FAMILIES:
        found = _stacked(found, added[family])
    return found


def _stacked(tables: Tables, added: Tables) -> Tables:
    """The tables with further rows under their own."""
    found = dict(tables)
    for name, rows in added.items():
        before = [found[name]] if name in found else []
        found[name] = pl.concat([*before, rows], how="diagonal_relaxed")
    return found
