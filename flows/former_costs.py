"""Costs of earlier years of the households under a relief whose costs can be read as adding up over the years (A-W01)."""

from __future__ import annotations

from datetime import date

import polars as pl

from flows.configuration import Configuration
from flows.counting import KEYS
from flows.rosters import read_rosters
from schemas.policy import HouseholdCap
from stores import lake
from stores.home import Home
from transforms import facts, payments, resolved, versions
from transforms.burden import negative_amounts, settlement_burdens
from transforms.identity import People, keys_of, with_person
from transforms.ledger import no_paid_people
from transforms.rules.household_cap import facts_of_costs
from transforms.rules.readings import chosen, under
from transforms.units import Units, units

OVER_YEARS = "A-W01"
"""The entry of the register under which costs add up over the years."""


def former_costs(
    home: Home,
    files: pl.DataFrame,
    configuration: Configuration,
    people: People,
    caps: list[tuple[HouseholdCap, Units]],
    year: int,
    confirmed: pl.DataFrame,
) -> dict[str, pl.DataFrame]:
    """By rule: household_id, former_fen, what counted of each household in the years before, from the first one on.

    Only rules that know the reading, and only in their second year and later. A household is the same where its
    number is. Only the settlements of that year's members are read. `confirmed`: complete lists by decision.
    """
    found = {}
    for cap, now in caps:
        if OVER_YEARS in cap.readings and year > cap.first_cost_year:
            each = [
                _counted(home, files, configuration, people, cap, now, past, confirmed)
                for past in range(cap.first_cost_year, year)
            ]
            found[cap.rule_id] = (
                pl.concat(each).group_by("household_id").agg(pl.col("former_fen").sum()).sort("household_id")
            )
    return found


def _counted(
    home: Home,
    files: pl.DataFrame,
    configuration: Configuration,
    people: People,
    cap: HouseholdCap,
    now: Units,
    past: int,
    confirmed: pl.DataFrame,
) -> pl.DataFrame:
    """household_id, former_fen of one earlier year."""
    rosters = read_rosters(home, files, configuration, people, past, confirmed=confirmed)
    own = units(cap, rosters.certificates, rosters.members, past)
    same = own.units.join(now.units.select("household_id").unique(), on="household_id", how="semi")
    members = own.members.join(same, on="household_id", how="semi")["person_key"].unique()
    if members.is_empty():
        return pl.DataFrame(schema={"household_id": pl.String, "former_fen": pl.Int64})
    settlements = _burdens(home, files, configuration, people, members, past)
    known, _ = facts_of_costs(
        cap, own, settlements, rosters.certificates, rosters.households, past, date(past + 1, 1, 1)
    )
    costs = under(known, chosen(cap)).counted
    return costs.group_by("household_id").agg(former_fen=pl.col("counted_fen").sum().clip(lower_bound=0))


def _burdens(
    home: Home,
    files: pl.DataFrame,
    configuration: Configuration,
    people: People,
    members: pl.Series,
    past: int,
) -> pl.DataFrame:
    """Burdens.settlements of these people in an earlier year, from its own facts."""
    links, reference = people.links, configuration.reference
    rows = lake.scan(home, "setl_d", files).filter(pl.col("id_key").is_in(keys_of(members, links).implode()))
    settled = resolved.resolve(
        rows, lake.rejected(home, files), files, links, reference["region_alias"],
        lake.scan(home, "fixmedins_b", files), past,
    )  # fmt: skip
    helped, _ = facts.counted(lake.scan(home, "payment", files), files, ("payer", "id_key"))
    theirs = with_person(helped, links).collect().filter(pl.col("person_key").is_in(members.implode()))
    named = payments.named_settlements(theirs, resolved.with_states(rows, settled, links))
    items = None
    if lake.delivered(files, "fee_list_d"):
        lines = lake.scan(home, "fee_list_d", files)
        items = versions.without(lines, versions.marks(lines, KEYS["fee_list_d"], files, updt=None))
    return settlement_burdens(
        settled.counted, theirs, named,
        negative_amounts(settled.counted, items, reference["negative_list"]), members.to_frame("person_key"),
        no_paid_people(), past, links,
    ).settlements  # fmt: skip
