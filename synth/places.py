"""Counties and townships that a synthetic county can stand in (names and codes as published)."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path

ELSEWHERE = {"330112": ("330302", "330382"), "500243": ("330302", "330382")}
ALIAS = {"330112": "330185"}
PILOTS = ("330305", "330324", "330326", "330327", "330328", "330329")


def stem_of(name: str) -> str:
    """A township without 镇, 乡, 街道 and without its people (凤阳畲族乡: 凤阳); the name itself where nothing is left."""
    bare = re.sub(r"(?:街道|镇|乡)$", "", name)
    bare = re.sub(r"(?:畲族|苗族|土家族)+$", "", bare)
    return bare if len(bare) >= 2 else name


@dataclass(frozen=True)
class County:
    """A county with its townships; ``elsewhere`` are two other counties where some people are insured.

    ``towns_known`` False: the table has no townships of it, its people live in one without name and code.
    """

    code: str
    name: str
    address: str
    townships: tuple[tuple[str, str], ...]
    elsewhere: tuple[str, str]
    alias: str
    towns_known: bool = True

    @property
    def policy(self) -> str:
        """Whose rules on money hold here: L (cap), W (relief of households), P (assistance), or none."""
        return {"330112": "L", "500243": "P"}.get(self.code, "W" if self.code[:4] == "3303" else "")

    @property
    def has_cap(self) -> bool:
        """Whether the household cap of Lin'an (L-04) is in force here."""
        return self.policy == "L"

    @property
    def is_pilot(self) -> bool:
        """Whether the county is one of the six pilots of Wenzhou's relief (W-01)."""
        return self.code in PILOTS


def county(code: str) -> County:
    """The county of a six-digit code; ValueError when it is not in the table."""
    with (Path(__file__).parent / "places.csv").open(encoding="utf-8") as f:
        rows = {r["code"]: r for r in csv.DictReader(f)}
    me = rows.get(code)
    if me is None or me["level"] != "county":
        known = "、".join(c for c, r in rows.items() if r["level"] == "county")
        raise ValueError(f"没有区划 {code}；可用的有 {known}")
    city = rows.get(me["parent_code"], {"name": "", "parent_code": ""})
    province = rows.get(f"{code[:2]}0000", {"name": ""})
    towns = tuple((c, r["name"]) for c, r in rows.items() if r["parent_code"] == code)
    middle = city["name"] if city["name"] != "县" else ""
    return County(
        code,
        me["name"],
        f"{province['name']}{middle}{me['name']}",
        towns or (("", ""),),
        ELSEWHERE.get(code, ("330112", "330302" if code != "330302" else "330382")),
        ALIAS.get(code, code),
        bool(towns),
    )
