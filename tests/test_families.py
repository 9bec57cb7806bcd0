"""Families that are worked out beside the others need nothing of them, and the others nothing of theirs."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from flows import families
from flows.assess import assess
from flows.configuration import load_configuration
from stores import lake
from stores.home import Home
from synth import county as synth_county
from tests.support import deliver, deliveries, quiet


@pytest.mark.parametrize("region", ["330112", "500243"])
def test_side_by_side_or_in_turn_gives_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, region: str
) -> None:
    monkeypatch.setenv("FENGDING_SECRET", "for tests only")
    synth_county.write_county(tmp_path / "county", persons=150, year=2023, region=region, seed=4)
    home = Home(tmp_path / "home")
    deliver(home, deliveries(tmp_path / "county"))
    files, configuration = lake.files_in_force(home), load_configuration(home, None)
    beside = assess(home, files, configuration, 2023, date(2024, 3, 31), quiet)
    assert set(families.ALONE) < set(families.FAMILIES)
    monkeypatch.setattr(families, "ALONE", ())
    in_turn = assess(home, files, configuration, 2023, date(2024, 3, 31), quiet)
    assert beside.tables.keys() == in_turn.tables.keys()
    for name, rows in in_turn.tables.items():
        assert beside.tables[name].equals(rows), name
