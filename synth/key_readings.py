"""Amounts of the units under Lin'an's cap when the articles are read in another way (A-L01 to A-L07, A-L09)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date
from itertools import groupby

from synth.key_cap import CapBook, Case, Unit, total
from synth.model import CAPS, Fact, Visit

IN_FORCE_YEAR = 2024
Counted = list[tuple[Visit, str]]
"""Settlements that count, each with the category under which it does."""


def _over(burden: int, cap: int) -> int:
    return max(0, burden - cap)


def _lowest(codes: Iterable[str]) -> str:
    return min(codes, key=CAPS.__getitem__, default="")


class Readings:
    """Works out, household by household, which other reading gives another amount."""

    def __init__(self, book: CapBook, adjudicated: date) -> None:
        self.book, self.register, self.on = book, book.register, adjudicated

    def enter(self, units: list[Unit]) -> None:
        """Writes the cases on the units; a unit whose amount is not known has none."""
        for household, group in groupby(units, key=lambda u: u.household):
            mine = list(group)
            visits = self.book.visits(household)
            counted = [(v, c) for v in visits if (c := self.book.category(v))]
            split = "/" in mine[0].unit
            for reading, rows in self._recounted(visits, counted):
                for unit, amount in zip(mine, self._amounts(mine, rows), strict=True):
                    _differ(unit, "A-L01" if reading != "early" else "A-L05", reading, amount)
            if split:
                self._together(household, mine, counted)
            else:
                self._other_caps(household, mine[0], counted)
            for unit, rows in zip(mine, _shared(mine, counted), strict=True):
                self._per_person(household, unit, rows)
                cash = sum(_cash(v) for v, _ in rows)
                _differ(unit, "A-L06", "b", _over(cash, unit.cap))
                within = [in_range(v) for v, _ in rows]
                if None not in within:
                    _differ(unit, "A-L07", "b", _over(sum(filter(None, within)), unit.cap))
                if self.register.last.year < IN_FORCE_YEAR:
                    _differ(unit, "A-L09", "b", 0)
            for unit in mine:
                unit.cases.sort(key=lambda c: (c.key, c.reading))

    # A-L01, A-L05: when the certificate must be valid

    def _recounted(self, visits: list[Visit], counted: Counted) -> Iterable[tuple[str, Counted]]:
        yield (
            "b",
            self._whole_year(visits, lambda who: bool(self.register.certificate(who, self.register.last))),
        )
        yield "c", self._whole_year(visits, lambda who: bool(self.register.certificate(who, self.on)))
        yield (
            "d",
            self._whole_year(visits, lambda who: any(map(self._in_year, self.register.certificates(who)))),
        )
        chosen = {v.id for v, _ in counted}
        early = [(v, c) for v in visits if v.id not in chosen and (c := self._next(v.who, v.day))]
        yield "early", [*counted, *early]

    def _whole_year(self, visits: list[Visit], holds: object) -> Counted:
        """All costs of whoever holds; one without a category on its day under the nearest of the person."""
        assert callable(holds)
        return [(v, self.book.category(v) or self._nearest(v.who, v.day)) for v in visits if holds(v.who)]

    def _in_year(self, f: Fact) -> bool:
        return f.start <= self.register.last and f.end >= self.register.first

    def _nearest(self, who: str, day: date) -> str:
        """Category held on the day nearest to ``day`` (of two the earlier), of certificates of the year first."""
        held = self.register.certificates(who)
        near = [f.start if day < f.start else f.end for f in (list(filter(self._in_year, held)) or held)]
        return self.register.certificate(who, min(near, key=lambda d: (abs((d - day).days), d)))

    def _next(self, who: str, day: date) -> str:
        """Category of the certificate of the year that starts next after ``day``."""
        starts = [f.start for f in self.register.certificates(who) if day < f.start <= self.register.last]
        return self.register.certificate(who, min(starts)) if starts else ""

    @staticmethod
    def _amounts(units: list[Unit], rows: Counted) -> list[int]:
        """What each unit gets under the default rule of the cap."""
        found = []
        for unit, mine in zip(units, _shared(units, rows), strict=True):
            arisen = _lowest(c for v, c in mine if v.burden > 0)
            cap = CAPS[arisen] if arisen and "/" not in unit.unit else unit.cap
            found.append(_over(total(v for v, _ in mine), cap))
        return found

    # A-L02, A-L04: which cap of a household that is one unit, and whose

    def _other_caps(self, household: str, unit: Unit, counted: Counted) -> None:
        for reading, day in (("b", self.register.last), ("c", self.on)):
            _differ(unit, "A-L02", reading, _over(unit.burden, CAPS[self._category(household, day)]))
        periods: dict[str, list[Visit]] = defaultdict(list)
        for v, c in counted:
            periods[c].append(v)
        _differ(unit, "A-L02", "d", sum(_over(total(vs), CAPS[c]) for c, vs in periods.items()))

    def _category(self, household: str, day: date) -> str:
        """Lowest category among the household's certificates on a day, else on the last day before with any."""
        members = self.register.members[household]
        ends = [f.end for who in members for f in self.register.certificates(who)]
        for d in sorted({day, *(e for e in ends if e < day)}, reverse=True):
            held = [self.register.certificate(who, d) for who in members if self._belongs(who, household, d)]
            if any(held):
                return _lowest(filter(None, held))
        return self.book.held(household)[2]

    def _belongs(self, who: str, household: str, day: date) -> bool:
        return self.register.household(who, min(day, self.register.last)) == household

    def _per_person(self, household: str, unit: Unit, counted: Counted) -> None:
        """Every 特困 person under a cap of his own, where two of them share a unit under that cap."""
        if unit.category != "TEKUN" or len(self.book.held(household)[0]["TEKUN"]) < 2:
            return
        persons: dict[str, list[Visit]] = defaultdict(list)
        for v, _ in counted:
            persons[v.who].append(v)
        _differ(unit, "A-L04", "a", sum(_over(total(vs), unit.cap) for vs in persons.values()))

    # A-L03: members with different certificates as one household

    def _together(self, household: str, units: list[Unit], counted: Counted) -> None:
        """Once, on the unit with the lowest cap, against what the units get together."""
        if any(u.amount is None for u in units):
            return
        apart = sum(u.gap for u in units)
        whole = total(v for v, _ in counted)
        lowest = _lowest(c for v, c in counted if v.burden > 0) or units[0].category
        for reading, category in (("b", lowest), ("c", self._own(household))):
            amount = _over(whole, CAPS[category])
            if amount != apart:
                units[0].cases.append(Case("A-L03", reading, amount))

    def _own(self, household: str) -> str:
        """The head's category on 31 December, else that of most members on the last day on which anyone held one."""
        members = self.register.members[household]
        last = self.register.last
        facts = [
            f
            for who in members
            for f in self.register.facts[who]
            if self.register.final(self.register.number(f)) == household
        ]
        head = max(facts, key=lambda f: (f.end, f.start)).head
        if head in members and self._belongs(head, household, last) and self.register.certificate(head, last):
            return self.register.certificate(head, last)
        days = {last, *(f.end for f in facts if f.end < last)}
        for day in sorted(days, reverse=True):
            held = Counter(
                c
                for who in members
                if self._belongs(who, household, day) and (c := self.register.certificate(who, day))
            )
            if held:
                return min(held, key=lambda c: (-held[c], CAPS[c]))
        return _lowest(self.book.held(household)[0])


def _shared(units: list[Unit], rows: Counted) -> list[Counted]:
    """The rows of each unit: in a split household those of its category."""
    if "/" not in units[0].unit:
        return [rows]
    known = {u.category for u in units}
    return [[(v, c) for v, c in rows if c == u.category or (u is units[0] and c not in known)] for u in units]


def in_range(visit: Visit) -> int | None:
    """What of a burden lies within the policy range, after payments; a correction whole; None: unknown."""
    if visit.psn < 0:
        return visit.psn
    if visit.pol is None:
        return None
    return max(0, max(0, visit.psn - (visit.tot - visit.pol)) - visit.com - visit.sub)


def _cash(visit: Visit) -> int:
    """Cash less what payments took off the settlement, 0 at least; a correction with its sign."""
    return visit.cash if visit.psn < 0 else max(0, visit.cash - visit.com - visit.sub)


def _differ(unit: Unit, key: str, reading: str, amount: int) -> None:
    if unit.amount is not None and amount != unit.gap:
        unit.cases.append(Case(key, "b" if reading == "early" else reading, amount))
