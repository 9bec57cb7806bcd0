"""A night builds on the last result of the year: it gives what reading every row gives, table by table."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows import families, pipeline
from flows import mass as flow_mass
from flows.assess import Assessment, assess
from flows.configuration import load_configuration
from stores import carried, lake
from stores.home import Home
from synth import county as synth_county
from tests.support import deliver, deliveries, quiet
from tests.test_list_decisions import Lists, confirmed
from transforms import mass

YEAR, ON = 2023, date(2024, 3, 31)


@pytest.fixture
def derived(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each attempt to build on an earlier result came to a result."""
    made: list[bool] = []
    own = flow_mass.Settlements._derived

    def watched(*args: Any) -> Any:
        found = own(*args)
        made.append(found is not None)
        return found

    monkeypatch.setattr(flow_mass.Settlements, "_derived", watched)
    monkeypatch.setattr(flow_mass, "MOST_TOUCHED", 1.0)  # a small county is touched by half in a month
    monkeypatch.setenv("FENGDING_SECRET", "for tests only")
    return made


def assessed(home: Home, derive: bool) -> Assessment:
    return assess(
        home,
        lake.files_in_force(home),
        load_configuration(home, None),
        YEAR,
        ON,
        quiet,
        derive=derive,
        keep=True,
    )


def ordered(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows in one order; lists as text, since lists do not sort."""
    plain = frame.with_columns(pl.col(pl.List(pl.String)).list.join("|"))
    return plain.sort(plain.columns)


def agree(left: Assessment, right: Assessment) -> None:
    assert left.tables.keys() == right.tables.keys()
    for name, rows in left.tables.items():
        assert ordered(rows).equals(ordered(right.tables[name].select(rows.columns))), name
    assert left.facts == right.facts


def nights(root: Path, region: str, persons: int, seed: int) -> Iterator[Home]:
    """A home after every few dates of receipt of a synthetic county."""
    county = root / "county"
    synth_county.write_county(county, persons=persons, year=YEAR, region=region, seed=seed)
    home = Home(root / "home")
    home.ensure()
    dates = [list(files) for _, files in groupby(deliveries(county), key=lambda delivery: delivery[1])]
    for number, files in enumerate(dates, 1):
        deliver(home, files)
        if number % 18 == 0 or number == len(dates):
            yield home


@pytest.mark.parametrize(
    ("region", "seed", "kept"),
    [("330112", 1, 0), ("500243", 3, flow_mass.WORTH_KEEPING)],
)
def test_a_night_gives_what_reading_every_row_gives(
    tmp_path: Path, derived: list[bool], monkeypatch: pytest.MonkeyPatch, region: str, seed: int, kept: int
) -> None:
    """Refunds, later versions, corrections, links, rosters, payments and refused rows come in over more than a year;
    each night builds on the one before it, or (`kept`) all on an early one.
    """
    monkeypatch.setattr(flow_mass, "WORTH_KEEPING", kept)
    whole = None
    for home in nights(tmp_path, region, 150, seed):
        found = assessed(home, derive=True)
        whole = assessed(home, derive=False)
        agree(found, whole)
        found.hand_on()
    assert sum(derived) > 2
    assert whole is not None and whole.tables["person_year"].height > 110
    # nor do families that are worked out beside the others need anything of them
    assert set(families.ALONE) < set(families.FAMILIES)
    monkeypatch.setattr(families, "ALONE", ())
    in_turn = assessed(home, derive=False).tables
    assert all(rows.equals(in_turn[name]) for name, rows in whole.tables.items())


@pytest.fixture(scope="module")
def handed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Any]]:
    """A home with all but one settlement file of a county, handed on; and the file that is still to come."""
    root = tmp_path_factory.mktemp("handed")
    synth_county.write_county(root / "county", persons=120, year=YEAR, region="330112", seed=5)
    files = deliveries(root / "county")
    late = [each for each in files if each[0].name.startswith("setl_d")][7]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FENGDING_SECRET", "for tests only")
        home = Home(root / "home")
        deliver(home, [each for each in files if each != late])
        assessed(home, derive=False).hand_on()
    yield root / "home", late


def month_home(handed: tuple[Path, Any], root: Path) -> tuple[Home, list[Any]]:
    """A copy of it, and what is still to come."""
    shutil.copytree(handed[0], root / "home")
    return Home(root / "home"), [handed[1]]


def test_what_was_handed_on_is_left_alone_where_it_does_not_fit(
    handed: tuple[Path, Any], tmp_path: Path, derived: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A withdrawn file, other code, a damaged frame, sums that do not agree: every row is read again."""
    home, rest = month_home(handed, tmp_path)
    deliver(home, rest)
    whole = assessed(home, derive=False)
    agree(assessed(home, derive=True), whole)
    assert derived == [True]
    found = carried.read(home, YEAR)
    assert found is not None
    made_of, frames = found

    def hand_on(**changed: pl.DataFrame) -> None:
        written = carried.write(
            home, YEAR, {"files": made_of["files"], "rest": made_of["rest"]}, frames | changed
        )
        carried.put_in_place(home, YEAR, written)

    hand_on(sums=frames["sums"].with_columns(pl.col("psn_fen").reverse()))
    agree(assessed(home, derive=True), whole)
    assert derived == [True, False]
    hand_on(months=frames["months"].with_columns(pl.col("cash_fen") + 1))
    agree(assessed(home, derive=True), whole)
    hand_on()
    held = home.lake / "carried" / str(YEAR) / "sums.parquet"
    as_written = held.read_bytes()
    frames["sums"].with_columns(pl.col("psn_fen").reverse()).write_parquet(held)
    agree(assessed(home, derive=True), whole)
    for damaged in (b"PAR1", as_written[:4] + bytes(1_496) + as_written[1_500:]):
        held.write_bytes(damaged)
        agree(assessed(home, derive=True), whole)
    held.write_bytes(as_written)
    monkeypatch.setattr(flow_mass, "code_version", lambda: "another")
    agree(assessed(home, derive=True), whole)
    assert derived == [True, False]  # nothing fits: nothing is attempted


def test_a_withdrawn_file_is_not_built_on(
    handed: tuple[Path, Any], tmp_path: Path, derived: list[bool]
) -> None:
    home, rest = month_home(handed, tmp_path)
    held = lake.files_in_force(home).filter(pl.col("table") == "setl_d")["file_id"][0]
    manifest = lake.read_manifest(home, held)
    assert manifest is not None
    manifest.status, manifest.withdrawn_on = "withdrawn", ON
    lake.write_manifest(home, manifest)
    deliver(home, rest)
    agree(assessed(home, derive=True), assessed(home, derive=False))
    assert derived == []


def test_a_night_with_a_decision_on_a_list_gives_what_reading_every_row_gives(
    tmp_path: Path, derived: list[bool]
) -> None:
    """Twenty people on the list of January, ten on that of February, which the decision of the night confirms: A's
    certificate ends on 31 January, and the cap of 30,000 leaves 1,000 of 31,000 instead of 6,000 of 36,000.
    """
    county = Lists(tmp_path)
    before = assessed(county.home, derive=False)
    before.hand_on()
    county.decide(confirmed())
    night, whole = assessed(county.home, derive=True), assessed(county.home, derive=False)
    agree(night, whole)
    assert derived == [True]
    amounts = [
        found.tables["cap_gap"].filter(unit_id="G1")["amount_fen"].item() for found in (before, night, whole)
    ]
    assert amounts == [600_000, 100_000, 100_000]


def test_only_what_belongs_to_people_or_adds_up_is_kept() -> None:
    """Every part of what is summed up is put in anew: by person, or as a sum."""
    assert {*mass.BY_PERSON, "months"} == set(mass.Mass._fields)


def test_a_backfill_reads_every_row(handed: tuple[Path, Any], tmp_path: Path, derived: list[bool]) -> None:
    home, rest = month_home(handed, tmp_path)
    deliver(home, rest)
    night, asked = (
        pipeline.new_request(home.root, kind, YEAR, None, None, None, False)
        for kind in ("nightly", "backfill")
    )
    assert pipeline.assess_year(home, YEAR, night, quiet)[1]
    assert derived == [True]
    assert pipeline.assess_year(home, YEAR, asked, quiet)[1]  # also where a night has been at it
    assert derived == [True]
    assert not pipeline.assess_year(home, YEAR, asked, quiet)[1]
