"""Identities, unique category and household on any day, as the generator of a synthetic county knows them."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest

from stores.home import Home
from synth import county as synth_county
from synth.key_household import Register
from tests.support import county_home, table
from transforms import roster_history
from transforms.normalise_certificates import certificate_keys, certificates
from transforms.pseudonym import key_texts
from transforms.roster_compare import differences

RANKS = ["TEKUN", "DIBAO", "DIBIAN"]
FACTS = {
    "person_key": pl.Int64,
    "county_code": pl.String,
    "code": pl.String,
    "valid_from": pl.Date,
    "valid_to": pl.Date,
}
JANUARY, JUNE = date(2023, 1, 1), date(2023, 6, 1)


def facts(*rows: tuple[int, str, date, date | None]) -> pl.DataFrame:
    return pl.DataFrame([(who, "330112", *rest) for who, *rest in rows], schema=FACTS, orient="row")


def happened(*rows: tuple[int, str, date, date | None]) -> list[tuple[Any, ...]]:
    found = roster_history.events(facts(*rows), RANKS, JANUARY, date(2023, 12, 31))
    return found.select("person_key", "on", "event", "before", "after", "category").rows()


def test_entries_exits_and_changes_are_dated_events() -> None:
    assert happened(
        (1, "DIBIAN", date(2022, 1, 1), date(2023, 5, 31)),  # 低边, from June 低保, out in October
        (1, "DIBAO", JUNE, date(2023, 9, 30)),
        (2, "TEKUN", date(2023, 3, 1), None),  # comes in March and stays
    ) == [
        (1, JUNE, "changed", ["DIBIAN"], ["DIBAO"], "DIBAO"),
        (1, date(2023, 10, 1), "left", ["DIBAO"], [], None),
        (2, date(2023, 3, 1), "entered", [], ["TEKUN"], "TEKUN"),
    ]


def test_periods_that_touch_or_overlap_are_no_event() -> None:
    assert (
        happened(
            (1, "DIBAO", date(2022, 1, 1), date(2023, 5, 31)),
            (1, "DIBAO", JUNE, None),
            (1, "DIBAO", date(2023, 2, 1), date(2023, 3, 31)),
        )
        == []
    )


def test_what_somebody_was_on_a_day() -> None:
    """Best category first; the county of the unique one; no certificate and no household on a day without."""
    papers = facts(
        (1, "DIBIAN", JANUARY, None), (1, "TEKUN", JUNE, date(2023, 6, 30)), (2, "DIBAO", JUNE, None)
    )
    homes = pl.DataFrame(
        [(1, "H1", JANUARY, date(2023, 5, 31)), (1, "H2", JUNE, None)],
        schema=["person_key", "household_id", "valid_from", "valid_to"],
        orient="row",
    )
    days = [JANUARY, date(2023, 6, 30), date(2023, 7, 1)]
    asked = pl.DataFrame(
        [(who, day) for who in (1, 2) for day in days], schema=["person_key", "day"], orient="row"
    )
    got = roster_history.on_days(asked, papers, homes, RANKS)
    assert got.select("identities", "category", "region_code", "household_id").rows() == [
        (["DIBIAN"], "DIBIAN", "330112", "H1"),
        (["TEKUN", "DIBIAN"], "TEKUN", "330112", "H2"),
        (["DIBIAN"], "DIBIAN", "330112", "H2"),
        ([], None, None, None),
        (["DIBAO"], "DIBAO", "330112", None),
        (["DIBAO"], "DIBAO", "330112", None),
    ]


def test_two_lists_are_compared_both_ways_where_the_first_names_anybody() -> None:
    people = {"person_key": [1, 2, 2], "region_code": ["330112", "330112", "330112"]}
    other = {"person_key": [2, 3, 4], "region_code": ["330112", "330112", "330324"]}
    assert differences(pl.DataFrame(people), pl.DataFrame(other)).rows() == [
        ("330112", 1, True),
        ("330112", 3, False),
    ]


def test_a_second_identity_changes_the_set_and_not_always_the_unique_category() -> None:
    assert happened((1, "DIBAO", JANUARY, None), (1, "DIBIAN", JUNE, date(2023, 6, 30))) == [
        (1, JANUARY, "entered", [], ["DIBAO"], "DIBAO"),
        (1, JUNE, "changed", ["DIBAO"], ["DIBAO", "DIBIAN"], "DIBAO"),
        (1, date(2023, 7, 1), "changed", ["DIBAO", "DIBIAN"], ["DIBAO"], "DIBAO"),
    ]


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> list[Register]:
    """Every register that the generator makes from now on."""
    made: list[Register] = []

    class Kept(Register):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            made.append(self)

    monkeypatch.setattr(synth_county, "Register", Kept)
    monkeypatch.setenv("FENGDING_SECRET", "for tests only")
    return made


@pytest.mark.parametrize("seed", [1, 7])
def test_any_day_of_a_synthetic_county_is_as_its_generator_knows_it(
    tmp_path: Path, register: list[Register], seed: int
) -> None:
    """What SQL and `on_days` say of everybody on ten days: identities, unique category, household."""
    synth_county.write_county(tmp_path / "county", persons=400, year=2023, region="330112", seed=seed)
    outcome = county_home(tmp_path / "county", tmp_path / "home", 2023)
    known = register[-1]
    numbers = [who for who in known.facts if not any(f.anonymous for f in known.facts[who])]
    secret = Home(tmp_path / "home").secret()
    keys, _ = certificate_keys(certificates(pl.Series(numbers)), None, secret)
    linked = table(outcome.warehouse, "select * from lake.person_link")
    person = dict(zip(numbers, keys.replace(linked["id_key"], linked["person_key"]), strict=True))
    texts = dict(zip(numbers, key_texts(pl.Series(person.values(), dtype=pl.Int64), "P"), strict=True))
    chance = Random(seed)
    for day in [JANUARY, date(2023, 12, 31), *(JANUARY + timedelta(chance.randrange(365)) for _ in range(8))]:
        rows = table(outcome.warehouse, f"select * from mart.person_on(date '{day}')")
        held = {who: (c, i) for who, c, i in rows.select("person_key", "category", "identities").iter_rows()}
        for who in numbers:
            codes = known.codes(who, day)
            expected = (codes[0], ",".join(codes)) if codes else (None, None)
            assert held.get(texts[who], (None, None)) == expected, (day, who)
        homes = dict(rows.select("person_key", "household_id").iter_rows())
        compared = 0
        for who in numbers:
            here = homes.get(texts[who])
            expected_home = known.household(who, day)
            if here and "户主" not in expected_home:  # a household without a number goes by a pseudonym
                assert known.final(here) == expected_home, (day, who)
                compared += 1
        assert compared > len(numbers) // 4
