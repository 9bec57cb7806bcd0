"""The lists that leave the house: township workbooks and pushes, made from the published results and the vault."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from flows.configuration import Configuration
from reports import gap_list, township_list
from reports.entitled import entitlements
from reports.payment_list import township_name
from reports.township_list import Issue
from reports.workbook import Sheet
from schemas.calendar import CalendarError, working_calendar
from schemas.warnings import case_flow
from stores import lake
from stores.home import Home
from transforms import cases
from transforms.consent import consented
from transforms.identity import with_person
from transforms.normalise_ledgers import reason_keys
from transforms.pseudonym import key_numbers, key_texts

Books = list[tuple[str, list[Sheet]]]
TOWNSHIPS, GAPS = "townships", "封顶差额"


def issue_for(
    home: Home,
    configuration: Configuration,
    files: pl.DataFrame,
    links: pl.DataFrame,
    warned: pl.DataFrame,
    on: date,
    full: bool,
) -> Issue:
    """The issue of a run: `full` lists are of the day itself, else those of the last day of issue go on standing."""
    calendar = working_calendar(configuration.reference["working_calendar"])
    days = {}
    for region in warned["region_code"].drop_nulls().unique().to_list():
        flow = case_flow(configuration.policies, region, on)
        if flow is None or full:
            continue
        try:
            days[region] = cases.last_issue(calendar, on, flow.issue_working_day)
        except CalendarError:
            days[region] = on
    return Issue(on, days, withheld_people(home, configuration, files, links, warned, on))


def withheld_people(
    home: Home,
    configuration: Configuration,
    files: pl.DataFrame,
    links: pl.DataFrame,
    warned: pl.DataFrame,
    on: date,
) -> frozenset[str]:
    """Keys (texts) of the people whose data may not be passed on without their consent (W-12).

    `warned`: person_key (text), region_code of everybody on a list.
    """
    required = tuple(
        rule.policy.territory
        for rule in configuration.policies.rules.values()
        if rule.rule.kind == "consent"
        and rule.parameter("required").at(on) is not None
        and rule.flag("required", on)
    )
    if not required or warned.is_empty():
        return frozenset()
    rows = None
    if lake.delivered(files, "consent"):
        rows = with_person(lake.scan(home, "consent", files), links).collect()
    persons = warned.with_columns(key_numbers(warned["person_key"]))
    held = consented(rows, persons, required, on).withheld
    return frozenset(key_texts(held, "P").to_list())


def township_lists(
    home: Home,
    tables: Mapping[str, pl.DataFrame],
    people: pl.DataFrame,
    names: Mapping[str, Any],
    issue: Issue,
) -> Books:
    """Path and sheets of each township's workbook. `tables`: mart tables with keys as texts; `names`: townships, regions."""
    warned = tables["warning"].with_columns(pl.col("year").cast(pl.Int64))
    units = tables["cap_gap"]
    entitled = entitlements(
        units, tables["assistance_audit"], tables["premium_subsidy"], tables["benefit_line"]
    )
    near = gap_list.gap_rows(units, people, names["townships"])
    reasons = near.filter(pl.col("household_id").is_not_null()).select(
        "household_id", year=pl.col("cost_year").cast(pl.Int64), text=pl.col("why").str.strip_suffix("。")
    )
    rows = township_list.case_rows(
        warned, reasons, entitled, people, names["townships"], names["regions"], issue
    )
    rows = township_list.numbered(rows, issue, reason_keys(rows["why"], home.secret()))
    gone = warned.with_columns(
        full_on=township_list.full_days(issue), township=township_name(names["townships"])
    ).filter((pl.col("status") == "withdrawn") & (pl.col("last_seen") >= pl.col("full_on")))
    books: Books = [
        (f"{TOWNSHIPS}/{safe(name)}", sheets)
        for name, sheets in township_list.township_books(rows, gone, issue)
    ]
    return books + [(f"{GAPS}/{safe(name)}", [sheet]) for name, sheet in gap_list.gap_books(near)]


def with_texts(people: pl.DataFrame) -> pl.DataFrame:
    """The vault's people under the texts of their keys, with every column of the lists."""
    keys = people["person_key"]
    texts = key_texts(keys.cast(pl.Int64), "P") if keys.dtype.is_integer() else keys
    found = people.with_columns(person_key=texts)
    lacking = [
        pl.lit(None, pl.String).alias(name)
        for name in ("name", "certno", "phone", "address")
        if name not in people
    ]
    return found.with_columns(lacking).select("person_key", "name", "certno", "phone", "address")


def safe(name: str) -> str:
    """A file name without characters that an office machine refuses."""
    return re.sub(r'[\\/:*?"<>|\s]', "_", name)
