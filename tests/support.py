"""A whole run in a folder, without Prefect: what end-to-end tests share."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterable
from datetime import date, datetime
from itertools import groupby
from pathlib import Path

import duckdb
import polars as pl

from flows import pipeline
from flows.pipeline import Outcome, Request
from stores.home import Home

TODAY = date(2026, 11, 22)
Delivery = tuple[Path, date]


def quiet(_: str) -> None:
    """Say nothing."""


def deliveries(county: Path) -> list[Delivery]:
    """The files of a synthetic county with their dates of receipt, in order of receipt."""
    with (county / "received.csv").open(encoding="utf-8") as handle:
        rows = [
            (county / "inbox" / row["file"], date.fromisoformat(row["received_on"]))
            for row in csv.DictReader(handle)
        ]
    return sorted(rows, key=lambda row: (row[1], row[0].name))


def deliver(home: Home, files: Iterable[Delivery]) -> None:
    """Ingest files in their order, those of one date of receipt in one go."""
    home.ensure()
    for received, group in groupby(files, key=lambda delivery: delivery[1]):
        pipeline.read_inbox(home, received, quiet, [path for path, _ in group])


def request(
    home: Home, year: int, *, on: date = TODAY, as_of: date | None = None, number: int = 1
) -> Request:
    """A backfill request as of a fixed day, published."""
    started = datetime(on.year, on.month, on.day, 2, 30)
    return Request(home.root, "backfill", year, on, on, f"R{number:04d}", started, None, as_of, True)


def run(
    home: Home,
    year: int,
    *,
    on: date = TODAY,
    as_of: date | None = None,
    number: int = 1,
    lists: bool = False,
) -> Outcome:
    """Assess and publish one cost year of what has been ingested; write the lists where they are asked for."""
    asked = request(home, year, on=on, as_of=as_of, number=number)
    with pipeline.recorded(asked):
        folder, fresh = pipeline.assess_year(home, year, asked, quiet)
        if lists:
            warehouse, exports, attention = pipeline.deliver(home, asked, {year: folder}, quiet)
        else:
            warehouse, exports, attention = pipeline.publish(home, asked, {year: folder}, quiet)[0], None, 0
    return Outcome(
        asked, None, {year: folder}, frozenset({year} if fresh else ()), warehouse, exports, attention
    )


def county_home(county: Path, root: Path, year: int) -> Outcome:
    """Ingest a synthetic county into a new home and run its year, on the date that its answer key is made for."""
    shutil.rmtree(root, ignore_errors=True)
    home = Home(root)
    if (county / "reference").exists():
        shutil.copytree(county / "reference", home.reference)
    deliver(home, deliveries(county))
    return run(home, year, on=date(year + 1, 3, 31))


def table(warehouse: Path, sql: str) -> pl.DataFrame:
    """The result of a query on a published warehouse."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.sql(sql).pl()
