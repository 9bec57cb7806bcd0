"""Lin'an's household cap (L-04) by hand: units, caps and gaps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from synth.key_household import Register
from synth.model import CAPS, Visit, World
from synth.people import ALIAS, HOME
from synth.settle import Institution

GENERAL = ("A-L07", "A-L09")
"""Questions about the policy as a whole: their amounts are told, but no unit waits for them."""


@dataclass(frozen=True)
class Case:
    """Another reading of the articles gives a unit another amount (fen)."""

    key: str
    reading: str
    amount: int


@dataclass
class Unit:
    """A unit under the cap."""

    unit: str
    household: str
    category: str
    members: list[str]
    burden: int
    cap: int
    cases: list[Case] = field(default_factory=list)
    incomplete: bool = False
    undated: bool = False
    paid: int = 0
    in_force: bool = True

    @property
    def gap(self) -> int:
        return max(0, self.burden - self.cap)

    @property
    def distance(self) -> int:
        return max(0, self.cap - self.burden)

    @property
    def amount(self) -> int | None:
        return None if self.incomplete or not self.in_force else self.gap

    @property
    def review(self) -> bool:
        """Whether a question about this very unit is open; those of the whole policy wait for nobody."""
        return any(case.key not in GENERAL for case in self.cases)

    @property
    def status(self) -> str:
        if not self.in_force:
            return "not_in_force"
        if self.incomplete:
            return "incomplete"
        if self.review:
            return "review"
        if self.paid and self.paid != self.gap:
            return "adjust_up" if self.paid < self.gap else "adjust_down"
        if self.paid:
            return "paid"
        return "due" if self.gap else "within"


def designated(inst: Institution, day: date, region: str) -> bool:
    """On the list of its own region on that day; a region that delivered no list counts."""
    if inst.region != region:
        return True
    return inst.listed and inst.begins <= day.isoformat() and (not inst.ends or day.isoformat() <= inst.ends)


class CapBook:
    """Everything that the units of one county and year are worked out from."""

    def __init__(
        self, world: World, register: Register, inst: list[Institution], *, lists_delivered: bool
    ) -> None:
        self.world, self.register, self.inst, self.lists = world, register, inst, lists_delivered

    def admissible(self, visit: Visit) -> bool:
        """Insured in the district and treated at a designated institution."""
        if visit.insured not in (HOME, ALIAS):
            return False
        return not self.lists or designated(self.inst[visit.inst], visit.day, self.register.region)

    def visits(self, household: str) -> list[Visit]:
        """Admissible settlements of the household's members while they belonged to it."""
        return [
            v
            for who in self.register.members[household]
            for v in self.world.visits.get(who, [])
            if self.admissible(v) and self.register.household(who, v.day) == household
        ]

    def category(self, visit: Visit) -> str:
        return self.register.certificate(visit.who, visit.day)

    def held(self, household: str) -> tuple[dict[str, set[str]], bool, str]:
        """Who held which category in the year, whether two categories met on a day, and the last one in force."""
        members = self.register.members[household]
        holders: dict[str, set[str]] = defaultdict(set)
        split, last = False, ""
        for day in self.register.breaks(members):
            today = {
                who: self.register.certificate(who, day)
                for who in members
                if self.register.household(who, day) == household
            }
            found = {c for c in today.values() if c}
            split |= len(found) > 1
            for who, c in today.items():
                if c:
                    holders[c].add(who)
            last = min(found, key=lambda c: CAPS[c]) if found else last
        return holders, split, last

    def units(self, household: str) -> list[Unit]:
        """The one unit of a household, or one for each category; none without a valid certificate."""
        holders, split, last = self.held(household)
        if not holders:
            return []
        counted = [v for v in self.visits(household) if self.category(v)]
        if split:
            return [
                Unit(
                    f"{household}/{c}",
                    household,
                    c,
                    sorted(holders[c]),
                    total(v for v in counted if self.category(v) == c),
                    CAPS[c],
                )
                for c in sorted(holders, key=CAPS.__getitem__)
            ]
        arisen = (self.category(v) for v in counted if v.burden > 0)
        category = min(arisen, key=CAPS.__getitem__, default=last)
        members = self.register.on_last_day(household)
        return [Unit(household, household, category, members, total(counted), CAPS[category])]

    def undated(self, unit: Unit) -> bool:
        """A row of a member without a readable date: flags every year, the amounts stay."""
        return any(
            not year
            for who in self.register.members[unit.household]
            for year, _ in self.world.holes.get(who, [])
        )

    def incomplete(self, unit: Unit) -> bool:
        """A rejected, half-missing or listed settlement of the year touches the unit."""
        year = self.register.last.year
        for who in self.register.members[unit.household]:
            for hole_year, day in self.world.holes.get(who, []):
                if hole_year != year:
                    continue
                if day is None:
                    return True
                if self.register.household(who, day) != unit.household:
                    continue
                if "/" not in unit.unit or who in unit.members:
                    return True
        return False

    def all_units(self, year: int) -> list[Unit]:
        """Every unit of the county."""
        found = []
        for household in sorted(self.register.members):
            for unit in self.units(household):
                unit.incomplete, unit.undated = self.incomplete(unit), self.undated(unit)
                unit.in_force = year >= 2023
                found.append(unit)
        return found


def enter_payments(units: list[Unit], world: World, year: int) -> None:
    """Writes on the units what the paid ledger says."""
    paid: dict[str, int] = defaultdict(int)
    for line in world.paid:
        if line.year == year and line.rule == "L-04":
            paid[line.unit] += line.amount
    for unit in units:
        unit.paid = paid.get(unit.unit, 0)


def total(visits: Iterable[Visit]) -> int:
    """Burden of settlements together, never below 0."""
    return max(0, sum(v.burden for v in visits))
