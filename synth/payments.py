"""Supplementary payments of the mass: with and without settlement and serial number, in cumulative lists."""

from __future__ import annotations

from datetime import date

import numpy as np

from synth.model import Payment, World

KINDS = (
    "政策性商业保险",
    "惠民保",
    "优抚",
    "医疗互助",
    "工会",
    "残联",
    "临时救助",
    "慈善",
    "封顶化解",
    "商业保险",
)
WEIGHTS = (0.2, 0.27, 0.04, 0.12, 0.07, 0.05, 0.1, 0.07, 0.02, 0.06)


PLANTED_AREA = "98"  # people of planted situations have the payments of their situation only


def _truth(kind: str, note: str, named: bool) -> str:
    if kind in ("封顶化解", "商业保险") or (kind == "临时救助" and not named and "医疗" not in note):
        return "nothing"
    return "named" if named else "lump"


def mass_payments(rng: np.random.Generator, world: World, year: int, *, plain: bool) -> list[Payment]:
    """One to three payments for every tenth person of interest who bears more than 500 yuan."""
    found: list[Payment] = []
    for who in sorted(world.visits):
        visits = [v for v in world.visits[who] if v.counted and v.psn > 0]
        if rng.random() > 0.3 or sum(v.psn for v in visits) < 50_000 or who[4:6] == PLANTED_AREA:
            continue
        for i in range(int(rng.integers(1, 4))):
            visit = visits[int(rng.integers(0, len(visits)))]
            named = bool(rng.random() < 0.55)
            amount = int(visit.psn * float(rng.uniform(0.1, 0.9)))
            if not named:
                amount = int(sum(v.psn for v in visits) * float(rng.uniform(0.05, 0.4)))
            if rng.random() < 0.04:
                amount = amount * 4 + 10_000
            amount = amount // 100 * 100 if rng.random() < 0.5 else max(amount, 1)
            if amount <= 0:
                continue
            kind = KINDS[int(rng.choice(len(KINDS), p=WEIGHTS))]
            month = min(12, visit.day.month + int(rng.integers(0, 2)))
            note = (
                ("医疗费用临时救助", "生活困难临时救助")[int(rng.random() < 0.4)]
                if kind == "临时救助"
                else ""
            )
            serial = f"LS{year}{len(found):07d}" if rng.random() < 0.5 else ""
            cumulative = not plain and rng.random() < 0.25
            found.append(
                Payment(
                    who=who,
                    name=world.named.get(who, ""),
                    kind=kind,
                    amount=amount,
                    on=date(year, month, int(rng.integers(1, 28))),
                    year=year,
                    settlement=visit.id if named else "",
                    serial=serial,
                    payer=f"合成{kind}经办单位",
                    note=note,
                    truth=_truth(kind, note, named),
                    deliveries=tuple(range(month, 13)) if cumulative else (month,),
                    times=2 if not serial and rng.random() < 0.03 else 1,
                )
            )
            if i and kind == "慈善":
                break
    return found
