"""Premium subsidy on small tables, under the document's own policy file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

import tests.assess_frames as af
import tests.core_frames as cf
from schemas.policy import Policies, load_policies
from schemas.premium import PremiumSubsidy, premium_subsidies
from transforms.rules import premium, premium_result
from transforms.rules.premium_lines import ledger_sums, payments, standing

Row = Mapping[str, Any]
DATA = Path(__file__).resolve().parents[1] / "data"
PENGSHUI = "500243"
TABLES = ("certificates", "premiums", "ledger", "standards")
STANDARDS = [
    {"region": "500000", "year": "2023", "tier": "1", "amount": "350"},
    {"region": "500000", "year": "2023", "tier": "2", "amount": "725"},
    {"region": "500000", "year": "2024", "tier": "1", "amount": "380"},
    {"region": "500000", "year": "2024", "tier": "2", "amount": "755"},
]
"""The standards of a case that shows none."""


@lru_cache
def policies() -> Policies:
    return load_policies(DATA / "policies")


def pengshui() -> PremiumSubsidy:
    """The rules of the document."""
    (rules,) = premium_subsidies(policies(), [PENGSHUI])
    return rules


def run(
    tables: Mapping[str, Iterable[Row]],
    year: int = 2024,
    rules: PremiumSubsidy | None = None,
    decided: pl.DataFrame | None = None,
) -> premium_result.Subsidies:
    """Everything from the tables of a case."""
    if unknown := set(tables) - set(TABLES):
        raise ValueError(f"unknown tables: {unknown}")
    subsidy = rules or pengshui()
    given = {name: list(tables.get(name, [])) for name in TABLES}
    own = af.certificates([{"county": PENGSHUI} | dict(row) for row in given["certificates"]]).filter(
        pl.col("county_code").is_in(list(subsidy.counties))
    )
    lines = standing(premiums(given["premiums"]))
    ledger = ledger_rows(given["ledger"])
    standard = premium.standard_of(standards(given["standards"] or STANDARDS), PENGSHUI, year)
    rows = (
        payments(lines, year)
        .join(ledger_sums(ledger, year), on="person_key", how="full", coalesce=True)
        .join(own.select("person_key").unique(), on="person_key", how="semi")
        .with_columns(
            has_premium=pl.col("n_lines").is_not_null(),
            has_ledger=pl.lit(ledger.filter(pl.col("insurance_year") == year).height > 0),
            standard_fen=pl.lit(standard, pl.Int64),
            tier=pl.coalesce("tier", "ledger_tier"),
        )
        .sort("person_key")
    )
    placed = premium.with_categories(rows, own, subsidy, year)
    return premium_result.results(
        premium_result.drafts(placed, subsidy, year, af.ids), subsidy, year, decided
    )


def premiums(rows: Iterable[Row]) -> pl.DataFrame:
    """Premium lines. Cells: person; year (the whole year; else begin, end), paid (day; none), tier (1), own (yuan),
    flag (1), revs (Z; none).
    """
    made = []
    for row in rows:
        begin = (
            date.fromisoformat(row["begin"]) if "begin" in row else date(int(row.get("year", "2024")), 1, 1)
        )
        end = date.fromisoformat(row["end"]) if "end" in row else date(begin.year, 12, 31)
        paid = row.get("paid", "none")
        revs = row.get("revs", "Z")
        made.append(
            {
                "id_key": af.key(str(row["person"])),
                "accrym_begn": begin,
                "accrym_end": end,
                "clct_time": None if paid == "none" else datetime.fromisoformat(f"{paid} 09:00:00"),
                "clct_grde": None if row.get("tier") == "none" else row.get("tier", "1"),
                "own_fen": af.fen(row["own"]) if "own" in row else None,
                "clct_flag": row.get("flag", "1"),
                "revs_flag": None if revs == "none" else revs,
            }
        )
    return cf.table("rsdt_psn_clct_detl_d", made).with_columns(person_key="id_key")


def ledger_rows(rows: Iterable[Row]) -> pl.DataFrame:
    """资助参保台账. Cells: person, year (2024), amount, tier, source, region, on."""
    made = [
        {
            "id_key": af.key(str(row["person"])),
            "insurance_year": int(row.get("year", "2024")),
            "amount_fen": af.fen(row["amount"]),
            "tier": row.get("tier"),
            "source": row.get("source"),
            "region_code": row.get("region"),
            "subsidised_on": date.fromisoformat(row["on"]) if "on" in row else None,
        }
        for row in rows
    ]
    return cf.table("subsidy_ledger", made).with_columns(person_key="id_key")


def standards(rows: Iterable[Row]) -> pl.DataFrame:
    """premium_standard.csv. Cells: region, year, tier, amount (? not given)."""
    schema = {
        "region_code": pl.String, "insurance_year": pl.Int32, "tier": pl.String, "amount_fen": pl.Int64,
    }  # fmt: skip
    made = [
        (
            row["region"],
            int(row["year"]),
            row["tier"],
            None if row["amount"] == "?" else af.fen(row["amount"]),
        )
        for row in rows
    ]
    return pl.DataFrame(made, schema=schema, orient="row")
