"""What the platform shows of many people at once: cost structure, institutions, items and diseases of a cost year.

Nothing here bears on a benefit: the tables stand beside the results and are made of settled facts, so a fee list or a
diagnosis that comes late changes them and nothing else. Fee lines and diagnoses are read of monitored people only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import polars as pl

from flows.counting import KEYS
from flows.year import Tables, Year
from schemas.policy import Policies
from schemas.targets import hardship_categories, population_policies, relief_policies, targets_of
from stores import lake
from transforms import analytics_diseases, analytics_items, versions
from transforms.analytics import (
    HARDSHIP,
    LOW_INCOME,
    MONITORED,
    UPLOADS,
    cost_structure,
    members,
    provider_sheet,
)
from transforms.waterfall import aid_layers

OWN_SHARE = 10
"""A county without a roster is shown from one in so many settlements of the year on; fewer are strays."""
LOW_INCOME_INDICATORS = ("IND-7", "IND-8", "IND-9")
NO_LINES = "未收到费用明细，机构的明细上传率、目录内、集采、谈判药占比和项目排名无法计算"
NO_KIND = "费用明细的目录类别和收费项目类别均不明，不能归入药品、耗材、诊疗项目，未列入排名"


@dataclass(frozen=True)
class _Lines:
    """Fee lines of monitored people: their sums by settlement, by item and settlement, and the names of the items."""

    uploads: pl.DataFrame
    used: pl.DataFrame
    names: pl.DataFrame


def analytics(year: Year, tables: Tables) -> Tables:
    """mart.cost_structure, provider_sheet, item_ranking, disease_trend, and findings on what they lack."""
    settlements = year.burdens.settlements
    belonging = members(year.dated, _held(year))
    aid = aid_layers(settlements, year.burdens.payments)
    lines = _lines(year, belonging["setl_id"])
    counties = belonging["region_code"].unique().sort().to_list()
    lengths = {county: n for county in counties if (n := _length(year, county)) is not None}
    return {
        "cost_structure": cost_structure(_own_months(year), belonging, settlements, aid, year.year),
        "provider_sheet": provider_sheet(belonging, lines.uploads, tables["institution"], year.year),
        "item_ranking": analytics_items.item_ranking(belonging, lines.used, lines.names, lengths, year.year),
        "disease_trend": _trend(year),
        "roster_finding": _findings(belonging, lines),
    }


def _held(year: Year) -> Iterator[tuple[str, pl.Series]]:
    """(population, which rows of `year.dated` are of who holds its categories on the day) of each county in it."""
    routed = year.dated["routed_code"]
    for county in routed.drop_nulls().unique().sort():
        own = (routed == county).fill_null(False)
        for name, (territory, codes) in _populations(year.configuration.policies, county, year.year).items():
            yield name, own & year.held(codes, territory).is_not_null()


def _populations(policies: Policies, county: str, year: int) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Population → (territory, categories): 困难群众 of the most local document, and its low-income households."""
    found: dict[str, tuple[str, tuple[str, ...]]] = {}
    targets = targets_of(policies, county, year)
    for name in [*relief_policies(policies, county), *population_policies(policies, county)][:1]:
        found[HARDSHIP] = policies.heads[name].territory, hardship_categories(policies, name)
    for population, indicators in ((HARDSHIP, ("IND-3",)), (LOW_INCOME, LOW_INCOME_INDICATORS)):
        asked = [t for t in targets if t.indicator_id in indicators and t.categories]
        if asked:
            found[population] = asked[0].territory, asked[0].categories
    return found


def _length(year: Year, county: str) -> int | None:
    """How many items a ranking of the county has, by its documents on the last day looked at."""
    day = max(year.until, date(year.year, 12, 31))
    for rule in year.configuration.policies.for_region(county, "ranking"):
        if rule.has("top_n") and rule.parameter("top_n").at(day) is not None:
            return int(rule.number("top_n", day))
    return None


def _own_months(year: Year) -> pl.DataFrame:
    """The year's sums by county and month, of counties with a roster and of those that hold more than strays."""
    months = year.mass.months
    listed = year.rosters.certificates["county_code"].drop_nulls().unique()
    n = pl.col("n").sum()
    own = (n.over("county_code") * OWN_SHARE >= n) | pl.col("county_code").is_in(listed.implode())
    return months.filter(own)


def _lines(year: Year, settlements: pl.Series) -> _Lines:
    """The current fee lines of these settlements, summed up; without rows where none were delivered."""
    if not lake.delivered(year.files, "fee_list_d") or settlements.is_empty():
        none = pl.DataFrame(schema={"item_code": pl.String, "item_name": pl.String})
        return _Lines(UPLOADS.to_frame(), analytics_items.USED.to_frame(), none)
    rows = lake.scan(year.home, "fee_list_d", year.files)
    own = rows.join(settlements.to_frame().lazy(), on="setl_id", how="semi")
    gone = versions.marks(own, KEYS["fee_list_d"], year.files, updt=None)
    lines = versions.without(own, gone).select(analytics_items.LINE)
    made = (analytics_items.uploads(lines), analytics_items.used(lines), analytics_items.names_of(lines))
    return _Lines(*pl.collect_all(made, engine="streaming"))


def _trend(year: Year) -> pl.DataFrame:
    """mart.disease_trend; names of diseases as diagnoses and registrations of chronic diseases give them."""
    home, files = year.home, year.files
    named = year.dated["mdtrt_id"]
    visits = (named if lake.delivered(files, "setl_diag_list_d") else named.clear()).drop_nulls().unique()
    found = lake.scan(home, "setl_diag_list_d", files).filter(pl.col("mdtrt_id").is_in(visits.implode()))
    current, _ = versions.current(found, KEYS["setl_diag_list_d"], files, updt=None)
    diagnoses = current.select(
        "mdtrt_id", "inout_type", "diag_code", "diag_name", "main_flag", "diag_no"
    ).collect(engine="streaming")
    registered = (
        lake.scan(home, "opsp_reg", files).select(code="opsp_dise_code", name="opsp_dise_name").collect()
    )
    names = pl.concat([diagnoses.select(code="diag_code", name="diag_name"), registered])
    return analytics_diseases.disease_trend(
        year.dated, year.persons, analytics_diseases.main_diagnoses(diagnoses),
        analytics_diseases.names_of(names), year.year,
    )  # fmt: skip


def _findings(belonging: pl.DataFrame, lines: _Lines) -> pl.DataFrame:
    """A county whose monitored people have no fee lines at all, and lines whose kind cannot be told."""
    own = belonging.filter(MONITORED)
    with_lines = own.join(lines.uploads, on="setl_id", how="semi")["region_code"].unique()
    missing = (
        own.filter(~pl.col("region_code").is_in(with_lines.implode()))
        .group_by("region_code")
        .agg(n_rows=pl.len().cast(pl.Int64))
        .with_columns(
            rule_id=pl.lit("L-16"),
            finding=pl.lit(NO_LINES),
            amount_fen=pl.lit(None, pl.Int64),
            suggestion=pl.lit("请报送费用明细（fee_list_d）。"),
        )
    )
    unknown = (
        own.join(lines.used.filter(pl.col("kind").is_null()), on="setl_id")
        .group_by("region_code")
        .agg(n_rows=pl.len().cast(pl.Int64), amount_fen=pl.col("amount_fen").sum())
        .with_columns(
            rule_id=pl.lit("Z-16"),
            finding=pl.lit(NO_KIND),
            suggestion=pl.lit("请核对费用明细的目录类别和收费项目类别。"),
        )
    )
    names = ["region_code", "rule_id", "finding", "suggestion", "n_rows", "amount_fen"]
    return pl.concat([missing.select(names), unknown.select(names)]).sort("region_code", "rule_id")
