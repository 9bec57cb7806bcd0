"""The pushes of a run as workbooks under `推送/`: which frames go into which of them (reports.pushes)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from flows.configuration import Configuration
from reports import pushes
from reports.entitled import entitlements
from reports.township_list import Issue
from reports.workbook import Sheet
from schemas.policy import PolicyRule, covers
from stores import lake
from stores.home import Home
from transforms.consent import covered
from transforms.identity import with_person
from transforms.pseudonym import key_texts

Books = list[tuple[str, list[Sheet]]]
FOLDER = "推送"


def push_books(
    home: Home,
    configuration: Configuration,
    files: pl.DataFrame,
    links: pl.DataFrame,
    tables: Mapping[str, pl.DataFrame],
    people: pl.DataFrame,
    names: Mapping[str, Any],
    issue: Issue,
) -> Books:
    """Path and sheets of every push. `tables`: mart tables with keys as texts; `people`: the vault's, likewise."""
    allowed = {
        name: frame.filter(~pl.col("person_key").is_in(list(issue.withheld)))
        for name, frame in tables.items()
        if name in ("warning", "risk_register", "person_year", "assistance_audit", "premium_subsidy")
    }
    found: Books = []
    latest = dict(tables["latest_year"].select("region_code", "cost_year").iter_rows())
    register = allowed["risk_register"]
    for region in register["region_code"].drop_nulls().unique().sort():
        own = {name: frame.filter(pl.col("region_code") == region) for name, frame in allowed.items()}
        year = int(latest.get(region, issue.on.year))
        persons = own["person_year"].filter(pl.col("cost_year") == year).drop("region_code")
        units = tables["cap_gap"].filter((pl.col("region_code") == region) & (pl.col("cost_year") == year))
        title = f"{names['regions'].get(region, region)}"
        say = _Region(str(region), title, year, people, names["townships"], issue.on)
        found += exchange(configuration, tables["roster_delivery"], own["warning"], say)
        found += say.book(
            "持证与负担", pushes.holders(own["risk_register"], persons, units, issue.on), pushes.HOLDER_FIELDS
        )
        open_ = entitlements(
            tables["cap_gap"].filter(pl.col("region_code") == region),
            own["assistance_audit"],
            own["premium_subsidy"],
            tables["benefit_line"].filter(pl.col("region_code") == region),
        )
        found += say.book("应享未享", due(open_, tables["cap_gap"], own["person_year"]), pushes.DUE_FIELDS)
        found += illness_and_claims(home, configuration, files, links, own["risk_register"], persons, say)
    return found


class _Region:
    """What the books of one region have in common."""

    def __init__(
        self, code: str, title: str, year: int, people: pl.DataFrame, townships: Mapping[str, str], on: date
    ) -> None:
        self.code, self.title, self.year = code, title, year
        self.people, self.townships, self.on = people, townships, on

    def book(self, name: str, rows: pl.DataFrame, fields: tuple[Any, ...]) -> Books:
        """One workbook with one sheet; none without rows."""
        if rows.is_empty():
            return []
        shown = pushes.with_people(rows, self.people, self.townships)
        return [(f"{FOLDER}/{self.code}_{name}.xlsx", [Sheet(name, f"{self.title}{name}", fields, shown)])]


def exchange(
    configuration: Configuration, delivered: pl.DataFrame, cases: pl.DataFrame, say: _Region
) -> Books:
    """L-24: the month's warning information for each partner, with the check of both directions."""
    rule = sharing_rule(configuration, say.code, say.on)
    if rule is None:
        return []
    check = pushes.monthly_check(delivered.filter(pl.col("region_code") == say.code), cases, say.on)
    rows = pushes.with_people(pushes.month_cases(cases, say.on), say.people, say.townships)
    return [
        (
            f"{FOLDER}/{say.code}_{say.on:%Y%m}_预警信息_{partner}.xlsx",
            pushes.case_sheets(
                rows, check.filter(pl.col("partner") == partner), f"{say.title}{say.on:%Y%m} "
            ),
        )
        for partner in rule.codes("partners", say.on)
    ]


def sharing_rule(configuration: Configuration, region: str, on: date) -> PolicyRule | None:
    """The rule by which a region exchanges lists with its partners each month, in force on a day."""
    for rule in configuration.policies.for_region(region, "information_sharing"):
        if rule.has("partners") and rule.parameter("partners").at(on) is not None:
            return rule
    return None


def due(open_: pl.DataFrame, units: pl.DataFrame, persons: pl.DataFrame) -> pl.DataFrame:
    """Z-27 d: a household's entitlement under its head, everyone with township and village."""
    heads = (
        units.select("household_id", head="head_person_key").drop_nulls().unique("household_id", keep="first")
    )
    where = persons.sort("cost_year").unique("person_key", keep="last", maintain_order=True)
    return (
        open_.join(heads, on="household_id", how="left")
        .with_columns(person_key=pl.coalesce("person_key", "head"))
        .join(
            where.select("person_key", "township_code", "village", _home="household_id"),
            on="person_key",
            how="left",
        )
        .with_columns(household_id=pl.coalesce("household_id", "_home"))
        .sort("township_code", "household_id", "person_key", "year", "rule_id", nulls_last=True)
    )


def illness_and_claims(
    home: Home,
    configuration: Configuration,
    files: pl.DataFrame,
    links: pl.DataFrame,
    register: pl.DataFrame,
    persons: pl.DataFrame,
    say: _Region,
) -> Books:
    """Z-26: 浙里慢病 and 惠民理赔 of the people in the register, where the policy asks for them and the tables came."""
    if not any(
        rule.rule.kind == "supplementary_coverage" and covers(rule.policy.territory, say.code)
        for rule in configuration.policies.rules.values()
    ):
        return []
    books: Books = []
    if lake.delivered(files, "opsp_reg"):
        rows = _keyed(lake.scan(home, "opsp_reg", files), links).filter(
            (pl.col("enddate").fill_null(say.on) >= say.on) & (pl.col("vali_flag").fill_null("1") == "1")
        )
        ill = rows.select(
            "person_key", code="opsp_dise_code", illness="opsp_dise_name", begins="begndate", ends="enddate"
        ).unique()
        known = pushes.of_register(ill, register, say.on).join(persons, on="person_key", how="left")
        known = known.sort("township_code", "village", "person_key", "code", "begins", nulls_last=True)
        books += say.book("浙里慢病", known, pushes.CHRONIC_FIELDS)
    if lake.delivered(files, "supplementary_cover"):
        rows = _keyed(lake.scan(home, "supplementary_cover", files), links, texts=False)
        inside = covered(rows, say.year)
        own = rows.filter(pl.col("person_key").is_in(inside.implode()))
        own = own.with_columns(person_key=key_texts(own["person_key"], "P")).select(
            "person_key", "product", "insurer"
        )
        told = pushes.claims(pushes.of_register(own, register, say.on), persons)
        books += say.book("惠民理赔", told, pushes.CLAIM_FIELDS)
    return books


def _keyed(rows: pl.LazyFrame, links: pl.DataFrame, texts: bool = True) -> pl.DataFrame:
    """Rows with the published key of their person, as the warehouse writes it."""
    found = with_person(rows, links).collect()
    return found.with_columns(person_key=key_texts(found["person_key"], "P")) if texts else found
