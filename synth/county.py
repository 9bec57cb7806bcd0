"""A whole county: people, settlements, rosters and payments as files, and the answer key beside them."""

from __future__ import annotations

import shutil
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from synth import addresses, answer_key, answer_key_care, answer_key_rosters, counter_export, rosters
from synth.care import CHRONIC_CODES, OTHER_CODES, SPECIAL_CODES, Care
from synth.care_files import LISTS, care_files, reference_files
from synth.events import happen
from synth.households import stories
from synth.key_assistance import assess
from synth.key_burden import all_burdens
from synth.key_cap import CapBook, Unit, enter_payments
from synth.key_household import Register
from synth.key_lists import end_by_absence
from synth.key_readings import Readings
from synth.key_relief import Relieved, enter_paid, relieved
from synth.key_visits import Book
from synth.master import master_files
from synth.model import Paid, World
from synth.payments import mass_payments
from synth.people import make_people, with_extras
from synth.places import County, county
from synth.render import INTERFACE, Renderer, is_odd, odd_rows
from synth.scenarios import Planter
from synth.settle import institutions, month_rows
from synth.tally import Tally
from synth.write import PLAIN, STYLES, Delivered, Inbox, Style, mark_duplicates

LAST = 14  # February after the year
BESIDE_VOLUME = {0: 0.05, 13: 0.12, 14: 0.05}  # months outside the year are thin
ROSTER_SHARE = {"P": 0.15, "W": 0.12}
PLAIN_ROSTER_SHARE = 0.042
COUNTER_ROWS = 240
LEAST_MASS = 60  # beside the people of the situations; with fewer these come on top


def _rng(seed: int, year: int, region: str, *more: int) -> np.random.Generator:
    return np.random.default_rng([seed, year, int(region), *more])


def _month(year: int, d: int) -> tuple[int, int]:
    return (year + (d - 1) // 12, (d - 1) % 12 + 1)


def _received(year: int, d: int) -> date:
    y, m = _month(year, d + 1)
    return date(y, m, 5)


def _write_settlements(
    inbox: Inbox,
    stem: str,
    received: date,
    rows: pl.DataFrame,
    render: Renderer,
    style: Style,
    *,
    plain: bool,
) -> Delivered:
    """One platform file: good rows first, then those that are written in another way."""
    rows = rows.sort("setl_time", "setl_id", "ver", "multi", "p")
    odd = is_odd(rows, render.people)
    parts, order = [], []
    if not odd.all():
        simple = rows.filter(~odd)
        parts.append(render.bulk(simple, plain=plain))
        order.append(simple)
    if odd.any():
        strange = rows.filter(odd)
        parts.append(odd_rows(strange, render.bulk(strange, plain=plain), render.people))
        order.append(strange)
    if style.interface:
        parts = [p.rename({k: v for k, v in INTERFACE.items() if k in p.columns}) for p in parts]
    record = inbox.text(stem, "setl_d", received, parts, style, rejected=int(rows["rej"].sum()))
    lines = pl.concat(
        [o.select("setl_id", "updt_time", "ver", "multi", "rej") for o in order]
    ).with_row_index()
    lines = lines.filter(pl.col("multi") & ~pl.col("rej"))
    record.keyed = [(s, f"{u}", f"{v}", i) for i, s, u, v, _, _ in lines.iter_rows()]
    return record


def write_county(
    out: Path,
    *,
    persons: int,
    year: int,
    region: str = "330112",
    seed: int = 1,
    plain: bool = False,
    disease_list: str = "full",
) -> dict[str, object]:
    """Writes ``out/inbox``, ``out/answer_key`` and ``out/received.csv``; the same arguments give the same bytes.

    Under the rules of Pengshui also ``out/reference``, what the bureau adds to the reference tables; its
    ``disease_list`` is full, empty or missing.
    ``plain`` leaves out what a benchmark does not need: other encodings, Excel, master files, planted situations,
    the key of assistance (which is walked person by person).
    Returns a summary (counts, not values). ValueError: unknown region, too few persons, or ``out`` holds files
    that are not a synthetic county's.
    """
    place = county(region)
    if disease_list not in LISTS:
        raise ValueError(f"没有这种病种清单 {disease_list}")
    _clear(Path(out), place)
    made = _Making(Path(out), place, persons, year, seed, plain, disease_list)
    made.deliver_settlements()
    made.deliver_lists()
    return made.answer()


class _Making:
    """One county on its way: people and facts first, then files, then the key from what really happened."""

    def __init__(
        self, out: Path, place: County, persons: int, year: int, seed: int, plain: bool, disease_list: str
    ) -> None:
        self.out, self.place, self.year, self.seed, self.plain = out, place, year, seed, plain
        self.disease_list, self.assisted = disease_list, place.policy == "P"
        self.planter = None if plain else Planter(place, year, disease_list)
        extras = self.planter.extras if self.planter else []
        mass = persons - len(extras) if persons - len(extras) >= LEAST_MASS else persons
        if mass < 20:
            raise ValueError("至少需要 20 人")
        share = PLAIN_ROSTER_SHARE if plain else ROSTER_SHARE.get(place.policy, PLAIN_ROSTER_SHARE)
        roster = max(6, round(mass * share))
        people = make_people(self.rng(1), place, mass, year, roster, plain=plain)
        self.world = World(facts=stories(self.rng(2), people, place, year, plain=plain))
        self.people = with_extras(people, extras)
        self.homes = None if plain else addresses.Writer(self.rng(8), place, self.people).addresses()
        self.inst = institutions(place, year)
        self.render = Renderer(self.people, self.inst, assisted=self.assisted)
        self.tally = Tally(self.people, year, place.code, self.inst)
        self.inbox = Inbox(out / "inbox")
        self.counter = counter_export.CounterExports(self.render, place, year, place.code)
        self.events: Counter[str] = Counter()
        self.settled = 0

    def rng(self, *stream: int) -> np.random.Generator:
        return _rng(self.seed, self.year, self.place.code, *stream)

    # ---- settlements

    def deliver_settlements(self) -> None:
        """Month by month: what was settled, what happened to it, and the files in which it comes."""
        pending: dict[int, list[pl.DataFrame]] = {}
        care: dict[int, list[dict[str, Any]]] = {}
        if self.place.policy in ("P", "W"):
            care = Care(self.rng(6), self.place, self.people, self.inst, self.world, self.year).drawn()
        for m in range(LAST + 1):
            fresh = self._fresh(m, care.get(m, []))
            delayed, counts = happen(self.rng(4, m), fresh, m, plain=self.plain)
            self.events.update(counts)
            if self.planter and m == 0:
                self.planter.plant(self.world, self.people.mass)
                for d, frame in self.planter.frames(dict(fresh.schema)).items():
                    pending.setdefault(d, []).append(frame)
            for late, frame in delayed:
                pending.setdefault(min(LAST, m + late), []).append(frame)
            rows = pl.concat(pending.pop(m))
            del fresh, delayed
            self.tally.add(rows, self.world)
            self.settled += rows.height
            self._settlement_files(rows, m)
        if not self.plain:
            self.counter.write(self.inbox)

    def _fresh(self, m: int, care: list[dict[str, Any]]) -> pl.DataFrame:
        """The settlements of a month before anything happens to them."""
        volume = BESIDE_VOLUME.get(m, 1.0)
        rows = month_rows(self.rng(3, m), self.place, self.people, self.year, m, volume, plain=self.plain)
        if self.assisted:
            rows = as_assisted(self.rng(7, m), rows)
        if not care:
            return rows
        costly = pl.DataFrame([{c: r[c] for c in rows.columns} for r in care], schema=rows.schema)
        return pl.concat([rows, costly])

    def _settlement_files(self, rows: pl.DataFrame, m: int) -> None:
        y, mm = _month(self.year, m)
        received = _received(self.year, m)
        stem = f"setl_d_{y}{mm:02d}"
        if self.plain:
            _write_settlements(self.inbox, stem, received, rows, self.render, PLAIN, plain=True)
            return
        if 1 <= m <= 12:
            rows = self.counter.take(rows, m, COUNTER_ROWS)
        halves = rows["inst"].to_numpy() % 2
        for half, name in ((0, "A"), (1, "B")):
            style = STYLES[(m + 5 * half) % len(STYLES)]
            part = rows.filter(pl.Series(halves == half))
            if part.height:
                _write_settlements(
                    self.inbox, f"{stem}_{name}", received, part, self.render, style, plain=False
                )

    # ---- everything else that departments deliver

    def deliver_lists(self) -> None:
        """Master files, referrals and reference tables, rosters, payments and paid ledger; works out the units."""
        world, year, plain = self.world, self.year, self.plain
        if self.homes:
            master_files(self.inbox, self.place, self.people, self.homes, self.inst, world, year)
        if self.assisted:
            numbers = dict(zip(self.people.certno, self.people.psn_no, strict=True))
            care_files(self.inbox, world, numbers, year)
            reference_files(self.out / "reference", self.place.code, year, self.disease_list)
        world.payments += mass_payments(self.rng(5), world, year, plain=plain)
        end_by_absence(world.facts, year)
        rosters.roster_files(self.inbox, self.place, world.facts, year, plain=plain)
        rosters.payment_files(self.inbox, world.payments, year, plain=plain)
        self.borne = all_burdens(world, year)
        self.register = Register(world.facts, year, self.place.code)
        book = CapBook(world, self.register, self.inst, lists_delivered=not plain)
        self.units = book.all_units(year) if self.place.has_cap else []
        self.adjudicated = date(year + 1, 3, 31)
        Readings(book, self.adjudicated).enter(self.units)
        self.reliefs: list[Relieved] = []
        if self.place.policy == "W":
            self.reliefs = relieved(world, self.register, self.place, year)
        if not plain:
            self._deliver_money()
        mark_duplicates(self.inbox.files)

    def _deliver_money(self) -> None:
        """Some units were already paid; the ledger and the accounts."""
        enter_payments(self.units, self.world, self.year)
        _pay_some(self.world, self.units, self.year)
        enter_payments(self.units, self.world, self.year)
        _relieve_some(self.world, self.reliefs, self.year)
        enter_paid(self.reliefs, self.world, self.year)
        rosters.paid_file(self.inbox, self.world.paid, self.year)
        households = [u.household for u in self.units] + [u.household for u in self.reliefs]
        rosters.payee_file(self.inbox, self.world, households, self.year)

    # ---- the key

    def answer(self) -> dict[str, object]:
        """Writes the answer key and the dates of receipt; the summary."""
        key, place, world, register, year = (
            self.out / "answer_key", self.place, self.world, self.register, self.year,
        )  # fmt: skip
        key.mkdir(parents=True, exist_ok=True)
        n_person = answer_key.person_year(
            key,
            self.people,
            self.homes,
            place,
            self.tally,
            register,
            self.borne,
            world,
            self.counter.seen,
            plain=self.plain,
        )
        n_household = answer_key.household_year(key, place, self.people, register, world, year)
        answer_key.cap_gap(key, place, register, self.units, world, year)
        answer_key.review_cases(key, self.units)
        answer_key_care.reliefs(key, place, self.reliefs, register, world, year)
        answer_key_rosters.rosters(key, place, register, year)
        n_lines = 0
        if self.assisted and not self.plain:
            book = Book(world, register, place, self.inst, year, self.disease_list)
            aided = assess(book)
            answer_key_care.assistance(key, place, aided, year)
            n_lines = len(aided.lines)
        planted = self.planter.planted if self.planter else []
        answer_key.payments(key, world)
        answer_key.files(key, self.inbox.files)
        answer_key.situations(key, planted, place)
        received = ((f.name, f.received_on.isoformat()) for f in self.inbox.files)
        answer_key.write_table(
            self.out / "received.csv", ("file", "received_on"), sorted(received, key=lambda r: (r[1], r[0]))
        )
        return {
            "region": place.code,
            "year": year,
            "on": self.adjudicated.isoformat(),
            "persons": self.people.n,
            "roster_persons": len({x.who for x in world.facts}),
            "settlement_rows": self.settled,
            "payments": len(world.payments),
            "files": len(self.inbox.files),
            "person_years": n_person,
            "household_years": n_household,
            "cap_units": len(self.units),
            "relief_units": len(self.reliefs),
            "benefit_lines": n_lines,
            "situations": len(planted),
            "events": dict(self.events),
            "inbox": str(self.out / "inbox"),
            "answer_key": str(key),
            "received": str(self.out / "received.csv"),
        }


def as_assisted(rng: np.random.Generator, rows: pl.DataFrame) -> pl.DataFrame:
    """The mass as Chongqing's extract shows it: disease codes of chronic outpatients, referral now and then."""
    codes = np.array([*SPECIAL_CODES, *CHRONIC_CODES, *OTHER_CODES])
    drawn = pl.Series(codes[rng.integers(0, len(codes), rows.height)])
    sick = (pl.col("med_type") == "14") | ((pl.col("med_type") == "21") & (pl.col("p") % 5 == 0))
    shown = pl.Series(np.array(["", "", "0", "0", "1", "2"])[rng.integers(0, 6, rows.height)])
    rare = pl.Series(rng.random(rows.height) < 0.4)
    return rows.with_columns(
        dise=pl.when(sick).then(drawn).otherwise(pl.lit("")),
        refl=pl.when(rare).then(shown).otherwise(pl.lit("")),
        tilt_ok=pl.Series(rng.random(rows.height) < 0.9),
    )


def _clear(out: Path, place: County) -> None:
    """Removes an earlier synthetic county; anything else in the way is refused."""
    ours = (out / "answer_key").exists()
    if (out / "inbox").exists() and any((out / "inbox").iterdir()) and not ours:
        raise ValueError(f"{out}/inbox 里已有文件，不是合成数据；请换一个目录")
    if place.policy == "P" and (out / "reference").exists() and not ours:
        raise ValueError(f"{out}/reference 里已有参考表，不是合成数据；请换一个目录")
    for old in ("inbox", "answer_key"):
        shutil.rmtree(out / old, ignore_errors=True)


def _pay_some(world: World, units: list[Unit], year: int) -> None:
    """A few units of the mass were already paid: rightly, too little, too much."""
    owed = [
        u for u in units if u.amount and not u.paid and "X" not in u.household and "户主" not in u.household
    ]
    for i, u in enumerate(owed[::3]):
        share = (u.gap, u.gap - 100, u.gap + 10_000)[i % 3]
        if share > 0:
            world.paid.append(Paid(u.unit, year, share, date(year + 1, 2, 25)))


def _relieve_some(world: World, units: list[Relieved], year: int) -> None:
    """The same of Wenzhou's relief."""
    owed = [u for u in units if u.amount and "X" not in u.household and "户主" not in u.household]
    for i, u in enumerate(owed[::2]):
        share = (u.owed, u.owed - 100, u.owed + 10_000)[i % 3]
        if share > 0:
            world.paid.append(Paid(u.household, year, share, date(year + 1, 2, 25), "W-06"))
