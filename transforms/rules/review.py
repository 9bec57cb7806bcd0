"""Amounts under the other readings of the articles (A-L01 … A-L06), for the review list.

The default reading pays; where another honest reading of the same words gives another amount for a unit, the
case is put before a person together with that amount. All amounts in fen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from transforms.benefit import due, unit_bases
from transforms.spans import best_code_spans, last_day_held, nearest
from transforms.units import Units, caps_in_order, lowest_units

if TYPE_CHECKING:
    from schemas.policy import HouseholdCap

PERSONAL = "TEKUN"
"""特困人员: the one certificate that is personal by its name (A-L04)."""
CASES = pl.Schema(
    {"unit_id": pl.String, "reading_key": pl.String, "reading": pl.String, "amount_fen": pl.Int64}
)


@dataclass(frozen=True)
class Facts:
    """What the readings look at.

    open_costs: costs_of_units rows that meet everything but the certificate; certificates: those of the
    policy, of all years; households: household_id, head_key.
    """

    cap: HouseholdCap
    found: Units
    open_costs: pl.DataFrame
    certificates: pl.DataFrame
    households: pl.DataFrame
    cost_year: int
    on: date

    @property
    def counted(self) -> pl.DataFrame:
        """Costs that count under the default reading, with their category."""
        return self.open_costs.filter("counted").with_columns(category="category_on_day")


def other_readings(facts: Facts, lines: pl.DataFrame) -> pl.DataFrame:
    """unit_id, reading_key, reading, amount_fen where another reading gives another amount than `due_fen`.

    `lines`: units whose amount is known: unit_id, household_id, split, category, cap_fen, base_fen, due_fen.
    Only registered readings of the rule are looked at, and of them those not applied.
    """
    found = [
        amounts(facts, lines).select(
            "unit_id", reading_key=pl.lit(key), reading=pl.lit(letter), amount_fen="amount_fen"
        )
        for (key, letter), amounts in READINGS.items()
        if key in facts.cap.readings and facts.cap.readings[key] != letter
    ]
    if not found:
        return pl.DataFrame(schema=CASES)
    return pl.concat(found).cast(CASES).sort("unit_id", "reading_key", "reading")


def _differing(amounts: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """unit_id, amount_fen where it is known and is not what the line gives."""
    return amounts.join(lines.select("unit_id", default_fen="due_fen"), on="unit_id").filter(
        pl.col("amount_fen") != pl.col("default_fen")
    )


def _recounted(facts: Facts, rows: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """Amounts when `rows` (with category) are what counts; in a split household each goes to its category's
    unit.
    """
    own = facts.found.units.filter("split").select("household_id", "category", own_unit="unit_id")
    rows = rows.join(own, on=["household_id", "category"], how="left").with_columns(
        pl.coalesce("own_unit", "unit_id").alias("unit_id")
    )
    fixed = own.select(unit_id="own_unit", own_category="category")
    rows = rows.join(fixed, on="unit_id", how="left").with_columns(
        pl.coalesce("own_category", "category").alias("category")
    )
    return _differing(
        unit_bases(facts.cap, rows, facts.found.units).select("unit_id", amount_fen="due_fen"), lines
    )


# ---- A-L01, A-L05: when must the certificate be valid


def _whole_year(facts: Facts, lines: pl.DataFrame, day: date) -> pl.DataFrame:
    """Whoever holds a certificate on `day` brings the costs of the whole year; nobody else any.

    Only who counts changes: each cost keeps the category of its own day, one without any takes the person's nearest
    of the year, else that of `day`.
    """
    codes = list(caps_in_order(facts.cap))
    then = best_code_spans(facts.certificates, codes, day, day).select("person_key", category_then="category")
    holders = facts.open_costs.join(then, on="person_key", maintain_order="left")
    spans = facts.found.spans.rename({"category": "near_category"})
    near = nearest(holders, spans, "setl_date", ["near_category"], ["person_key"])
    rows = near.with_columns(category=pl.coalesce("category_on_day", "near_category", "category_then"))
    return _recounted(facts, rows, lines)


def held_at_year_end(facts: Facts, lines: pl.DataFrame) -> pl.DataFrame:
    """A-L01 b: valid on 31 December of the cost year."""
    return _whole_year(facts, lines, date(facts.cost_year, 12, 31))


def held_at_adjudication(facts: Facts, lines: pl.DataFrame) -> pl.DataFrame:
    """A-L01 c: valid when the case is decided."""
    return _whole_year(facts, lines, facts.on)


def held_on_any_day(facts: Facts, lines: pl.DataFrame) -> pl.DataFrame:
    """A-L01 d: valid on any day of the year; a cost outside takes the person's nearest category."""
    spans = facts.found.spans.rename({"category": "near_category"})
    near = nearest(facts.open_costs, spans, "setl_date", ["near_category"], ["person_key"])
    rows = near.with_columns(category=pl.coalesce("category_on_day", "near_category"))
    return _recounted(facts, rows.filter(pl.col("category").is_not_null()), lines)


def before_certificate(facts: Facts, lines: pl.DataFrame) -> pl.DataFrame:
    """A-L05 b: costs before a certificate of the year started count as well, under that certificate's
    category.
    """
    columns = ["setl_id", "household_id"]
    later = (
        facts.open_costs.filter(pl.col("category_on_day").is_null())
        .select(*columns, "person_key", "setl_date")
        .join(facts.found.spans.select("person_key", "valid_from", next_category="category"), on="person_key")
        .filter(pl.col("valid_from") > pl.col("setl_date"))
        .sort("setl_id", "valid_from")
        .unique(columns, keep="first", maintain_order=True)
        .select(*columns, "next_category")
    )
    rows = facts.open_costs.join(later, on=columns, how="left").with_columns(
        category=pl.coalesce("category_on_day", "next_category")
    )
    return _recounted(facts, rows.filter(pl.col("category").is_not_null()), lines)


# ---- A-L02: which cap when the category changes; a split household's units have one category each


def _by_category(facts: Facts, lines: pl.DataFrame, categories: pl.DataFrame) -> pl.DataFrame:
    """Amounts of unsplit units under the cap of `category_then` (household_id, category_then)."""
    caps = caps_in_order(facts.cap)
    cap = pl.col("category_then").replace_strict(caps, return_dtype=pl.Int64)
    amounts = (
        lines.filter(~pl.col("split"))
        .join(categories, on="household_id")
        .select("unit_id", amount_fen=due(facts.cap, pl.col("base_fen"), cap))
    )
    return _differing(amounts, lines)


def cap_of_year_end(facts: Facts, lines: pl.DataFrame) -> pl.DataFrame:
    """A-L02 b: the category on 31 December, else the last one held in the year."""
    last = facts.found.units.select("household_id", category_then="category")
    return _by_category(facts, lines, last)


def cap_of_adjudication(facts: Facts, lines: pl.DataFrame) -> pl.DataFrame:
    """A-L02 c: the category when the case is decided, else the last one held before."""
    order = caps_in_order(facts.cap)
    spans = best_code_spans(facts.certificates, list(order), date(facts.cost_year, 1, 1), facts.on)
    held = (
        facts.found.members.select("person_key", "household_id")
        .unique()
        .join(spans, on="person_key")
        .with_columns(cap_fen=pl.col("category").replace_strict(order, return_dtype=pl.Int64))
        .sort("household_id", "valid_to", "cap_fen", descending=[False, True, False])
        .unique("household_id", keep="first", maintain_order=True)
        .select("household_id", category_then="category")
    )
    return _by_category(facts, lines, held)


def cap_for_each_period(facts: Facts, lines: pl.DataFrame) -> pl.DataFrame:
    """A-L02 d: a cap for the costs under each category."""
    caps = caps_in_order(facts.cap)
    cap = pl.col("category").replace_strict(caps, return_dtype=pl.Int64)
    periods = facts.counted.group_by("unit_id", "category").agg(pl.col("burden_fen").sum())
    amounts = (
        periods.with_columns(amount_fen=due(facts.cap, pl.col("burden_fen").clip(lower_bound=0), cap))
        .group_by("unit_id")
        .agg(_limited(facts.cap, pl.col("amount_fen").sum()))
    )
    return _differing(amounts, lines)


def _limited(cap: HouseholdCap, amount: pl.Expr) -> pl.Expr:
    return amount if cap.limit_fen is None else amount.clip(upper_bound=cap.limit_fen)


# ---- A-L03: members with different certificates, as one household


def _together(facts: Facts, lines: pl.DataFrame, caps: pl.DataFrame) -> pl.DataFrame:
    """Split households as one, under cap_fen of `caps` (household_id, cap_fen): once, on the lowest-cap unit.

    Compared with what all units of the household get together; left out where one of them is not known.
    """
    split = facts.found.units.filter("split").select("household_id", "unit_id")
    known = split.join(lines.select("unit_id", "due_fen"), on="unit_id", how="left")
    apart = (
        known.group_by("household_id")
        .agg(
            pl.col("due_fen").sum(),
            known=pl.col("due_fen").is_not_null().all(),
        )
        .filter("known")
    )
    sums = facts.counted.group_by("household_id").agg(base_fen=pl.col("burden_fen").sum().clip(lower_bound=0))
    return (
        apart.join(caps, on="household_id")
        .join(sums, on="household_id", how="left")
        .with_columns(amount_fen=due(facts.cap, pl.col("base_fen").fill_null(0), pl.col("cap_fen")))
        .filter(pl.col("amount_fen") != pl.col("due_fen"))
        .join(lowest_units(facts.found), on="household_id")
        .select("amount_fen", unit_id="lowest_unit")
    )


def together_at_lowest_cap(facts: Facts, lines: pl.DataFrame) -> pl.DataFrame:
    """A-L03 b: one household under the lowest cap among the categories with costs, else among those held
    last.
    """
    cap = pl.col("category").replace_strict(caps_in_order(facts.cap), return_dtype=pl.Int64)
    arisen = facts.counted.filter(pl.col("burden_fen") > 0).group_by("household_id").agg(arisen_fen=cap.min())
    caps = (
        facts.found.units.group_by("household_id")
        .agg(pl.col("cap_fen").min())
        .join(arisen, on="household_id", how="left")
        .select("household_id", cap_fen=pl.coalesce("arisen_fen", "cap_fen"))
    )
    return _together(facts, lines, caps)


def together_at_own_cap(facts: Facts, lines: pl.DataFrame) -> pl.DataFrame:
    """A-L03 c: one household under its own cap: the head's category at the year's end, else that of most
    members.

    A person's category is that of 31 December, else the last one held in the year; equal numbers: the lowest
    cap.
    """
    order = caps_in_order(facts.cap)
    spans = facts.found.spans.with_columns(
        cap_fen=pl.col("category").replace_strict(order, return_dtype=pl.Int64)
    )
    held = (
        spans.join(last_day_held(spans, date(facts.cost_year, 12, 31)), on="person_key")
        .filter(pl.col("day").is_between("valid_from", "valid_to"))
        .select("person_key", "household_id", "cap_fen")
    )
    heads = facts.households.select("household_id", person_key="head_key").unique("household_id")
    of_head = heads.join(held, on=["household_id", "person_key"]).select("household_id", head_fen="cap_fen")
    of_most = (
        held.group_by("household_id", "cap_fen")
        .agg(n=pl.col("person_key").n_unique())
        .sort("household_id", "n", "cap_fen", descending=[False, True, False])
        .unique("household_id", keep="first", maintain_order=True)
    )
    caps = of_most.join(of_head, on="household_id", how="left").select(
        "household_id", cap_fen=pl.coalesce("head_fen", "cap_fen")
    )
    return _together(facts, lines, caps)


# ---- A-L04, A-L06: whose cap, whose money


def cap_for_each_person(facts: Facts, lines: pl.DataFrame) -> pl.DataFrame:
    """A-L04 a: 5,000 for each 特困 person, where two of them share a unit under that cap."""
    shared = (
        facts.found.spans.filter(pl.col("category") == PERSONAL)
        .group_by("unit_id")
        .agg(n=pl.col("person_key").n_unique())
        .filter(pl.col("n") > 1)
    )
    under = lines.filter(pl.col("category") == PERSONAL).join(shared, on="unit_id", how="semi")
    persons = facts.counted.group_by("unit_id", "person_key").agg(pl.col("burden_fen").sum())
    amounts = (
        persons.join(under.select("unit_id", "cap_fen"), on="unit_id")
        .with_columns(amount_fen=due(facts.cap, pl.col("burden_fen").clip(lower_bound=0), pl.col("cap_fen")))
        .group_by("unit_id")
        .agg(_limited(facts.cap, pl.col("amount_fen").sum()))
    )
    return _differing(amounts, lines)


def cash_only(facts: Facts, lines: pl.DataFrame) -> pl.DataFrame:
    """A-L06 b: cash instead of account and cash, under the line's own cap; unknown cash: no amount.

    A correction (补充报销, negative) counts with its cash.
    """
    reduced = pl.col("cash_fen") - pl.col("com_used_fen") - pl.col("sub_used_fen") - pl.col("neg_fen")
    borne = pl.when(pl.col("psn_fen") < 0).then("cash_fen").otherwise(reduced.clip(lower_bound=0))
    sums = (
        facts.counted.with_columns(borne_fen=borne)
        .group_by("unit_id")
        .agg(pl.col("borne_fen").sum(), known=pl.col("borne_fen").is_not_null().all())
        .filter("known")
    )
    amounts = lines.join(sums, on="unit_id").select(
        "unit_id", amount_fen=due(facts.cap, pl.col("borne_fen").clip(lower_bound=0), pl.col("cap_fen"))
    )
    return _differing(amounts, lines)


READINGS: dict[tuple[str, str], Callable[[Facts, pl.DataFrame], pl.DataFrame]] = {
    ("A-L01", "b"): held_at_year_end,
    ("A-L01", "c"): held_at_adjudication,
    ("A-L01", "d"): held_on_any_day,
    ("A-L02", "b"): cap_of_year_end,
    ("A-L02", "c"): cap_of_adjudication,
    ("A-L02", "d"): cap_for_each_period,
    ("A-L03", "b"): together_at_lowest_cap,
    ("A-L03", "c"): together_at_own_cap,
    ("A-L04", "a"): cap_for_each_person,
    ("A-L05", "b"): before_certificate,
    ("A-L06", "b"): cash_only,
}
"""Register key and letter → amounts of the units in which they differ."""

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
}
"""What each reading says, for the review list."""
