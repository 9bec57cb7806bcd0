"""Burden and cap against a slow second opinion: day by day and payment by payment in plain Python.

The second opinion is written from the rules' wording alone (one settlement after the other, one day after the other)
and shares nothing with the code under test but the generated county.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

from hypothesis import given

import tests.assess_frames as af
from tests.assess_run import run
from tests.test_assess_properties import FEW, Tables, counties

CAPS = {"TEKUN": 5_000, "DIBAO": 30_000, "DIBIAN": 50_000}
COM = {"政策性商业保险", "惠民保"}
SUB = {"优抚", "慈善", "临时救助"}
DAYS = [date(2023, 1, 1) + timedelta(days=n) for n in range(365)]


def burdens(tables: Tables) -> dict[str, int]:
    """setl_id → burden in yuan."""
    order = sorted(tables["settlements"], key=lambda r: (r["date"], r["setl_id"]))
    left = {r["setl_id"]: int(r["psn"]) for r in order}
    owner = {r["setl_id"]: r["person"] for r in order}
    lumps: dict[tuple[str, str], int] = defaultdict(int)
    for kinds in (COM, SUB):
        group = "com" if kinds is COM else "sub"
        for payment in tables["payments"]:
            named, person, amount = payment.get("setl_id"), payment["person"], int(payment["amount"])
            if payment["kind"] not in kinds or (named in owner and owner[named] != person):
                continue
            if payment["kind"] == "临时救助" and named is None:
                continue
            used = max(0, min(amount, left.get(named, 0))) if named in owner else 0
            if named in owner:
                left[named] -= used
            lumps[person, group] += amount - used
    for group in ("com", "sub"):
        for row in order:
            used = max(0, min(lumps[row["person"], group], left[row["setl_id"]]))
            left[row["setl_id"]] -= used
            lumps[row["person"], group] -= used
    return left


def day_of(row: dict[str, Any], day: date) -> bool:
    start = row.get("from", "2023-01-01")
    return start <= day.isoformat() <= row.get("to", "2023-12-31")


def units(tables: Tables) -> dict[str, tuple[int, int]]:
    """unit_id → (burden, amount) in yuan."""
    category: dict[tuple[str, date], str] = {}
    home: dict[tuple[str, date], str] = {}
    for day in DAYS:
        for row in tables["members"]:
            if day_of(row, day):
                home[row["person"], day] = row["household"]
        for row in sorted(tables["certificates"], key=lambda r: -CAPS[r["code"]]):
            if day_of(row, day):
                category[row["person"], day] = row["code"]  # the lowest cap is written last
    held: dict[str, dict[date, set[str]]] = defaultdict(lambda: defaultdict(set))
    for (person, day), code in category.items():
        held[home[person, day]][day].add(code)
    split = {house for house, days in held.items() if any(len(codes) > 1 for codes in days.values())}
    cost: dict[str, int] = defaultdict(int)
    arisen: dict[str, set[str]] = defaultdict(set)
    left = burdens(tables)
    for row in tables["settlements"]:
        day = date.fromisoformat(row["date"])
        code, house = category.get((row["person"], day)), home.get((row["person"], day))
        if code is None or house is None:
            continue
        unit = f"{house}/{code}" if house in split else house
        cost[unit] += left[row["setl_id"]]
        if left[row["setl_id"]] > 0:
            arisen[unit].add(code)
    found = {}
    for house, days in held.items():
        codes = set().union(*days.values())
        for unit in [f"{house}/{code}" for code in codes] if house in split else [house]:
            last = {unit.split("/")[1]} if house in split else days[max(days)]
            cap = min(CAPS[code] for code in arisen[unit] or last)
            found[unit] = (max(0, cost[unit]), max(0, max(0, cost[unit]) - cap))
    return found


@FEW
@given(counties())
def test_burden_of_each_settlement(tables: Tables) -> None:
    settled = run(tables).burdens.settlements
    found = dict(zip(settled["setl_id"], settled["burden_fen"], strict=True))
    assert found == {setl_id: 100 * left for setl_id, left in burdens(tables).items()}


@FEW
@given(counties())
def test_burden_and_amount_of_each_unit(tables: Tables) -> None:
    gaps = run(tables).assessed.cap_gap
    found = {row["unit_id"]: (row["burden_fen"], row["amount_fen"]) for row in gaps.to_dicts()}
    assert found == {unit: (100 * burden, 100 * amount) for unit, (burden, amount) in units(tables).items()}


@FEW
@given(counties())
def test_households_hold_all_costs_of_their_days(tables: Tables) -> None:
    left = burdens(tables)
    sums: dict[str, int] = defaultdict(int)
    for row in tables["settlements"]:
        for member in tables["members"]:
            if member["person"] == row["person"] and day_of(member, date.fromisoformat(row["date"])):
                sums[member["household"]] += left[row["setl_id"]]
    found = run(tables).households.select("household_id", "burden_fen").rows()
    assert dict(found) == {m["household"]: max(0, 100 * sums[m["household"]]) for m in tables["members"]}


def test_the_second_opinion_knows_the_examples() -> None:
    """Its own arithmetic on the written example of a split household: 28,000 and 49,000, nothing due."""
    tables: Tables = {
        "certificates": af.table(
            "person|code|from|to\nF|DIBAO|2023-01-01|2023-12-31\nW|DIBIAN|2023-01-01|2023-12-31"
        ),
        "members": af.table("person|household\nF|H1\nW|H1"),
        "settlements": af.table("setl_id|person|date|psn\nS1|F|2023-03-01|28000\nS2|W|2023-03-01|49000"),
        "payments": [],
    }
    assert units(tables) == {"H1/DIBAO": (28_000, 0), "H1/DIBIAN": (49_000, 0)}
