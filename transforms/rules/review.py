"""Amounts under the other readings of the articles (A-L01 …, A-W01 …), for the review list.

The reading that applies pays; where another honest reading of the same words gives another amount for a unit, the
case is put before a person together with that amount. How a reading counts: `transforms.rules.readings`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from transforms.rules.readings import LETTERS, UNREAD, YARDSTICKS, Facts, amounts_of, borne, chosen, under
from transforms.units import Units, caps_in_order, lowest_units

if TYPE_CHECKING:
    from schemas.policy import HouseholdCap

CASES = pl.Schema(
    {"unit_id": pl.String, "reading_key": pl.String, "reading": pl.String, "amount_fen": pl.Int64}
)


def other_readings(facts: Facts, shown: Units, lines: pl.DataFrame) -> pl.DataFrame:
    """unit_id, reading_key, reading, amount_fen where another reading gives another amount than `due_fen`.

    `shown`: the units as the rule groups them. `lines`: those whose amount is known: unit_id, due_fen. One entry of
    the register is read in another way at a time; only registered readings of the rule are looked at, and of them
    those not applied. What says when and where the rule holds at all stands in `other_scope`.
    """
    applied = chosen(facts.cap)
    others = [
        (key, applied | {key: letter})
        for key, letters in LETTERS.items()
        for letter in letters
        if key in facts.cap.readings and key not in SCOPE and applied[key] != letter
    ]
    if not others or lines.is_empty():
        return pl.DataFrame(schema=CASES)
    facts = reaching(facts, [applied, *(readings for _, readings in others)])
    now = under(facts, applied)
    together = _of(facts, shown.units.filter("mixed")["household_id"])
    found = []
    for key, readings in others:
        if key == "A-L03":
            amounts = amounts_of(under(together, readings), readings)
            differing = _of_households(shown, amounts, lines)
        else:
            amounts = amounts_of(now if key in YARDSTICKS else under(facts, readings), readings)
            differing = _of_units(amounts, lines)
        found.append(
            differing.select(
                "unit_id",
                reading_key=pl.lit(key),
                reading=pl.lit(readings[key]),
                amount_fen="amount_fen",
            )
        )
    return pl.concat(found).cast(CASES).sort("unit_id", "reading_key", "reading")


def reaching(facts: Facts, ways: Sequence[Mapping[str, str]]) -> Facts:
    """The facts with the costs (less UNREAD) of those households alone that can reach a cap under one of these readings.

    To the others nothing is due however their costs are told apart and counted: all that their costs can come to,
    with the costs of the years before, is at most the lowest cap of any certificate that a member ever held.
    """
    early = facts.early_costs
    facts = replace(
        facts,
        open_costs=facts.open_costs.drop(UNREAD, strict=False),
        early_costs=None if early is None else early.drop(UNREAD, strict=False),
    )
    lowest = (
        facts.found.members.select("person_key", "household_id")
        .join(facts.certificates.select("person_key", "code"), on="person_key")
        .group_by("household_id")
        .agg(cap_fen=pl.col("code").replace_strict(caps_in_order(facts.cap), return_dtype=pl.Int64).min())
    )
    most = pl.max_horizontal(borne(readings) for readings in ways).clip(lower_bound=0)
    costs = [facts.open_costs] if facts.early_costs is None else [facts.open_costs, facts.early_costs]
    sums = pl.concat(frame.select("household_id", most_fen=most) for frame in costs)
    if facts.former is not None:
        sums = pl.concat([sums, facts.former.select("household_id", most_fen="former_fen")])
    within = (
        sums.group_by("household_id")
        .agg(pl.col("most_fen").sum())
        .join(lowest, on="household_id")
        .filter(pl.col("most_fen") <= pl.col("cap_fen"))["household_id"]
    )
    return _of(
        facts, facts.found.units.filter(~pl.col("household_id").is_in(within.implode()))["household_id"]
    )


def _of(facts: Facts, households: pl.Series) -> Facts:
    """The facts with the costs of these households alone."""
    mine = pl.col("household_id").is_in(households.unique().implode())
    early = facts.early_costs
    return replace(
        facts,
        open_costs=facts.open_costs.filter(mine),
        early_costs=None if early is None else early.filter(mine),
    )


SCOPE = ("A-L09", "A-W07")
"""Entries that say in which years or counties the rule holds."""


def other_scope(cap: HouseholdCap, gaps: pl.DataFrame, cost_year: int) -> pl.DataFrame:
    """CASES where the rule would hold in another first year (A-L09) or in other counties (A-W07).

    gaps: unit_id, county_code, due_fen (what the costs give), fixed (null: the amount is known; not_pilot).
    """
    applied = chosen(cap)
    found = [pl.DataFrame(schema=CASES)]
    known = gaps.filter(pl.col("fixed").is_null() & (pl.col("due_fen") > 0))
    if "A-L09" in cap.readings and applied["A-L09"] == "a" and cost_year < cap.in_force_on.year:
        found.append(_scoped(known, "A-L09", "b", pl.lit(0)))
    if "A-W07" in cap.readings and cap.pilot:
        pilot = pl.col("county_code").is_in(list(cap.pilot_regions))
        if applied["A-W07"] == "a":
            outside = gaps.filter((pl.col("fixed") == "not_pilot") & (pl.col("due_fen") > 0))
            found.append(_scoped(outside, "A-W07", "b", pl.col("due_fen")))
        else:
            found.append(_scoped(known.filter(~pilot), "A-W07", "a", pl.lit(0)))
    return pl.concat(found).sort("unit_id", "reading_key", "reading")


def _scoped(gaps: pl.DataFrame, key: str, letter: str, amount: pl.Expr) -> pl.DataFrame:
    return gaps.select(
        "unit_id", reading_key=pl.lit(key), reading=pl.lit(letter), amount_fen=amount.cast(pl.Int64)
    ).cast(CASES)


def _of_units(amounts: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """unit_id, amount_fen where it is known and is not what the line gives."""
    both = amounts.select("unit_id", "amount_fen").join(lines.select("unit_id", "due_fen"), on="unit_id")
    return both.filter(pl.col("amount_fen") != pl.col("due_fen"))


def _of_households(shown: Units, amounts: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """The same for households with different certificates as a whole: once, on the unit with the lowest cap.

    Compared with what all units of the household get together; left out where one of them is not known.
    """
    mixed = shown.units.filter("mixed").select("unit_id", "household_id")
    own = mixed.join(lines.select("unit_id", "due_fen"), on="unit_id", how="left")
    return (
        _together(own, "due_fen")
        .join(_together(amounts, "amount_fen"), on="household_id")
        .filter(pl.col("amount_fen") != pl.col("due_fen"))
        .join(lowest_units(shown), on="household_id")
        .select(unit_id="lowest_unit", amount_fen="amount_fen")
    )


def _together(amounts: pl.DataFrame, column: str) -> pl.DataFrame:
    """household_id and the sum of its units; null where one is unknown."""
    known = pl.col(column).is_not_null().all()
    return amounts.group_by("household_id").agg(pl.when(known).then(pl.col(column).sum()).alias(column))


TEXTS = {
    ("A-L01", "b"): "证件按费用年度12月31日是否有效认定，有效者全年费用计入",
    ("A-L01", "c"): "证件按审核日是否有效认定，有效者全年费用计入",
    ("A-L01", "d"): "证件年内任一日有效即全年费用计入",
    ("A-L02", "b"): "封顶线按费用年度12月31日的类别",
    ("A-L02", "c"): "封顶线按审核日的类别",
    ("A-L02", "d"): "各类别期间分别适用封顶线",
    ("A-L03", "b"): "不同证件的成员合为一户，用最低封顶线",
    ("A-L03", "c"): "不同证件的成员合为一户，用本户自身类别的封顶线",
    ("A-L04", "a"): "特困人员按人封顶",
    ("A-L05", "b"): "持证以前的费用也计入",
    ("A-L06", "b"): "只计现金支付",
    ("A-L07", "b"): "只计政策范围内费用",
    ("A-L09", "b"): "首个费用年度为2024年",
    ("A-W01", "b"): "12万元按每人每一病种分别起算",
    ("A-W01", "c"): "12万元自起始日跨年累计",
    ("A-W04", "b"): "自负部分只含政策范围内费用",
    ("A-W04", "c"): "自负部分只含现金支付",
    ("A-W05", "b"): "年末在第二类对象名单上者全年费用计入",
    ("A-W05", "c"): "年内任一日在名单上者全年费用计入",
    ("A-W06", "a"): "2024年1月1日起的费用计入",
    ("A-W06", "c"): "2023年的费用也计入",
    ("A-W07", "b"): "非试点县也享受",
}
"""What each reading says, for the review list."""
