"""How each reading of the articles on a household cap or relief counts (A-L01 …, A-W01 …), alone or several at once.

The default reading is one of them. `under` says which costs count, in which unit and with how much (A-L01, A-L05,
A-W05, A-W06; A-L06, A-L07, A-W04; A-L03); `bases_under` which yardstick they meet (A-L02, A-L03 c, A-L04, A-W01);
`first_year` and `only_pilots` from when and where anything is due (A-L09, A-W06, A-W07). All amounts in fen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

import polars as pl

from transforms.benefit import due, unit_bases
from transforms.spans import best_code_spans, last_day_held, nearest
from transforms.units import Units, caps_in_order, regrouped

if TYPE_CHECKING:
    from schemas.policy import HouseholdCap

PERSONAL = "TEKUN"
"""特困人员: the one certificate that is personal by its name (A-L04)."""
LETTERS = {
    "A-L01": "abcd", "A-L02": "abcd", "A-L03": "abc", "A-L04": "ab", "A-L05": "ab", "A-L06": "ab", "A-L07": "ab",
    "A-L09": "ab", "A-W01": "abc", "A-W04": "abc", "A-W05": "abc", "A-W06": "abc", "A-W07": "ab",
}  # fmt: skip
"""Register key → the readings that can be applied; other entries of the register are not computed here."""
YARDSTICKS = frozenset({"A-L02", "A-L04", "A-W01"})
"""Entries that leave the costs as they are and say what they are measured by."""
PLAIN = {
    "A-L01": "a", "A-L02": "a", "A-L03": "a", "A-L04": "b", "A-L05": "a", "A-L06": "a", "A-L07": "a", "A-L09": "a",
    "A-W01": "a", "A-W04": "a", "A-W05": "a", "A-W06": "b", "A-W07": "a",
}  # fmt: skip
"""What holds where a rule does not list the entry."""
UNREAD = (
    "setl_id", "institution_code", "county_code", "designated", "setl_time", "household_id_on_day", "file_id", "sheet",
    "source_row",
)  # fmt: skip
"""Columns of a cost that no reading looks at."""
INFORMING = frozenset({"A-L07", "A-L09", "A-W07"})
"""Questions of the policy as a whole, not of a case: their amounts are listed, but no line waits for them."""


@dataclass(frozen=True)
class Facts:
    """What the readings look at.

    open_costs: costs_of_units rows that meet everything but the certificate, in units apart by category (A-L03 a);
    early_costs: those that would, had they not arisen before the first day that counts; certificates: those of the
    policy, of all years; households: household_id, head_key. former: household_id, former_fen, the counted costs of
    all earlier years since the first day that counts; None: not known.
    """

    cap: HouseholdCap
    found: Units
    open_costs: pl.DataFrame
    certificates: pl.DataFrame
    households: pl.DataFrame
    cost_year: int
    on: date
    early_costs: pl.DataFrame | None = None
    former: pl.DataFrame | None = None

    @cached_property
    def counted(self) -> pl.DataFrame:
        """Costs that count, with their category."""
        return self.open_costs.filter("counted")

    @cached_property
    def on_any_day(self) -> pl.DataFrame:
        """The open costs with the category of their day; one outside takes the person's nearest category."""
        inside = pl.col("category_on_day").is_not_null()
        spans = self.found.spans.rename({"category": "near_category"})
        outside = self.open_costs.filter(~inside)
        near = nearest(outside, spans, "setl_date", ["near_category"], ["person_key"])
        return pl.concat(
            [
                self.open_costs.filter(inside).with_columns(category="category_on_day"),
                near.with_columns(category="near_category").drop("near_category"),
            ]
        )

    @cached_property
    def bases(self) -> pl.DataFrame:
        """`unit_bases` of the costs that count, before any reading of the yardstick."""
        return unit_bases(self.cap, self.counted, self.found.units)


def chosen(cap: HouseholdCap) -> dict[str, str]:
    """The letter of each entry of LETTERS that the rule applies."""
    return {key: cap.readings.get(key, letter) for key, letter in PLAIN.items()}


def first_year(cap: HouseholdCap) -> int:
    """The first cost year for which anything is due: A-L09 b only from the year of effect on, A-W06 c also the one
    before."""
    readings = chosen(cap)
    if readings["A-L09"] == "b":
        return max(cap.first_cost_year, cap.in_force_on.year)
    return cap.first_cost_year - (readings["A-W06"] == "c")


def only_pilots(cap: HouseholdCap) -> bool:
    """Whether counties that are not on the list of pilots get nothing (A-W07 a)."""
    return cap.pilot and chosen(cap)["A-W07"] == "a"


def amounts_under(facts: Facts, readings: Mapping[str, str]) -> pl.DataFrame:
    """unit_id, household_id, amount_fen of every unit under `readings` (all keys of LETTERS); unknown: null."""
    return amounts_of(under(facts, readings), readings)


def amounts_of(now: Facts, readings: Mapping[str, str]) -> pl.DataFrame:
    """`amounts_under`, from the facts as these readings have them (`under`)."""
    return (
        bases_under(now, readings)
        .join(now.found.units.select("unit_id", "household_id"), on="unit_id", maintain_order="left")
        .select("unit_id", "household_id", amount_fen="due_fen")
    )


def under(facts: Facts, readings: Mapping[str, str]) -> Facts:
    """The facts with `counted`, `category`, `unit_id` and `counted_fen` of the costs as `readings` have them."""
    if readings["A-W06"] != "b" and facts.early_costs is not None:
        facts = from_the_new_year(facts)
    rows = facts.open_costs
    counting = [COUNTING[key][letter] for key in COUNTING if (letter := readings[key]) in COUNTING[key]]
    if counting:
        rows = _with(facts, counting[0](facts))
    elif readings["A-L05"] == "b":
        rows = _with(facts, before_certificate(facts))
    rows = rows.with_columns(counted_fen=borne(readings))
    found = facts.found
    if readings["A-L03"] != "a":
        found, rows = regrouped(facts.cap, found, apart=False), rows.with_columns(unit_id="household_id")
    return replace(facts, found=found, open_costs=rows)


def bases_under(facts: Facts, readings: Mapping[str, str]) -> pl.DataFrame:
    """unit_bases of `under(facts, readings)` with yardstick and amount as the readings have them.

    A-L02 leaves households with different certificates alone (A-L03 says which cap they have); A-L04 a goes before
    A-L02. Where an amount is a sum over periods, persons or illnesses, the line keeps the lowest cap.
    """
    bases = facts.bases
    if readings["A-L03"] == "c":
        bases = _at(facts, bases, own_caps(facts, bases))
    if readings["A-L02"] in ("b", "c"):
        bases = _at(facts, bases, category_of(facts, readings["A-L02"]))
    if readings["A-L02"] == "d":
        bases = _paying(bases, for_each_period(facts))
    if readings["A-L04"] == "a":
        bases = _paying(bases, for_each_person(facts, bases))
    if readings["A-W01"] == "b":
        bases = _paying(bases, for_each_illness(facts, bases))
    if readings["A-W01"] == "c":
        bases = _paying(bases, since_the_first_day(facts, bases))
    return bases


def _with(facts: Facts, rows: pl.DataFrame) -> pl.DataFrame:
    """The open costs as `rows` have their category (null: they do not count); in a split household each that counts
    goes to its category's unit."""
    rows = rows.with_columns(counted=pl.col("category").is_not_null())
    split = facts.found.units.filter("split").select("household_id", "category", "unit_id")
    if split.is_empty():
        return rows.select(facts.open_costs.columns)
    apart = pl.col("household_id").is_in(split["household_id"].implode())
    own = split.rename({"unit_id": "own_unit"})
    moved = (
        rows.filter(apart)
        .join(own, on=["household_id", "category"], how="left")
        .with_columns(pl.coalesce("own_unit", "unit_id").alias("unit_id"))
        .join(split.select("unit_id", own_category="category"), on="unit_id", how="left")
        .with_columns(category=pl.when("counted").then(pl.coalesce("own_category", "category")))
    )
    return pl.concat(part.select(facts.open_costs.columns) for part in (rows.filter(~apart), moved))


# ---- A-L01, A-L05: when must the certificate be valid


def _whole_year(facts: Facts, day: date) -> pl.DataFrame:
    """Whoever holds a certificate on `day` brings the costs of the whole year; nobody else any.

    Only who counts changes: each cost keeps the category of its own day, one without any takes the person's nearest
    of the year, else that of `day`.
    """
    codes = list(caps_in_order(facts.cap))
    then = best_code_spans(facts.certificates, codes, day, day).select("person_key", category_then="category")
    holds = pl.col("category_then").is_not_null()
    return facts.on_any_day.join(then, on="person_key", how="left").with_columns(
        category=pl.when(holds).then(pl.coalesce("category", "category_then"))
    )


def held_at_year_end(facts: Facts) -> pl.DataFrame:
    """A-L01 b: valid on 31 December of the cost year."""
    return _whole_year(facts, date(facts.cost_year, 12, 31))


def held_at_adjudication(facts: Facts) -> pl.DataFrame:
    """A-L01 c: valid when the case is decided."""
    return _whole_year(facts, facts.on)


def held_on_any_day(facts: Facts) -> pl.DataFrame:
    """A-L01 d: valid on any day of the year; a cost outside takes the person's nearest category."""
    return facts.on_any_day


def before_certificate(facts: Facts) -> pl.DataFrame:
    """A-L05 b: costs before a certificate of the year started count as well, under that certificate's category."""
    rows = facts.open_costs.with_row_index("cost_no")
    later = (
        rows.filter(pl.col("category_on_day").is_null())
        .select("cost_no", "person_key", "setl_date")
        .join(facts.found.spans.select("person_key", "valid_from", next_category="category"), on="person_key")
        .filter(pl.col("valid_from") > pl.col("setl_date"))
        .sort("cost_no", "valid_from", "next_category")
        .unique("cost_no", keep="first", maintain_order=True)
        .select("cost_no", "next_category")
    )
    return rows.join(later, on="cost_no", how="left").with_columns(
        category=pl.coalesce("category_on_day", "next_category")
    )


COUNTING: dict[str, dict[str, Callable[[Facts], pl.DataFrame]]] = {
    "A-L01": {"b": held_at_year_end, "c": held_at_adjudication, "d": held_on_any_day},
    "A-W05": {"b": held_at_year_end, "c": held_on_any_day},
}
"""Register key and letter → the open costs with the category under which each counts, null for those that do not."""


def from_the_new_year(facts: Facts) -> Facts:
    """A-W06 a, c: the costs of the year before the day of effect count as well."""
    early = facts.early_costs if facts.early_costs is not None else facts.open_costs.clear()
    counted = pl.col("category_on_day").is_not_null()
    opened = early.with_columns(
        in_time=pl.lit(True), open=pl.lit(True), counted=counted, category="category_on_day"
    )
    return replace(facts, open_costs=pl.concat([facts.open_costs, opened]), early_costs=early.clear())


# ---- A-L06, A-L07, A-W04: which money


def borne(readings: Mapping[str, str]) -> pl.Expr:
    """What counts of a cost: its burden, only the cash in it (A-L06 b, A-W04 c), only what lies within the policy
    range (A-L07 b, A-W04 b); null where that is unknown.

    Insurance and subsidies are taken off as in the burden. The negative list (L-13) holds costs outside the policy
    range, which are left out already where only those within count. A correction (补充报销, negative) counts whole.
    """
    cash = readings["A-L06"] == "b" or readings["A-W04"] == "c"
    within = readings["A-L07"] == "b" or readings["A-W04"] == "b"
    if not cash and not within:
        return pl.col("burden_fen")
    money = pl.col("cash_fen" if cash else "psn_fen")
    apart = pl.col("tot_fen") - pl.col("pol_fen") if within else pl.col("neg_fen")
    reduced = (money - apart).clip(lower_bound=0) if within else money - apart
    left = (reduced - pl.col("com_used_fen") - pl.col("sub_used_fen")).clip(lower_bound=0)
    return pl.when(pl.col("psn_fen") < 0).then(money).otherwise(left)


# ---- A-L02, A-L03 c: which cap


def _at(facts: Facts, bases: pl.DataFrame, categories: pl.DataFrame) -> pl.DataFrame:
    """The bases with the cap of `category_then` where `categories` (unit_id, category_then) has one."""
    caps = caps_in_order(facts.cap)
    category = pl.coalesce("category_then", "category")
    return (
        bases.join(categories, on="unit_id", how="left", maintain_order="left")
        .with_columns(category=category, cap_fen=category.replace_strict(caps, return_dtype=pl.Int64))
        .with_columns(due_fen=due(facts.cap, pl.col("base_fen"), pl.col("cap_fen")))
        .select(bases.columns)
    )


def category_of(facts: Facts, letter: str) -> pl.DataFrame:
    """A-L02 b, c: unit_id, category_then of the households whose members never held different certificates.

    b: the category on 31 December, else the last one held in the year. c: when the case is decided, else the last
    one held before.
    """
    alike = facts.found.units.filter(~pl.col("mixed"))
    if letter == "b":
        return alike.select("unit_id", category_then="category")
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
    return alike.join(held, on="household_id").select("unit_id", "category_then")


def own_caps(facts: Facts, bases: pl.DataFrame) -> pl.DataFrame:
    """A-L03 c: unit_id, category_then of households with different certificates: the head's category at the year's
    end, else that of most members.

    A person's category is that of 31 December, else the last one held in the year; equal numbers: the lowest cap.
    """
    order = caps_in_order(facts.cap)
    place = pl.col("category").replace_strict(
        {code: i for i, code in enumerate(order)}, return_dtype=pl.Int32
    )
    spans = facts.found.spans.with_columns(place=place)
    held = (
        spans.join(last_day_held(spans, date(facts.cost_year, 12, 31)), on="person_key")
        .filter(pl.col("day").is_between("valid_from", "valid_to"))
        .select("person_key", "household_id", "category", "place")
    )
    heads = facts.households.select("household_id", person_key="head_key").unique("household_id")
    of_head = heads.join(held, on=["household_id", "person_key"]).select("household_id", of_head="category")
    of_most = (
        held.group_by("household_id", "category", "place")
        .agg(n=pl.col("person_key").n_unique())
        .sort("household_id", "n", "place", descending=[False, True, False])
        .unique("household_id", keep="first", maintain_order=True)
    )
    return (
        facts.found.units.filter("mixed")
        .select("unit_id", "household_id")
        .join(of_most, on="household_id")
        .join(of_head, on="household_id", how="left")
        .select("unit_id", category_then=pl.coalesce("of_head", "category"))
    )


# ---- A-L02 d, A-L04 a: several caps in one unit


def _paying(bases: pl.DataFrame, amounts: pl.DataFrame) -> pl.DataFrame:
    """The bases with `amount_fen` where `amounts` (unit_id, amount_fen) has the unit; an unknown base stays so."""
    other = pl.when(pl.col("_has").is_not_null()).then("amount_fen").otherwise("due_fen")
    paid = pl.when(pl.col("base_fen").is_not_null()).then(other)
    rows = amounts.select("unit_id", "amount_fen", _has=pl.lit(True))
    return bases.join(rows, on="unit_id", how="left", maintain_order="left").select(
        *(name for name in bases.columns if name != "due_fen"), due_fen=paid
    )


def for_each_period(facts: Facts) -> pl.DataFrame:
    """A-L02 d: a cap for the costs under each category."""
    caps = caps_in_order(facts.cap)
    cap = pl.col("category").replace_strict(caps, return_dtype=pl.Int64)
    alike = facts.found.units.filter(~pl.col("mixed")).select("unit_id")
    periods = (
        facts.counted.join(alike, on="unit_id")
        .group_by("unit_id", "category")
        .agg(pl.col("counted_fen").sum())
    )
    return _summed(facts.cap, periods, cap)


def for_each_person(facts: Facts, bases: pl.DataFrame) -> pl.DataFrame:
    """A-L04 a: 5,000 for each 特困 person, where two of them share a unit under that cap."""
    shared = (
        facts.found.spans.filter(pl.col("category") == PERSONAL)
        .group_by("unit_id")
        .agg(n=pl.col("person_key").n_unique())
        .filter(pl.col("n") > 1)
    )
    alike = facts.found.units.filter(pl.col("split") | ~pl.col("mixed")).select("unit_id")
    theirs = bases.filter(pl.col("category") == PERSONAL).join(shared, on="unit_id", how="semi")
    caps = theirs.join(alike, on="unit_id").select("unit_id", "cap_fen")
    persons = facts.counted.group_by("unit_id", "person_key").agg(pl.col("counted_fen").sum())
    return _summed(facts.cap, persons.join(caps, on="unit_id"), pl.col("cap_fen"))


# ---- A-W01: over which period the costs add up


def for_each_illness(facts: Facts, bases: pl.DataFrame) -> pl.DataFrame:
    """A-W01 b: the threshold for each illness of a person, together at most the yearly limit.

    An illness is the ICD-10 category of the main diagnosis (column illness of the costs); where it is unknown of a cost above 0, so is the amount
    of a unit above the threshold. A unit within it gets nothing however its costs are told apart.
    """
    above = bases.filter(pl.col("base_fen") > pl.col("cap_fen")).select("unit_id", "cap_fen")
    named = pl.col("illness") if "illness" in facts.open_costs.columns else pl.lit(None, pl.String)
    costs = facts.counted.join(above, on="unit_id").with_columns(illness=named)
    parts = costs.group_by("unit_id", "cap_fen", "person_key", "illness").agg(pl.col("counted_fen").sum())
    unknown = (
        costs.filter(pl.col("illness").is_null() & (pl.col("counted_fen") > 0)).select("unit_id").unique()
    )
    known = _summed(facts.cap, parts.join(unknown, on="unit_id", how="anti"), pl.col("cap_fen"))
    return pl.concat([known, unknown.with_columns(amount_fen=pl.lit(None, pl.Int64))])


def since_the_first_day(facts: Facts, bases: pl.DataFrame) -> pl.DataFrame:
    """A-W01 c: costs add up over the years; of what lies above the threshold, the part that this year brought.

    In the first year nothing lies before. In a later one the amount is unknown where the earlier costs are.
    """
    units = bases.join(facts.found.units.select("unit_id", "household_id"), on="unit_id")
    if facts.cost_year <= facts.cap.first_cost_year:
        before = units.with_columns(former_fen=pl.lit(0, pl.Int64))
    elif facts.former is None:
        before = units.with_columns(former_fen=pl.lit(None, pl.Int64))
    else:
        before = units.join(facts.former, on="household_id", how="left").with_columns(
            pl.col("former_fen").fill_null(0)
        )
    boundless = replace(facts.cap, limit_fen=None)
    then, now = pl.col("former_fen"), pl.col("former_fen") + pl.col("base_fen")
    grown = due(boundless, now, pl.col("cap_fen")) - due(boundless, then, pl.col("cap_fen"))
    amount = grown if facts.cap.limit_fen is None else grown.clip(upper_bound=facts.cap.limit_fen)
    return before.select("unit_id", amount_fen=amount)


def _summed(cap: HouseholdCap, parts: pl.DataFrame, yardstick: pl.Expr) -> pl.DataFrame:
    """unit_id, amount_fen: what is due over the parts of each unit (counted_fen), together at most the limit."""
    total = pl.col("amount_fen").sum()
    return (
        parts.with_columns(amount_fen=due(cap, pl.col("counted_fen").clip(lower_bound=0), yardstick))
        .group_by("unit_id")
        .agg(total if cap.limit_fen is None else total.clip(upper_bound=cap.limit_fen))
    )
