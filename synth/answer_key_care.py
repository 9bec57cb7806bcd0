"""The answer key of assistance, tilt relief and Wenzhou's relief as tables."""

from __future__ import annotations

from pathlib import Path

from synth import ids
from synth.answer_key import write_table, yuan
from synth.key_assistance import Assisted, Line
from synth.key_household import Register
from synth.key_relief import LIMIT, THRESHOLD, Relieved
from synth.model import World
from synth.places import County

GAP_HEADER = (
    "rule_id", "region_code", "township_code", "village", "unit_type", "unit_id", "household_id",
    "head_name_masked", "n_members", "cost_year", "category", "burden_yuan", "cap_yuan", "gap_yuan",
    "distance_yuan", "limit_yuan", "amount_yuan", "paid_yuan", "adjustment_yuan", "status", "needs_review",
    "incomplete_reason",
)  # fmt: skip


def reliefs(
    folder: Path, place: County, units: list[Relieved], register: Register, world: World, year: int
) -> None:
    """Rows of mart.cap_gap of Wenzhou's relief; nothing elsewhere."""
    if place.policy != "W":
        return
    names = {f.who: f.name for f in world.facts}
    rows = []
    for u in units:
        facts = [f for m in register.members[u.household] for f in register.facts[m]]
        facts = [f for f in facts if register.final(register.number(f)) == u.household]
        last = max(facts, key=lambda f: (f.end, f.start))
        adjustment = None if u.amount is None else u.amount - u.paid
        flagged = u.pilot and u.year >= 2024 and u.undated and u.amount is not None
        rows.append(
            (
                "W-06", place.code, place.townships[last.town][0] if place.towns_known else "?",
                last.village if place.towns_known else "?", "household", u.household,
                u.household, ids.mask_name(names.get(last.head, "")), len(u.members), year, "XD2", yuan(u.burden),
                yuan(THRESHOLD), yuan(u.gap), yuan(u.distance), yuan(LIMIT), yuan(u.amount), yuan(u.paid),
                yuan(adjustment), u.status,
                "?" if flagged or u.status == "incomplete" else str(u.status == "review").lower(), "?",
            )
        )  # fmt: skip
    write_table(folder / "cap_gap.csv", GAP_HEADER, rows)
    cases = (
        (u.household, key, letter, yuan(amount)) for u in units for (key, letter), amount in u.cases.items()
    )
    write_table(folder / "review_case.csv", ("unit_id", "reading_key", "reading", "amount_yuan"), cases)


def assistance(folder: Path, place: County, found: Assisted, year: int) -> None:
    """Rows of mart.benefit_line, mart.review_case and mart.assistance_audit under Pengshui's rules."""
    header = (
        "rule_id", "region_code", "unit_type", "certno", "cost_year", "settlement_id", "category", "base_yuan",
        "threshold_yuan", "rate", "limit_before_yuan", "limit_after_yuan", "amount_yuan", "status", "needs_review",
    )  # fmt: skip
    lines = sorted(found.lines, key=lambda x: (x.rule, x.stop.id))
    write_table(
        folder / "benefit_line.csv", header,
        ((x.rule, place.code, "person", x.stop.who, year, x.stop.id, x.category, yuan(x.base), yuan(x.threshold),
          f"{x.rate / 100:.6f}", yuan(x.before), yuan(x.after), yuan(x.amount), x.status,
          str(x.needs_review).lower()) for x in lines),
    )  # fmt: skip
    write_table(
        folder / "line_review_case.csv", ("rule_id", "settlement_id", "reading_key", "reading", "amount_yuan"),
        ((x.rule, x.stop.id, key, letter, yuan(amount)) for x in lines for (key, letter), amount in _cases(x)),
    )  # fmt: skip
    audited = (
        "settlement_id", "certno", "region_code", "cost_year", "category", "rule_id", "ma_due_yuan",
        "ma_actual_yuan", "tilt_due_yuan", "tilt_actual_yuan", "difference_yuan", "verdict",
    )  # fmt: skip
    write_table(
        folder / "assistance_audit.csv", audited,
        ((c.stop.id, c.stop.who, place.code, year, c.category, c.rule, yuan(c.ma_due), yuan(c.ma_actual),
          yuan(c.tilt_due), yuan(c.tilt_actual), yuan(c.difference), c.verdict)
         for c in sorted(found.checks, key=lambda c: c.stop.id)),
    )  # fmt: skip


def _cases(line: Line) -> list[tuple[tuple[str, str], int]]:
    return sorted(line.cases.items())
