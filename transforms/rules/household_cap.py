"""The cap on a household's medical burden (封顶制, L-04), and reliefs of the same shape (化解, W-06).

以社会救助家庭为单位，对其上一年度承担的合理医疗费用超过标准的部分给予100%兜底保障 (临政办〔2024〕1号 二(三)).
Everything that differs between the two is a value of `HouseholdCap`. All amounts in fen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from transforms.benefit import benefit_items, benefit_lines, costs_of_units
from transforms.household_year import household_places, member_counts
from transforms.ledger import Ids, benefit_ids, paid_by_unit
from transforms.person_year import troubled_households
from transforms.rules.readings import (
    INFORMING,
    Facts,
    bases_under,
    chosen,
    first_year,
    only_pilots,
    under,
)
from transforms.rules.review import other_readings, other_scope
from transforms.rules.ruled import rulings, with_amounts
from transforms.spans import yardstick_date
from transforms.units import Units, last_homes, lowest_units, policy_certificates, regrouped

if TYPE_CHECKING:
    from schemas.policy import HouseholdCap

NAMED_ROWS = 10
"""How many rows `incomplete_reason` names before it only counts the rest."""
CASH_UNKNOWN = "有计入的结算现金支付不明，按只计现金的读法(A-L06=b)算不出"
GAP_COLUMNS = [
    "rule_id",
    "region_code",
    "township_code",
    "village",
    "unit_type",
    "unit_id",
    "household_id",
    "head_name_masked",
    "n_members",
    "cost_year",
    "category",
    "burden_fen",
    "cap_fen",
    "gap_fen",
    "distance_fen",
    "limit_fen",
    "amount_fen",
    "paid_fen",
    "adjustment_fen",
    "status",
    "needs_review",
    "incomplete_reason",
    "benefit_id",
    "head_person_key",
    "confirmed",
    "floor_fen",
    "closed_fen",
    "decision",
]


@dataclass(frozen=True)
class Assessed:
    """What a cap gives for a cost year; columns as the marts of the same names, money as *_fen.

    cap_gap and benefit_line carry floor_fen (what the floor at 0 took off the sum), benefit_item also unit_id
    and institution_code, review_case also unit_id.
    """

    cap_gap: pl.DataFrame
    benefit_line: pl.DataFrame
    benefit_item: pl.DataFrame
    review_case: pl.DataFrame


@dataclass(frozen=True)
class Household:
    """Frames about households and persons of the year, as the stages before give them."""

    households: pl.DataFrame
    people: pl.DataFrame
    places: pl.DataFrame


def assess(
    cap: HouseholdCap,
    found: Units,
    settlements: pl.DataFrame,
    uncounted: pl.DataFrame,
    certificates: pl.DataFrame,
    about: Household,
    troubles: pl.DataFrame,
    paid: pl.DataFrame,
    cost_year: int,
    on: date,
    ids: Ids,
    decided: pl.DataFrame | None = None,
    former: pl.DataFrame | None = None,
) -> Assessed:
    """Every unit of the cost year with its gap, amount, status, explanation and other readings.

    `found`: units.units of the cap. `settlements`: Burdens.settlements. `certificates`: of all years, for the
    readings that ask about the day of adjudication `on`. `paid`: ledger.paid_lines. `decided`: decided_lines.DECIDED,
    lines on which a valid decision stands or whose list is closed; of its columns benefit_id and confirmed suffice.
    `former`: household_id, former_fen of the earlier years, for a reading that adds them up.
    """
    facts, closed = facts_of_costs(
        cap, found, settlements, certificates, about.households, cost_year, on, former
    )
    now = under(facts, chosen(cap))
    bases = bases_under(now, chosen(cap))
    aside = [closed] if now.early_costs is None else [closed, now.early_costs]
    costs = pl.concat([now.open_costs, _in_units(pl.concat(aside), found)])
    lines = bases.with_columns(benefit_id=benefit_ids(bases["unit_id"], cap.rule_id, cost_year, ids))
    gaps = (
        found.units.drop("category")
        .rename({"cap_fen": "own_cap_fen"})
        .join(lines, on="unit_id", maintain_order="left")
        .join(paid_by_unit(paid), on="unit_id", how="left", maintain_order="left")
        .join(incomplete_units(found, troubles, cost_year), on="unit_id", how="left", maintain_order="left")
        .join(rulings(decided), on="benefit_id", how="left", maintain_order="left")
        .with_columns(
            incomplete_reason=pl.coalesce(
                "incomplete_reason", pl.when(pl.col("due_fen").is_null()).then(pl.lit(CASH_UNKNOWN))
            )
        )
        .with_columns(pl.col("paid_fen").fill_null(0), fixed=fixed_status(cap, cost_year, on))
    )
    cases = pl.concat(
        [
            other_readings(facts, found, gaps.filter(pl.col("fixed").is_null())),
            other_scope(cap, _assessable(gaps, cap, cost_year, on), cost_year),
        ]
    )
    ruled = with_amounts(gaps, cases, chosen(cap))
    rows = _described(_with_status(ruled, cases), cap, found, about, cost_year, on)
    return Assessed(
        cap_gap=rows.select(GAP_COLUMNS).sort("unit_id"),
        benefit_line=benefit_lines(cap, rows).sort("unit_id"),
        benefit_item=benefit_items(costs, uncounted, found, lines),
        review_case=cases.join(lines.select("unit_id", "benefit_id"), on="unit_id")
        .select("benefit_id", "reading_key", "reading", "amount_fen", "unit_id")
        .sort("benefit_id", "reading_key", "reading"),
    )


def facts_of_costs(
    cap: HouseholdCap,
    found: Units,
    settlements: pl.DataFrame,
    certificates: pl.DataFrame,
    households: pl.DataFrame,
    cost_year: int,
    on: date,
    former: pl.DataFrame | None = None,
    costs_of: Callable[[HouseholdCap, pl.DataFrame, Units], pl.DataFrame] = costs_of_units,
) -> tuple[Facts, pl.DataFrame]:
    """What the readings look at, and the costs that count under none of them (another household, not insured …).

    `costs_of`: `benefit.costs_of_units`, or one that remembers what it has found.
    """
    apart = regrouped(cap, found, apart=True)
    costs = costs_of(cap, settlements, apart)
    known = policy_certificates(cap, certificates)
    early = ~pl.col("in_time") & pl.col("at_home") & pl.col("insured") & pl.col("allowed")
    facts = Facts(
        cap, apart, costs.filter("open"), known, households, cost_year, on, costs.filter(early), former
    )
    return facts, costs.filter(~pl.col("open") & ~early)


def _assessable(gaps: pl.DataFrame, cap: HouseholdCap, cost_year: int, on: date) -> pl.DataFrame:
    """Units of a closed year in force whose costs are all known, pilot or not."""
    if cost_year >= on.year or on < cap.in_force_on or cost_year < first_year(cap):
        return gaps.clear()
    return gaps.filter(~pl.col("amount_unknown").fill_null(False))


def _in_units(costs: pl.DataFrame, found: Units) -> pl.DataFrame:
    """Costs in the units as the rule groups them: households with different certificates apart, or as one."""
    together = found.units.filter(~pl.col("split"))["household_id"]
    whole = pl.col("household_id").is_in(together.implode())
    return costs.with_columns(unit_id=pl.when(whole).then("household_id").otherwise("unit_id"))


def fixed_status(cap: HouseholdCap, cost_year: int, on: date) -> pl.Expr:
    """Status that no fact about the costs can change, or incomplete; null where the amount is known."""
    not_pilot = ~pl.col("county_code").is_in(list(cap.pilot_regions)) if only_pilots(cap) else pl.lit(False)
    not_in_force = cost_year < first_year(cap) or on < cap.in_force_on
    return (
        pl.when(not_pilot)
        .then(pl.lit("not_pilot"))
        .when(pl.lit(not_in_force))
        .then(pl.lit("not_in_force"))
        .when(pl.lit(cost_year >= on.year))
        .then(pl.lit("forecast"))
        .when(pl.col("amount_unknown").fill_null(False) | pl.col("due_fen").is_null())
        .then(pl.lit("incomplete"))
    )


def _with_status(gaps: pl.DataFrame, cases: pl.DataFrame) -> pl.DataFrame:
    """Adds amount_fen, adjustment_fen, status and needs_review, in the order in which a status takes
    precedence.
    """
    fixed, amount, paid = pl.col("fixed"), pl.col("amount_fen"), pl.col("paid_fen")
    open_case = pl.col("has_case") & ~pl.col("is_decided")
    assessed = fixed.is_null() | (fixed == "incomplete")
    flagged = (assessed & pl.col("incomplete_reason").is_not_null()).fill_null(False)
    closed = pl.col("closed_fen").fill_null(0)
    promised = pl.when(paid != 0).then(paid).otherwise(closed)
    status = (
        pl.when(fixed.is_not_null())
        .then(fixed)
        .when(open_case)
        .then(pl.lit("review"))
        .when((promised != 0) & (amount > promised))
        .then(pl.lit("adjust_up"))
        .when((promised != 0) & (amount < promised))
        .then(pl.lit("adjust_down"))
        .when(paid != 0)
        .then(pl.lit("paid"))
        .when(amount == 0)
        .then(pl.lit("within"))
        .when(pl.col("confirmed") | (closed != 0))
        .then(pl.lit("confirmed"))
        .otherwise(pl.lit("due"))
    )
    return (
        gaps.join(
            cases.filter(~pl.col("reading_key").is_in(list(INFORMING)))
            .select("unit_id", has_case=pl.lit(True))
            .unique(),
            on="unit_id",
            how="left",
            maintain_order="left",
        )
        .with_columns(
            pl.col("has_case", "is_decided", "confirmed").fill_null(False),
            amount_fen=pl.when(fixed.is_null()).then("decided_fen").when(fixed == "not_pilot").then(0),
        )
        .with_columns(
            status=status,
            adjustment_fen=amount - paid,
            needs_review=open_case | (flagged & ~pl.col("is_decided")) | pl.col("stale").fill_null(False),
        )
    )


def incomplete_units(found: Units, troubles: pl.DataFrame, cost_year: int) -> pl.DataFrame:
    """unit_id, incomplete_reason: which rows of which files bear on the unit and cannot be counted (no values).

    amount_unknown: one of them belongs to the cost year, so that the amount is unknown. A row without a readable
    date may be of any year: it flags every one of them, and their amounts stay.

    A member's row makes the household incomplete; in a split household the units whose category the person
    held, or, where none, the unit with the lowest cap, to which such a person's settlements are listed.
    """
    of_person = found.spans.select("person_key", "household_id", "unit_id").unique()
    named = (
        troubled_households(troubles, found.members, cost_year)
        .join(of_person, on=["person_key", "household_id"], how="left")
        .join(lowest_units(found), on="household_id", how="left")
        .with_columns(pl.coalesce("unit_id", "lowest_unit").alias("unit_id"))
    )
    sheet = pl.when(pl.col("sheet").is_not_null()).then(pl.format("工作表{}", "sheet")).otherwise(pl.lit(""))
    row = pl.format("文件{}{}第{}行：{}", "file_id", sheet, "source_row", "reason_zh")
    return (
        named.select("unit_id", "file_id", "source_row", "cost_year", text=row)
        .sort("unit_id", "file_id", "source_row", "text", "cost_year", nulls_last=True)
        .unique(["unit_id", "text"], keep="first", maintain_order=True)
        .group_by("unit_id", maintain_order=True)
        .agg(
            shown=pl.col("text").head(NAMED_ROWS).str.join("；"),
            n=pl.len(),
            amount_unknown=pl.col("cost_year").is_not_null().any(),
        )
        .select(
            "unit_id",
            "amount_unknown",
            incomplete_reason=pl.when(pl.col("n") > NAMED_ROWS)
            .then(pl.format("{}；等共{}行", "shown", "n"))
            .otherwise("shown"),
        )
    )


def _described(
    rows: pl.DataFrame, cap: HouseholdCap, found: Units, about: Household, cost_year: int, on: date
) -> pl.DataFrame:
    """Adds what a reader wants to know of the unit, and gap and distance."""
    yardstick = yardstick_date(cost_year, on)
    heads = household_heads(found, about.households)
    names = about.people.select(head_person_key="person_key", head_name_masked="name_masked")
    where = household_places(found.members, heads.rename({"head_person_key": "head_key"}), about.places)
    burden, limit = pl.col("burden_fen"), pl.col("cap_fen")
    described = (
        rows.rename({"base_fen": "burden_fen", "county_code": "region_code"})
        .join(heads, on="household_id", how="left", maintain_order="left")
        .join(names, on="head_person_key", how="left", maintain_order="left")
        .join(where.drop("region_code"), on="household_id", how="left", maintain_order="left")
        .join(_unit_members(found, yardstick), on="unit_id", how="left", maintain_order="left")
        .with_columns(
            pl.col("n_members").fill_null(0),
            rule_id=pl.lit(cap.rule_id),
            unit_type=pl.lit(cap.unit_type),
            cost_year=pl.lit(cost_year, pl.Int32),
            limit_fen=pl.lit(cap.limit_fen, pl.Int64),
            gap_fen=(burden - limit).clip(lower_bound=0),
            distance_fen=(limit - burden).clip(lower_bound=0),
            floor_fen=(-pl.col("raw_fen")).clip(lower_bound=0),
        )
    )
    if not found.personal:
        return described
    homes = last_homes(found).rename({"person_key": "head_person_key"})
    at_home = described.join(homes, on="head_person_key", how="left", maintain_order="left")
    return at_home.with_columns(household_id=pl.coalesce("home_id", "household_id")).drop("home_id")


def household_heads(found: Units, households: pl.DataFrame) -> pl.DataFrame:
    """household_id, head_person_key: the head on the roster; of a person alone without a household, the
    person.
    """
    listed = households.select("household_id", "head_key").unique("household_id")
    alone = found.members.group_by("household_id").agg(
        only=pl.when(pl.col("person_key").n_unique() == 1).then(pl.col("person_key").first())
    )
    return alone.join(listed, on="household_id", how="left").select(
        "household_id", head_person_key=pl.coalesce("head_key", "only")
    )


def _holders(spans: pl.DataFrame) -> pl.DataFrame:
    """The members of split units: who held the unit's category, and when."""
    return spans.select("person_key", household_id="unit_id", held_from="valid_from", held_to="valid_to")


def _unit_members(found: Units, yardstick: date) -> pl.DataFrame:
    """unit_id, n_members: members on the yardstick date; of a split unit those holding its category on it."""
    whole = member_counts(found.members, yardstick).select(unit_id="household_id", n_members="n_members")
    return pl.concat(
        [
            whole.join(found.units.filter(~pl.col("split")), on="unit_id", how="semi"),
            member_counts(_holders(found.spans), yardstick)
            .select(unit_id="household_id", n_members="n_members")
            .join(found.units.filter("split"), on="unit_id", how="semi"),
        ]
    )
