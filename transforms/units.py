"""Units under a household cap: the household of the year, or its categories apart (临政办〔2024〕1号 二(三)).

以社会救助家庭为单位: one household is one unit. A household in which on some day two members hold
certificates of different categories is split for the whole year, one unit a category (reading A-L03 a).
A policy that caps the person (个人负担封顶, 浙政办发〔2022〕42号 二(四)) makes each holder a unit of his own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from transforms.pseudonym import key_texts
from transforms.spans import below, best_code_spans, crossed, nearest, on_day

if TYPE_CHECKING:
    from schemas.policy import HouseholdCap


@dataclass(frozen=True)
class Units:
    """Units of one rule and cost year.

    units: unit_id, household_id, split, mixed (two members held different categories on one day: split, unless the
        rule reads A-L03 as one household), category (a split unit's own; else the last one in force in the year),
        county_code (of the last certificate), cap_fen (of `category`).
    spans: person_key, household_id, unit_id, category, county_code, valid_from, valid_to: who held which
        category, as a member of which household.
    members: person_key, household_id, valid_from, valid_to (stretched to the year), held_from, held_to: all
        memberships of the year in these households.
    homes: the memberships of these people in any household.
    personal: each person is a unit (unit_id and household_id are the text of his key), whatever household he is in.
    """

    units: pl.DataFrame
    spans: pl.DataFrame
    members: pl.DataFrame
    homes: pl.DataFrame
    personal: bool = False


def caps_in_order(cap: HouseholdCap) -> dict[str, int]:
    """Category → cap or threshold in fen, the lowest first; equal ones in the policy's order."""
    caps = {code: cap.cap_fen.get(code, cap.threshold_fen) for code in cap.categories}
    unknown = [code for code, value in caps.items() if value is None]
    if unknown:
        raise ValueError(f"{cap.rule_id}：类别 {'、'.join(unknown)} 没有封顶线")
    known = {code: value for code, value in caps.items() if value is not None}
    return dict(sorted(known.items(), key=lambda pair: pair[1]))


def policy_certificates(cap: HouseholdCap, certificates: pl.DataFrame) -> pl.DataFrame:
    """Certificates of the policy's categories recognised in its territory (本区民政部门核发)."""
    return certificates.filter(
        pl.col("code").is_in(list(cap.categories)) & below("county_code", cap.region_code)
    )


def units(
    cap: HouseholdCap,
    certificates: pl.DataFrame,
    members: pl.DataFrame,
    cost_year: int,
    until: date | None = None,
) -> Units:
    """Every unit with at least one day of a valid certificate in the cost year (in the running year up to
    `until`).

    A person on several of the policy's lists at once belongs to the one with the lowest cap. A holder of a
    certificate without a membership is a household of his own.
    """
    first, last = date(cost_year, 1, 1), min(date(cost_year, 12, 31), until or date(cost_year, 12, 31))
    codes = list(caps_in_order(cap))
    holders = best_code_spans(policy_certificates(cap, certificates), codes, first, last)
    at_home = with_singles(members, holders, first, date(cost_year, 12, 31))
    pools = alone(holders, "P", first, date(cost_year, 12, 31)) if is_personal(cap) else at_home
    spans = crossed(holders, pools.select("person_key", "household_id", "valid_from", "valid_to"))
    in_units = pools.join(spans.select("household_id").unique(), on="household_id", how="semi")
    homes = at_home.join(in_units.select("person_key").unique(), on="person_key", how="semi")
    return grouped(cap, spans, in_units, homes, apart=cap.readings.get("A-L03", "a") == "a")


def grouped(
    cap: HouseholdCap, spans: pl.DataFrame, members: pl.DataFrame, homes: pl.DataFrame, *, apart: bool
) -> Units:
    """Units of the certificate spans: households with different certificates apart by category, or as one."""
    mixed = split_households(spans)
    own = pl.col("household_id") + pl.lit("/") + pl.col("category")
    unit_id = pl.when(pl.col("mixed") & apart).then(own).otherwise("household_id")
    spans = spans.join(mixed, on="household_id", how="left").with_columns(pl.col("mixed").fill_null(False))
    spans = spans.with_columns(unit_id=unit_id, split=pl.col("mixed") & apart)
    return Units(
        _last_in_force(spans, caps_in_order(cap)),
        spans.drop("split", "mixed").sort("person_key", "valid_from"),
        members,
        homes,
        is_personal(cap),
    )


def is_personal(cap: HouseholdCap) -> bool:
    """Whether the rule caps each person instead of the household."""
    return cap.unit_type == "person"


def regrouped(cap: HouseholdCap, found: Units, *, apart: bool) -> Units:
    """The same units, apart by category or as one household; `found` itself where they are grouped so already."""
    if found.units.filter("mixed").is_empty() or found.units["split"].any() == apart:
        return found
    return grouped(cap, found.spans.drop("unit_id"), found.members, found.homes, apart=apart)


def with_singles(members: pl.DataFrame, holders: pl.DataFrame, first: date, last: date) -> pl.DataFrame:
    """Memberships, and for a certificate holder without any a household of his own for the whole year."""
    columns = ["person_key", "household_id", "valid_from", "valid_to", "held_from", "held_to"]
    homeless = holders.join(members, on="person_key", how="anti")
    return pl.concat([members.select(columns), alone(homeless, "H", first, last).select(columns)])


def alone(holders: pl.DataFrame, prefix: str, first: date, last: date) -> pl.DataFrame:
    """Each holder by himself from `first` to `last`: memberships under the text of his key with that prefix."""
    persons = holders.select("person_key").unique(maintain_order=True)
    return persons.with_columns(
        household_id=key_texts(persons["person_key"], prefix),
        valid_from=pl.lit(first),
        valid_to=pl.lit(last),
        held_from=pl.lit(first),
        held_to=pl.lit(last),
    )


def last_homes(found: Units) -> pl.DataFrame:
    """person_key, home_id: the household of each person, the last of the year."""
    return (
        found.homes.sort("person_key", "valid_to", "household_id", descending=[False, True, False])
        .unique("person_key", keep="first", maintain_order=True)
        .select("person_key", home_id="household_id")
    )


def split_households(spans: pl.DataFrame) -> pl.DataFrame:
    """household_id, mixed: households in which two members hold different categories on one day."""
    several = spans.filter(pl.col("category").n_unique().over("household_id") > 1).select(
        "household_id", "person_key", "category", "valid_from", "valid_to"
    )
    clash = (
        (pl.col("person_key") != pl.col("person_key_other"))
        & (pl.col("category") != pl.col("category_other"))
        & (pl.col("valid_from") <= pl.col("valid_to_other"))
        & (pl.col("valid_from_other") <= pl.col("valid_to"))
    )
    return (
        several.join(several, on="household_id", suffix="_other")
        .filter(clash)
        .select("household_id", mixed=pl.lit(True))
        .unique()
    )


def _last_in_force(spans: pl.DataFrame, order: dict[str, int]) -> pl.DataFrame:
    """One row a unit with the category in force last in the year (of several on that day the lowest cap)."""
    cap = pl.col("category").replace_strict(order, return_dtype=pl.Int64)
    return (
        spans.with_columns(cap_fen=cap)
        .sort("unit_id", "valid_to", "cap_fen", "county_code", descending=[False, True, False, False])
        .unique("unit_id", keep="first", maintain_order=True)
        .select("unit_id", "household_id", "split", "mixed", "category", "county_code", "cap_fen")
    )


def unit_people(found: Units) -> pl.DataFrame:
    """unit_id, person_key: members of each unit; of a split one those who held its category on some day."""
    split = found.units.filter("split").select("household_id").unique()
    whole = found.members.join(split, on="household_id", how="anti")
    return pl.concat(
        [
            whole.select("person_key", unit_id="household_id"),
            found.spans.join(split, on="household_id", how="semi").select("person_key", "unit_id"),
        ]
    ).unique()


def placed(settlements: pl.DataFrame, found: Units) -> pl.DataFrame:
    """Each settlement of a member once for every household that the person belonged to in the year.

    Adds setl_date, household_id_on_day, household_id, at_home (the household is that of the day; a person who is a
    unit is always with himself),
    category_on_day (the certificate held on the day) and unit_id: of a split household the unit of the
    category on the day, else of the person's nearest category in that household, else the unit with the
    lowest cap.
    """
    # a number of their own for person and household: whole numbers are compared much faster than texts
    ever = found.members.select("person_key", "household_id").unique().with_row_index("pair")
    held_here = found.spans.join(ever, on=["person_key", "household_id"]).rename({"unit_id": "near_unit"})
    ever = ever.join(lowest_units(found), on="household_id", how="left")
    dated = settlements.join(ever, on="person_key", how="semi").with_columns(
        setl_date=pl.col("setl_time").dt.date()
    )
    days = found.homes.with_columns(household_id_on_day="household_id")
    on_days = on_day(dated, days, "setl_date", ["household_id_on_day"])
    held = found.spans.with_columns(category_on_day="category")
    on_days = on_day(on_days, held, "setl_date", ["category_on_day"])
    pairs = on_days.join(ever, on="person_key")
    near = nearest(pairs, held_here, "setl_date", ["near_unit"], ["pair"])
    here = pl.col("household_id").eq_missing(pl.col("household_id_on_day"))
    return near.with_columns(
        at_home=pl.lit(True) if found.personal else here, unit_id=pl.coalesce("near_unit", "lowest_unit")
    ).drop("pair", "near_unit", "lowest_unit")


def lowest_units(found: Units) -> pl.DataFrame:
    """household_id, lowest_unit: the unit with the lowest cap of each household."""
    return (
        found.units.sort("household_id", "cap_fen", "unit_id")
        .unique("household_id", keep="first", maintain_order=True)
        .select("household_id", lowest_unit="unit_id")
    )
