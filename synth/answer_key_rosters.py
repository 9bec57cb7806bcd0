"""The answer key of the rosters: who held which identity when, who belonged where, and the unique category on days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path

from synth.answer_key import write_table
from synth.key_household import Register
from synth.model import FOREVER, RANK
from synth.places import County

MONTHS = (3, 6, 9, 12)
Span = tuple[date, date]


def rosters(folder: Path, place: County, register: Register, year: int) -> None:
    """certificate.csv, membership.csv and category_on_day.csv of the year (newborns without a number left out)."""
    known = [who for who, facts in sorted(register.facts.items()) if not any(f.anonymous for f in facts)]
    write_table(
        folder / "certificate.csv", ("certno", "county_code", "code", "valid_from", "valid_to"),
        ((who, region, code, *span) for who in known for region, code, span in identities(register, place, who)),
    )  # fmt: skip
    write_table(
        folder / "membership.csv", ("certno", "household_id", "valid_from", "valid_to"),
        ((who, house, a, b) for who in known for house, a, b, _ in register.spells[who]),
    )  # fmt: skip
    days = [date(year, month, 30) for month in MONTHS]
    write_table(
        folder / "category_on_day.csv", ("certno", "day", "category", "identities"),
        ((who, day, _category(codes), ",".join(codes))
         for who in known for day in days if (codes := register.codes(who, day))),
    )  # fmt: skip


def _category(codes: Iterable[str]) -> str:
    """The best of those that pick a rate."""
    return next((code for code in codes if code in RANK[:-1]), "")


def identities(register: Register, place: County, who: str) -> list[tuple[str, str, Span]]:
    """Region, identity and unbroken span, cut to the year."""
    spans: dict[tuple[str, str], list[Span]] = defaultdict(list)
    for f in register.ever[who]:
        for code in f.codes:
            spans[f.region or place.code, code].append((f.start, f.end))
    found = []
    for (region, code), mine in sorted(spans.items()):
        for a, b in joined(mine):
            if a <= register.last and b >= register.first:
                found.append((region, code, (max(a, register.first), min(b, register.last))))
    return found


def joined(spans: Iterable[Span]) -> list[Span]:
    """Spans that touch or overlap as one."""
    found: list[Span] = []
    for a, b in sorted(spans):
        if found and a <= min(found[-1][1], FOREVER - timedelta(days=1)) + timedelta(days=1):
            found[-1] = (found[-1][0], max(found[-1][1], b))
        else:
            found.append((a, b))
    return found
