"""Households of a year from the facts of the rosters: members, predecessors, identities by day."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta

from synth.model import CAPS, RANK, Fact

JOIN_DAYS = 31


class Register:
    """Who belonged where and held what, day by day, in one calendar year."""

    def __init__(self, facts: list[Fact], year: int, region: str) -> None:
        self.first, self.last, self.region = date(year, 1, 1), date(year, 12, 31), region
        self.facts: dict[str, list[Fact]] = defaultdict(list)
        self.ever: dict[str, list[Fact]] = defaultdict(list)
        for f in facts:
            self.ever[f.who].append(f)
            if f.start <= self.last and f.end >= self.first:
                self.facts[f.who].append(f)
        for rows in self.facts.values():
            rows.sort(key=lambda f: f.start)
        self._certificates: dict[str, list[Fact]] = {}
        self.later = self._predecessors()
        self.members: dict[str, list[str]] = defaultdict(list)
        self.spells = {who: self._spells(rows) for who, rows in self.facts.items()}
        for who, spells in self.spells.items():
            for household in dict.fromkeys(s[0] for s in spells):
                self.members[household].append(who)

    @staticmethod
    def number(f: Fact) -> str:
        """The household number; without one, the head stands for it."""
        return f.household or f"户主:{f.head}"

    def _predecessors(self) -> dict[str, str]:
        """Old number → new number: ended within 31 days of the start of another with the same head."""
        begins: dict[str, date] = {}
        ends: dict[str, date] = {}
        heads: dict[str, list[str]] = defaultdict(list)
        for rows in self.facts.values():
            for f in rows:
                h = self.number(f)
                begins[h] = min(begins.get(h, f.start), f.start)
                ends[h] = max(ends.get(h, f.end), f.end)
                if h not in heads[f.head]:
                    heads[f.head].append(h)
        later: dict[str, str] = {}
        for numbers in heads.values():
            for old in numbers:
                for new in numbers:
                    gap = (begins[new] - ends[old]).days
                    if old != new and 0 < gap <= JOIN_DAYS and self.first <= begins[new] <= self.last:
                        later[old] = new
        return later

    def final(self, number: str) -> str:
        """The number under which a household goes at the end of the year."""
        while number in self.later:
            number = self.later[number]
        return number

    def _spells(self, rows: list[Fact]) -> list[tuple[str, date, date, date]]:
        """(household, from, to, left): ``to`` reaches to 31 December, ``left`` is when he really left."""
        spells: list[tuple[str, date, date, date]] = []
        for f in rows:
            household = self.final(self.number(f))
            left = f.leaves or self.last + timedelta(days=1)
            if spells and spells[-1][0] == household:
                spells[-1] = (household, spells[-1][1], self.last, left)
                continue
            start = self.first if not spells else f.start
            if spells:
                h, a, _, _ = spells[-1]
                spells[-1] = (h, a, f.start - timedelta(days=1), f.start - timedelta(days=1))
            spells.append((household, start, self.last, left))
        return spells

    def household(self, who: str, day: date) -> str:
        """Household on a day, '' for people on no roster of the year."""
        for h, a, b, _ in self.spells.get(who, []):
            if a <= day <= b:
                return h
        return ""

    def home(self, who: str, day: date) -> str:
        """Household number as delivered to which a person belongs on a day: since the first roster row, until a row of
        another household or until he leaves (death, moving away); '' for none."""
        begun = [f for f in self.ever.get(who, []) if f.start <= day]
        if not begun:
            return ""
        last = max(begun, key=lambda f: f.start)
        return "" if last.leaves and last.leaves < day else self.number(last)

    def region_codes(self, who: str, day: date, code: str) -> set[str]:
        """The counties whose rosters give a person an identity on a day."""
        facts = self.facts.get(who, [])
        return {f.region or self.region for f in facts if f.start <= day <= f.end and code in f.codes}

    def codes(self, who: str, day: date) -> tuple[str, ...]:
        """Identities held on a day, best first."""
        held = {c for f in self.facts.get(who, []) if f.start <= day <= f.end for c in f.codes}
        return tuple(sorted(held, key=RANK.index))

    def certificate(self, who: str, day: date) -> str:
        """The category under the cap on a day: the best of the three certificates of this county, or ''."""
        held = [f for f in self.certificates(who) if f.start <= day <= f.end]
        return min((c for f in held for c in f.codes if c in CAPS), key=CAPS.__getitem__, default="")

    def certificates(self, who: str) -> list[Fact]:
        """Everything that gave a person one of the three certificates of this county, in any year."""
        if who not in self._certificates:
            here = [f for f in self.ever.get(who, []) if f.region in ("", self.region)]
            self._certificates[who] = [f for f in here if not CAPS.keys().isdisjoint(f.codes)]
        return self._certificates[who]

    def last_codes(self, who: str) -> tuple[str, ...]:
        """Identities on 31 December, else those held last in the year."""
        rows = [f for f in self.facts.get(who, []) if f.codes]
        if not rows:
            return ()
        return self.codes(who, min(self.last, max(f.end for f in rows)))

    def last_fact(self, who: str) -> Fact:
        """The roster row that describes a person at the end of the year."""
        return max(self.facts[who], key=lambda f: (f.end >= self.last, f.start, f.end))

    def breaks(self, members: list[str]) -> list[date]:
        """Days of the year on which something about these people changes."""
        days = {self.first}
        for who in members:
            for f in self.facts[who]:
                days |= {f.start, f.end + timedelta(days=1) if f.end < self.last else self.first}
            days |= {s[1] for s in self.spells[who]}
        return sorted(d for d in days if self.first <= d <= self.last)

    def on_last_day(self, household: str) -> list[str]:
        """Members on 31 December: not dead, not moved away."""
        return [
            who
            for who in self.members[household]
            if any(
                h == household and b == self.last and left > self.last for h, _, b, left in self.spells[who]
            )
        ]
