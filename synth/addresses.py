"""Addresses as people write them (居住地址, 户籍地址), and what a careful reader can tell from each.

With and without province, city and county, under the county's former name, without 镇 and 街道, with blanks, brackets,
full-width digits and variant characters, with roads and estates named after other townships, in other counties, or with
a village alone. The truth is drawn first and the text after it, so the key needs no reader.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from synth.ids import FULL_WIDTH
from synth.people import People
from synth.places import County, stem_of

FORMER = {"330112": ("临安市", "浙江省临安市"), "500243": ("彭水县", "重庆彭水县", "彭水自治县")}
"""Names of a county in daily use beside its own: the one before it became a district, the short one."""
ENDINGS = ("街道", "镇", "乡")
VILLAGES = (
    "上坞村", "里岭村", "前坑村", "后塘村", "新坪村", "大坞村", "小岭村", "冷坑村", "石坪村", "深坞村", "横岭村",
)  # fmt: skip
COMMUNITIES = ("幸福社区", "朝阳社区", "新安社区")
ROADS = ("人民路", "建设街", "环城北路", "解放路", "迎宾大道")
NAMED_AFTER = ("路", "街", "花园", "小区", "大道", "山庄", "公寓", "大厦")
"""What bears the name of a township without lying in it."""
AWAY = (
    "江苏省苏州市昆山市", "上海市浦东新区", "宁波市鄞州区", "贵州省毕节市七星关区", "成都市武侯区", "重庆市黔江区",
    "杭州市余杭区", "杭州余杭区", "浙江省金华市义乌市", "广东省深圳市龙岗区",
)  # fmt: skip
NOWHERE, IN_TOWN, EMPTY, COUNTY_ONLY, VILLAGE_ONLY, ELSEWHERE, NAMESAKE, TWO_TOWNS, OTHER_TOWN = range(9)
LIVING = ((IN_TOWN, 0.80), (EMPTY, 0.08), (COUNTY_ONLY, 0.03), (VILLAGE_ONLY, 0.03), (ELSEWHERE, 0.03),
          (NAMESAKE, 0.025), (TWO_TOWNS, 0.005))  # fmt: skip
REGISTERED = ((IN_TOWN, 0.62), (OTHER_TOWN, 0.14), (EMPTY, 0.14), (COUNTY_ONLY, 0.06), (ELSEWHERE, 0.02),
              (NAMESAKE, 0.02))  # fmt: skip
LAST_HOPE = ((IN_TOWN, 0.90), (EMPTY, 0.03), (COUNTY_ONLY, 0.03), (VILLAGE_ONLY, 0.02), (NAMESAKE, 0.02))
"""What the registered address says where the living address says nothing."""
FORMS = ("full", "stem", "spaced", "bracketed", "variant", "renamed")
FORM_SHARES = (0.56, 0.22, 0.06, 0.06, 0.05, 0.05)
TAIL_SHARES = (0.46, 0.10, 0.10, 0.12, 0.08, 0.05, 0.05, 0.04)


@dataclass(frozen=True)
class Written:
    """One kind of address of everybody: the text, whether it tells the township, says the county, and the village."""

    text: pl.Series
    told: np.ndarray
    sure: np.ndarray
    village: np.ndarray


@dataclass(frozen=True)
class Addresses:
    """Living and registered address of everybody. A registered address never contradicts the truth unless a living
    address that says its county comes before it."""

    living: Written
    registered: Written

    def source(self, elsewhere: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which address tells the township (1 living, 2 registered, 0 none), and the village that it names.

        Somebody insured `elsewhere` needs an address that says its county.
        """
        live, registered = (one.told & (one.sure | ~elsewhere) for one in (self.living, self.registered))
        villages = np.select([live, registered], [self.living.village, self.registered.village], "")
        return np.select([live, registered], [1, 2], 0), villages


def has_ending(name: str) -> bool:
    """Whether the name is one of a town, township or street office (a forest farm is none)."""
    return name.endswith(ENDINGS)


def written_forms(name: str, taken: set[str]) -> list[str]:
    """The name of a township in each of FORMS; `taken`: what means another township and is not written for this one."""
    stem = stem_of(name)
    renamed = stem + {"街道": "镇", "镇": "街道", "乡": "镇"}.get(
        name[-2:] if name.endswith("街道") else name[-1:], ""
    )
    variant = name.replace("於", "于") if "於" in name else name
    free = [text if has_ending(name) and text not in taken else name for text in (stem, renamed)]
    return [name, free[0], " ".join(name), f"（{name}）", variant, free[1]]


def fronts_of(place: County) -> tuple[list[str], list[bool]]:
    """What stands before the township, and whether it says the county."""
    short = re.sub(r"(?:苗族土家族自治县|区|县|市)$", "", place.name)
    above = place.address.removesuffix(place.name)
    names = [
        place.address,
        place.address,
        f"{above.removeprefix('浙江省')}{place.name}",
        place.name,
        place.name,
    ]
    names += [short, f"{above[:2]}{short}", *FORMER.get(place.code, ())]
    return [*names, "", "", ""], [*(True for _ in names), False, False, False]


def drawn(rng: np.random.Generator, n: int, shares: Sequence[tuple[int, float]]) -> np.ndarray:
    """`n` of the kinds by their shares."""
    kinds, weights = zip(*shares, strict=True)
    return np.array(kinds)[rng.choice(len(kinds), n, p=np.array(weights) / sum(weights))]


def picked(rng: np.random.Generator, n: int, texts: Sequence[str]) -> pl.Series:
    """`n` of the texts."""
    return pl.Series(np.array(texts, dtype=object), dtype=pl.String).gather(rng.integers(0, len(texts), n))


class TownNames:
    """The names of a county's townships as they are written; `clear`: the name without 镇 lies in no other one."""

    def __init__(self, place: County) -> None:
        names = [name for _, name in place.townships]
        self.stems = [stem_of(name) for name in names]
        taken = [{x for m in names if m != name for x in (m, stem_of(m))} for name in names]
        self.forms = np.array([written_forms(*pair) for pair in zip(names, taken, strict=True)], dtype=object)
        self.clear = np.array(
            [not any(s != t and (s in t or t in s) for t in self.stems) for s in self.stems]
        )

    def written(self, town: int, n: int) -> str:
        """A name as a counter writes it: whole, without 镇, with another character; in turn."""
        form = (0, 1, 0, 4)[n % 4]
        return str(self.forms[town, form if form != 1 or self.clear[town] else 0])


class Writer:
    """Writes the addresses of one county's people."""

    def __init__(self, rng: np.random.Generator, place: County, people: People) -> None:
        self.rng, self.place, self.people, self.n = rng, place, people, people.n
        towns = TownNames(place)
        self.stems, self.forms, self.clear = towns.stems, towns.forms, towns.clear
        fronts, sure = fronts_of(place)
        self.fronts, self.says = pl.Series(fronts), np.array(sure)

    def addresses(self) -> Addresses:
        """Both addresses of everybody."""
        living = self._written(drawn(self.rng, self.n, LIVING))
        kinds = np.where(living.told, drawn(self.rng, self.n, REGISTERED), drawn(self.rng, self.n, LAST_HOPE))
        kinds = np.where((kinds == OTHER_TOWN) & ~living.sure, IN_TOWN, kinds)
        return Addresses(living, self._written(kinds))

    def _written(self, kinds: np.ndarray) -> Written:
        front = self.rng.integers(0, len(self.fronts), self.n)
        before, says = self.fronts.gather(front), self.says[front]
        town = self.people.town
        other = self._others()
        lives = np.where(kinds == OTHER_TOWN, other, town)
        form = self.rng.choice(len(FORMS), self.n, p=np.array(FORM_SHARES))
        tail, village = self._tails(other)
        form = np.where((form == 1) & ~self.clear[lives], 0, form)
        named = pl.Series(self.forms[lives, form], dtype=pl.String)
        house = pl.Series(self.rng.integers(1, 200, self.n)).cast(pl.String) + "号"
        namesake = (
            pl.Series(np.array(self.stems, dtype=object)[other], dtype=pl.String)
            + picked(self.rng, self.n, NAMED_AFTER)
            + house
        )
        full = pl.Series(self.forms[:, 0], dtype=pl.String)
        stem = pl.Series(self.stems)
        homes = pl.Series(
            np.array(VILLAGES, dtype=object)[(self.people.village - 1) % len(VILLAGES)], dtype=pl.String
        )
        away = (
            picked(self.rng, self.n, AWAY)
            + stem.gather(other)
            + picked(self.rng, self.n, ("镇", "街道", "路"))
            + house
        )
        frame = pl.DataFrame(
            {"k": kinds, "town": before + named + tail, "county": before, "village": before + homes + house,
             "away": away, "namesake": before + namesake, "two": before + full.gather(town) + full.gather(other)}
        )  # fmt: skip
        k = pl.col("k")
        text = frame.select(
            pl.when(k.is_in([IN_TOWN, OTHER_TOWN])).then("town").when(k == COUNTY_ONLY).then("county")
            .when(k == VILLAGE_ONLY).then("village").when(k == ELSEWHERE).then("away")
            .when(k == NAMESAKE).then("namesake").when((k == TWO_TOWNS) & pl.lit(len(self.stems) > 1)).then("two")
            .otherwise(pl.lit(""))
        ).to_series()  # fmt: skip
        told = kinds == IN_TOWN
        return Written(text, told & self.place.towns_known, says, np.where(told, village, ""))

    def _others(self) -> np.ndarray:
        """For each person a township that is not his own; roads and estates bear the names of towns, not of farms."""
        towns = np.flatnonzero([has_ending(str(name)) for name in self.forms[:, 0]])
        towns = towns if len(towns) > 1 else np.arange(len(self.stems))
        first = self.rng.integers(0, len(towns), self.n)
        own = towns[first] == self.people.town
        return towns[(first + own) % len(towns)]

    def _tails(self, other: np.ndarray) -> tuple[pl.Series, np.ndarray]:
        """What stands behind the township, and the village or community that it names."""
        rng, n = self.rng, self.n
        kind = rng.choice(len(TAIL_SHARES), n, p=np.array(TAIL_SHARES))
        home = np.array(VILLAGES, dtype=object)[(self.people.village - 1) % len(VILLAGES)]
        community = np.array(COMMUNITIES, dtype=object)[rng.integers(0, len(COMMUNITIES), n)]
        group, house = (pl.Series(rng.integers(1, top, n)).cast(pl.String) for top in (16, 200))
        lives = pl.Series(home, dtype=pl.String) + group + "组" + house + "号"
        named_after = pl.Series(np.array(self.stems, dtype=object)[other], dtype=pl.String) + picked(
            rng, n, NAMED_AFTER[:4]
        )
        frame = pl.DataFrame(
            {"k": kind, "0": lives, "1": pl.Series(home, dtype=pl.String), "2": picked(rng, n, ROADS) + house + "号",
             "3": pl.Series(community, dtype=pl.String) + house + "号", "4": named_after + house + "号",
             "5": lives.str.replace_many({chr(a): chr(b) for a, b in FULL_WIDTH.items() if chr(a) != "X"}),
             "6": " " + lives.str.replace("村", "村 ") + " ", "7": pl.Series(["人民政府集体户"]).gather(np.zeros(n, dtype=int))}
        )  # fmt: skip
        text = pl.Series(
            frame.select(pl.coalesce(pl.when(pl.col("k") == i).then(str(i)) for i in range(8))).to_series()
        )
        village = np.select([np.isin(kind, (0, 1, 5, 6)), kind == 3], [home, community], "")
        return text, village
