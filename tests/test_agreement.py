"""A synthetic county through the whole job agrees with its answer key: every person, household, unit and file.

The key comes from the generator's own truth and shares no code with the pipeline. The planted situations, whose
amounts were written by hand, are looked up one by one. The ten seeds of the ordinary run have 3 000 people each;
`make agree` does the same at 100 000.
"""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl
import pytest

from flows.pipeline import Outcome
from stores.home import Home
from synth import write_county
from tests.agreement import all_differences, key_table, person_keys, published, review_cases
from tests.support import county_home

REGION, YEAR = "330112", 2023
PERSONS = int(os.environ.get("FENGDING_AGREE_PERSONS", "3000"))
SEEDS = [1] if PERSONS > 3000 else list(range(1, 11))


@pytest.fixture(scope="module", params=SEEDS)
def ran(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    folder = tmp_path_factory.mktemp(f"seed{request.param}")
    write_county(folder / "county", persons=PERSONS, year=YEAR, region=REGION, seed=request.param)
    return folder / "county", county_home(folder / "county", folder / "home", YEAR)


def test_every_cell_agrees(ran: tuple[Path, Outcome]) -> None:
    county, outcome = ran
    found = all_differences(Home(outcome.request.home), county, outcome.warehouse, REGION)
    wrong = {name: frame.to_dicts()[:20] for name, frame in found.items() if not frame.is_empty()}
    assert not wrong


def test_every_planted_situation_has_its_amount(ran: tuple[Path, Outcome]) -> None:
    """Each line of situations.csv, written by hand, stands in the published tables; none is missing."""
    county, outcome = ran
    expected = key_table(county, "situations")
    assert expected["situation"].n_unique() >= 40
    home = Home(outcome.request.home)
    persons = expected.filter(table="person_year").select(
        certno="unit", psn_no=pl.lit(None, pl.String), region_code=pl.lit(REGION)
    )
    keys = dict(zip(persons["certno"], person_keys(home, persons, REGION), strict=True))
    tables = {
        "person_year": (published(outcome.warehouse, "person_year"), "person_key"),
        "household_year": (published(outcome.warehouse, "household_year"), "household_id"),
        "cap_gap": (published(outcome.warehouse, "cap_gap"), "unit_id"),
    }
    cases = review_cases(outcome.warehouse)
    wrong = []
    for row in expected.iter_rows(named=True):
        if row["table"] == "review_case":
            reading = cases.filter(
                unit_id=row["unit"], reading_key=row["column"][:5], reading=row["column"][6:]
            )
            if reading["amount_yuan"].to_list() != [row["expected"]]:
                wrong.append({**row, "found": reading["amount_yuan"].to_list()})
            continue
        frame, key = tables[row["table"]]
        unit = keys.get(row["unit"], row["unit"]) if row["table"] == "person_year" else row["unit"]
        cells = frame.filter(pl.col(key) == unit)
        if row["column"] == "absent":
            right = cells.is_empty()
        else:
            right = cells.height == 1 and cells[row["column"]].to_list() == [row["expected"]]
        if not right:
            wrong.append(
                {**row, "found": cells[row["column"]].to_list() if row["column"] in cells.columns else None}
            )
    assert not wrong
