"""Facts about households and payments, before they are written and before they are counted."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache

RANK = (
    "TEKUN", "DIBAO", "FANPIN", "JIANCE", "DIBIAN", "YINBING", "ZHICHU", "YOUFU", "ZHONGCAN", "LINSHI",
    "QITA_TK", "XD2", "DISHOURU", "XD", "KUNNAN_ZG",
)  # fmt: skip
CAPS = {"TEKUN": 500_000, "DIBAO": 3_000_000, "DIBIAN": 5_000_000}
WORDINGS = {
    "特困人员": ("TEKUN",), "特困人员-7131": ("TEKUN",), "农村特困供养": ("TEKUN",), "城市特困供养": ("TEKUN",),
    "特困": ("TEKUN",), "低保": ("DIBAO",), "低保对象": ("DIBAO",), "农村低保": ("DIBAO",), "城市低保": ("DIBAO",),
    "低边": ("DIBIAN",), "低保边缘户": ("DIBIAN",), "低保边缘家庭成员": ("DIBIAN",), "低保边缘": ("DIBIAN",),
    "低保边缘家庭人员": ("DIBIAN",), "支出型低保": ("ZHICHU", "DIBAO"), "支出型低边": ("ZHICHU", "DIBIAN"),
    "重度残疾人": ("ZHONGCAN",), "监测户": ("JIANCE",), "稳定脱贫人口": (), "重点优抚对象": ("YOUFU",),
    "相对低收入家庭第二类对象": ("XD2",), "低收入农户": ("DISHOURU",), "返贫致贫人口": ("FANPIN",),
    # Chongqing (orphans are 特困 under the policy of Pengshui only)
    "城乡孤儿": ("TEKUN",), "事实无人抚养儿童": ("TEKUN",), "农村五保户": ("TEKUN",), "低保对象-7019": ("DIBAO",),
    "返贫致贫户": ("FANPIN",), "返贫致贫人口-7202": ("FANPIN",), "农村易返贫致贫人口": ("JIANCE",),
    "脱贫不稳定户": ("JIANCE",), "边缘易致贫户": ("JIANCE",), "突发严重困难户": ("JIANCE",),
    "低保边缘户-7201": ("DIBIAN",), "因病致贫重病患者": ("YINBING",), "因病致贫家庭重病患者": ("YINBING",),
    "在乡重点优抚对象": ("YOUFU",), "在乡老复员军人": ("YOUFU",), "重度残疾": ("ZHONGCAN",),
    "城乡重度(1-2级)残疾人员": ("ZHONGCAN",), "1-6级残疾军人": (),
    "困难职工": ("KUNNAN_ZG",),
    # Wenzhou
    "相对低收入第二类": ("XD2",), "第二类对象": ("XD2",), "相对低收入家庭第一类对象": ("XD",),
}  # fmt: skip
FOREVER = date(2999, 12, 31)
SEPARATORS = "、,，;；|/ "


def words_of(cell: str) -> list[str]:
    """The wordings of a cell that may hold several."""
    for sep in SEPARATORS:
        cell = cell.replace(sep, "、")
    return [word for word in cell.split("、") if word]


@cache
def codes_of(cell: str) -> tuple[str, ...]:
    """Identity codes of a cell that may hold several wordings, best first; KeyError for an unknown wording."""
    found = {code for word in words_of(cell) for code in WORDINGS[word]}
    return tuple(sorted(found, key=RANK.index))


@dataclass
class Fact:
    """One entry of a roster as it really is: who belongs to which household with which identities, from when to when.

    ``who`` is the key of the person (certificate number). ``shown_to`` is the 失效日期 that the department writes,
    where it is not the real end. ``lists`` are the 在册 lists that show it (empty: a dated fact). ``again`` are
    later deliveries of a dated fact: month and the 失效日期 then written.
    """

    who: str
    household: str
    head: str
    cell: str
    start: date
    end: date = FOREVER
    name: str = ""
    born: date | None = None
    relation: str = ""
    town: int = 0
    village: str = ""
    lists: tuple[int, ...] = ()
    added: int = 0
    removed: int = 0
    removed_on: date | None = None
    reason: str = ""
    shown_to: date | None = None
    leaves: date | None = None
    region: str = ""
    anonymous: bool = False
    department: str = "民政"
    removed_department: str = ""
    certificate: str = ""
    again: tuple[tuple[int, date], ...] = ()
    never_short: bool = False

    @property
    def codes(self) -> tuple[str, ...]:
        return codes_of(self.cell)


@dataclass
class Payment:
    """A supplementary payment. ``truth``: named, lump, nothing. ``counts_on`` is the settlement that it reduces."""

    who: str
    name: str
    kind: str
    amount: int
    on: date
    year: int
    settlement: str = ""
    serial: str = ""
    payer: str = "合成基金会"
    note: str = ""
    truth: str = ""
    counts_on: str = ""
    deliveries: tuple[int, ...] = (1,)
    times: int = 1

    def __post_init__(self) -> None:
        self.truth = self.truth or ("named" if self.settlement else "lump")
        self.counts_on = self.counts_on or self.settlement


@dataclass
class Paid:
    """A line of the paid ledger for a unit under the cap."""

    unit: str
    year: int
    amount: int
    on: date
    rule: str = "L-04"
    serial: str = ""


FUND_OF = {
    "bas": "hifp", "cii": "hifmi", "lrg": "hifob", "civ": "cvl", "ent": "hifes", "dis": "hifdm", "maf": "maf",
    "oth": "oth", "tilt": "tilt",
}  # fmt: skip
"""Amounts of a settlement that assistance looks at, by their column in the generator's rows."""


@dataclass
class Care:
    """What assistance asks of a settlement: the visit that it is part of, its disease, referral and layers (fen).

    ``tilt_known`` False: the file does not say what tilt relief was paid.
    """

    mdtrt: str = ""
    begun: date | None = None
    level: str = ""
    refl: str = ""
    dise: str = ""
    bas: int = 0
    cii: int = 0
    lrg: int = 0
    civ: int = 0
    ent: int = 0
    dis: int = 0
    maf: int = 0
    oth: int = 0
    tilt: int = 0
    tilt_known: bool = True


@dataclass
class Visit:
    """A settlement of a person of interest, after everything that happened to it (fen); ``pol`` None: unknown."""

    id: str
    who: str
    when: datetime
    year: int
    counted: bool
    tot: int = 0
    pol: int | None = 0
    fund: int = 0
    psn: int = 0
    acct: int = 0
    cash: int = 0
    med_type: str = ""
    inst: int = 0
    insured: int = 0
    insutype: int = 390
    com: int = 0
    sub: int = 0
    care: Care = field(default_factory=Care)

    @property
    def day(self) -> date:
        return self.when.date()

    @property
    def burden(self) -> int:
        return self.psn - self.com - self.sub


@dataclass(frozen=True)
class Referral:
    """A referral record (转诊): of a settlement or a visit, or, naming none, of a period."""

    who: str
    settlement: str = ""
    mdtrt: str = ""
    on: date | None = None
    begins: date | None = None
    ends: date | None = None
    valid: bool = True


@dataclass(frozen=True)
class Filing:
    """A filing of treatment elsewhere (异地备案): a region, or an institution."""

    who: str
    begins: date
    ends: date | None = None
    place: str = ""
    institution: str = ""
    valid: bool = True


@dataclass(frozen=True)
class Diagnosis:
    """A diagnosis of a visit; ``out``: of discharge."""

    who: str
    mdtrt: str
    code: str
    main: bool = True
    out: bool = True


@dataclass(frozen=True)
class Opening:
    """What was used of an account before (已用额度)."""

    who: str
    account: str
    amount: int
    until: date


@dataclass
class World:
    """Everything about the people of interest."""

    facts: list[Fact] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    paid: list[Paid] = field(default_factory=list)
    visits: dict[str, list[Visit]] = field(default_factory=dict)
    holes: dict[str, list[tuple[int, date | None]]] = field(default_factory=dict)
    named: dict[str, str] = field(default_factory=dict)
    referrals: list[Referral] = field(default_factory=list)
    filings: list[Filing] = field(default_factory=list)
    diagnoses: list[Diagnosis] = field(default_factory=list)
    openings: list[Opening] = field(default_factory=list)


def month_end(year: int, month: int) -> date:
    """Last day of a month."""
    return (date(year + month // 12, month % 12 + 1, 1)) - timedelta(days=1)
