"""The stages from counted settlements to caps on small tables, as the flow runs them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

import tests.assess_frames as af
from schemas.policy import HouseholdCap
from transforms.burden import Burdens, negative_amounts, settlement_burdens
from transforms.household_year import household_year
from transforms.ledger import no_paid_people, paid_lines, paid_people
from transforms.person_year import is_inpatient, person_year, totals
from transforms.rules.household_cap import Assessed, Household, assess
from transforms.spans import yardstick_date
from transforms.units import Units, units

TABLES = [
    "settlements",
    "uncounted",
    "payments",
    "ledger",
    "certificates",
    "members",
    "households",
    "troubles",
    "items",
    "negative_list",
    "decided",
]


@dataclass(frozen=True)
class Outcome:
    burdens: Burdens
    persons: pl.DataFrame
    households: pl.DataFrame
    units: Units
    paid: pl.DataFrame
    assessed: Assessed


def run(
    tables: dict[str, list[dict[str, Any]]],
    cap: HouseholdCap | None = None,
    cost_year: int = 2023,
    on: date = date(2024, 3, 15),
) -> Outcome:
    """Everything from the tables of a case; a table that is missing is empty."""
    unknown = set(tables) - set(TABLES)
    if unknown:
        raise ValueError(f"unknown tables: {unknown}")
    rule = cap or af.linan_cap()
    given = {name: tables.get(name, []) for name in TABLES}
    everything = af.settlements(given["settlements"])
    aside = af.uncounted(given["uncounted"])
    counted = everything.filter(pl.col("cost_year") == cost_year)
    certificates, members = af.certificates(given["certificates"]), af.members(given["members"], cost_year)
    household_rows = given["households"] or [
        {"household": h} for h in members["household_id"].unique(maintain_order=True)
    ]
    households, troubles = af.households(household_rows), af.troubles(given["troubles"])
    names = sorted({str(row["person"]) for rows in given.values() for row in rows if "person" in row})
    people, places = af.people(names), af.places(names)
    found = units(rule, certificates, members, cost_year)
    lines = paid_lines(af.ledger(given["ledger"]), found, rule.rule_id, cost_year, af.ids)
    burdens = settlement_burdens(
        counted.lazy(),
        af.payments(given["payments"]),
        af.named(everything, aside),
        negative_amounts(
            counted.lazy(), af.items(given["items"]).lazy(), af.negative_list(given["negative_list"])
        ),
        pl.concat([certificates.select("person_key"), members.select("person_key")]).unique(),
        paid_people(lines, found, cost_year) if len(lines) else no_paid_people(),
        cost_year,
    )
    day = yardstick_date(cost_year, on)
    persons = person_year(
        totals(counted.lazy(), is_inpatient(af.MED_TYPES)),
        burdens.people,
        people,
        places,
        certificates,
        members,
        troubles,
        af.RANKS,
        cost_year,
        day,
    )
    by_household = household_year(
        burdens.settlements,
        members,
        households,
        people,
        places,
        certificates,
        troubles,
        af.RANKS,
        cost_year,
        day,
    )
    decided = pl.DataFrame(
        [(row["benefit_id"], row.get("confirmed") == "yes") for row in given["decided"]],
        schema={"benefit_id": pl.String, "confirmed": pl.Boolean},
        orient="row",
    )
    assessed = assess(
        rule,
        found,
        burdens.settlements,
        aside.filter(pl.col("cost_year") == cost_year),
        certificates,
        Household(households, people, places),
        troubles,
        lines,
        cost_year,
        on,
        af.ids,
        decided,
    )
    return Outcome(burdens, persons, by_household, found, lines, assessed)
