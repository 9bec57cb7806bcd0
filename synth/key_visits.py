"""Visits of the objects of Pengshui's assistance, read from the generator's own truth: what happened, and what of it
is known. Three-valued facts are True, False or None (nobody knows).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime

from synth.care import DISEASES, FREE, LIST_FROM
from synth.key_cap import designated
from synth.key_household import Register
from synth.model import RANK, Diagnosis, Filing, Referral, Visit, World
from synth.people import ALIAS
from synth.places import County
from synth.settle import Institution

ORDER = ("TEKUN", "DIBAO", "FANPIN", "JIANCE", "DIBIAN", "YINBING", "YOUFU", "ZHONGCAN")
STAYS = {"21", "22", "23", "24", "25", "26", "52", "54"}
STAYS_CHONGQING = {"9902", "9904", "9907", "9921", "9925"}
OTHERS = {"11", "12", "13", "14", "15", "41", "51", "53"}
LEVELS = {"01": 3, "02": 3, "03": 3, "04": 3, "05": 2, "06": 2, "07": 2, "08": 1, "09": 1, "10": 1, "11": 0}
SPOKEN = {"0": "not_needed", "1": "referred", "2": "not_referred"}


@dataclass
class Stop:
    """A visit (一次就医): an outpatient settlement or a stay, under the id and day of its last settlement (fen)."""

    id: str
    who: str
    when: datetime
    rows: list[Visit]
    category: str
    admitted: date
    inpatient: bool | None
    flagged: bool
    designated: bool
    inside: bool
    level: int | None
    referral: str
    special: bool | None = False
    by_diagnosis: bool = False
    tot: int = 0
    psn: int = 0
    acct: int = 0
    maf: int = 0
    pol: int | None = 0
    r0: int | None = 0
    recorded: int | None = 0
    upper: int = 0
    bound: int = 0
    bound_open: bool = False

    @property
    def day(self) -> date:
        return self.when.date()


@dataclass
class Book:
    """Everything that visits are read from."""

    world: World
    register: Register
    place: County
    inst: list[Institution]
    year: int
    disease_list: str
    diagnoses: dict[str, list[Diagnosis]] = field(default_factory=lambda: defaultdict(list))
    referrals: dict[str, list[Referral]] = field(default_factory=lambda: defaultdict(list))
    filings: dict[str, list[Filing]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        for d in self.world.diagnoses:
            self.diagnoses[d.mdtrt].append(d)
        for r in self.world.referrals:
            self.referrals[r.who].append(r)
        for f in self.world.filings:
            self.filings[f.who].append(f)

    # ---- who somebody is on a day

    def category(self, who: str, day: date, without: str = "") -> str:
        """The best category of the county's list on a day; '' for nobody's object, or another county's person."""
        held = [f for f in self.register.ever.get(who, []) if f.start <= day <= f.end]
        here = {c for f in held if f.region in ("", self.place.code) for c in f.codes}
        there = {c for f in held if f.region not in ("", self.place.code) for c in f.codes}
        if there and (not here or min(map(RANK.index, there)) < min(map(RANK.index, here))):
            return ""
        return next((c for c in ORDER if c in here and c != without), "")

    def best_category(self, stop: Stop) -> str:
        """The best category of any day of a stay."""
        facts = self.register.ever.get(stop.who, [])
        days = {stop.admitted, stop.day, *(f.start for f in facts)}
        held = [self.category(stop.who, d) for d in sorted(days) if stop.admitted <= d <= stop.day]
        return min(filter(None, held), key=ORDER.index, default="")

    # ---- what kind of care it was

    def inpatient(self, visit: Visit) -> bool | None:
        """By the medical type; the codes of Chongqing hold for people insured there."""
        code = visit.med_type
        if code in STAYS or (len(code) == 4 and code.startswith("21")):
            return True
        if code in STAYS_CHONGQING and visit.insured <= ALIAS:
            return True
        return False if code in OTHERS else None

    def special(self, visit: Visit, day: date) -> tuple[bool | None, bool]:
        """Special by the list of the day, and whether only a diagnosis says so."""
        if self.disease_list == "empty":
            return False, False
        if self.disease_list == "missing" or day < date(self.year, *LIST_FROM):
            return None, False
        listed = {(kind, code) for kind, code, group in DISEASES if group == "special"}
        if visit.care.dise.strip():
            return ("dise_no", visit.care.dise.strip()) in listed, False
        left = [d for d in self.diagnoses.get(visit.care.mdtrt, []) if d.out]
        if any(d.main for d in left) and not all(d.main for d in left):
            left = [d for d in left if d.main]
        prefixes = tuple(code for kind, code in listed if kind == "icd10_prefix")
        hit = any(d.code.strip().upper().startswith(prefixes) for d in left)
        return hit, hit

    def level(self, visit: Visit) -> int | None:
        """Level of the institution: on the settlement, else on the county's list of institutions."""
        inst = self.inst[visit.inst]
        shown = visit.care.level
        if not shown and inst.listed and inst.region == self.place.code:
            shown = inst.level
        return LEVELS.get(shown)

    # ---- how the person came there

    def referral(self, last: Visit, admitted: date, level: int | None) -> str:
        if last.care.refl.strip() in SPOKEN:
            return SPOKEN[last.care.refl.strip()]
        for r in (r for r in self.referrals.get(last.who, []) if r.valid):
            if r.settlement or r.mdtrt:
                if last.id == r.settlement or (r.mdtrt and r.mdtrt == last.care.mdtrt):
                    return "referred"
            elif (r.begins or r.on or date.max) <= admitted <= (r.ends or date.max):
                return "referred"
        inst = self.inst[last.inst]
        for f in (f for f in self.filings.get(last.who, []) if f.valid):
            covers = f.begins <= admitted <= (f.ends or date.max)
            place = f.place.removesuffix("0000") if f.place.endswith("0000") else f.place.removesuffix("00")
            if covers and (f.institution == inst.code or (place and inst.region.startswith(place))):
                return "filed"
        if last.med_type in ("13", "24"):
            return "emergency"
        free = any(
            inst.region.startswith(prefix) and level is not None and level <= int(highest)
            for prefix, highest in FREE
            if admitted >= date(self.year, 1, 1)
        )
        return "local" if free or inst.region == self.place.code else "unknown"


def stops(book: Book, who: str, *, apart: bool = False) -> list[Stop]:
    """The visits of a person on whose day he is an object, in order; ``apart``: every settlement by itself."""
    groups: dict[tuple[object, ...], list[Visit]] = defaultdict(list)
    flagged: set[tuple[object, ...]] = set()
    for v in sorted(book.world.visits.get(who, []), key=lambda v: (v.when, v.id)):
        key: tuple[object, ...] = ("s", v.id)
        if book.inpatient(v):
            if v.care.mdtrt:
                key = ("m", v.inst, v.care.mdtrt)
            elif v.care.begun:
                key = ("b", v.inst, v.care.begun)
            else:
                flagged.add(key)
        groups[key if not apart else ("s", v.id)].append(v)
    found = [_stop(book, rows, key in flagged) for key, rows in groups.items()]
    return sorted((s for s in found if s.category), key=lambda s: (s.when, s.id))


def _stop(book: Book, rows: list[Visit], flagged: bool) -> Stop:
    last = rows[-1]
    inst = book.inst[last.inst]
    admitted = min((v.care.begun for v in rows if v.care.begun), default=last.day)
    level = book.level(last)
    stop = Stop(
        id=last.id, who=last.who, when=last.when, rows=rows, category=book.category(last.who, last.day),
        admitted=admitted, inpatient=book.inpatient(last), flagged=flagged,
        designated=designated(inst, last.day, book.place.code), inside=inst.region.startswith("50"),
        level=level, referral=book.referral(last, admitted, level),
    )  # fmt: skip
    says = [book.special(v, last.day) for v in rows]
    by_code = any(s and not guess for s, guess in says)
    stop.special = None if any(s is None for s, _ in says) else any(s for s, _ in says)
    stop.by_diagnosis = any(guess for _, guess in says) and not by_code
    for v in rows:
        c = v.care
        insured = c.bas + c.cii + c.lrg
        stop.tot, stop.psn, stop.acct = stop.tot + v.tot, stop.psn + v.psn, stop.acct + v.acct
        stop.maf, stop.upper = stop.maf + c.maf, stop.upper + v.tot - insured
        stop.pol = None if stop.pol is None or v.pol is None else stop.pol + v.pol
        stop.r0 = None if stop.r0 is None or v.pol is None else stop.r0 + v.pol - insured
        stop.recorded = None if stop.recorded is None or not c.tilt_known else stop.recorded + c.tilt
        stop.bound += v.psn + c.maf + (c.tilt if c.tilt_known else 0)
        stop.bound_open |= not c.tilt_known and c.oth > 0
    stop.bound = max(0, stop.bound)
    stop.upper = max(0, stop.upper if stop.r0 is None else stop.r0)
    return stop
