"""Synthetic counties through the whole job agree with their answer keys: every person, household, unit, line and file.

The key comes from the generator's own truth and shares no code with the pipeline. The planted situations, whose
amounts were written by hand, are looked up one by one. The ordinary run has ten seeds under each document's rules:
Lin'an (household cap) with 3 000 people each, Pengshui (assistance, tilt relief, audit) and the counties of Wenzhou
(relief of households) once with 3 000 people and nine times with 300; one seed of Pengshui delivers an empty list of
special diseases, one none, one is of the year after (with stays that began in the year before); one county of Wenzhou
is no pilot. `make agree` does one seed of Lin'an at 100 000, of the others at 20 000.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows.pipeline import Outcome
from stores.home import Home
from synth import write_county
from tests.agreement import (
    all_differences,
    items_off_base,
    key_table,
    line_review_cases,
    person_keys,
    published,
    review_cases,
)
from tests.support import county_home

PERSONS = int(os.environ.get("FENGDING_AGREE_PERSONS", "3000"))
FEW = min(PERSONS, 300)
PILOTS = ("330305", "330324", "330326", "330327", "330328", "330329")


@dataclass(frozen=True)
class Run:
    """A synthetic county to be compared."""

    region: str
    year: int
    persons: int
    seed: int
    disease_list: str = "full"

    def __str__(self) -> str:
        return f"{self.region}-{self.seed}"


def runs() -> list[Run]:
    """The counties of a run; a large one is made once under each document's rules."""
    if PERSONS > 3000:
        some = min(PERSONS, 20_000)
        large = Run("330112", 2023, PERSONS, 1)
        return [large, Run("500243", 2023, some, 1), Run("330324", 2024, some, 1)]
    found = [Run("330112", 2023, PERSONS, seed) for seed in range(1, 11)]
    found += [Run("500243", 2023, PERSONS if seed == 1 else FEW, seed) for seed in range(1, 8)]
    found += [Run("500243", 2024, FEW, 8)]
    found += [Run("500243", 2023, FEW, 9, "empty"), Run("500243", 2023, FEW, 10, "missing")]
    found += [
        Run(PILOTS[seed % len(PILOTS)], 2024, PERSONS if seed == 1 else FEW, seed) for seed in range(1, 10)
    ]
    return [*found, Run("330302", 2024, FEW, 10)]


@pytest.fixture(scope="module", params=runs(), ids=str)
def ran(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Run, Path, Outcome]:
    run: Run = request.param
    folder = tmp_path_factory.mktemp(f"county{run}")
    write_county(
        folder / "county", persons=run.persons, year=run.year, region=run.region, seed=run.seed,
        disease_list=run.disease_list,
    )  # fmt: skip
    return run, folder / "county", county_home(folder / "county", folder / "home", run.year)


def test_every_cell_agrees(ran: tuple[Run, Path, Outcome]) -> None:
    run, county, outcome = ran
    assert outcome.warehouse is not None
    found = all_differences(Home(outcome.request.home), county, outcome.warehouse, run.region)
    wrong = {name: frame.to_dicts()[:20] for name, frame in found.items() if not frame.is_empty()}
    assert not wrong
    assert not items_off_base(outcome.warehouse)


def test_every_planted_situation_has_its_amount(ran: tuple[Run, Path, Outcome]) -> None:
    """Each line of situations.csv, written by hand, stands in the published tables; none is missing."""
    run, county, outcome = ran
    expected = key_table(county, "situations")
    assert expected["situation"].n_unique() >= 40
    assert outcome.warehouse is not None
    home = Home(outcome.request.home)
    persons = expected.filter(table="person_year").select(
        certno="unit", psn_no=pl.lit(None, pl.String), region_code=pl.lit(run.region)
    )
    keys = dict(zip(persons["certno"], person_keys(home, persons, run.region), strict=True))
    tables = published_cells(outcome.warehouse)
    wrong = []
    for row in expected.iter_rows(named=True):
        unit = keys.get(row["unit"], row["unit"]) if row["table"] == "person_year" else row["unit"]
        found = found_cell(tables, row["table"], unit, row["column"])
        if found != (row["expected"] or None):
            wrong.append({**row, "found": found})
    assert not wrong


Cells = dict[tuple[str, ...], dict[str, Any]]


def published_cells(warehouse: Path) -> dict[str, Cells]:
    """Published rows by table and key; of lines and other readings the key is more than the unit."""
    lines = published(warehouse, "benefit_line").filter(pl.col("settlement_id").is_not_null())
    audit = published(warehouse, "assistance_audit") if "P-16" in lines["rule_id"] else pl.DataFrame()
    keyed = {
        "person_year": (published(warehouse, "person_year"), ["person_key"]),
        "household_year": (published(warehouse, "household_year"), ["household_id"]),
        "cap_gap": (published(warehouse, "cap_gap"), ["unit_id"]),
        "review_case": (review_cases(warehouse), ["unit_id", "reading_key", "reading"]),
        "benefit_line": (lines, ["settlement_id", "rule_id"]),
        "line_review_case": (
            line_review_cases(warehouse),
            ["settlement_id", "rule_id", "reading_key", "reading"],
        ),
        "assistance_audit": (audit, ["settlement_id"]),
    }
    return {
        name: {tuple(row[k] for k in key): row for row in frame.iter_rows(named=True)}
        for name, (frame, key) in keyed.items()
    }


def found_cell(tables: dict[str, Cells], table: str, unit: str, column: str) -> str | None:
    """What stands in the cell that a line of situations.csv names; absent: whether the row is missing."""
    words = column.split(" ")
    if table.endswith("review_case"):
        key, column = (unit, *words), "amount_yuan"
    elif table == "benefit_line":
        key, column = (unit, words[0]), words[1]
    else:
        key = (unit,)
    row = tables[table].get(key)
    if column == "absent":
        return str(row is None).lower()
    return None if row is None else row[column]
