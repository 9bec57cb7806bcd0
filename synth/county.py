"""A whole county: people, settlements, rosters and payments as files, and the answer key beside them."""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from synth import answer_key, counter_export, rosters
from synth.events import happen
from synth.households import stories
from synth.key_burden import all_burdens
from synth.key_cap import CapBook, Unit, enter_payments
from synth.key_household import Register
from synth.key_lists import end_by_absence
from synth.key_readings import Readings
from synth.master import master_files
from synth.model import Paid, World
from synth.payments import mass_payments
from synth.people import make_people, with_extras
from synth.places import county
from synth.render import INTERFACE, Renderer, is_odd, odd_rows
from synth.scenarios import Planter
from synth.settle import institutions, month_rows
from synth.tally import Tally
from synth.write import PLAIN, STYLES, Delivered, Inbox, Style, mark_duplicates

LAST = 14  # February after the year
BESIDE_VOLUME = {0: 0.05, 13: 0.12, 14: 0.05}  # months outside the year are thin
ROSTER_SHARE = 0.042
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
    out: Path, *, persons: int, year: int, region: str = "330112", seed: int = 1, plain: bool = False
) -> dict[str, object]:
    """Writes ``out/inbox``, ``out/answer_key`` and ``out/received.csv``; the same arguments give the same bytes.

    ``plain`` leaves out what a benchmark does not need: other encodings, Excel, master files, planted situations.
    Returns a summary (counts, not values). ValueError: unknown region, too few persons, or ``out/inbox`` holds
    files that are not a synthetic county's.
    """
    place = county(region)
    out = Path(out)
    _clear(out)
    planter = None if plain else Planter(place, year)
    extras = planter.extras if planter else []
    mass = persons - len(extras) if persons - len(extras) >= LEAST_MASS else persons
    if mass < 20:
        raise ValueError("至少需要 20 人")
    people = make_people(
        _rng(seed, year, region, 1), place, mass, year, max(6, round(mass * ROSTER_SHARE)), plain=plain
    )
    world = World(facts=stories(_rng(seed, year, region, 2), people, place, year, plain=plain))
    people = with_extras(people, extras)
    inst = institutions(place, year)
    render = Renderer(people, inst)
    tally = Tally(people, year, region)
    inbox = Inbox(out / "inbox")
    events: Counter[str] = Counter()
    pending: dict[int, list[pl.DataFrame]] = {}
    counter = counter_export.CounterExports(render, place, year, region)
    settled = 0
    for m in range(LAST + 1):
        fresh = month_rows(
            _rng(seed, year, region, 3, m), place, people, year, m, BESIDE_VOLUME.get(m, 1.0), plain=plain
        )
        schema = dict(fresh.schema)
        delayed, counts = happen(_rng(seed, year, region, 4, m), fresh, m, plain=plain)
        events.update(counts)
        if planter and m == 0:
            planter.plant(world, people.mass)
            for d, frame in planter.frames(schema).items():
                pending.setdefault(d, []).append(frame)
        for late, frame in delayed:
            pending.setdefault(min(LAST, m + late), []).append(frame)
        rows = pl.concat(pending.pop(m))
        del fresh, delayed
        tally.add(rows, world)
        settled += rows.height
        y, mm = _month(year, m)
        if not plain and 1 <= m <= 12:
            rows = counter.take(rows, m, COUNTER_ROWS)
        if plain:
            _write_settlements(
                inbox, f"setl_d_{y}{mm:02d}", _received(year, m), rows, render, PLAIN, plain=True
            )
            continue
        halves = rows["inst"].to_numpy() % 2
        for half, name in ((0, "A"), (1, "B")):
            style = STYLES[(m + 5 * half) % len(STYLES)]
            part = rows.filter(pl.Series(halves == half))
            if part.height:
                stem = f"setl_d_{y}{mm:02d}_{name}"
                _write_settlements(inbox, stem, _received(year, m), part, render, style, plain=False)
    if not plain:
        counter.write(inbox)
        master_files(inbox, place, people, inst, world, year)
    world.payments += mass_payments(_rng(seed, year, region, 5), world, year, plain=plain)
    end_by_absence(world.facts, year)
    rosters.roster_files(inbox, place, world.facts, year, plain=plain)
    rosters.payment_files(inbox, world.payments, year, plain=plain)
    borne = all_burdens(world, year)
    register = Register(world.facts, year, region)
    book = CapBook(world, register, inst, lists_delivered=not plain)
    units = book.all_units(year) if place.has_cap else []
    adjudicated = date(year + 1, 3, 31)
    Readings(book, adjudicated).enter(units)
    if not plain:
        enter_payments(units, world, year)
        _pay_some(world, units, year)
        enter_payments(units, world, year)
        rosters.paid_file(inbox, world.paid, year)
        rosters.payee_file(inbox, world, [u.household for u in units], year)
    mark_duplicates(inbox.files)
    key = out / "answer_key"
    key.mkdir(parents=True, exist_ok=True)
    n_person = answer_key.person_year(
        key, people, place, tally, register, borne, world, counter.seen, plain=plain
    )
    n_household = answer_key.household_year(key, place, people, register, world, year)
    answer_key.cap_gap(key, place, register, units, world, year)
    answer_key.review_cases(key, units)
    answer_key.payments(key, world)
    answer_key.files(key, inbox.files)
    answer_key.situations(key, planter.planted if planter else [], place)
    with (out / "received.csv").open("w", encoding="utf-8", newline="") as f:
        write = csv.writer(f)
        write.writerow(("file", "received_on"))
        write.writerows(
            (x.name, x.received_on.isoformat())
            for x in sorted(inbox.files, key=lambda x: (x.received_on, x.name))
        )
    return {
        "region": region,
        "year": year,
        "on": adjudicated.isoformat(),
        "persons": people.n,
        "roster_persons": len({x.who for x in world.facts}),
        "settlement_rows": settled,
        "payments": len(world.payments),
        "files": len(inbox.files),
        "person_years": n_person,
        "household_years": n_household,
        "cap_units": len(units),
        "situations": len(planter.planted) if planter else 0,
        "events": dict(events),
        "inbox": str(out / "inbox"),
        "answer_key": str(key),
        "received": str(out / "received.csv"),
    }


def _clear(out: Path) -> None:
    """Removes an earlier synthetic county; anything else in the way is refused."""
    if (out / "inbox").exists() and any((out / "inbox").iterdir()) and not (out / "answer_key").exists():
        raise ValueError(f"{out}/inbox 里已有文件，不是合成数据；请换一个目录")
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
