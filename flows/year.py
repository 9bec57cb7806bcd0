"""What is known of a cost year once its burdens, caps and assistance stand: what the later rule families look at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

import polars as pl

from flows.configuration import Configuration
from flows.rosters import Rosters
from schemas.reference import ranked_categories
from stores.home import Home
from transforms.burden import Burdens
from transforms.decided_lines import no_rulings
from transforms.identity import People
from transforms.indicators_costs import held_on, routed
from transforms.ledger import Ids
from transforms.mass import Mass
from transforms.resolved import Resolved

if TYPE_CHECKING:
    from flows.premium import Premiums

Tables = dict[str, pl.DataFrame]
"""Result frames by table name: mart columns, money as `*_fen` whole fen, keys as whole numbers."""


@dataclass(frozen=True)
class Year:
    """One cost year of one run, resolved and assessed.

    `mass`: what everybody's settlements sum to; `places`: region, township and village of each person; `persons`,
    `households`: mart.person_year and mart.household_year in fen; `files`: the files in force; `until`: the yardstick date of yearly attributes; `ids`: texts to benefit ids; `rulings`: what
    decisions say of the lines (`decided_lines.DECIDED`); `premiums`: the premium subsidies as drafted (None: not yet).
    """

    home: Home
    files: pl.DataFrame
    configuration: Configuration
    people: People
    settled: Resolved
    mass: Mass
    rosters: Rosters
    burdens: Burdens
    places: pl.DataFrame
    persons: pl.DataFrame
    households: pl.DataFrame
    year: int
    on: date
    until: date
    ids: Ids
    rulings: pl.DataFrame = field(default_factory=no_rulings)
    premiums: Premiums | None = None

    @property
    def sums(self) -> pl.DataFrame:
        """What each person's settlements sum to (`transforms.person_year.totals`)."""
        return self.mass.sums

    @cached_property
    def dated(self) -> pl.DataFrame:
        """Settlements of people with a category in the year, with category and county of the day (`routed`)."""
        ranks = ranked_categories(self.configuration.reference)
        return routed(self.burdens.settlements, self.rosters.certificates, ranks, self.year)

    @cached_property
    def _held(self) -> dict[tuple[tuple[str, ...], str], pl.Series]:
        return {}

    def held(self, codes: Sequence[str], territory: str) -> pl.Series:
        """`held_on` of each row of `dated`: several families ask for the same categories."""
        key = tuple(codes), territory
        if key not in self._held:
            self._held[key] = held_on(self.dated, self.rosters.certificates, codes, territory, self.year)
        return self._held[key]


Family = Callable[[Year, Tables], Tables]
"""A rule family: from the year and the tables of the families before it to the rows that it adds, by table name."""
