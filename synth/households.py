"""The assistance households of the mass: who holds what from when to when, and what happens to them in the year."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from synth.model import FOREVER, Fact, month_end
from synth.people import People
from synth.places import County

WORDS = {
    "TEKUN": ("特困人员", "农村特困供养", "特困人员-7131", "城市特困供养"),
    "DIBAO": ("低保", "低保对象", "农村低保", "城市低保", "支出型低保"),
    "DIBIAN": ("低边", "低保边缘户", "低保边缘家庭成员", "低保边缘", "支出型低边"),
}
CHONGQING_WORDS = WORDS | {
    "TEKUN": (*WORDS["TEKUN"], "城乡孤儿", "事实无人抚养儿童", "农村五保户"),
    "DIBAO": (*WORDS["DIBAO"], "低保对象-7019"),
    "DIBIAN": (*WORDS["DIBIAN"], "低保边缘户-7201"),
    "FANPIN": ("返贫致贫人口", "返贫致贫户", "返贫致贫人口-7202"),
    "JIANCE": ("监测户", "脱贫不稳定户", "边缘易致贫户", "突发严重困难户", "农村易返贫致贫人口"),
    "YINBING": ("因病致贫重病患者", "因病致贫家庭重病患者"),
    "YOUFU": ("在乡重点优抚对象", "在乡老复员军人", "重点优抚对象"),
    "ZHONGCAN": ("重度残疾人", "重度残疾", "城乡重度(1-2级)残疾人员"),
}
WENZHOU_WORDS = WORDS | {
    "XD2": ("相对低收入家庭第二类对象", "相对低收入第二类", "第二类对象"),
    "XD": ("相对低收入家庭第一类对象",),
}


@dataclass(frozen=True)
class Mix:
    """Which categories a county's roster has: shares as upper bounds, wordings, who lives alone, who gets poorer."""

    bounds: tuple[tuple[str, float], ...]
    words: dict[str, tuple[str, ...]]
    alone: tuple[str, ...] = ("TEKUN",)
    poorer: tuple[tuple[str, str], ...] = (("DIBIAN", "低保"),)

    def drawn(self, u: float) -> str:
        """The category of a number between 0 and 1."""
        return next(code for code, bound in self.bounds if u <= bound)


PLAIN_MIX = Mix((("TEKUN", 0.14), ("DIBAO", 0.58), ("DIBIAN", 1.0)), WORDS)
MIXES = {
    "P": Mix(
        (("TEKUN", 0.10), ("DIBAO", 0.34), ("FANPIN", 0.42), ("JIANCE", 0.56), ("DIBIAN", 0.72), ("YINBING", 0.82),
         ("YOUFU", 0.90), ("ZHONGCAN", 1.0)),
        CHONGQING_WORDS,
        ("TEKUN", "YINBING", "YOUFU", "ZHONGCAN"),
        (("DIBIAN", "低保"), ("JIANCE", "低保对象"), ("YINBING", "低边")),
    ),
    "W": Mix(
        (("TEKUN", 0.05), ("DIBAO", 0.20), ("DIBIAN", 0.34), ("XD2", 0.88), ("XD", 1.0)),
        WENZHOU_WORDS,
        poorer=(("DIBIAN", "低保"), ("XD", "第二类对象"), ("XD2", "低边")),
    ),
}  # fmt: skip
FURTHER = ("、重度残疾人", "，监测户", "；稳定脱贫人口", "|重度残疾人")
HARDSHIP_WORKER = "困难职工"
RELATIONS = ("户主", "配偶", "子女", "父母", "孙子女", "其他")
LIST_END_MONTHS = (3, 6, 7, 10)  # ends of list-borne facts; other months belong to planted situations


def _words(rng: np.random.Generator, words: tuple[str, ...]) -> str:
    word = words[int(rng.integers(0, len(words)))]
    return word + (FURTHER[int(rng.integers(0, len(FURTHER)))] if rng.random() < 0.07 else "")


def _member_facts(
    people: People, members: list[int], household: str, cell: str, start: date, town: int, village: str
) -> list[Fact]:
    numbers, names = people.certno, people.name
    head = numbers[members[0]]
    return [
        Fact(
            who=numbers[p],
            household=household,
            head=head,
            cell=cell,
            start=start,
            name=names[p],
            born=people.born[p].item(),
            relation=RELATIONS[min(i, 5)],
            town=town,
            village=village,
        )
        for i, p in enumerate(members)
    ]


def _until(facts: list[Fact], end: date) -> None:
    for f in facts:
        f.end = f.shown_to = end


def _copy(facts: list[Fact], start: date, household: str = "", cell: str = "") -> list[Fact]:
    head = facts[0].who
    return [
        Fact(
            f.who, household or f.household, head, cell or f.cell, start, FOREVER, f.name, f.born, f.relation,
            f.town, f.village,
        )
        for f in facts
    ]  # fmt: skip


def stories(rng: np.random.Generator, people: People, place: County, year: int, *, plain: bool) -> list[Fact]:
    """Facts of the first ``people.roster`` people; sets their township and village."""
    facts: list[Fact] = []
    leaving: list[tuple[list[Fact], int]] = []
    p, number = 0, 0
    mix = MIXES.get(place.policy, PLAIN_MIX)
    while p < people.roster:
        category = mix.drawn(rng.random())
        size = 1 if category in mix.alone and rng.random() < 0.9 else int(rng.integers(1, 6))
        members = list(range(p, min(p + size, people.roster)))
        p += size
        number += 1
        town, village = int(people.town[members[0]]), f"第{people.village[members[0]]}村"
        people.town[members], people.village[members] = town, people.village[members[0]]
        household = f"{place.code}H{number:06d}"
        start = date(year - 1 - int(rng.integers(0, 4)), int(rng.integers(1, 13)), 1)
        group = _member_facts(
            people, members, household, _words(rng, mix.words[category]), start, town, village
        )
        if not plain and number % 11 == 3 and category != "TEKUN":  # an identity that picks no rate
            group[-1].cell = HARDSHIP_WORKER
        u = rng.random()
        listed = not plain and u > 0.45 and rng.random() < 0.75
        month = int(rng.integers(2, 11))
        if u < 0.05:  # the certificates run out in the year
            _until(group, month_end(year, month) - timedelta(days=int(rng.integers(0, 20))))
        elif u < 0.10:  # recognised in the year
            for f in group:
                f.start = date(year, month, int(rng.integers(1, 25)))
        elif u < 0.15 and category in dict(mix.poorer):  # another category in the year
            _until(group, month_end(year, month))
            cell = dict(mix.poorer)[category]
            group += _copy(group, month_end(year, month) + timedelta(days=1), cell=cell)
        elif u < 0.19 and len(group) > 1 and category == "DIBIAN":  # one member alone on 低保
            group[1].cell = "低保"
        elif u < 0.22:  # a new household number, the same head
            end = month_end(year, month)
            _until(group, end)
            start_again = end + timedelta(days=1 + int(rng.integers(0, 25)))
            group += _copy(group, start_again, household=f"{place.code}N{number:06d}")
        elif u < 0.25 and len(group) > 2:  # a member founds a household of his own
            end = month_end(year, month)
            mover = group[-1]
            mover.end = mover.shown_to = end
            group += _copy([mover], end + timedelta(days=1), household=f"{place.code}S{number:06d}")
        elif u < 0.27 and len(group) > 1:  # a member dies
            died = date(year, month, int(rng.integers(1, 28)))
            dead = group[-1]
            dead.end = dead.removed_on = dead.leaves = died
            dead.removed, dead.reason = month + 1, "死亡"
            people.died[members[-1]] = np.datetime64(died)
        elif u < 0.28 and len(group) == 1:  # no household number
            group[0].household = ""
        elif u < 0.30 and not plain:  # ended by the 减少 list
            for f in group:
                f.end, f.removed, f.removed_on = month_end(year, month), month + 1, month_end(year, month)
        if listed:
            for f in group:
                f.lists = tuple(range(1, 13))
            if u > 0.97:
                leaving.append((group, LIST_END_MONTHS[int(rng.integers(0, 4))]))
        facts += group
    _leave(facts, leaving, year)
    if mix is not PLAIN_MIX:  # few are listed of each category: a truncated list would not be seen to be one
        for f in facts:
            f.never_short = True
    return facts


def _leave(facts: list[Fact], leaving: list[tuple[list[Fact], int]], year: int) -> None:
    """Ends households by 减少 lists, as many as leave the 在册 lists whole: few rows, and every township stays."""
    listed = [(c, f.town) for f in facts if f.lists for c in f.codes]
    towns, size = Counter(listed), Counter(c for c, _ in listed)
    gone: Counter[tuple[str, int]] = Counter()
    for group, last in leaving:
        less = Counter((c, f.town) for f in group for c in f.codes)
        fewer = Counter(c for f in group for c in f.codes)
        keeps_towns = all(towns[x] > n for x, n in less.items())
        if not keeps_towns or any(gone[c, last] + n > max(4, size[c] // 20) for c, n in fewer.items()):
            continue
        towns.subtract(less)
        gone.update({(c, last): n for c, n in fewer.items()})
        for f in group:
            f.lists = tuple(range(1, last + 1))
            f.end = f.removed_on = month_end(year, last)
            f.removed = last + 1
