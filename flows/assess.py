"""One cost year from lake to result frames: which transform gets what from where, nothing else."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from flows import assistance, decided, premium
from flows.balance import balance_stages, lake_sums
from flows.configuration import Configuration
from flows.confirmed_lists import list_words
from flows.counting import KEYS, file_counts
from flows.decided import Early
from flows.families import with_families
from flows.former_costs import former_costs
from flows.illnesses import with_illnesses
from flows.leads import deaths
from flows.mass import Settlements, Summed
from flows.persons import Persons, who_is_who
from flows.result_tables import (
    benefit_tables,
    file_findings,
    finding_rows,
    institution_names,
    manual_payments,
    payment_rows,
    summary,
    unmatched_payments,
    visit_payments,
)
from flows.rosters import Rosters, policy_of, read_rosters
from flows.year import Year
from schemas.policy import HouseholdCap, household_caps, household_reliefs
from schemas.reference import identity_codes, ranked_categories
from stores import carried, lake
from stores.home import Home
from stores.parts import part_rows
from transforms import (
    decided_lines,
    decisions,
    facts,
    ledger,
    payments,
    places,
    reconcile,
    resolved,
    versions,
)
from transforms.burden import Burdens, negative_amounts, settlement_burdens
from transforms.evidence import evidence
from transforms.household_year import household_year
from transforms.identity import People, keys_of, with_person
from transforms.mass import Asked
from transforms.person_year import is_inpatient, on_roster, person_year
from transforms.place_names import Townships
from transforms.pseudonym import key_texts, pseudonyms
from transforms.resolved import Resolved
from transforms.rules import household_cap, manual
from transforms.rules.household_cap import Assessed, Household
from transforms.spans import below, last_day_held, overlapping, yardstick_date
from transforms.units import Units, units

Say = Callable[[str], None]

T = TypeVar("T")


@dataclass(frozen=True)
class Assessment:
    """Result frames of a cost year by table name, what the summary tells, and the stages that do not balance.

    hand_on: puts in place what the next night builds on; derived: whether this one was built on an earlier result.
    """

    tables: dict[str, pl.DataFrame]
    facts: dict[str, Any]
    broken: pl.DataFrame
    hand_on: Callable[[], None] = lambda: None
    derived: bool = False


@dataclass(frozen=True)
class CapUnits:
    """A cap with its units of the year and what was paid to them."""

    cap: HouseholdCap
    found: Units
    paid: pl.DataFrame


def assess(
    home: Home,
    files: pl.DataFrame,
    configuration: Configuration,
    year: int,
    on: date,
    say: Say,
    replaying: bool = False,
    derive: bool = False,
    keep: bool = False,
) -> Assessment:
    """All results of a cost year, as of the date `on`; `replaying`: what the facts give before any word on a line;
    `derive`: from what the last result of the year handed on, where that can be had; `keep`: with `hand_on`.
    """
    reference = configuration.reference
    yardstick = yardstick_date(year, on)
    before = aside(lambda: carried.read(home, year)) if derive else None
    everybody = who_is_who(home, files, derive)
    people = everybody.people
    early = decided.early(home, files, people, year, on)
    say("　核对版本、冲正和退费")
    settlements = Settlements(home, files, configuration, people, year, early.facts, before)
    resolving = aside(settlements.resolve)
    say("　名册、家庭和类别")
    lists = list_words(home, files, configuration, people, early.decisions)
    rosters = read_rosters(home, files, configuration, people, year, early.facts, lists.confirmed)
    paid = paid_rows(home, files, people)
    caps = cap_units(home, paid, configuration, rosters, year, yardstick)
    settled = resolving.result()
    say("　个人负担和封顶差额")
    ways = asked_of(home, files, configuration, people)
    summed, burdens = burdens_of(settlements, settled, rosters, caps, ways)
    handing: list[tuple[Persons | Settlements, Future[Path | None]]] = []
    if keep:
        handing += [(everybody, aside(everybody.written_down))]
        handing += [(settlements, aside(lambda: settlements.written_down(settled, summed, ways)))]
    burdens = with_illnesses(home, files, [(each.cap, each.found) for each in caps], burdens)
    ranks = ranked_categories(reference)
    sums = summed.mass.sums
    where = person_places(sums, rosters, people, Townships(reference["regions"]), year, yardstick)
    about = Household(rosters.households, people.people, where)
    former = former_costs(
        home, files, configuration, people, [(each.cap, each.found) for each in caps], year, lists.confirmed
    )

    def of_people() -> tuple[pl.DataFrame, pl.DataFrame, dict[str, pl.DataFrame]]:
        """mart.person_year, mart.household_year and the tables of evidence."""
        persons = person_year(
            sums, burdens.people, people.people, where, rosters.certificates, rosters.members,
            settled.troubles, ranks, year, yardstick,
        )  # fmt: skip
        households = household_year(
            burdens.settlements, rosters.members, rosters.households, people.people, where, rosters.certificates,
            settled.troubles, ranks, year, yardstick,
        )  # fmt: skip
        kept = evidence(
            burdens.settlements, settled.uncounted, settled.troubles, rosters.certificates, rosters.members,
            rosters.households, rosters.aliases, year, on,
        )  # fmt: skip
        return persons, households, kept

    def assess_caps(rulings: pl.DataFrame) -> list[Assessed]:
        return [
            household_cap.assess(
                each.cap, each.found, burdens.settlements, settled.uncounted, rosters.certificates, about,
                settled.troubles, each.paid, year, on, benefit_texts(home), rulings, former.get(each.cap.rule_id),
            )
            for each in caps
        ]  # fmt: skip

    visits = assistance.drafted(
        home, files, configuration, people, rosters, burdens.settlements, settled, year, benefit_texts(home),
        early.facts.referred["setl_id"],
    )  # fmt: skip
    subsidies = premium.premiums(
        premium.Given(home, files, configuration, people, rosters, year, benefit_texts(home))
    )
    if replaying:
        bare = benefit_tables(assess_caps(decided_lines.no_rulings()), None)
        others = assistance.undecided(visits, year), premium.undecided(subsidies, year)
        return Assessment(decided.stacked(bare, *others), {}, pl.DataFrame())
    on_lines = decided.on_lines(
        early,
        [(each.cap, each.found) for each in caps],
        visits,
        subsidies,
        rosters.aliases,
        year,
        benefit_texts(home),
    )
    rulings = decided.rulings(home, on_lines, on)
    # on the core that the caps leave idle
    beside = aside(lambda: (of_people(), lake_sums(home, files), part_rows(home, files)))
    assessed = assess_caps(rulings)
    (persons, households, kept), in_lake, in_parts = beside.result()
    asked = decided.asked(early, on_lines)
    changed = pl.Series("benefit_id", [], dtype=pl.String)
    if year < on.year and not asked.is_empty():
        say("　核对审核决定所依据的资料")
        others = assistance.undecided(visits, year), premium.undecided(subsidies, year)
        now = decided.stacked(benefit_tables(assessed, None), *others)
        changed = decided.stale(
            home, files, configuration, year, asked, decided.fingerprints(now),
            lambda held, day: decided.fingerprints(
                assess(home, held, configuration, year, day, lambda _: None, replaying=True).tables
            ),
        )  # fmt: skip
        if changed.is_in(rulings["benefit_id"].implode()).any():
            rulings = decided_lines.with_stale(rulings, changed)
            assessed = assess_caps(rulings)
    by_hand = manual_benefits(home, paid, configuration, rosters, persons, early, year)
    say("　对账")
    stages = balance_stages(
        home, files, in_lake, settled, persons, households, rosters, burdens, assessed, caps, year
    )
    relief = assistance.relief(visits, rulings, paid, year, benefit_texts(home))
    balance = pl.concat([reconcile.lake_stage(*in_parts), stages, *relief.stages])
    names = institution_names(home, files)
    tables = benefit_tables(assessed, names)
    if not by_hand.lines.is_empty():
        lines = [tables[name] for name in ("benefit_line",) if name in tables]
        tables["benefit_line"] = pl.concat([*lines, by_hand.lines], how="diagonal_relaxed")
    tables |= {
        "person_year": persons,
        "household_year": households,
        "payment": pl.concat(
            [
                payment_rows(burdens, caps, year),
                manual_payments(by_hand, year),
                visit_payments(relief.paid, year),
                unmatched_payments(paid, [*(each.paid for each in caps), *relief.paid, by_hand.paid], year),
            ],
            how="diagonal_relaxed",
        ),
        "decision": decided.mart_rows(early, on_lines, by_hand, changed, lists, rosters.needed, year),
        "ended_by_list": decided.ended_by_lists(early, lists, rosters.needed, rosters.certificates),
        "roster_finding": finding_rows(people, rosters, settled, file_findings(home, files, year)),
        "reconciliation": balance.with_columns(cost_year=pl.lit(year, pl.Int32)),
        "link": people.links,
        "file_count": file_counts(home, files, settled.marks),
        "institution": names.sort("institution_code"),
    }
    tables |= kept
    tables = assistance.joined(tables, relief, names)
    tables = with_families(
        Year(
            home, files, configuration, people, settled, summed.mass, rosters, burdens, where, persons, households,
            year, on, yardstick, benefit_texts(home), rulings, subsidies,
        ),
        tables,
    )  # fmt: skip
    if "benefit_line" in tables:  # last, so that the families count each line once
        later = ledger.adjustments(tables["benefit_line"], benefit_texts(home))
        tables["benefit_line"] = pl.concat([tables["benefit_line"], later], how="diagonal_relaxed")
    told = summary(settled, persons, households, assessed)
    told["rules"] += relief.told

    def hand_on() -> None:
        for of, written in handing:
            of.hand_on(written.result())

    return Assessment(tables, told, reconcile.broken(balance), hand_on, summed.derived)


def aside(work: Callable[[], T]) -> Future[T]:
    """Work that goes on beside what follows."""
    with_one = ThreadPoolExecutor(1)
    begun = with_one.submit(work)
    with_one.shutdown(wait=False)
    return begun


def caps_of(configuration: Configuration, year: int) -> list[HouseholdCap]:
    """Household caps (封顶) and reliefs above a threshold (化解) of a cost year."""
    return [*household_caps(configuration.policies, year), *household_reliefs(configuration.policies, year)]


def paid_rows(home: Home, files: pl.DataFrame, people: People) -> pl.DataFrame:
    """The paid ledger's rows that count; object_key: the person whose number they name."""
    rows, _ = facts.counted(lake.scan(home, "paid_ledger", files), files)
    keyed = rows.with_columns(pl.col("object_key").alias("id_key"))
    return with_person(keyed, people.links).drop("id_key").with_columns(object_key="person_key").collect()


def cap_units(
    home: Home, paid: pl.DataFrame, configuration: Configuration, rosters: Rosters, year: int, until: date
) -> list[CapUnits]:
    """Every household cap with at least one certificate in its territory, its units and the paid ledger's lines."""
    found = []
    for cap in caps_of(configuration, year):
        if rosters.certificates.filter(below("county_code", cap.region_code)).is_empty():
            continue
        own = units(cap, rosters.certificates, rosters.members, year, until)
        words = category_words(configuration, cap.region_code)
        lines = ledger.paid_lines(paid, own, cap.rule_id, year, benefit_texts(home), rosters.aliases, words)
        found.append(CapUnits(cap, own, lines))
    return found


def category_words(configuration: Configuration, region: str) -> dict[str, str]:
    """Wording → category where it means just one, under the policy of a region."""
    labels = identity_codes(configuration.reference, policy_of(configuration, region))
    return dict(
        labels.filter(pl.col("codes").list.len() == 1)
        .select("label", pl.col("codes").list.first())
        .iter_rows()
    )


def benefit_texts(home: Home) -> Callable[[pl.Series], pl.Series]:
    """Text of a benefit → its public id, the same on every machine with the same secret."""
    return lambda texts: key_texts(pseudonyms(texts, home.secret()), "B")


def asked_of(home: Home, files: pl.DataFrame, configuration: Configuration, people: People) -> Asked:
    """How everybody's settlements are looked at."""
    med_types = configuration.reference["med_type"]
    codes = med_types.filter(pl.col("group") == "inpatient")["code"].to_list()
    dead = deaths(home, files, people)["person_key"]
    linked = pl.concat([people.links["id_key"], people.links["person_key"]])
    return Asked(is_inpatient(med_types), codes, keys_of(dead, people.links).sort(), linked)


def burdens_of(
    of: Settlements, settled: Resolved, rosters: Rosters, caps: list[CapUnits], asked: Asked
) -> tuple[Summed, Burdens]:
    """What everybody's settlements sum to, and the burden of each of the people on a roster or with payments."""
    home, files, year, links = of.home, of.files, of.year, of.people.links
    reference = of.configuration.reference
    rows, _ = facts.counted(lake.scan(home, "payment", files), files, ("payer", "id_key"))
    all_payments = with_person(rows, links).collect()
    every, near = (resolved.with_states(rows, settled, links) for rows in (of.rows(), of.looked.near.lazy()))
    named = payments.named_settlements(all_payments, every, near)
    negative = negative_amounts(settled.plain, current_items(home, files), reference["negative_list"])
    detail = on_roster(rosters.certificates, rosters.members, year)
    wanted = pl.concat([frame["person_key"] for frame in (detail, all_payments, named, negative)]).unique()
    summed = of.sum(settled, wanted.drop_nulls(), asked)
    institutions = lake.scan(home, "fixmedins_b", files)
    judged = places.with_designation(summed.detail.lazy(), institutions, files, reference["region_alias"])
    paid_people = [ledger.paid_people(each.paid, each.found, year) for each in caps]
    burdens = settlement_burdens(
        decisions.with_designations(judged, of.ruled.designated),
        all_payments,
        named,
        negative,
        detail,
        pl.concat([ledger.no_paid_people(), *paid_people]),
        year,
        links,
    )
    return summed, burdens


def current_items(home: Home, files: pl.DataFrame) -> pl.LazyFrame | None:
    """Fee lines in their current version; None where none were delivered."""
    if not lake.delivered(files, "fee_list_d"):
        return None
    items = lake.scan(home, "fee_list_d", files)
    return versions.without(items, versions.marks(items, KEYS["fee_list_d"], files, updt=None))


def person_places(
    sums: pl.DataFrame, rosters: Rosters, people: People, names: Townships, year: int, yardstick: date
) -> pl.DataFrame:
    """person_key, region_code (of the roster; else null), township_code, township_source, village of the year."""
    in_year = overlapping(rosters.spans, date(year, 1, 1), date(year, 12, 31))
    in_year = places.with_township_codes(in_year, names)
    days = last_day_held(in_year, yardstick)
    listed = (
        in_year.join(days, on="person_key")
        .filter(pl.col("day").is_between("valid_from", "valid_to"))
        .sort("person_key", "valid_from", "county_code")
        .unique("person_key", keep="last", maintain_order=True)
        .select("person_key", "county_code", on="day")
    )
    seen = (
        sums.select("person_key", "county_code")
        .join(listed, on="person_key", how="anti")
        .with_columns(on=pl.lit(yardstick))
    )
    wanted = pl.concat([listed, seen.select(listed.columns)])
    towns = places.townships(wanted, in_year, people.people)
    return towns.join(listed.select("person_key", region_code="county_code"), on="person_key", how="left")


def manual_benefits(
    home: Home,
    paid: pl.DataFrame,
    configuration: Configuration,
    rosters: Rosters,
    persons: pl.DataFrame,
    early: Early,
    year: int,
) -> manual.Manual:
    """Benefits decided case by case (一事一议)."""
    homes = rosters.aliases.join(
        rosters.households.select(
            year_household_id="household_id", head_key="head_key", region_code="county_code"
        ),
        on="year_household_id",
    ).rename({"year_household_id": "unit_id"})
    policy = configuration.policies.heads.get(manual.RULE.split("-")[0])
    return manual.manual_lines(
        early.decisions,
        homes,
        persons.select("person_key", "region_code", "category"),
        paid,
        policy.territory if policy else "",
        f"{policy.id}@{policy.in_force}" if policy else "",
        year,
        benefit_texts(home),
    )
