"""The costly care of people on the rosters of Pengshui and Wenzhou: stays of several settlements, special diseases,
treatment elsewhere with and without referral, and what was recorded as paid for it, some of it wrong.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from synth.model import Diagnosis, Fact, Filing, Opening, Referral, World
from synth.people import People
from synth.places import County
from synth.settle import AMOUNTS, COUNT, DAYS_SETTLED, Institution

CITY, NEAR, NO_LEVEL, LEVEL_LISTED, COUNTY_CLINIC = 32, 33, 34, 35, 36
AWAY = 28
SPECIAL_CODES = ("M07803", "M00500", "M08301")
CHRONIC_CODES = ("M03900", "M01600")
OTHER_CODES = ("Q90001",)
SPECIAL_PREFIXES = ("C34", "N18.5")
DISEASES = (
    *(("dise_no", code, "special") for code in SPECIAL_CODES),
    *(("dise_no", code, "chronic") for code in CHRONIC_CODES),
    *(("icd10_prefix", code, "special") for code in SPECIAL_PREFIXES),
    ("icd10_prefix", "I10", "chronic"),
)
"""The county's list of special and chronic diseases: kind of code, code, class."""
LIST_FROM = (6, 5)  # month and day on which the list begins: before it nobody knows what is special
FREE = (("5001", "2"),)
"""Places (and their highest level) for which people of the county need no referral."""
GATE = 3_000_000
NAIVE = {"TEKUN": (80, 300_000), "DIBAO": (80, 400_000), "FANPIN": (80, 400_000), "JIANCE": (70, 500_000),
         "DIBIAN": (70, 500_000), "YINBING": (70, 500_000), "YOUFU": (70, 0), "ZHONGCAN": (70, 0)}  # fmt: skip
"""What a counter would have paid: percent, and where tilt relief begins (0: never)."""


@dataclass
class Draft:
    """One settlement that is to be."""

    person: int
    when: datetime
    begun: date | None
    mdtrt: str
    place: int
    med_type: str
    pol: int
    dise: str = ""
    refl: str = ""
    last: bool = True


class Care:
    """Draws the care of a year; rows by month (0: December before; 13: January after)."""

    def __init__(
        self,
        rng: np.random.Generator,
        place: County,
        people: People,
        inst: list[Institution],
        world: World,
        year: int,
    ) -> None:
        self.rng, self.place, self.year = rng, place, year
        self.people, self.inst, self.world = people, inst, world
        self.held: dict[str, list[Fact]] = defaultdict(list)
        for f in world.facts:
            self.held[f.who].append(f)
        self.n = 0
        self.recorded: set[tuple[str, date, str]] = set()
        self.rows: dict[int, list[dict[str, Any]]] = defaultdict(list)

    def drawn(self) -> dict[int, list[dict[str, Any]]]:
        """All rows, with referrals, diagnoses and opening balances entered in the world."""
        for p in range(self.people.roster):
            for _ in range(int(self.rng.poisson(2.4 if self.place.policy == "P" else 1.6))):
                self._visit(p)
            if self.place.policy == "P":
                self._opening(p)
        return self.rows

    def _number(self, prefix: str) -> str:
        self.n += 1
        return f"{prefix}{50_000_000 + self.n}"

    def _one_of(self, *options: Any) -> Any:
        return options[int(self.rng.integers(0, len(options)))]

    def _visit(self, p: int) -> None:
        rng = self.rng
        day = date(self.year, 1, 1) + timedelta(days=int(rng.integers(-8, 371)))
        if self.place.policy != "P":
            self._stay(p, day, "21", int(np.exp(rng.normal(15.6, 0.8))), self._one_of(0, 1, 2, AWAY), "", 1)
            return
        u = rng.random()
        if u < 0.34:
            kind = self._one_of("14", "14", "11", "13")
            code = self._one_of(*SPECIAL_CODES, *CHRONIC_CODES, *OTHER_CODES, "")
            amount = int(np.exp(rng.normal(12.6, 1.0)))
            self._settle([Draft(p, self._moment(day), day, "", self._where(kind), kind, amount, code)])
            return
        amount = int(self._one_of(
            np.exp(rng.normal(14.7, 0.5)), np.exp(rng.normal(15.4, 0.8)), np.exp(rng.normal(16.2, 0.7)),
            GATE, GATE + 1, GATE - 1,
        ))  # fmt: skip
        code = "" if rng.random() < 0.55 else self._one_of(*SPECIAL_CODES, *CHRONIC_CODES, *OTHER_CODES)
        kind = self._one_of("21", "21", "21", "21", "24", "25", "2102", "54", "9904", "9988", "52")
        self._stay(
            p, day, kind, min(amount, 60_000_000), self._where(kind), code, int(self._one_of(1, 1, 1, 2, 3))
        )

    def _where(self, kind: str) -> int:
        if kind == "25":
            return int(self._one_of(AWAY, AWAY + 1, CITY, NEAR))
        return int(
            self._one_of(0, 0, 1, 1, 2, 3, 0, CITY, NEAR, AWAY, NO_LEVEL, LEVEL_LISTED, COUNTY_CLINIC, 30)
        )

    def _moment(self, day: date) -> datetime:
        return datetime(day.year, day.month, day.day) + timedelta(seconds=int(self.rng.integers(0, 86_400)))

    def _stay(self, p: int, day: date, kind: str, pol: int, place: int, dise: str, parts: int) -> None:
        """A stay of one or more settlements with one visit number, or only one day of admission, or neither."""
        rng = self.rng
        begun: date | None = day - timedelta(days=int(rng.integers(1, 25)))
        mdtrt = self._number(f"M{self.place.code}CARE")
        if self.place.policy == "P" and rng.random() < 0.12:
            mdtrt = ""
            begun = None if rng.random() < 0.3 else begun
        days = sorted(day + timedelta(days=int(rng.integers(0, 6))) for _ in range(parts))
        shares = [pol // parts] * (parts - 1) + [pol - pol // parts * (parts - 1)]
        drafts = [
            Draft(p, self._moment(d), begun, mdtrt, place, kind, amount, dise if i == 0 or rng.random() < 0.7 else "",
                  last=i == parts - 1)
            for i, (d, amount) in enumerate(zip(days, shares, strict=True))
        ]  # fmt: skip
        drafts.sort(key=lambda d: d.when)
        for i, d in enumerate(drafts):
            d.last = i == parts - 1
        self._settle(drafts)

    def _settle(self, drafts: list[Draft]) -> None:
        """Rows of one visit; how it was referred is said on the settlement, in a record, or nowhere."""
        p, rng = drafts[0].person, self.rng
        if drafts[-1].when.date() > self.people.died[p].item():
            return
        refl = ""
        if self.place.policy == "P":
            refl = str(self._one_of("", "", "", "0", "1", "2") if rng.random() < 0.6 else "")
        numbers = []
        for d in drafts:
            d.refl = refl if d.last or rng.random() < 0.5 else ""
            if not d.mdtrt and d.med_type[0] != "2":
                d.mdtrt = self._number(f"M{self.place.code}CARE")
            numbers.append(self._number(f"{self.place.code}{d.when:%Y%m}2"))
        total = sum(d.pol for d in drafts)
        for d, number in zip(drafts, numbers, strict=True):
            month = (d.when.year - self.year) * 12 + d.when.month
            if 0 <= month <= 13:
                self.rows[month].append(self._row(d, number, total))
        if self.place.policy == "P":
            self._papers(drafts[-1], numbers[-1], refl)

    def _row(self, d: Draft, number: str, total: int) -> dict[str, Any]:
        rng, p = self.rng, d.person
        inpatient = d.med_type not in ("11", "13", "14")
        ooc = int(d.pol * rng.random() * 0.2)
        pre = int(d.pol * rng.random() * 0.05)
        employee = self.people.insutype[p] == 310
        ded = min(d.pol, 60_000) if inpatient else 0
        bas = int((d.pol - ded) * rng.uniform(0.35, 0.75))
        large = int(max(0, d.pol - bas - 1_500_000) * 0.6)
        maf, tilt = self._recorded(d, d.pol - bas - large, total) if self.place.policy == "P" else (0, 0)
        rest = d.pol - bas - large - maf - tilt
        oth = int((rest + ooc) * 0.9) if rng.random() < 0.04 else 0
        civ = int(rest * 0.5) if rng.random() < 0.03 and not oth else 0
        money = dict.fromkeys(AMOUNTS, 0) | {
            "ooc": ooc, "pre": pre, "pol": d.pol, "ded": ded, "hifp": bas, "hifmi": 0 if employee else large,
            "hifob": large if employee else 0, "maf": maf, "cvl": civ, "oth": oth + tilt, "tilt": tilt,
        }  # fmt: skip
        money["tot"] = ooc + pre + d.pol
        money["fund"] = bas + large + maf + civ + oth + tilt
        money["psn"] = money["cash"] = money["tot"] - money["fund"]
        return {
            "p": p, "inst": d.place, "insured": int(self.people.insured[p]),
            "insutype": int(self.people.insutype[p]),
            "begndate": datetime(d.begun.year, d.begun.month, d.begun.day) if d.begun else None,
            "enddate": datetime(d.when.year, d.when.month, d.when.day), "setl_time": d.when, **money,
            "setl_id": number, "mdtrt_id": d.mdtrt, "init_setl_id": "", "med_type": d.med_type, "setl_type": "2",
            "manl": "", "refd": "0", "vali": "1", "out_flag": "0", "nwb": "0",
            "updt_time": d.when + timedelta(days=DAYS_SETTLED), "t": COUNT, "t_year": d.when.year,
            "t_time": d.when, "ver": 0, "multi": False, "odd": 0, "pol_ok": True, "rej": False, "t_id": number,
            "tilt_ok": bool(rng.random() < 0.85), "refl": d.refl, "dise": d.dise,
        }  # fmt: skip

    def _recorded(self, d: Draft, rest: int, total: int) -> tuple[int, int]:
        """Assistance and tilt relief as a counter paid them: often right, sometimes nothing, too little, too much."""
        rng = self.rng
        day = d.when.date()
        held = [
            c for f in self.held[self.people.certno[d.person]] if f.start <= day <= f.end for c in f.codes
        ]
        category = next((c for c in NAIVE if c in held), "")
        if not category or not d.last or rng.random() < 0.2:
            return 0, 0
        percent, begins = NAIVE[category]
        covered = d.dise in SPECIAL_CODES or (total > GATE and d.place not in (COUNTY_CLINIC, AWAY + 2))
        maf = (rest * percent + 50) // 100 if covered else int(rest * 0.3)
        left = rest - maf
        tilt = (left * 60 + 50) // 100 if begins and left >= begins and d.place < AWAY else 0
        u = rng.random()
        if u < 0.15:
            maf = maf * 3 // 4
        elif u < 0.25:
            maf = min(rest, maf + 12_345)
        return maf, min(tilt, rest - maf)

    def _papers(self, d: Draft, number: str, refl: str) -> None:
        """Referral records, filings and diagnoses of a visit."""
        rng, world = self.rng, self.world
        who, day = self.people.certno[d.person], d.begun or d.when.date()
        if refl == "" and d.place in (CITY, NEAR, AWAY, AWAY + 1):
            u, valid = rng.random(), bool(rng.random() < 0.85)
            if u < 0.18:
                world.referrals.append(Referral(who, settlement=number, on=day, valid=valid))
            elif u < 0.34 and d.mdtrt:
                world.referrals.append(Referral(who, mdtrt=d.mdtrt, on=day, valid=valid))
            elif u < 0.46:
                begins = day - timedelta(days=int(rng.integers(-3, 20)))
                ends = begins + timedelta(days=int(rng.integers(5, 120))) if rng.random() < 0.7 else None
                if self._new(who, begins, ""):
                    world.referrals.append(Referral(who, begins=begins, ends=ends, valid=valid))
            elif u < 0.66:
                region = self.inst[d.place].region
                place = str(self._one_of(region, region[:4] + "00", region[:2] + "0000", "510100"))
                begins = day - timedelta(days=int(rng.integers(-3, 30)))
                if self._new(who, begins, place):
                    world.filings.append(Filing(who, begins, day + timedelta(days=60), place, valid=valid))
            elif u < 0.74 and self._new(who, day, "510100"):
                world.filings.append(Filing(who, day, None, "510100", self.inst[d.place].code, valid=valid))
        if d.med_type not in ("11", "13", "14") and d.mdtrt and rng.random() < 0.6:
            codes = ("C34.900x001", "N18.500", "I10.x00", "J18.900", "c34.1")
            for k in range(int(rng.integers(1, 4))):
                main = k == 0 if rng.random() < 0.8 else True
                code = f"{self._one_of(*codes)}{k or ''}"
                world.diagnoses.append(Diagnosis(who, d.mdtrt, code, main, rng.random() < 0.85))

    def _new(self, who: str, day: date, place: str) -> bool:
        """Whether no record of this person, day and place was made before: two would be versions of one."""
        key = (who, day, place)
        known = key in self.recorded
        self.recorded.add(key)
        return not known

    def _opening(self, p: int) -> None:
        rng = self.rng
        if rng.random() > 0.12:
            return
        who = self.people.certno[p]
        account, limit = self._one_of(("特殊疾病", 10_000_000), ("大额住院", 6_000_000), ("倾斜", 2_000_000))
        used = int(limit * self._one_of(0.2, 0.9, 1.0) * rng.uniform(0.8, 1.0))
        self.world.openings.append(Opening(who, account, used, date(self.year, 5, 29)))
        if rng.random() < 0.3:  # an earlier balance of the same account: the later one counts
            self.world.openings.append(Opening(who, account, used // 2, date(self.year, 4, 30)))
