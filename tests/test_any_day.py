"""Identities, unique category and household of anybody on any day, by SQL and by `explain`, as the generator knows them.

Ten counties, made and delivered, each with its own seed: six of Lin'an, two each of Pengshui and Yongjia. The first
comes with everything; of the others only rosters and master files are delivered, for nothing else tells who was what.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest

from flows.explain_on import state_on
from stores.home import Home
from synth import county as synth_county
from synth.key_household import Register
from synth.model import RANK
from tests.agreement import household_texts, person_keys
from tests.support import deliver, deliveries, run, table

LINAN, PENGSHUI, YONGJIA = "330112", "500243", "330324"
COUNTIES = [
    (1, LINAN, True), (2, LINAN, False), (3, LINAN, False), (4, PENGSHUI, False), (5, YONGJIA, False),
    (6, LINAN, False), (7, LINAN, False), (8, PENGSHUI, False), (9, YONGJIA, False), (10, LINAN, False),
]  # fmt: skip
PERSONS, SHARE = 130, 0.6
"""Beside the people of the planted situations; most of them on a roster."""
WHO_IS_WHAT = ("救助对象名册", "困难家庭认定", "psn_info_b", "psn_insu_d")
YEARS = {LINAN: 2023, PENGSHUI: 2023, YONGJIA: 2024}
ASKED_BY_EXPLAIN = 12
State = tuple[str | None, str | None, str | None]
"""Unique category, identities (best first, by comma) and household number of a person on a day."""


@dataclass(frozen=True)
class Known:
    """A county as its generator knows it, and the text of each person's key as published."""

    register: Register
    texts: dict[str, str]
    houses: dict[str, str]
    numbers: dict[str, str]
    """Who has a certificate number: a newborn may have none."""

    def state(self, who: str, day: date) -> State:
        """What the person was on the day."""
        codes = self.register.codes(who, day)
        home = self.register.home(who, day)
        picks = next((code for code in codes if code in RANK[:-1]), None)
        return picks, ",".join(codes) or None, self.houses[home] if home else None


def days_of(seed: int, year: int) -> list[date]:
    """Both ends of the year and eight days between."""
    chance, first = Random(seed), date(year, 1, 1)
    return sorted({first, date(year, 12, 31), *(first + timedelta(chance.randrange(365)) for _ in range(8))})


@pytest.fixture
def registers(monkeypatch: pytest.MonkeyPatch) -> list[Register]:
    """Every register that the generator makes from now on; the people are mostly on a roster."""
    made: list[Register] = []

    class Kept(Register):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            made.append(self)

    monkeypatch.setattr(synth_county, "Register", Kept)
    monkeypatch.setattr(synth_county, "ROSTER_SHARE", {"P": SHARE, "W": SHARE, "L": SHARE})
    monkeypatch.setenv("FENGDING_SECRET", "for tests only")
    return made


def known_of(home: Home, register: Register, region: str) -> Known:
    """The keys of everybody of the register: by certificate number, of a newborn by name, birth date and head."""
    people = list(register.ever)
    nameless = {who: fact for who in people for fact in register.ever[who] if fact.anonymous}
    rows = pl.DataFrame(
        {
            "certno": [None if who in nameless else who for who in people],
            "psn_no": [None] * len(people),
            "region_code": [region] * len(people),
            "newborn": [
                f"{f.name}|{f.born}|{f.head}" if (f := nameless.get(who)) else None for who in people
            ],
        },
        schema=dict.fromkeys(("certno", "psn_no", "region_code", "newborn"), pl.String),
    )
    texts = person_keys(home, rows, region)
    houses = sorted({register.number(f) for who in people for f in register.ever[who]})
    published = household_texts(home, pl.Series(houses))
    return Known(
        register,
        dict(zip(people, texts, strict=True)),
        dict(zip(houses, published, strict=True)),
        {who: who for who in people if who not in nameless},
    )


def told_by_sql(warehouse: Path, day: date) -> dict[str, dict[str, Any]]:
    """What `mart.person_on` says of everybody on a day."""
    rows = table(warehouse, f"select * from mart.person_on(date '{day}')")
    assert rows["person_key"].n_unique() == rows.height
    return {row["person_key"]: row for row in rows.iter_rows(named=True)}


def told_by_explain(home: Home, known: Known, who: str, year: int, day: date) -> State:
    """What `fengding explain PERSON --on DAY` says, asked by certificate number where there is one."""
    [person] = state_on(home, known.numbers.get(who, known.texts[who]), year, day)["persons"]
    assert person["person_key"] == known.texts[who]
    held = {paper["category"] for paper in person["certificates"]}
    assert held == set(person["identities"])
    return person["category"], ",".join(person["identities"]) or None, person["household_id"]


def has_everything(known: Known, days: Iterable[date]) -> None:
    """The county has what could go wrong, and not only in the planted situations, which are the same in each."""
    ordered = sorted(days)
    seen: Counter[str] = Counter()
    of_mass = 0
    for who in known.texts:
        states = [known.state(who, day) for day in ordered]
        categories = [category for category, _, _ in states]
        facts = known.register.ever[who]
        found = {
            "changes": len({c for c in categories if c}) > 1,
            "moves": len({home for _, _, home in states if home}) > 1,
            "leaves": bool(categories[0]) and not categories[-1],
            "comes": not categories[0] and bool(categories[-1]),
            "several": any("," in (identities or "") for _, identities, _ in states),
            "no rate": any(identities and not category for category, identities, _ in states),
            "no number": any(not fact.household for fact in facts),
            "out": any(home is None for _, _, home in states) and any(home for _, _, home in states),
        }
        seen.update(kind for kind, there in found.items() if there)
        of_mass += any([*found.values()][:4]) and not any("X" in fact.household for fact in facts)
    assert all(seen[kind] for kind in found), seen
    assert of_mass > 3, of_mass
    assert known.register.later  # households that went on under another number


@pytest.mark.parametrize(("seed", "region", "whole"), COUNTIES)
def test_any_day_of_a_synthetic_county_is_as_its_generator_knows_it(
    tmp_path: Path, registers: list[Register], seed: int, region: str, whole: bool
) -> None:
    """Of everybody on ten days, and nobody else has an identity or a household of the county's."""
    year, home = YEARS[region], Home(tmp_path / "home")
    synth_county.write_county(tmp_path / "county", persons=PERSONS, year=year, region=region, seed=seed)
    files = deliveries(tmp_path / "county")
    deliver(home, [file for file in files if whole or file[0].name.startswith(WHO_IS_WHAT)])
    outcome = run(home, year, on=date(year + 1, 3, 31))
    known, days = known_of(home, registers[-1], region), days_of(seed, year)
    has_everything(known, days)
    people, chance = sorted(known.texts), Random(seed)
    for day in days:
        told = told_by_sql(outcome.warehouse, day)
        nothing = dict.fromkeys(("category", "identities", "household_id", "region_code"))
        for who in people:
            row = told.get(known.texts[who], nothing)
            expected = known.state(who, day)
            assert (row["category"], row["identities"], row["household_id"]) == expected, (day, who)
            if expected[1]:
                best = expected[1].split(",")[0]
                assert row["region_code"] in known.register.region_codes(who, day, best), (day, who)
        assert set(told) <= set(known.texts.values()), day
    former = [who for who in people if who not in known.register.facts]
    for who in [*chance.sample(people, ASKED_BY_EXPLAIN), *former]:
        day = chance.choice(days)
        assert told_by_explain(home, known, who, year, day) == known.state(who, day), (day, who)
