"""What every person's counted settlements come to, added up month by month."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from synth.model import FUND_OF, Visit, World
from synth.people import ALIAS, People
from synth.settle import COUNT, HOLE, OUT, PART, Institution

SUMS = ("tot", "pol", "fund", "psn", "acct", "cash")
INPATIENT = ("21", "22", "23", "24", "25", "26", "52", "54", "2101", "2102", "2106", "2107", "2114")
INPATIENT_CQ = (*INPATIENT, "9902", "9904", "9907", "9921", "9925")
NEVER = np.datetime64("1900-01-01", "ms")


class Tally:
    """Arrays by person number for one cost year."""

    def __init__(self, people: People, year: int, region: str, inst: list[Institution]) -> None:
        """``region`` decides which codes are inpatient; the places of Pengshui's rules also want the care given."""
        n = people.n
        self.people, self.year, self.inst = people, year, inst
        self.assisted = region.startswith("50")
        codes = pl.col("med_type")
        self.inpatient = codes.is_in(INPATIENT)
        if self.assisted:  # the codes of Chongqing hold for people insured there
            self.inpatient |= codes.is_in(INPATIENT_CQ) & (pl.col("insured") <= ALIAS)
        self.sums = {c: np.zeros(n, dtype=np.int64) for c in SUMS}
        self.count, self.stays = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
        self.pol_unknown, self.hole = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
        self.last_time = np.full(n, NEVER)
        self.last_id = np.full(n, "", dtype=object)
        self.last_insured = np.zeros(n, dtype=np.int64)
        self.last_insutype = np.zeros(n, dtype=np.int64)
        self.waiting: set[str] = set()

    def add(self, df: pl.DataFrame, world: World) -> None:
        """Takes in delivered rows with the truth on them."""
        mine = df.filter((pl.col("t") != OUT) & ((pl.col("t_year") == self.year) | (pl.col("t_year") == 0)))
        good = mine.filter(pl.col("t") != HOLE)
        p = good["p"].to_numpy()
        for c in SUMS:
            np.add.at(self.sums[c], p, good[c].to_numpy())
        self.pol_unknown[good.filter(~pl.col("pol_ok"))["p"].to_numpy()] = True
        counted = good.filter(pl.col("t") == COUNT)
        np.add.at(self.count, counted["p"].to_numpy(), 1)
        stays = counted.filter(self.inpatient)
        np.add.at(self.stays, stays["p"].to_numpy(), 1)
        self._latest(counted)
        self._holes(mine.filter(pl.col("t") == HOLE), world)
        self._visits(good, world)

    def _latest(self, counted: pl.DataFrame) -> None:
        last = (
            counted.select("p", "setl_time", "setl_id", "insured", "insutype")
            .sort("setl_time", "setl_id")
            .unique("p", keep="last", maintain_order=False)
        )
        p, when = last["p"].to_numpy(), last["setl_time"].to_numpy()
        later = (when > self.last_time[p]) | (
            (when == self.last_time[p]) & (last["setl_id"].to_numpy() > self.last_id[p])
        )
        p = p[later]
        self.last_time[p] = when[later]
        self.last_id[p] = last["setl_id"].to_numpy()[later]
        self.last_insured[p] = last["insured"].to_numpy()[later]
        self.last_insutype[p] = last["insutype"].to_numpy()[later]

    def _holes(self, rows: pl.DataFrame, world: World) -> None:
        self.hole[rows["p"].to_numpy()] = True
        for p, year, when in rows.select("p", "t_year", "t_time").iter_rows():
            world.holes.setdefault(self.people.certno[p], []).append((year, when.date() if year else None))

    def _visits(self, good: pl.DataFrame, world: World) -> None:
        rows = good.filter(pl.Series(self.people.detail[good["p"].to_numpy()]))
        for r in rows.iter_rows(named=True):
            who = self.people.certno[r["p"]]
            visits = world.visits.setdefault(who, [])
            if r["t"] == PART:
                self._refund(visits, r)
                continue
            found = (
                next((v for v in visits if v.id == r["t_id"]), None) if r["t_id"] in self.waiting else None
            )
            if found is None:
                found = Visit(r["t_id"], who, r["setl_time"], self.year, True)
                visits.append(found)
            found.counted, found.when, found.med_type = True, r["setl_time"], r["med_type"]
            found.inst, found.insured, found.insutype = r["inst"], r["insured"], r["insutype"]
            self._amounts(found, r)
            if self.assisted:
                self._care(found, r)
            world.named[who] = self.people.name[r["p"]]

    def _refund(self, visits: list[Visit], r: dict[str, Any]) -> None:
        found = next((v for v in visits if v.id == r["t_id"]), None)
        if found is None:  # the refund was delivered before its original
            when = r["t_time"]
            assert isinstance(when, datetime)
            found = Visit(str(r["t_id"]), self.people.certno[int(str(r["p"]))], when, self.year, False)
            visits.append(found)
            self.waiting.add(found.id)
        self._amounts(found, r)

    def _care(self, visit: Visit, r: dict[str, Any]) -> None:
        care = visit.care
        care.mdtrt, care.refl, care.dise = r["mdtrt_id"], r["refl"], r["dise"]
        care.begun = r["begndate"].date() if r["begndate"] else None
        care.level, care.tilt_known = self.inst[r["inst"]].on_settlements, r["tilt_ok"]

    def _amounts(self, visit: Visit, r: dict[str, Any]) -> None:
        for c in ("tot", "fund", "psn", "acct", "cash"):
            setattr(visit, c, getattr(visit, c) + int(r[c]))
        visit.pol = visit.pol + int(r["pol"]) if visit.pol is not None and r["pol_ok"] else None
        for c, column in FUND_OF.items() if self.assisted else ():
            setattr(visit.care, c, getattr(visit.care, c) + int(r[column]))
