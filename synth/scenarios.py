"""Planted situations: facts and expectations by hand (data/scenarios/*.toml) turned into rows of this county.

Dates are written ``MM-DD`` in the county's year, ``+MM-DD`` in the year after, ``-MM-DD`` in the year before.
Amounts are yuan. ``truth`` says by hand what a settlement comes to: count, out, part (a partial refund of ``of``)
or hole (its unit is incomplete). A situation with a ``policy`` is planted in counties of that policy only; with
``from_year`` or ``only_year`` in those years, with ``list`` where the list of special diseases is delivered so.
A settlement that says ``pol`` shows its layers (bas, cii, lrg, civ, maf, oth, tilt, ooc); else all of ``tot`` less
``ooc`` is policy-range cost and what ``psn`` leaves is the basic fund's.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from synth import ids
from synth.care import CITY, COUNTY_CLINIC, LEVEL_LISTED, NEAR, NO_LEVEL
from synth.model import FOREVER, Diagnosis, Fact, Filing, Opening, Paid, Payment, Referral, World
from synth.people import ALIAS, HOME, INSIDE, NOWHERE, OTHER, Extra
from synth.places import County
from synth.settle import AMOUNTS, COUNT, HOLE, OUT, PART

FOLDER = Path(__file__).parents[1] / "data" / "scenarios"
TRUTH = {"count": COUNT, "out": OUT, "part": PART, "hole": HOLE}
INSURED = {"home": HOME, "alias": ALIAS, "other": OTHER, "inside": INSIDE, "nowhere": NOWHERE}
PLACES = {
    "hospital": 1, "clinic": 4, "pharmacy": 14, "away": 28, "closed": 30, "unlisted": 31, "city": CITY, "near": NEAR,
    "no_level": NO_LEVEL, "level_listed": LEVEL_LISTED, "township": COUNTY_CLINIC,
}  # fmt: skip
LAYERS = {"bas": "hifp", "cii": "hifmi", "lrg": "hifob", "civ": "cvl", "maf": "maf"}
FAULTS = {"three_decimals": 5, "bad_date": 6}
Situation = dict[str, Any]


@cache
def situations(folder: Path = FOLDER) -> tuple[Situation, ...]:
    """All situations, by file name."""
    return tuple(tomllib.loads(f.read_text(encoding="utf-8")) for f in sorted(folder.glob("*.toml")))


def fen(yuan: float | str) -> int:
    """Yuan as written, in fen."""
    return int(Decimal(str(yuan)) * 100)


def day(text: str, year: int) -> date:
    """A date of a situation: MM-DD, with + for the year after and - for the year before."""
    shift = {"+": 1, "-": -1}.get(text[0], 0)
    month, dom = text.lstrip("+-").split("-")
    return date(year + shift, int(month), int(dom))


def moment(text: str, year: int) -> datetime:
    """A date with an optional time (default 09:00:00)."""
    d, _, t = text.partition(" ")
    h, m, s = (int(x) for x in (t or "09:00:00").split(":"))
    return datetime(*day(d, year).timetuple()[:3], h, m, s)


@dataclass
class Planted:
    """A situation with its people and numbers in this county."""

    situation: Situation
    numbers: dict[str, str]
    households: dict[str, str]
    settlements: dict[str, str]


def _visit_number(planted: Planted, visit: str) -> str:
    return "" if visit == "none" else "M" + planted.settlements[visit]


def _money(s: Situation, account_inside: bool) -> dict[str, int]:
    """Amounts of a settlement: by its layers, or by total and personal payment alone."""
    ooc, acct, mul = fen(s.get("ooc", 0)), fen(s.get("acct", 0)), fen(s.get("mul", 0))
    tilt = 0 if s.get("tilt", 0) == "?" else fen(s.get("tilt", 0))
    layers = {column: fen(s.get(name, 0)) for name, column in LAYERS.items()}
    layers["oth"] = fen(s.get("oth", 0)) + tilt
    if "pol" in s:
        pol = fen(s["pol"])
        tot, psn = pol + ooc, pol + ooc - sum(layers.values())
    else:
        psn = fen(s["psn"])
        tot = fen(s.get("tot", s["psn"] * 2))
        pol, layers["hifp"] = tot - ooc, tot - psn - sum(v for k, v in layers.items() if k != "hifp")
    return dict.fromkeys(AMOUNTS, 0) | layers | {
        "tot": tot, "ooc": ooc, "pol": pol, "psn": psn, "acct": acct, "mul": mul, "tilt": tilt,
        "cash": psn - acct - mul, "fund": tot - psn + (acct if account_inside else 0),
    }  # fmt: skip


class Planter:
    """Gives every situation people, household numbers and settlement numbers of its own."""

    def __init__(self, place: County, year: int, disease_list: str = "full") -> None:
        self.place, self.year, self.disease_list = place, year, disease_list
        self.extras: list[Extra] = []
        self.planted: list[Planted] = []
        self.rows: list[dict[str, Any]] = []
        self.where: dict[str, int] = {}
        for k, situation in enumerate(filter(self._fits, situations())):
            self._people(k, situation)

    def _fits(self, situation: Situation) -> bool:
        """Whether the situation belongs in this county, year and state of the disease list."""
        return (
            situation.get("policy", self.place.policy) == self.place.policy
            and situation.get("from_year", self.year) <= self.year
            and situation.get("only_year", self.year) == self.year
            and (situation.get("list", self.disease_list) == self.disease_list)
            and situation.get("pilot", self.place.is_pilot) == self.place.is_pilot
        )

    def _people(self, k: int, situation: Situation) -> None:
        numbers: dict[str, str] = {}
        for j, person in enumerate(situation["persons"]):
            text = person.get("born", f"{1950 + k % 40}-{1 + j % 12:02d}-{1 + k % 27:02d}")
            born = date.fromisoformat(text) if len(text) > 6 else day(text, self.year)
            sex = 1 if person.get("sex", "男") == "男" else 2
            seq = 2 * ((k * 12 + j) % 490 + 1) + (sex == 1)
            number = ids.certificate_numbers(
                self.place.code[:4] + "98", np.array([int(born.strftime("%Y%m%d"))]), np.array([seq])
            )[0]
            if person.get("wrong_digit"):
                number = ids.wrong_digit(number)
            numbers[person["who"]] = number
            self.where[number] = len(self.extras)
            self.extras.append(
                Extra(
                    number,
                    f"{self.place.code}9999{k:04d}{j:04d}0000",
                    f"{ids.SURNAMES[k % len(ids.SURNAMES)]}{person.get('name', '合' + ids.GIVEN[j])}",
                    sex,
                    born.isoformat(),
                    k % len(self.place.townships),
                    1 + k % 9,
                    INSURED[person.get("insured", "home")],
                    int(person.get("insutype", 390)),
                    day(person["died"], self.year).isoformat() if "died" in person else "2200-01-01",
                )
            )
        letters = {r["household"] for r in situation.get("roster", []) if r.get("household")}
        households = {h: f"{self.place.code}X{k:04d}{h}" for h in sorted(letters)}
        settlements = {
            s["id"]: f"{self.place.code}{self.year}98{k:04d}{i:05d}"
            for i, s in enumerate(situation.get("settlements", []))
            if "copy_of" not in s
        }
        self.planted.append(Planted(situation, numbers, households, settlements))

    def plant(self, world: World, offset: int) -> None:
        """Adds facts, payments and ledger lines to the world, and settlement rows to ``rows``."""
        for planted in self.planted:
            for r in planted.situation.get("roster", []):
                world.facts.append(self._fact(planted, r))
            for s in planted.situation.get("settlements", []):
                self.rows.append(self._row(planted, s, offset))
            for p in planted.situation.get("payments", []):
                world.payments.append(self._payment(planted, p))
            for line in planted.situation.get("paid", []):
                unit, _, category = line["household"].partition("/")
                number = planted.households[unit] + (f"/{category}" if category else "")
                on = day(line.get("on", "+02-20"), self.year)
                rule = planted.situation.get("policy", "L")
                world.paid.append(
                    Paid(number, self.year, fen(line["amount"]), on, {"W": "W-06"}.get(rule, "L-04"))
                )
            self._papers(planted, world)

    def _papers(self, planted: Planted, world: World) -> None:
        """Referrals, filings, diagnoses and opening balances of a situation."""

        def on(cells: Situation, name: str) -> date | None:
            return day(cells[name], self.year) if name in cells else None

        s = planted.situation
        for r in s.get("referrals", []):
            visit = r.get("visit", "")
            world.referrals.append(
                Referral(
                    planted.numbers[r["who"]],
                    settlement=planted.settlements[r["settlement"]] if "settlement" in r else "",
                    mdtrt="M" + planted.settlements[visit] if visit else "",
                    on=on(r, "on"), begins=on(r, "from"), ends=on(r, "to"), valid=r.get("valid", True),
                )
            )  # fmt: skip
        for f in s.get("filings", []):
            world.filings.append(
                Filing(planted.numbers[f["who"]], day(f["from"], self.year), on(f, "to"), f["place"],
                       valid=f.get("valid", True))
            )  # fmt: skip
        for d in s.get("diagnoses", []):
            mdtrt = "M" + planted.settlements[d["visit"]]
            world.diagnoses.append(
                Diagnosis(
                    planted.numbers[d["who"]], mdtrt, d["code"], d.get("main", True), d.get("out", True)
                )
            )
        for o in s.get("openings", []):
            until = day(o.get("until", "05-29"), self.year)
            world.openings.append(Opening(planted.numbers[o["who"]], o["account"], fen(o["amount"]), until))

    def _fact(self, planted: Planted, r: dict[str, Any]) -> Fact:
        who = planted.numbers[r["who"]]
        extra = self.extras[self.where[who]]
        end = day(r["to"], self.year) if "to" in r else FOREVER
        real = day(r["truth_to"], self.year) if "truth_to" in r else end
        house = r.get("household", "")
        members = [x for x in planted.situation["roster"] if x.get("household", "") == house]
        head = planted.numbers[r.get("head", members[0]["who"])]
        removed = r.get("removed", 0)
        elsewhere = r.get("region") == "elsewhere"
        return Fact(
            who=who,
            household=planted.households[house] if house else "",
            head=head,
            cell=r["label"],
            start=day(r.get("from", "-03-01"), self.year),
            end=real,
            name=extra.name,
            born=date.fromisoformat(extra.born),
            relation="户主" if who == head else "家庭成员",
            town=extra.town,
            village="" if elsewhere else f"第{extra.village}村",
            lists=tuple(r.get("lists", ())),
            removed=removed,
            removed_on=day(r["removed_on"], self.year) if "removed_on" in r else None,
            reason=r.get("reason", ""),
            shown_to=end if "to" in r else None,
            leaves=real if r.get("reason") in ("死亡", "迁出", "分户") else None,
            region=self.place.elsewhere[0] if elsewhere else "",
            anonymous=r.get("anonymous", False),
            department=r.get("department", "民政"),
            added=r.get("added", 0),
            again=tuple((x["month"], day(x["to"], self.year)) for x in r.get("again", ())),
        )

    def _payment(self, planted: Planted, p: dict[str, Any]) -> Payment:
        who = planted.numbers[p["who"]]
        names = p.get("names", "")
        return Payment(
            who=who,
            name=self.extras[self.where[who]].name,
            kind=p["kind"],
            amount=fen(p["amount"]),
            on=day(p.get("on", "11-20"), self.year),
            year=self.year + p.get("year", 0),
            settlement=planted.settlements.get(names, f"{self.place.code}{names}" if names else ""),
            serial=p.get("serial", ""),
            payer=p.get("payer", "合成基金会"),
            note=p.get("note", ""),
            truth=p.get("truth", ""),
            counts_on=planted.settlements[p["counts_on"]] if "counts_on" in p else "",
            deliveries=tuple(p.get("deliveries", (11,))),
            times=p.get("times", 1),
        )

    def _row(self, planted: Planted, s: dict[str, Any], offset: int) -> dict[str, Any]:
        if "copy_of" in s:
            original = next(x for x in planted.situation["settlements"] if x["id"] == s["copy_of"])
            s = {**original, "truth": "out", **s, "id": original["id"]}
        number = planted.settlements[s["id"]]
        who = planted.numbers[s["who"]]
        extra = self.extras[self.where[who]]
        when = moment(s["on"], self.year)
        insured = INSURED[s["insured"]] if "insured" in s else extra.insured
        money = _money(s, insured == INSIDE)
        fault = s.get("fault", "")
        money["fund"] += 10_000 if fault == "broken_b" else 0
        money["cash"] += 10_000 if fault == "broken_c" else 0
        money["ooc"] += 10_000 if fault == "broken_a" else 0
        truth = TRUTH[s.get("truth", "count")]
        base = s.get("of", s["id"])
        origin = next(x for x in planted.situation["settlements"] if x["id"] == base)
        counts_at = moment(origin["on"], self.year) if truth == PART else when
        month = (when.year - self.year) * 12 + when.month
        return {
            "p": offset + self.where[who], "inst": PLACES[s.get("place", "hospital")], "insured": insured,
            "insutype": int(s.get("insutype", extra.insutype)),
            "begndate": self._begun(s, when), "enddate": when, "setl_time": when,
            **money,
            "setl_id": number, "mdtrt_id": _visit_number(planted, s.get("visit", base)),
            "init_setl_id": self._original(planted, s),
            "med_type": s.get("med_type", "21"), "setl_type": s.get("setl_type", "2"), "manl": s.get("manl", ""),
            "refd": s.get("refd", "0"), "vali": s.get("vali", "1"), "out_flag": s.get("out_flag", "0"),
            "nwb": s.get("nwb", "0"),
            "updt_time": moment(s["updt"], self.year) if "updt" in s else when + timedelta(days=2),
            "t": truth, "t_year": 0 if fault == "bad_date" else counts_at.year, "t_time": counts_at,
            "ver": s.get("ver", 0), "multi": s.get("multi", False), "odd": FAULTS.get(fault, 0),
            "pol_ok": fault != "broken_a",
            "rej": fault in ("broken_b", "broken_c", "three_decimals", "bad_date"),
            "t_id": planted.settlements[base] if truth == PART else number,
            "tilt_ok": s.get("tilt", 0) != "?", "refl": s.get("refl", ""), "dise": s.get("dise", ""),
            "delivered": min(14, max(0, s.get("delivered", month))),
        }  # fmt: skip

    def _begun(self, s: Situation, when: datetime) -> datetime | None:
        """Admission: three days before, or as the situation says; "none": the file does not say."""
        text = s.get("begin", "")
        if text == "none":
            return None
        return moment(f"{text} 00:00:00", self.year) if text else when - timedelta(days=3)

    def _original(self, planted: Planted, s: dict[str, Any]) -> str:
        """init_setl_id: the refunded settlement of the situation, or one that was never delivered."""
        if "init" in s:
            return f"{self.place.code}{self.year}{s['init']}"
        return planted.settlements[s["of"]] if "of" in s else ""

    def frames(self, schema: dict[str, pl.DataType]) -> dict[int, pl.DataFrame]:
        """Settlement rows by the month of their delivery."""
        delivered: dict[int, list[dict[str, Any]]] = {}
        for row in self.rows:
            delivered.setdefault(row["delivered"], []).append(row)
        return {
            m: pl.DataFrame([{k: r[k] for k in schema} for r in rows], schema=schema)
            for m, rows in delivered.items()
        }
