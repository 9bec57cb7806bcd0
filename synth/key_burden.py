"""What people of interest bear: payments taken off their settlements, a plain second reading of the rules."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from synth.model import Payment, Visit, World

COM = {"政策性商业保险", "惠民保"}
SUB = {"优抚", "医疗互助", "工会", "残联", "临时救助", "慈善"}
PRIVATE = {"商业保险"}


@dataclass
class Borne:
    """Totals of one person and year, fen."""

    com: int = 0
    sub: int = 0
    unused: int = 0
    private: int = 0
    burden: int = 0


def _take(visit: Visit, amount: int, layer: str) -> int:
    """Takes up to ``amount`` off a settlement; what is left over comes back."""
    used = min(max(visit.burden, 0), amount)
    setattr(visit, layer, getattr(visit, layer) + used)
    return amount - used


def person_burden(visits: list[Visit], payments: list[Payment], year: int) -> Borne:
    """Named payments first, then lumps in the order of settlement; COM before SUB; the rest is unused."""
    total = Borne()
    by_id = {v.id: v for v in visits}
    lumps = {"com": 0, "sub": 0}
    for layer, kinds in (("com", COM), ("sub", SUB)):
        for pay in (p for p in payments if p.kind in kinds and p.truth != "nothing"):
            amount = pay.amount * pay.times
            if pay.truth == "named":
                if pay.counts_on not in by_id:
                    continue  # it belongs to the year of the settlement that it names
                lumps[layer] += _take(by_id[pay.counts_on], amount, layer)
            elif pay.year == year:
                lumps[layer] += amount
            else:
                continue
            setattr(total, layer, getattr(total, layer) + amount)
    for layer in ("com", "sub"):
        for visit in sorted(visits, key=lambda v: (v.when, v.id)):
            lumps[layer] = _take(visit, lumps[layer], layer)
    total.unused = lumps["com"] + lumps["sub"]
    total.private = sum(p.amount * p.times for p in payments if p.kind in PRIVATE and p.year == year)
    total.burden = max(0, sum(v.burden for v in visits))
    return total


def all_burdens(world: World, year: int) -> dict[str, Borne]:
    """Burden of every person of interest; marks on the visits what was used on them."""
    payments: dict[str, list[Payment]] = defaultdict(list)
    for pay in world.payments:
        payments[pay.who].append(pay)
    people = set(world.visits) | set(payments)
    return {
        who: person_burden(world.visits.get(who, []), payments.get(who, []), year) for who in sorted(people)
    }
