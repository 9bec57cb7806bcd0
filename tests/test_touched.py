"""A night asks for every published year that its files change, not only for the years in their dates."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from flows import pipeline
from flows.touched import years_to_assess
from stores.home import Home
from tests.support import deliver, quiet, request, run
from tests.test_order import DELIVERY, SETTLEMENT, A, B, C, settlement, written

ON = date(2024, 3, 31)
D = "330199197001010040"
OTHER = "330199197101010040"
"""Two numbers of one invented person, of one 人员编号 once a later row says so."""


def later_row(number: str, who: str, psn: str) -> str:
    """A row of 2024 under the 人员编号 of D."""
    return settlement(number, who, "2024-03-01", psn).replace(f"N{who[6:14]}", f"N{OTHER[6:14]}")


NEW: dict[str, list[str]] = {
    "a later version moves a settlement across New Year": [
        settlement("S10", C, "2024-01-02", "500.25", updated="2024-02-01 10:00:00")
    ],
    "a key turns out to be another person's": [later_row("T9", D, "5.00")],
    "the newest version of a settlement is rejected": [
        settlement("T1", B, "2024-03-01", "10.00"),
        settlement("S1", A, "2023-01-05", "20000.00", updated="2024-03-01 10:00:00").replace(
            ",20000.00,0,20000.00,", ",20000.00,0,19000.00,"
        ),
    ],
    "a negative row under another key of the person": [
        settlement("T2", C, "2024-03-02", "1.00"),
        settlement("T3", C, "2024-03-03", "-500.25", certno=False),
    ],
    "the settlement that comes in the place of a reversed one": [
        settlement("T5", A, "2024-03-01", "13000.50").replace("VT5", "VS2")
    ],
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """2023 and 2024 assessed and published; D's two keys not yet known to be one, S2 reversed by the end of 2023."""
    monkeypatch.setenv("FENGDING_SECRET", "a secret of the tests")
    more = [
        settlement("D1", D, "2023-05-01", "900.00"),
        settlement("D2", OTHER, "2023-05-02", "800.00", certno=False),
        settlement("S13", A, "2023-12-30", "-13000.50", init="S2"),
    ]
    files = {**DELIVERY, "may.csv": ("2024-01-02", SETTLEMENT, more)}
    home = Home(tmp_path / "home")
    deliver(home, [(written(tmp_path, n, h, r), date.fromisoformat(on)) for n, (on, h, r) in files.items()])
    for year in (2023, 2024):
        run(home, year, on=ON)
    return home


def persons(home: Home, number: int) -> pl.DataFrame:
    [folder] = run(home, 2023, on=ON, number=number).assessed.values()
    return pl.read_parquet(folder / "person_year.parquet").drop("township_source").sort("person_key")


@pytest.mark.parametrize("name", list(NEW))
def test_an_earlier_year_that_new_rows_change_is_asked_for(home: Home, tmp_path: Path, name: str) -> None:
    before = persons(home, 7)
    new = written(tmp_path, "new.csv", SETTLEMENT, NEW[name])
    told = pipeline.read_inbox(home, date(2024, 3, 30), quiet, [new])
    years = years_to_assess(home, told, request(home, 2024, on=ON))
    assert not persons(home, 8).equals(before)  # the year does change
    assert 2023 in years


def test_a_year_that_nothing_bears_on_is_left_alone(home: Home, tmp_path: Path) -> None:
    before = persons(home, 7)
    new = written(tmp_path, "new.csv", SETTLEMENT, [settlement("T8", B, "2024-03-01", "3.00")])
    told = pipeline.read_inbox(home, date(2024, 3, 30), quiet, [new])
    assert years_to_assess(home, told, request(home, 2024, on=ON)) == [2024]
    assert persons(home, 8).equals(before)
