"""Decisions on complete lists (审核决定, 对象类型 名单) in a run: which lists they confirm, as they stood when decided on."""

from __future__ import annotations

import polars as pl

from flows.configuration import Configuration
from flows.rosters import category_names, regions_by_policy
from schemas.reference import identity_codes
from stores import lake
from stores.home import Home
from transforms.certificates import SCOPE, still_listed
from transforms.identity import People
from transforms.roster_confirmed import LIST, ListWords, asked_lists, no_words, words
from transforms.roster_rows import coded, month_of, number_of

ON_LISTS = pl.Schema(
    {
        "region_code": pl.String, "department": pl.String, "code": pl.String, "list_month": pl.Int32,
        "person_key": pl.Int64, "file_id": pl.String,
    }
)  # fmt: skip


def list_words(
    home: Home, files: pl.DataFrame, configuration: Configuration, people: People, decided: pl.DataFrame
) -> ListWords:
    """What the decisions of a run (`transforms.decisions.made`) say of complete lists.

    Reads the lists of the months concerned only, and nothing where no list is decided on.
    """
    asked, unreadable = asked_lists(decided, category_names(configuration))
    if asked.is_empty():
        return no_words()._replace(told=unreadable)
    then = {day: lake.files_in_force(home, day) for day in asked["received_on"].unique().sort()}
    every = pl.concat([files, *then.values()]).unique("file_id", maintain_order=True)
    shown = people_on_lists(home, every, configuration, people, concerned(home, files, asked))
    of = {day: shown.join(held, on="file_id", how="semi") for day, held in then.items()}
    found = words(asked, shown.join(files, on="file_id", how="semi"), of)
    return found._replace(told=pl.concat([unreadable, found.told]))


def concerned(home: Home, files: pl.DataFrame, asked: pl.DataFrame) -> list[int]:
    """Months (YYYYMM) of the lists that decisions name, by number or by file."""
    named = files.join(asked.select("file_id").unique(), on="file_id", how="semi")
    months = [asked["list_month"]]
    for table in ("roster", "roster_refused"):
        months.append(lake.scan(home, table, named).select("list_month").unique().collect()["list_month"])
    return sorted(pl.concat(months).drop_nulls().unique())


def people_on_lists(
    home: Home, files: pl.DataFrame, configuration: Configuration, people: People, months: list[int]
) -> pl.DataFrame:
    """Who stands on the complete lists of these months, by file (`ON_LISTS`), with rejected rows that show it."""
    alias = configuration.reference["region_alias"]
    of_month = (pl.col("list_kind") == "在册") & pl.col("list_month").is_in(months)
    roster = lake.scan(home, "roster", files).filter(of_month)
    refused = lake.scan(home, "roster_refused", files).filter(of_month)
    found = [ON_LISTS.to_frame()]
    for name, regions in regions_by_policy(roster, refused, configuration):
        labels = identity_codes(configuration.reference, name)
        own = roster.join(regions, on="region_code", how="semi")
        shown = coded(own, files, people.links, labels, alias).with_columns(
            _month=month_of(pl.col("list_month"))
        )
        present = still_listed(
            refused.join(regions, on="region_code", how="semi"), files, people.links, labels, alias
        )
        columns = [*SCOPE, "_month", "person_key", "file_id"]
        both = pl.concat([shown.select(columns), present.select(columns)])
        found.append(both.with_columns(list_month=number_of(pl.col("_month"))).select(ON_LISTS.names()))
    return pl.concat(found).unique().sort(*LIST, "person_key", "file_id")
