"""Better critical-illness terms (P-11) computed again for a cost year, beside what the extract shows as paid."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import polars as pl

from flows.year import Tables, Year
from schemas.policy import PolicyRule, covers
from transforms.person_year import troubled
from transforms.rules.critical_illness import NO_TERMS, RESIDENT, Better, Terms, recomputed
from transforms.spans import best_code_spans, on_day

KIND = "critical_illness_tilt"
PARAMETERS = ["threshold_factor", "ratio_add", "capped"]
ASK = "请在参考表 critical_illness.csv 中按年度填写起付线、分段和比例，并注明来源。"


def critical_illness(year: Year, tables: Tables) -> Tables:
    """Rows of mart.critical_illness, and a finding where the terms of a region are not known."""
    rows, findings = [], []
    certificates = year.rosters.certificates
    for county in certificates["county_code"].drop_nulls().unique().sort():
        for rule in year.configuration.policies.for_region(county, KIND)[:1]:
            better = better_terms(rule, year.year)
            if better is None:
                continue
            terms = terms_of(year.configuration.reference["critical_illness"], county, year.year)
            costs = costs_of(year, certificates.filter(county_code=county), rule, better)
            if costs.is_empty():
                continue
            found = recomputed(costs, terms, better)
            rows.append(
                found.with_columns(
                    rule_id=pl.lit(rule.id),
                    region_code=pl.lit(county),
                    cost_year=pl.lit(year.year, pl.Int32),
                )
            )
            if terms is None:
                findings.append(_missing(rule.id, county, found))
    return {
        name: pl.concat(frames)
        for name, frames in (("critical_illness", rows), ("roster_finding", findings))
        if frames
    }


def better_terms(rule: PolicyRule, cost_year: int) -> Better | None:
    """What the document changes, as of the end of the year; None before it was in force."""
    day = date(cost_year, 12, 31)
    if day < rule.policy.in_force or any(rule.parameter(name).at(day) is None for name in PARAMETERS):
        return None
    return Better(
        tuple(rule.rule.categories),
        rule.fraction("threshold_factor", day),
        rule.fraction("ratio_add", day),
        rule.flag("capped", day),
    )


def terms_of(table: pl.DataFrame, county: str, cost_year: int) -> Terms | None:
    """The terms of the county's year: its own, else those of the city or province above it; none: None."""
    own = table.filter(pl.col("year") == cost_year)
    there = [code for code in own["region_code"].unique() if covers(str(code), county)]
    if not there:
        return None
    local = max(there, key=lambda code: len(code.rstrip("0")))
    bands = own.filter(region_code=local).sort("band_from_fen")
    shares = [
        (int(start), Fraction(share)) for start, share in bands.select("band_from_fen", "ratio").iter_rows()
    ]
    limits = [int(limit) for limit in bands["cap_fen"].drop_nulls()]
    return Terms(tuple(shares), min(limits, default=None))


def costs_of(year: Year, certificates: pl.DataFrame, rule: PolicyRule, better: Better) -> pl.DataFrame:
    """The resident settlements of people with one of the categories on the day of at least one of them."""
    first, last = date(year.year, 1, 1), date(year.year, 12, 31)
    spans = best_code_spans(certificates, list(better.categories), first, last)
    flagged = troubled(year.settled.troubles, year.year).select("person_key").unique()
    own = year.burdens.settlements.filter(pl.col("insutype").is_in(list(RESIDENT))).join(
        spans.select("person_key").unique(), on="person_key", how="semi"
    )
    dated = on_day(
        own.with_columns(setl_date=pl.col("setl_time").dt.date()), spans, "setl_date", ["category"]
    )
    costs = dated.with_columns(
        in_force=pl.col("setl_date") >= rule.policy.in_force,
        incomplete=pl.col("person_key").is_in(flagged["person_key"].implode()),
    )
    entitled = costs.filter(pl.col("in_force") & pl.col("category").is_not_null())
    return costs.join(entitled.select("person_key").unique(), on="person_key", how="semi")


def _missing(rule_id: str, county: str, found: pl.DataFrame) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "region_code": county,
                "rule_id": rule_id,
                "finding": f"{rule_id} {NO_TERMS}（件数为人数，金额为提取数中的大病保险支付）",
                "n_rows": found.height,
                "amount_fen": int(found["actual_fen"].sum()),
                "suggestion": ASK,
            }
        ]
    )
