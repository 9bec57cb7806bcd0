"""Which 在册 lists are whole, and whose identity ends because the next whole list does not show him."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta

from synth.model import FOREVER, Fact
from synth.rosters import is_listed

SHARE, ROWS = 10, 5  # a list that lacks over a tenth and over five rows ends nobody
Scope = tuple[str, str, str]


def _scopes(f: Fact) -> list[Scope]:
    return [(f.region, f.department, code) for code in f.codes]


def whole_lists(facts: list[Fact], year: int) -> dict[Scope, list[tuple[int, set[str]]]]:
    """Month and people of each list that may end somebody, by scope.

    Not whole: over 10 % and over 5 rows fewer than the last whole list, or without a township of it.
    """
    people: dict[tuple[Scope, int], set[str]] = defaultdict(set)
    towns: dict[tuple[Scope, int], set[int]] = defaultdict(set)
    for f in facts:
        for m in (m for m in f.lists if is_listed(f, m, year)):
            for scope in _scopes(f):
                people[scope, m].add(f.who)
                towns[scope, m].add(f.town)
    whole: dict[Scope, list[tuple[int, set[str]]]] = defaultdict(list)
    before: dict[Scope, set[int]] = {}
    for scope, month in sorted(people):
        now = people[scope, month]
        if whole[scope]:
            lost = len(whole[scope][-1][1]) - len(now)
            short = lost > ROWS and lost * SHARE > len(whole[scope][-1][1])
            if short or before[scope] - towns[scope, month]:
                continue
        whole[scope].append((month, now))
        before[scope] = towns[scope, month]
    return whole


def end_by_absence(facts: list[Fact], year: int) -> None:
    """Sets the end of list-borne facts: the last day of the month before the first whole list without the person.

    A fact that a 减少 ends keeps its end. ValueError: a fact whose identities would end on different days.
    """
    whole = whole_lists(facts, year)
    for f in facts:
        shown = [m for m in f.lists if is_listed(f, m, year)]
        if not shown or f.removed:
            continue
        ends = {_absent(f, shown, whole[scope]) for scope in _scopes(f)}
        if len(ends) > 1:
            raise ValueError(f"名册 {f.cell} 的各身份不在同一天终止")
        month = ends.pop()
        f.end = f.shown_to or FOREVER
        if month:
            f.end = min(f.end, date(year, month, 1) - timedelta(days=1))


def _absent(f: Fact, shown: list[int], lists: list[tuple[int, set[str]]]) -> int:
    """Month of the first whole list after his first one that does not show him; 0: none."""
    return next((m for m, people in lists if m > shown[0] and f.who not in people), 0)
