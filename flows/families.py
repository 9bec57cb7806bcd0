"""The rule families that follow the burdens, the caps and assistance, in the order in which they build on each other."""

from __future__ import annotations

import polars as pl

from flows.year import Family, Tables, Year

FAMILIES: tuple[Family, ...] = ()
"""Each family sees the tables of the ones before it."""


def with_families(year: Year, tables: Tables) -> Tables:
    """All result tables; rows that a family adds to a table stand under those already there."""
    found = dict(tables)
    for family in FAMILIES:
        for name, rows in family(year, found).items():
            before = [found[name]] if name in found else []
            found[name] = pl.concat([*before, rows], how="diagonal_relaxed")
    return found
