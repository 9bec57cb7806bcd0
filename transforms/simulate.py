"""What if: the caps of a cost year counted again with other parameters or readings, and compared with today's.

In: what a run has kept of the year (`transforms.evidence`). Out: frames; nothing is stored. All amounts in fen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING

import polars as pl

from transforms.benefit import costs_of_units
from transforms.household_year import household_places
from transforms.rules.household_cap import (
    CASH_UNKNOWN,
    facts_of_costs,
    fixed_status,
    household_heads,
    incomplete_units,
)
from transforms.rules.readings import bases_under, chosen, under
from transforms.spans import below, yardstick_date
from transforms.units import Units, lowest_units, unit_people, units

if TYPE_CHECKING:
    from schemas.policy import HouseholdCap

ENTITLED = pl.Schema(
    {
        "rule_id": pl.String,
        "region_code": pl.String,
        "unit_id": pl.String,
        "household_id": pl.String,
        "township_code": pl.String,
        "category": pl.String,
        "n_persons": pl.Int64,
        "burden_fen": pl.Int64,
        "cap_fen": pl.Int64,
        "state": pl.String,
        "amount_fen": pl.Int64,
        "known_fen": pl.Int64,
        "person_key": pl.Int64,
    }
)
"""A row a unit, or a visit of a person (person_key; household_id is then the person's). state: known, forecast,
incomplete, held, not_pilot, not_in_force. amount_fen: null where incomplete or held; known_fen: what the known facts
alone would give."""
WHOSE = ["rule_id", "region_code", "household_id"]


@dataclass(frozen=True)
class Stored:
    """What was kept of the year: `transforms.evidence` tables, and person_key, region_code, township_code, village."""

    settlements: pl.DataFrame
    certificates: pl.DataFrame
    members: pl.DataFrame
    households: pl.DataFrame
    troubles: pl.DataFrame
    places: pl.DataFrame


class Costs:
    """`benefit.costs_of_units` that remembers: other amounts of a cap leave the costs and their units as they are."""

    def __init__(self) -> None:
        self._known: list[tuple[tuple[object, ...], tuple[pl.DataFrame, ...], pl.DataFrame]] = []

    def __call__(self, cap: HouseholdCap, settlements: pl.DataFrame, found: Units) -> pl.DataFrame:
        asked = (
            cap.region_code, cap.unit_type, cap.insured_in_region, cap.designated_only, cap.counted_from,
            id(settlements),
        )  # fmt: skip
        frames = (found.spans, found.members, found.homes, lowest_units(found).sort("household_id"))
        for known, seen, costs in self._known:
            if known == asked and all(a.equals(b) for a, b in zip(seen, frames, strict=True)):
                return costs
        costs = costs_of_units(cap, settlements, found)
        self._known.append((asked, frames, costs))
        return costs


def entitlements(
    caps: list[HouseholdCap], stored: Stored, cost_year: int, on: date, costs: Costs | None = None
) -> pl.DataFrame:
    """ENTITLED for every unit of every cap or relief with a certificate in its territory.

    `costs` carries what was found for one set of figures to the next.
    """
    found = [
        _of_cap(cap, stored, cost_year, on, costs or Costs())
        for cap in caps
        if not stored.certificates.filter(below("county_code", cap.region_code)).is_empty()
    ]
    return pl.concat([ENTITLED.to_frame(), *found]).sort("rule_id", "region_code", "unit_id")


def _of_cap(cap: HouseholdCap, stored: Stored, cost_year: int, on: date, costs: Costs) -> pl.DataFrame:
    found = units(cap, stored.certificates, stored.members, cost_year, yardstick_date(cost_year, on))
    facts, _ = facts_of_costs(
        cap, found, stored.settlements, stored.certificates, stored.households, cost_year, on, costs_of=costs
    )
    bases = bases_under(under(facts, chosen(cap)), chosen(cap))
    heads = household_heads(found, stored.households).rename({"head_person_key": "head_key"})
    where = household_places(found.members, heads, stored.places).select("household_id", "township_code")
    people = unit_people(found).group_by("unit_id").agg(n_persons=pl.len().cast(pl.Int64))
    due, state = pl.col("due_fen"), pl.col("state")
    return (
        found.units.select("unit_id", "household_id", "county_code")
        .join(bases, on="unit_id", maintain_order="left")
        .join(
            incomplete_units(found, stored.troubles, cost_year),
            on="unit_id",
            how="left",
            maintain_order="left",
        )
        .join(people, on="unit_id", how="left", maintain_order="left")
        .join(where, on="household_id", how="left", maintain_order="left")
        .with_columns(
            incomplete_reason=pl.coalesce(
                "incomplete_reason", pl.when(due.is_null()).then(pl.lit(CASH_UNKNOWN))
            )
        )
        .with_columns(state=fixed_status(cap, cost_year, on))
        .with_columns(
            state=pl.when((state == "forecast") & (pl.col("amount_unknown").fill_null(False) | due.is_null()))
            .then(pl.lit("incomplete"))
            .otherwise(state.fill_null("known"))
        )
        .with_columns(known_fen=pl.when(state.is_in(["not_pilot", "not_in_force"])).then(0).otherwise(due))
        .select(
            rule_id=pl.lit(cap.rule_id),
            region_code="county_code",
            unit_id="unit_id",
            household_id="household_id",
            township_code="township_code",
            category="category",
            n_persons=pl.col("n_persons").fill_null(0),
            burden_fen="base_fen",
            cap_fen="cap_fen",
            state="state",
            amount_fen=pl.when(state != "incomplete").then("known_fen"),
            known_fen="known_fen",
            person_key=pl.lit(None, pl.Int64),
        )
        .cast(ENTITLED)
    )


def compared(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """Households or persons whose amount is another one: WHOSE, township_code, category (after), before, after, change
    (fen).

    Both are ENTITLED. Compared by household, since a reading may put its units together; visits by person. Where one
    side has more unknown amounts than the other, the difference says nothing, and the household is left out.
    """
    both = _by_household(before, "before").join(
        _by_household(after, "after"), on=WHOSE, how="full", coalesce=True
    )
    return (
        both.with_columns(
            pl.coalesce("township_code", "township_code_right").alias("township_code"),
            pl.col("before_fen", "after_fen", "unknown_before", "unknown_after").fill_null(0),
            category=pl.coalesce("category_right", "category"),
        )
        .with_columns(change_fen=pl.col("after_fen") - pl.col("before_fen"))
        .filter((pl.col("change_fen") != 0) & (pl.col("unknown_before") == pl.col("unknown_after")))
        .select(*WHOSE, "township_code", "category", "before_fen", "after_fen", "change_fen")
        .sort(pl.col("change_fen").abs(), *WHOSE, descending=[True, False, False, False])
    )


def _by_household(entitled: pl.DataFrame, name: str) -> pl.DataFrame:
    """Sums by household; a person's visits are grouped by the number of the key, and named afterwards."""
    amount = pl.col("amount_fen")
    sums = [
        pl.col("township_code").first(),
        pl.col("category").first(),
        amount.sum().alias(f"{name}_fen"),
        amount.null_count().cast(pl.Int64).alias(f"unknown_{name}"),
    ]
    of_visits = entitled.filter(pl.col("person_key").is_not_null())
    persons = (
        of_visits.group_by("rule_id", "region_code", "person_key")
        .agg(pl.col("household_id").first(), *sums)
        .drop("person_key")
    )
    of_units = entitled.filter(pl.col("person_key").is_null())
    households = of_units.sort("cap_fen", "unit_id").group_by(WHOSE, maintain_order=True).agg(sums)
    return pl.concat([households, persons.select(households.columns)])


def distribution(before: pl.DataFrame, after: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """`by` columns with units, paid (units with an amount above 0), persons in them, unknown units, amount and
    known_fen (what the unknown ones would get by the known facts), each before and after.
    """
    parts = [
        entitled.group_by(by).agg(
            pl.len().cast(pl.Int64).alias(f"units_{name}"),
            (pl.col("amount_fen") > 0).sum().cast(pl.Int64).alias(f"paid_{name}"),
            _paid_persons().alias(f"persons_{name}"),
            pl.col("amount_fen").is_null().sum().cast(pl.Int64).alias(f"unknown_{name}"),
            pl.col("amount_fen").sum().alias(f"{name}_fen"),
            pl.col("known_fen").filter(pl.col("amount_fen").is_null()).sum().alias(f"unknown_{name}_fen"),
        )
        for name, entitled in (("before", before), ("after", after))
    ]
    numbers = [name for part in parts for name in part.columns if name not in by]
    return (
        parts[0]
        .join(parts[1], on=by, how="full", coalesce=True, nulls_equal=True)
        .with_columns(pl.col(numbers).fill_null(0))
        .with_columns(change_fen=pl.col("after_fen") - pl.col("before_fen"))
        .sort(by, nulls_last=True)
    )


def _paid_persons() -> pl.Expr:
    """The members of units with an amount, and each person of visits with an amount once."""
    paid = pl.col("amount_fen") > 0
    visitors = pl.col("person_key").filter(paid).drop_nulls().n_unique()
    return pl.col("n_persons").filter(paid).sum() + visitors.cast(pl.Int64)


def fiscal_at_most(need_fen: int, share: Fraction) -> int:
    """The most that public money may be of a fund that raises just what it needs, fen (L-10: 3 × fiscal ≤ total)."""
    return int(need_fen * share.numerator // share.denominator)


def matched(need_fen: int, ratio: Fraction) -> tuple[int, int]:
    """(allocated from above, raised locally) that together are the need, the local part at least `ratio` of the other
    (W-08, 1:1), fen.
    """
    above = int(need_fen * ratio.denominator // (ratio.numerator + ratio.denominator))
    return above, need_fen - above
