"""What everybody was on every day: certificates and memberships over all times, for SQL and for other rule families."""

from __future__ import annotations

from datetime import date

import polars as pl

from flows.year import Tables, Year
from schemas.reference import ranked_categories
from transforms.roster_history import events
from transforms.spans import ranked


def roster_spans(year: Year, tables: Tables) -> Tables:
    """`mart.certificate_span` and `mart.membership_span`: what `mart.person_on(day)` looks up."""
    facts = year.rosters.certificates
    return {
        "certificate_span": facts.select(
            "person_key", "department", "valid_from", "valid_to", "file_id", "source_row",
            region_code="county_code", category="code", category_rank=_place(_ranks(year)),
        ),
        "membership_span": year.rosters.held.select("person_key", "household_id", "valid_from", "valid_to"),
    }  # fmt: skip


def roster_events(year: Year) -> pl.DataFrame:
    """Entries, exits and changes of identities in the cost year, up to the run's date (`roster_history.EVENTS`)."""
    last = min(date(year.year, 12, 31), max(year.on, date(year.year, 1, 1)))
    return events(year.rosters.certificates, _ranks(year), date(year.year, 1, 1), last)


def _place(ranks: list[str]) -> pl.Expr:
    """Place in the order of the unique category from 1; null for an identity that never is the unique category."""
    return pl.when(pl.col("code").is_in(ranks)).then(ranked(ranks) + 1)


def _ranks(year: Year) -> list[str]:
    return ranked_categories(year.configuration.reference)
