"""What Pengshui's document owes for each visit, worked out person by person as on paper: rate, annual account, tilt.

彭水府办发〔2023〕52号 二(三): special diseases at 80 or 70 % within 100,000; other diseases from 30,000 a stay on, within
60,000; of what is left 60 % as tilt relief from 3,000, 4,000 or 5,000 on, within 20,000. All amounts in fen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from synth.key_visits import Book, Stop

START = date(2023, 5, 30)
PERCENT = {
    "TEKUN": 80, "DIBAO": 80, "FANPIN": 80, "JIANCE": 70, "DIBIAN": 70, "YINBING": 70, "YOUFU": 70, "ZHONGCAN": 70,
}  # fmt: skip
TILT_FROM = {
    "TEKUN": 300_000, "DIBAO": 400_000, "FANPIN": 400_000, "JIANCE": 500_000, "DIBIAN": 500_000, "YINBING": 500_000,
}  # fmt: skip
TILT_PERCENT = 60
GATE = 3_000_000
LIMITS = {"special": 10_000_000, "inpatient": 6_000_000, "tilt": 2_000_000}
ACCOUNTS = {"特殊疾病": "special", "大额住院": "inpatient", "倾斜": "tilt"}
Readings = dict[str, str]


@dataclass
class Owed:
    """What a visit is owed and how that came about; ``ma`` and ``tilt`` None: held."""

    stop: Stop
    category: str
    special_line: bool
    inpatient_line: bool
    reason: str
    base: int | None
    ma: int | None = 0
    before: int = 0
    inpatient_before: int = 0
    r1: int | None = 0
    tilt_line: bool = False
    tilt_reason: str = ""
    tilt: int | None = 0
    tilt_before: int = 0
    ma_doubt: bool = False
    tilt_doubt: bool = False
    ma_bitten: bool = False
    tilt_bitten: bool = False

    @property
    def covered(self) -> bool:
        """The document gives the visit a rate."""
        return self.special_line or self.inpatient_line


def percent(amount: int, per_hundred: int) -> int:
    """A share, half-up to the fen."""
    return (amount * per_hundred + 50) // 100


def less(amount: int, left: int, might: int) -> bool:
    """Whether less would be paid had the held visits before been paid as much as they might."""
    return min(amount, max(0, left - might)) < min(amount, left)


def owed(book: Book, visits: list[Stop], opening: dict[str, int], readings: Readings) -> dict[str, Owed]:
    """Owed by the id of each visit of one person, in order of settlement."""
    walk = Walk(book, opening, readings, any(s.special for s in visits))
    return {s.id: walk.next(s) for s in visits}


class Walk:
    """One person's year: what is used of each account, visit by visit."""

    def __init__(self, book: Book, opening: dict[str, int], readings: Readings, ever_special: bool) -> None:
        self.book, self.readings, self.ever_special = book, readings, ever_special
        self.used = {name: opening.get(name, 0) for name in LIMITS}
        self.might = dict.fromkeys(LIMITS, 0)
        self.measured = 0

    def reading(self, key: str, letter: str) -> bool:
        return self.readings.get(key) == letter

    # ---- the facts as the reading has them

    def category(self, s: Stop) -> str:
        if self.reading("A-P13", "b"):
            return self.book.category(s.who, s.admitted)
        if self.reading("A-P13", "c"):
            return self.book.best_category(s)
        if self.reading("A-P21", "b"):
            return self.book.category(s.who, s.day, without="FANPIN")
        return s.category

    def special(self, s: Stop) -> bool | None:
        if self.reading("A-P09", "b") and self.ever_special:
            return True
        if self.reading("A-P09", "c"):
            return s.special if s.special is None else s.special and not s.by_diagnosis
        return s.special

    def referral(self, s: Stop) -> str:
        if self.reading("A-P17", "a") and s.referral == "unknown":
            return "local"
        if self.reading("A-P17", "b") and s.referral in ("unknown", "emergency"):
            return "not_referred"
        return s.referral

    def passes(self, s: Stop) -> bool | None:
        """Over 30,000, exactly that not."""
        value = s.pol
        if self.reading("A-P07", "b"):
            value = s.tot
        if self.reading("A-P07", "c"):
            value = None if s.r0 is None else max(0, s.r0)
        if value is None:
            return False if s.tot <= GATE else None
        return value > GATE

    # ---- one visit

    def next(self, s: Stop) -> Owed:
        category, special, referral = self.category(s), self.special(s), self.referral(s)
        object_ = bool(category) and s.day >= START and s.designated
        high = None if s.level is None else s.level >= 2
        gate = self.passes(s)
        special_line = object_ and special is not False
        inpatient_line = object_ and special is not True and False not in (s.inpatient, high, gate)
        reason = ""
        if inpatient_line:
            reason = self._held(s, special, referral, gate, high)
        elif special_line:
            reason = self._held(s, special, referral, True, True)
        o = Owed(s, category, special_line, inpatient_line, reason, None if s.r0 is None else max(0, s.r0))
        account = "special" if special_line else "inpatient" if inpatient_line else ""
        before_limit = self._assistance(o, account, referral)
        self._tilt(o, account, referral, object_, before_limit)
        return o

    @staticmethod
    def _held(s: Stop, special: bool | None, referral: str, gate: bool | None, high: bool | None) -> str:
        """Why nobody can say what is owed; '' where it is known."""
        if special is None:
            return "list"
        if s.inpatient is None:
            return "kind"
        if gate is None:
            return "pol"
        if high is None:
            return "level"
        if referral == "not_referred":
            return ""
        if referral == "unknown":
            return "referral"
        return "" if s.r0 is not None else "pol"

    def left(self, account: str) -> int:
        """What is left of an account: apart, 60,000 within 100,000, or one for both."""
        both = LIMITS["special"] - self.used["special"] - self.used["inpatient"]
        own = LIMITS[account] - self.used[account]
        if account != "tilt" and self.reading("A-P06", "b"):
            own = min(own, both)
        if account != "tilt" and self.reading("A-P06", "c"):
            own = both
        return max(0, own)

    def _pay(self, amount: int, left: int) -> int:
        if self.reading("A-P29", "b"):
            return amount if amount <= left else 0
        return min(amount, left)

    def _assistance(self, o: Owed, account: str, referral: str) -> int:
        s = o.stop
        o.before, o.inpatient_before = self.left(account or "special"), self.left("inpatient")
        rate = PERCENT.get(o.category, 0) if referral != "not_referred" else 0
        if o.reason:
            o.ma = None
            for name, line in (("special", o.special_line), ("inpatient", o.inpatient_line)):
                self.might[name] += percent(s.upper, rate) if line else 0
            return 0
        if not account:
            return 0
        base = o.base or 0
        if self.reading("A-P08", "b") and account == "inpatient":
            base = max(0, base - GATE)
        if o.base is not None:
            o.base = base
        due = percent(base, rate)
        bounded = min(due, s.bound)
        o.ma_bitten = bounded < due
        o.ma_doubt = less(bounded, o.before, self.might[account])
        o.ma = self._pay(bounded, o.before)
        self.used[account] += o.ma
        return bounded

    def _tilt(self, o: Owed, account: str, referral: str, object_: bool, before_limit: int) -> None:
        s = o.stop
        begins = TILT_FROM.get(o.category)
        r0 = None if s.r0 is None else max(0, s.r0)
        if o.ma is not None and r0 is not None:
            o.r1 = max(0, r0 - o.ma)
        else:
            o.r1 = None
        if begins is None or not object_:
            return
        denied = referral == "not_referred" or not s.inside
        o.tilt_reason = o.reason
        if not o.reason and not denied:
            if s.inpatient is None:
                o.tilt_reason = "kind"
            elif referral == "unknown":
                o.tilt_reason = "referral"
            elif r0 is None:
                o.tilt_reason = "pol"
        o.tilt_before = self.left("tilt")
        if self.reading("A-P04", "b"):
            o.tilt_before = min(o.tilt_before, self.left(account or "inpatient"))
        if o.r1 is None or r0 is None or o.ma is None:
            o.tilt_line = s.upper >= begins
            o.tilt = None if o.tilt_line and o.tilt_reason else 0
            self.might["tilt"] += percent(s.upper, TILT_PERCENT) if o.tilt is None else 0
            return
        measured = max(0, r0 - before_limit) if self.reading("A-P31", "b") and account else o.r1
        pays = not denied and not o.tilt_reason
        pays = pays and not (self.reading("A-P03", "b") and not s.inpatient)
        pays = pays and not (self.reading("A-P05", "b") and o.ma <= 0)
        due = self._share(measured, begins)
        met = measured >= begins
        if self.reading("A-P02", "c"):
            total = self.measured + (measured if pays else 0)
            met, due = total >= begins, self._share(total, begins) - self._share(self.measured, begins)
            self.measured = total
        o.tilt_line = met
        if o.tilt_reason:
            o.tilt = None if met else 0
            self.might["tilt"] += percent(measured, TILT_PERCENT) if met else 0
            return
        if not (met and pays):
            return
        bounded = min(due, max(0, s.bound - o.ma))
        o.tilt_bitten = bounded < due
        o.tilt_doubt = less(bounded, o.tilt_before, self.might["tilt"])
        o.tilt = self._pay(bounded, o.tilt_before)
        self.used["tilt"] += o.tilt
        if self.reading("A-P04", "b"):
            self.used[account or "inpatient"] += o.tilt

    def _share(self, amount: int, begins: int) -> int:
        if amount < begins:
            return 0
        return percent(amount - begins if self.reading("A-P01", "b") else amount, TILT_PERCENT)
