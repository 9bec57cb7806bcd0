"""Wenzhou's relief of households (W-06), by hand: what a household bears above 120,000 yuan, at most 100,000.

温政办〔2023〕90号 三(五); settlements from 1 February 2024 on, of people on the list on their day (fen).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

from synth.key_household import Register
from synth.key_readings import in_range
from synth.model import Visit, World
from synth.places import County

THRESHOLD, LIMIT = 12_000_000, 10_000_000
BEGINS, FIRST_YEAR = date(2024, 2, 1), 2024
GROUP = "XD2"


@dataclass
class Relieved:
    """A household with somebody on the list in the year."""

    household: str
    members: list[str]
    burden: int
    year: int
    pilot: bool
    incomplete: bool = False
    undated: bool = False
    paid: int = 0
    cases: dict[tuple[str, str], int] = field(default_factory=dict)

    @property
    def gap(self) -> int:
        """What is over the threshold, before the limit."""
        return max(0, self.burden - THRESHOLD)

    @property
    def distance(self) -> int:
        return max(0, THRESHOLD - self.burden)

    @property
    def owed(self) -> int:
        return min(LIMIT, self.gap)

    @property
    def amount(self) -> int | None:
        if not self.pilot:
            return 0
        return None if self.year < FIRST_YEAR or self.incomplete else self.owed

    @property
    def status(self) -> str:
        if not self.pilot:
            return "not_pilot"
        if self.year < FIRST_YEAR:
            return "not_in_force"
        if self.incomplete:
            return "incomplete"
        if any(key != "A-W07" for key, _ in self.cases):
            return "review"
        if self.paid and self.paid != self.owed:
            return "adjust_up" if self.paid < self.owed else "adjust_down"
        if self.paid:
            return "paid"
        return "due" if self.owed else "within"


def relieved(world: World, register: Register, place: County, year: int) -> list[Relieved]:
    """Every household of the county with at least one day on the list in the year."""
    found = []
    for household in sorted(register.members):
        members = register.members[household]
        listed = [who for who in members if _ever(register, who, household)]
        if not listed:
            continue
        visits = [
            v
            for who in members
            for v in world.visits.get(who, [])
            if v.day >= BEGINS
            and register.household(who, v.day) == household
            and _on_list(register, who, v.day)
        ]
        unit = Relieved(household, register.on_last_day(household), _bears(visits), year, place.is_pilot)
        for who in members:
            for hole_year, day in world.holes.get(who, []):
                unit.undated |= not hole_year
                here = day is None or register.household(who, day) == household
                unit.incomplete |= hole_year == year and here
        if year >= FIRST_YEAR and not unit.incomplete:
            _enter_cases(unit, world, register)
        found.append(unit)
    return found


def _enter_cases(unit: Relieved, world: World, register: Register) -> None:
    """What the household would get under other readings, where that is known and differs."""
    at_home = [
        v
        for who in register.members[unit.household]
        for v in world.visits.get(who, [])
        if register.household(who, v.day) == unit.household
    ]
    since = [v for v in at_home if v.day >= BEGINS]
    counted = [v for v in since if _on_list(register, v.who, v.day)]
    january = [v for v in at_home if _on_list(register, v.who, v.day)]
    ever = [v for v in since if any(_on_list(register, v.who, d) for d in register.breaks([v.who]))]
    amounts: dict[tuple[str, str], int] = {
        ("A-W04", "c"): _relief(_total(counted, _cash)),
        ("A-W05", "b"): _relief(_bears([v for v in since if _on_list(register, v.who, register.last)])),
        ("A-W05", "c"): _relief(_bears(ever)),
        ("A-W06", "a"): _relief(_bears(january)),
        ("A-W06", "c"): _relief(_bears(january)),
    }
    within = [in_range(v) for v in counted]
    if None not in within:
        amounts["A-W04", "b"] = _relief(sum(filter(None, within)))
    if not unit.pilot:
        unit.cases = {("A-W07", "b"): unit.owed} if unit.owed else {}
        return
    unit.cases = {case: amount for case, amount in amounts.items() if amount != unit.owed}


def _relief(burden: int) -> int:
    return min(LIMIT, max(0, burden - THRESHOLD))


def _bears(visits: list[Visit]) -> int:
    return _total(visits, lambda v: v.burden)


def _cash(visit: Visit) -> int:
    """Cash less what payments took off; a correction with its sign."""
    return visit.cash if visit.psn < 0 else max(0, visit.cash - visit.com - visit.sub)


def enter_paid(units: list[Relieved], world: World, year: int) -> None:
    """Writes on the units what the paid ledger says."""
    paid: dict[str, int] = defaultdict(int)
    for line in world.paid:
        if line.year == year and line.rule == "W-06":
            paid[line.unit] += line.amount
    for unit in units:
        unit.paid = paid.get(unit.household, 0)


def _total(visits: list[Visit], amount: Callable[[Visit], int]) -> int:
    return max(0, sum(map(amount, visits)))


def _on_list(register: Register, who: str, day: date) -> bool:
    facts = register.ever.get(who, [])
    return any(
        f.start <= day <= f.end and GROUP in f.codes and f.region in ("", register.region) for f in facts
    )


def _ever(register: Register, who: str, household: str) -> bool:
    """On the list on some day of the year on which the person belonged to the household."""
    days = register.breaks([who])
    return any(register.household(who, d) == household and _on_list(register, who, d) for d in days)
