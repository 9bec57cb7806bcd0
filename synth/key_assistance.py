"""Lines of Pengshui's assistance and tilt relief, their other readings, and what the counters paid against them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from synth.key_due import ACCOUNTS, GATE, PERCENT, START, TILT_FROM, TILT_PERCENT, Owed, Readings, owed
from synth.key_visits import Book, Stop, stops
from synth.model import Opening

OTHER_READINGS = (
    ("A-P01", "b"), ("A-P02", "a"), ("A-P02", "c"), ("A-P03", "b"), ("A-P04", "b"), ("A-P05", "b"), ("A-P06", "b"),
    ("A-P06", "c"), ("A-P07", "b"), ("A-P07", "c"), ("A-P08", "b"), ("A-P09", "b"), ("A-P09", "c"), ("A-P13", "b"),
    ("A-P13", "c"), ("A-P17", "a"), ("A-P17", "b"), ("A-P21", "b"), ("A-P29", "b"), ("A-P31", "b"),
)  # fmt: skip
TILT_ONLY = ("A-P01", "A-P03", "A-P05", "A-P31")


@dataclass
class Line:
    """One line of a visit (fen; percent)."""

    rule: str
    stop: Stop
    category: str
    base: int | None
    threshold: int | None
    rate: int
    before: int
    amount: int | None
    doubt: bool
    incomplete: bool = False
    cases: dict[tuple[str, str], int] = field(default_factory=dict)

    @property
    def after(self) -> int | None:
        return None if self.amount is None else self.before - self.amount

    @property
    def needs_review(self) -> bool:
        return self.amount is None or bool(self.cases) or self.doubt or self.incomplete

    @property
    def status(self) -> str:
        if self.amount is None:
            return "held"
        if self.needs_review:
            return "review"
        return "due" if self.amount else "within"


@dataclass
class Check:
    """What was due against what was recorded (P-40)."""

    rule: str
    stop: Stop
    category: str
    ma_due: int | None
    tilt_due: int | None
    ma_actual: int
    tilt_actual: int | None
    verdict: str

    @property
    def difference(self) -> int | None:
        if self.verdict not in ("match", "under", "over") or self.ma_due is None:
            return None
        more = self.ma_due - self.ma_actual
        if self.tilt_actual is not None and self.tilt_due is not None:
            more += self.tilt_due - self.tilt_actual
        return more


@dataclass
class Assisted:
    """Everything about a county's assistance of a year."""

    lines: list[Line] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)


def assess(book: Book) -> Assisted:
    """Lines, cases and audit of every object of the county."""
    balances = openings(book.world.openings)
    found = Assisted()
    for who in sorted(book.register.facts):
        visits = stops(book, who)
        incomplete = any(y in (book.year, 0) for y, _ in book.world.holes.get(who, []))
        opening = balances.get(who, {})
        default = owed(book, visits, opening, {})
        lines = [line for o in default.values() for line in _lines(o)]
        for line in lines:
            line.incomplete = incomplete
        if lines:
            for key, letter in OTHER_READINGS:
                _enter(lines, _amounts(book, who, visits, opening, {key: letter}), key, letter)
        found.lines += lines
        found.checks += [_check(o) for o in default.values() if o.category and o.stop.day >= START]
    return found


def openings(given: list[Opening]) -> dict[str, dict[str, int]]:
    """What each person had used of each account; the latest balance of an account counts."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for o in sorted(given, key=lambda o: (o.until, o.amount)):
        found[o.who][ACCOUNTS[o.account]] = o.amount
    return found


def _lines(o: Owed) -> list[Line]:
    s, found = o.stop, []
    doubt = s.flagged or s.by_diagnosis or s.referral == "emergency"
    rate = PERCENT.get(o.category, 0)
    base = o.base
    ma_doubt = doubt or o.ma_doubt or (o.ma_bitten and s.bound_open)
    if o.special_line:
        found.append(Line("P-16", s, o.category, base, None, rate, o.before, o.ma, ma_doubt))
    if o.inpatient_line:
        found.append(Line("P-17", s, o.category, base, GATE, rate, o.inpatient_before, o.ma, ma_doubt))
    if o.tilt_line:
        unsure = doubt or o.tilt_doubt or (o.covered and o.ma_doubt) or (o.tilt_bitten and s.bound_open)
        begins = TILT_FROM[o.category]
        found.append(Line("P-24", s, o.category, o.r1, begins, TILT_PERCENT, o.tilt_before, o.tilt, unsure))
    return found


def _amounts(
    book: Book, who: str, visits: list[Stop], opening: dict[str, int], readings: Readings
) -> dict[str, tuple[int | None, int | None]]:
    """Assistance and tilt relief of each visit under one other reading."""
    if readings != {"A-P02": "a"}:
        return {k: (o.ma, o.tilt) for k, o in owed(book, visits, opening, readings).items()}
    stay = {v.id: s.id for s in visits for v in s.rows}
    apart = [s for s in stops(book, who, apart=True) if s.id in stay]
    parts: dict[str, list[Owed]] = defaultdict(list)
    for o in owed(book, apart, opening, {}).values():
        parts[stay[o.stop.id]].append(o)
    return {k: (_sum([o.ma for o in found]), _sum([o.tilt for o in found])) for k, found in parts.items()}


def _sum(amounts: list[int | None]) -> int | None:
    known = [a for a in amounts if a is not None]
    return sum(known) if len(known) == len(amounts) else None


def _enter(lines: list[Line], other: dict[str, tuple[int | None, int | None]], key: str, letter: str) -> None:
    for line in lines:
        if line.stop.id not in other or (line.rule != "P-24" and key in TILT_ONLY):
            continue
        amount = other[line.stop.id][line.rule == "P-24"]
        if amount is not None and amount != line.amount:
            line.cases[key, letter] = amount


def _check(o: Owed) -> Check:
    s = o.stop
    rule = "P-16" if o.special_line else "P-17" if o.inpatient_line else "P-13"
    ma_due = o.ma if o.covered or not s.designated else None
    verdict = _verdict(o, ma_due)
    return Check(rule, s, o.category, ma_due, o.tilt, s.maf, s.recorded, verdict)


def _verdict(o: Owed, ma_due: int | None) -> str:
    """Nobody is accused where the document has no rate or a fact is unknown."""
    s = o.stop
    if (o.covered and o.ma is None) or (o.tilt_line and o.tilt is None):
        return "held"
    if not o.covered and s.designated:
        return "not_determined"
    assert ma_due is not None
    more, tilt = ma_due - s.maf, o.tilt or 0
    if s.recorded is not None:
        more += tilt - s.recorded
        return "under" if more > 0 else "over" if more < 0 else "match"
    if more > 0:
        return "under"
    if more < -tilt:
        return "over"
    return "held" if tilt else "match"
