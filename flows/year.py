"""What is known of a cost year once its burdens, caps and assistance stand: what the later rule families look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import polars as pl

from flows.configuration import Configuration
from flows.rosters import Rosters
from stores.home import Home
from transforms.burden import Burdens
from transforms.identity import People
from transforms.ledger import Ids
from transforms.resolved import Resolved

Tables = dict[str, pl.DataFrame]
"""Result frames by table name: mart columns, money as `*_fen` whole fen, keys as whole numbers."""


@dataclass(frozen=True)
class Year:
    """One cost year of one run, resolved and assessed.

    `sums`: what each person's settlements sum to (`transforms.person_year.totals`); `places`: region, township and
    village of each person; `persons`, `households`: mart.person_year and mart.household_year in fen; `files`: the
    files in force; `until`: the yardstick date of yearly attributes; `ids`: texts to benefit ids.
    """

    home: Home
    files: pl.DataFrame
    configuration: Configuration
    people: People
    settled: Resolved
    rosters: Rosters
    burdens: Burdens
    sums: pl.DataFrame
    places: pl.DataFrame
    persons: pl.DataFrame
    households: pl.DataFrame
    year: int
    on: date
    until: date
    ids: Ids


Family = Callable[[Year, Tables], Tables]
"""A rule family: from the year and the tables of the families before it to the rows that it adds, by table name."""
