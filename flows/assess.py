"""One cost year from lake to result frames: which transform gets what from where, nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from flows.configuration import Configuration
from flows.counting import KEYS, file_counts
from flows.rosters import Rosters, read_rosters
from schemas.policy import HouseholdCap, household_caps
from stores import lake
from stores.home import Home
from stores.parts import part_rows
from transforms import facts, identity, ledger, payments, places, reconcile, resolved, versions
from transforms.burden import Burdens, settlement_burdens
from transforms.household_year import household_year
from transforms.identity import People, with_person
from transforms.person_year import on_roster, person_year
from transforms.pseudonym import key_texts, pseudonyms
from transforms.resolved import Resolved
from transforms.rules import household_cap
from transforms.rules.household_cap import Assessed, Household
from transforms.spans import below, last_day_held, overlapping, yardstick_date
from transforms.units import Units, units

Say = Callable[[str], None]


@dataclass(frozen=True)
class Assessment:
    """Result frames of a cost year by table name, what the summary tells, and the stages that do not balance."""

    tables: dict[str, pl.DataFrame]
    facts: dict[str, Any]
    broken: pl.DataFrame


@dataclass(frozen=True)
class CapUnits:
    """A cap with its units of the year and what was paid to them."""

    cap: HouseholdCap
    found: Units
    paid: pl.DataFrame


def assess(
    home: Home, files: pl.DataFrame, configuration: Configuration, year: int, on: date, say: Say
) -> Assessment:
    """All results of a cost year, as of the date `on`."""
    reference = configuration.reference
    yardstick = yardstick_date(year, on)
    people = identity.people(lake.scan(home, "person", files), files)
    say("　核对版本、冲正和退费")
    settled = resolve_year(home, files, configuration, people, year)
    say("　名册、家庭和类别")
    rosters = read_rosters(home, files, configuration, people, year)
    caps = cap_units(home, files, configuration, people, rosters, year, yardstick)
    say("　个人负担和封顶差额")
    burdens = burdens_of(home, files, configuration, people, settled, rosters, caps, year)
    ranks = reference["category"]["code"].to_list()
    where = person_places(settled, rosters, people, year, yardstick)
    persons = person_year(
        settled.counted, burdens.people, people.people, where, rosters.certificates, rosters.members,
        settled.troubles, ranks, reference["med_type"], year, yardstick,
    )  # fmt: skip
    households = household_year(
        burdens.settlements, rosters.members, rosters.households, people.people, where, rosters.certificates,
        settled.troubles, ranks, year, yardstick,
    )  # fmt: skip
    about = Household(rosters.households, people.people, where)
    assessed = [
        household_cap.assess(
            each.cap, each.found, burdens.settlements, settled.uncounted, rosters.certificates, about,
            settled.troubles, each.paid, year, on, benefit_texts(home),
        )
        for each in caps
    ]  # fmt: skip
    say("　对账")
    stages = balance_stages(home, files, settled, persons, households, rosters, burdens, assessed, caps, year)
    balance = pl.concat([reconcile.lake_stage(*part_rows(home, files)), stages])
    tables = benefit_tables(assessed, home, files) | {
        "person_year": persons,
        "household_year": households,
        "payment": payment_rows(burdens, caps, year),
        "roster_finding": finding_rows(people, rosters, settled),
        "reconciliation": balance.with_columns(cost_year=pl.lit(year, pl.Int32)),
        "link": people.links,
        "file_count": file_counts(home, files, settled.marks),
    }
    told = summary(settled, persons, households, assessed)
    return Assessment(tables, told, reconcile.broken(balance))


def resolve_year(
    home: Home, files: pl.DataFrame, configuration: Configuration, people: People, year: int
) -> Resolved:
    """The settlements of a cost year; rows of other years come in where a refund or a version ties them to it."""
    return resolved.resolve(
        lake.scan(home, "setl_d", files),
        lake.rejected(home, files),
        files,
        people.links,
        configuration.reference["region_alias"],
        lake.scan(home, "fixmedins_b", files),
        year,
    )


def cap_units(
    home: Home, files: pl.DataFrame, configuration: Configuration, people: People, rosters: Rosters, year: int, until: date
) -> list[CapUnits]:
    """Every household cap with at least one certificate in its territory, its units and the paid ledger's lines."""
    rows, _ = facts.counted(lake.scan(home, "paid_ledger", files), files)
    keyed = rows.with_columns(pl.col("object_key").alias("id_key"))
    paid = with_person(keyed, people.links).drop("id_key").with_columns(object_key="person_key").collect()
    found = []
    for cap in household_caps(configuration.policies, year):
        if rosters.certificates.filter(below("county_code", cap.region_code)).is_empty():
            continue
        own = units(cap, rosters.certificates, rosters.members, year, until)
        lines = ledger.paid_lines(paid, own, cap.rule_id, year, benefit_texts(home), rosters.aliases)
        found.append(CapUnits(cap, own, lines))
    return found


def benefit_texts(home: Home) -> Callable[[pl.Series], pl.Series]:
    """Text of a benefit → its public id, the same on every machine with the same secret."""
    return lambda texts: key_texts(pseudonyms(texts, home.secret()), "B")


def burdens_of(
    home: Home,
    files: pl.DataFrame,
    configuration: Configuration,
    people: People,
    settled: Resolved,
    rosters: Rosters,
    caps: list[CapUnits],
    year: int,
) -> Burdens:
    """Burden of each settlement of the people on a roster or with payments."""
    rows, _ = facts.counted(lake.scan(home, "payment", files), files, ("payer", "id_key"))
    all_payments = with_person(rows, people.links).collect()
    paid_people = [ledger.paid_people(each.paid, each.found, year) for each in caps]
    detail = on_roster(rosters.certificates, rosters.members, year)
    return settlement_burdens(
        settled.counted,
        all_payments,
        named_settlements(home, files, configuration, people, settled, all_payments, year),
        current_items(home, files),
        configuration.reference["negative_list"],
        detail,
        pl.concat([ledger.no_paid_people(), *paid_people]),
        year,
    )


def current_items(home: Home, files: pl.DataFrame) -> pl.LazyFrame | None:
    """Fee lines in their current version; None where none were delivered."""
    if not (files["table"] == "fee_list_d").any():
        return None
    items = lake.scan(home, "fee_list_d", files)
    return versions.without(items, versions.marks(items, KEYS["fee_list_d"], files, updt=None))


def named_settlements(
    home: Home,
    files: pl.DataFrame,
    configuration: Configuration,
    people: People,
    settled: Resolved,
    all_payments: pl.DataFrame,
    year: int,
) -> pl.DataFrame:
    """The settlements that payments name, with their states; another year is resolved only where one is named."""
    ids = all_payments.select("setl_id").drop_nulls().unique()
    if ids.is_empty():
        return payments.named_settlements(all_payments, states(settled))
    rows = lake.scan(home, "setl_d", files).select("setl_id", "mdtrt_id", "cost_year")
    others = [
        states(resolve_year(home, files, configuration, people, other))
        for other in payments.years_named(all_payments, rows)
        if other != year
    ]
    return payments.named_settlements(all_payments, pl.concat([states(settled), *others]))


def states(settled: Resolved) -> pl.LazyFrame:
    """Every current settlement of a resolved year with its state."""
    columns = [name for name in payments.NAMED if name != "state"]
    return pl.concat(
        [
            settled.counted.select(*columns, state=pl.lit("counted")),
            settled.uncounted.lazy().select(*columns, "state"),
        ],
        how="vertical_relaxed",
    )


def person_places(
    settled: Resolved, rosters: Rosters, people: People, year: int, yardstick: date
) -> pl.DataFrame:
    """person_key, region_code (of the roster; else null), township_code, township_source, village of the year."""
    in_year = overlapping(rosters.spans, date(year, 1, 1), date(year, 12, 31))
    days = last_day_held(in_year, yardstick)
    listed = (
        in_year.join(days, on="person_key")
        .filter(pl.col("day").is_between("valid_from", "valid_to"))
        .sort("person_key", "valid_from", "county_code")
        .unique("person_key", keep="last", maintain_order=True)
        .select("person_key", "county_code", on="day")
    )
    seen = (
        settled.counted.group_by("person_key")
        .agg(pl.col("county_code").max())
        .collect(engine="streaming")
        .join(listed, on="person_key", how="anti")
        .with_columns(on=pl.lit(yardstick))
    )
    wanted = pl.concat([listed, seen.select(listed.columns)])
    towns = places.townships(wanted, in_year, people.people)
    return towns.join(
        listed.select("person_key", region_code="county_code"), on="person_key", how="left"
    )


def balance_stages(
    home: Home,
    files: pl.DataFrame,
    settled: Resolved,
    persons: pl.DataFrame,
    households: pl.DataFrame,
    rosters: Rosters,
    burdens: Burdens,
    assessed: list[Assessed],
    caps: list[CapUnits],
    year: int,
) -> pl.DataFrame:
    """Every stage of the year against the one before, from the manifests' control sums on."""
    held = set(files["file_id"])
    delivered = [m for m in lake.manifests(home) if m.table == "setl_d" and m.file_id in held]
    control = pl.DataFrame(
        [
            {
                "n_rows": m.n_rows,
                "n_rejected": m.n_rejected,
                **{name: m.control.get(name, 0) for name in reconcile.MEASURES},
                **{f"rejected_{name}": m.rejected_control.get(name, 0) for name in reconcile.MEASURES[1:]},
            }
            for m in delivered
        ],
        schema={
            name: pl.Int64
            for name in (
                "n_rows", "n_rejected", *reconcile.MEASURES, *(f"rejected_{name}" for name in reconcile.MEASURES[1:])
            )
        },
    )  # fmt: skip
    by_year = (
        lake.scan(home, "setl_d", files)
        .group_by("cost_year")
        .agg(
            pl.len().cast(pl.Int64).alias("rows"),
            *(pl.col(f"{name}_fen").sum().alias(name) for name in reconcile.MEASURES[1:]),
        )
        .collect(engine="streaming")
    )
    return reconcile.stages(
        control,
        by_year,
        by_year.filter(pl.col("cost_year") == year),
        settled.counts,
        persons,
        households,
        rosters.members,
        rosters.households.select("household_id"),
        burdens,
        [(each.cap.rule_id, done.benefit_line, done.benefit_item) for each, done in zip(caps, assessed, strict=True)],
    )


def benefit_tables(assessed: list[Assessed], home: Home, files: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """cap_gap, benefit_line, benefit_item (with names of institutions) and review_case; none where no cap applies."""
    if not assessed:
        return {}
    tables = {
        name: pl.concat([getattr(done, name) for done in assessed], how="diagonal_relaxed")
        for name in ("cap_gap", "benefit_line", "benefit_item", "review_case")
    }
    names = institution_names(home, files)
    items = tables["benefit_item"].join(names, on="institution_code", how="left", maintain_order="left")
    return tables | {"benefit_item": items}


def institution_names(home: Home, files: pl.DataFrame) -> pl.DataFrame:
    """institution_code, institution_name: as the institution list says, else as settlement files do; the latest."""
    order = files.lazy().sort("received_on", "content_hash").select("file_id").with_row_index("_order")
    listed = lake.scan(home, "fixmedins_b", files).select("file_id", "institution_code", "name", _rank=pl.lit(1))
    shown = lake.scan(home, "institution_name", files).select("file_id", "institution_code", "name", _rank=pl.lit(0))
    return (
        pl.concat([listed, shown])
        .filter(pl.col("name").is_not_null())
        .join(order, on="file_id")
        .sort("_rank", "_order", "name")
        .unique("institution_code", keep="last", maintain_order=True)
        .select("institution_code", institution_name="name")
        .collect(engine="streaming")
    )


def payment_rows(burdens: Burdens, caps: list[CapUnits], year: int) -> pl.DataFrame:
    """`mart.payment`: supplementary payments that bear on the year, and the paid ledger's lines, as matched."""
    helped = burdens.payments.select(
        source_table=pl.lit("payment"),
        person_key="person_key",
        cost_year="cost_year",
        year="year",
        named_settlement_id="setl_id",
        settlement_id="settlement_id",
        kind="kind",
        amount_fen="amount_fen",
        used_fen="used_fen",
        unused_fen="unused_fen",
        paid_on="paid_on",
        payer="payer",
        serial="serial",
        status="state",
        finding="finding",
        message_zh="finding_zh",
        file_id="file_id",
        source_row="source_row",
    )
    paid = [
        each.paid.select(
            "benefit_id",
            source_table=pl.lit("paid_ledger"),
            region_code=pl.lit(each.cap.region_code),
            rule_id=pl.lit(each.cap.rule_id),
            object_id=pl.coalesce("unit_id", "object_id"),
            cost_year=pl.lit(year, pl.Int32),
            year=pl.lit(year, pl.Int32),
            amount_fen="amount_fen",
            paid_on="paid_on",
            serial="serial",
            status=pl.when(pl.col("unit_id").is_null()).then(pl.lit("unmatched")).otherwise(pl.lit("matched")),
            message_zh="finding_zh",
            file_id="file_id",
            source_row="source_row",
        )
        for each in caps
    ]
    unmarked = pl.concat([helped, *paid], how="diagonal_relaxed").with_columns(stale=pl.lit(False))
    return unmarked if "benefit_id" in unmarked.columns else unmarked.with_columns(benefit_id=pl.lit(None, pl.String))


def finding_rows(people: People, rosters: Rosters, settled: Resolved) -> pl.DataFrame:
    """`mart.roster_finding`: what was noticed about identities, rosters and codes, without values."""
    persons = people.findings.select(
        rule_id="rule", person_key="person_key", finding="message_zh", file_id="file_id", n_rows=pl.lit(1, pl.Int64)
    )
    codes = settled.findings.select(
        rule_id="rule", finding="message_zh", n_rows=pl.col("rows").cast(pl.Int64), amount_fen="tot_fen"
    )
    return pl.concat([persons, rosters.findings, codes], how="diagonal_relaxed")


def summary(
    settled: Resolved, persons: pl.DataFrame, households: pl.DataFrame, assessed: list[Assessed]
) -> dict[str, Any]:
    """What the operator reads at the end of a run, in whole fen."""
    rules = []
    for done in assessed:
        gaps = done.cap_gap
        if gaps.is_empty():
            continue
        by_status = gaps.group_by("status").len().sort("status")
        rules.append(
            {
                "rule_id": gaps["rule_id"][0],
                "region_code": gaps["region_code"][0],
                "units": gaps.height,
                "over": gaps.filter(pl.col("gap_fen") > 0).height,
                "amount": int(gaps["amount_fen"].sum()),
                "statuses": dict(by_status.iter_rows()),
            }
        )
    return {
        "states": settled.counts.sort("rows", descending=True).to_dicts(),
        "persons": persons.height,
        "households": households.height,
        "burden": int(persons["burden_fen"].sum()),
        "rules": rules,
    }
