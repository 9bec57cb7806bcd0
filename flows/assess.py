"""One cost year from lake to result frames: which transform gets what from where, nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from flows import assistance, decided
from flows.configuration import Configuration
from flows.counting import KEYS, file_counts
from flows.decided import Early
from flows.rosters import Rosters, policy_of, read_rosters
from schemas.policy import HouseholdCap, household_caps, household_reliefs
from schemas.reference import identity_codes
from stores import lake
from stores.home import Home
from stores.parts import part_rows
from transforms import (
    decided_lines,
    decisions,
    facts,
    identity,
    ledger,
    payments,
    places,
    reconcile,
    resolved,
    versions,
)
from transforms.burden import Burdens, settlement_burdens
from transforms.decisions import OnFacts
from transforms.evidence import evidence
from transforms.household_year import household_year
from transforms.identity import People, with_person
from transforms.person_year import is_inpatient, on_roster, person_year, totals
from transforms.place_names import Townships
from transforms.pseudonym import key_texts, pseudonyms
from transforms.resolved import Resolved
from transforms.rules import household_cap, manual
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
    home: Home,
    files: pl.DataFrame,
    configuration: Configuration,
    year: int,
    on: date,
    say: Say,
    replaying: bool = False,
) -> Assessment:
    """All results of a cost year, as of the date `on`; `replaying`: what the facts give before any word on a line."""
    reference = configuration.reference
    yardstick = yardstick_date(year, on)
    people = identity.people(lake.scan(home, "person", files), files)
    early = decided.early(home, files, people, year, on)
    say("　核对版本、冲正和退费")
    settled = resolve_year(home, files, configuration, people, year, early.facts)
    say("　名册、家庭和类别")
    rosters = read_rosters(home, files, configuration, people, year, early.facts)
    caps = cap_units(home, files, configuration, people, rosters, year, yardstick)
    say("　个人负担和封顶差额")
    burdens = burdens_of(home, files, configuration, people, settled, rosters, caps, year, early.facts)
    ranks = reference["category"]["code"].to_list()
    sums = totals(settled.plain, is_inpatient(reference["med_type"]))
    where = person_places(sums, rosters, people, Townships(reference["regions"]), year, yardstick)
    persons = person_year(
        sums, burdens.people, people.people, where, rosters.certificates, rosters.members,
        settled.troubles, ranks, year, yardstick,
    )  # fmt: skip
    households = household_year(
        burdens.settlements, rosters.members, rosters.households, people.people, where, rosters.certificates,
        settled.troubles, ranks, year, yardstick,
    )  # fmt: skip
    about = Household(rosters.households, people.people, where)

    def assess_caps(rulings: pl.DataFrame) -> list[Assessed]:
        return [
            household_cap.assess(
                each.cap, each.found, burdens.settlements, settled.uncounted, rosters.certificates, about,
                settled.troubles, each.paid, year, on, benefit_texts(home), rulings,
            )
            for each in caps
        ]  # fmt: skip

    if replaying:
        return Assessment(benefit_tables(assess_caps(decided_lines.no_rulings()), None), {}, pl.DataFrame())
    on_caps = decided.on_caps(
        early, [(each.cap, each.found) for each in caps], rosters.aliases, year, benefit_texts(home)
    )
    rulings = decided.rulings(home, on_caps, on)
    assessed = assess_caps(rulings)
    asked = decided.asked(early, on_caps)
    changed = pl.Series("benefit_id", [], dtype=pl.String)
    if year < on.year and not asked.is_empty():
        say("　核对审核决定所依据的资料")
        changed = decided.stale(
            home, files, configuration, year, asked, decided.fingerprints(benefit_tables(assessed, None)),
            lambda held, day: decided.fingerprints(
                assess(home, held, configuration, year, day, lambda _: None, replaying=True).tables
            ),
        )  # fmt: skip
        if changed.is_in(rulings["benefit_id"].implode()).any():
            assessed = assess_caps(decided_lines.with_stale(rulings, changed))
    by_hand = manual_benefits(home, files, configuration, people, rosters, persons, early, year)
    say("　对账")
    stages = balance_stages(home, files, settled, persons, households, rosters, burdens, assessed, caps, year)
    relief = assistance.assess(
        home, files, configuration, people, rosters, burdens.settlements, settled, year, benefit_texts(home),
        early.facts.referred["setl_id"],
    )  # fmt: skip
    balance = pl.concat([reconcile.lake_stage(*part_rows(home, files)), stages, *relief.stages])
    names = institution_names(home, files)
    tables = benefit_tables(assessed, names)
    if not by_hand.lines.is_empty():
        lines = [tables[name] for name in ("benefit_line",) if name in tables]
        tables["benefit_line"] = pl.concat([*lines, by_hand.lines], how="diagonal_relaxed")
    tables |= {
        "person_year": persons,
        "household_year": households,
        "payment": pl.concat(
            [payment_rows(burdens, caps, year), manual_payments(by_hand, year)], how="diagonal_relaxed"
        ),
        "decision": decided.mart_rows(early, on_caps, by_hand, changed, year),
        "roster_finding": finding_rows(people, rosters, settled, file_findings(home, files, year)),
        "reconciliation": balance.with_columns(cost_year=pl.lit(year, pl.Int32)),
        "link": people.links,
        "file_count": file_counts(home, files, settled.marks),
        "institution": names.sort("institution_code"),
    }
    tables |= evidence(
        burdens.settlements, settled.uncounted, settled.troubles, rosters.certificates, rosters.members,
        rosters.households, rosters.aliases, year, on,
    )  # fmt: skip
    tables = assistance.joined(tables, relief, names)
    told = summary(settled, persons, households, assessed)
    told["rules"] += relief.told
    return Assessment(tables, told, reconcile.broken(balance))


def resolve_year(
    home: Home,
    files: pl.DataFrame,
    configuration: Configuration,
    people: People,
    year: int,
    ruled: OnFacts,
) -> Resolved:
    """The settlements of a cost year; rows of other years come in where a refund or a version ties them to it.

    `ruled`: what decisions say of settlements: pairs of a refund and its original, designated institutions.
    """
    found = resolved.resolve(
        decisions.with_pairs(lake.scan(home, "setl_d", files), ruled.pairs),
        lake.rejected(home, files),
        files,
        people.links,
        configuration.reference["region_alias"],
        lake.scan(home, "fixmedins_b", files),
        year,
        configuration.reference["regions"],
    )
    return found._replace(counted=decisions.with_designations(found.counted, ruled.designated))


def caps_of(configuration: Configuration, year: int) -> list[HouseholdCap]:
    """Household caps (封顶) and reliefs above a threshold (化解) of a cost year."""
    return [*household_caps(configuration.policies, year), *household_reliefs(configuration.policies, year)]


def cap_units(
    home: Home,
    files: pl.DataFrame,
    configuration: Configuration,
    people: People,
    rosters: Rosters,
    year: int,
    until: date,
) -> list[CapUnits]:
    """Every household cap with at least one certificate in its territory, its units and the paid ledger's lines."""
    rows, _ = facts.counted(lake.scan(home, "paid_ledger", files), files)
    keyed = rows.with_columns(pl.col("object_key").alias("id_key"))
    paid = with_person(keyed, people.links).drop("id_key").with_columns(object_key="person_key").collect()
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


def burdens_of(
    home: Home,
    files: pl.DataFrame,
    configuration: Configuration,
    people: People,
    settled: Resolved,
    rosters: Rosters,
    caps: list[CapUnits],
    year: int,
    ruled: OnFacts,
) -> Burdens:
    """Burden of each settlement of the people on a roster or with payments."""
    rows, _ = facts.counted(lake.scan(home, "payment", files), files, ("payer", "id_key"))
    all_payments = with_person(rows, people.links).collect()
    paid_people = [ledger.paid_people(each.paid, each.found, year) for each in caps]
    all_settlements = resolved.with_states(lake.scan(home, "setl_d", files), settled, people.links)
    detail = on_roster(rosters.certificates, rosters.members, year)
    return settlement_burdens(
        settled.counted,
        all_payments,
        payments.named_settlements(all_payments, all_settlements),
        current_items(home, files),
        configuration.reference["negative_list"],
        detail,
        pl.concat([ledger.no_paid_people(), *paid_people]),
        year,
        people.links,
    )


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
    delivered = [
        m for m in lake.manifests(home) if m.file_id in held and "setl_d" in (m.table or "").split("|")
    ]
    control = pl.DataFrame(
        [
            {
                "n_rows": m.n_rows - other_rows(m.control) - other_rows(m.rejected_control),
                "n_rejected": m.n_rejected - other_rows(m.rejected_control),
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
        [
            (each.cap.rule_id, done.benefit_line, done.benefit_item)
            for each, done in zip(caps, assessed, strict=True)
        ],
    )


def other_rows(control: dict[str, int]) -> int:
    """Rows of a file's control sums that are of other tables (sheets of the same workbook)."""
    return sum(count for name, count in control.items() if name.endswith(".rows"))


def benefit_tables(assessed: list[Assessed], names: pl.DataFrame | None) -> dict[str, pl.DataFrame]:
    """cap_gap, benefit_line, benefit_item (with names of institutions) and review_case; none where no cap applies."""
    if not assessed:
        return {}
    tables = {
        name: pl.concat([getattr(done, name) for done in assessed], how="diagonal_relaxed")
        for name in ("cap_gap", "benefit_line", "benefit_item", "review_case")
    }
    if names is None:
        return tables
    items = tables["benefit_item"].join(names, on="institution_code", how="left", maintain_order="left")
    return tables | {"benefit_item": items}


def institution_names(home: Home, files: pl.DataFrame) -> pl.DataFrame:
    """institution_code, institution_name: as the institution list says, else as settlement files do; the latest."""
    order = files.lazy().sort("received_on", "content_hash").select("file_id").with_row_index("_order")
    listed = lake.scan(home, "fixmedins_b", files).select(
        "file_id", "institution_code", "name", _rank=pl.lit(1)
    )
    shown = lake.scan(home, "institution_name", files).select(
        "file_id", "institution_code", "name", _rank=pl.lit(0)
    )
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
            status=pl.when(pl.col("unit_id").is_null())
            .then(pl.lit("unmatched"))
            .otherwise(pl.lit("matched")),
            finding=pl.when(pl.col("unit_id").is_null()).then(pl.lit("unmatched_paid")),
            message_zh="finding_zh",
            file_id="file_id",
            source_row="source_row",
        )
        for each in caps
    ]
    unmarked = pl.concat([helped, *paid], how="diagonal_relaxed").with_columns(stale=pl.lit(False))
    return (
        unmarked
        if "benefit_id" in unmarked.columns
        else unmarked.with_columns(benefit_id=pl.lit(None, pl.String))
    )


def manual_benefits(
    home: Home,
    files: pl.DataFrame,
    configuration: Configuration,
    people: People,
    rosters: Rosters,
    persons: pl.DataFrame,
    early: Early,
    year: int,
) -> manual.Manual:
    """Benefits decided case by case (一事一议)."""
    rows, _ = facts.counted(lake.scan(home, "paid_ledger", files), files)
    keyed = with_person(rows.with_columns(pl.col("object_key").alias("id_key")), people.links).drop("id_key")
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
        keyed.with_columns(object_key="person_key").collect(),
        policy.territory if policy else "",
        f"{policy.id}@{policy.in_force}" if policy else "",
        year,
        benefit_texts(home),
    )


def manual_payments(by_hand: manual.Manual, year: int) -> pl.DataFrame:
    """Rows of `mart.payment`: what was paid on benefits decided case by case."""
    return by_hand.paid.select(
        "benefit_id",
        source_table=pl.lit("paid_ledger"),
        rule_id=pl.lit(manual.RULE),
        object_id="unit_id",
        cost_year=pl.lit(year, pl.Int32),
        year=pl.lit(year, pl.Int32),
        amount_fen="amount_fen",
        paid_on="paid_on",
        serial="serial",
        status=pl.lit("matched"),
        file_id="file_id",
        source_row="source_row",
        stale=pl.lit(False),
    )


FILE_FINDINGS = (
    "identity_a",
    "identity_d",
    "form_b",
    "form_c",
    "certificate",
    "unreadable",
    "encoding",
    "masked",
)
"""What the reading of a file noticed about amounts and keys; the rest (notes, unused columns) is told at ingest only."""


def file_findings(home: Home, files: pl.DataFrame, year: int) -> pl.DataFrame:
    """rule_id, finding, file_id, n_rows, suggestion of the files in force that bear on the cost year."""
    held = set(files["file_id"])
    rows = [
        (
            found["rule"],
            found["message_zh"],
            m.file_id,
            found["count"],
            "请核对源数据，必要时请出数单位更正后重新导出。",
        )
        for m in lake.manifests(home)
        if m.file_id in held and year in m.years
        for found in m.findings
        if found["rule"] in FILE_FINDINGS
    ]
    names = {
        "rule_id": pl.String,
        "finding": pl.String,
        "file_id": pl.String,
        "n_rows": pl.Int64,
        "suggestion": pl.String,
    }
    return pl.DataFrame(rows, schema=names, orient="row")


def finding_rows(people: People, rosters: Rosters, settled: Resolved, of_files: pl.DataFrame) -> pl.DataFrame:
    """`mart.roster_finding`: what was noticed about identities, rosters and codes, without values."""
    persons = people.findings.select(
        rule_id="rule",
        person_key="person_key",
        finding="message_zh",
        file_id="file_id",
        n_rows=pl.lit(1, pl.Int64),
    )
    codes = settled.findings.select(
        rule_id="rule", finding="message_zh", n_rows=pl.col("rows").cast(pl.Int64), amount_fen="tot_fen"
    )
    return pl.concat([persons, rosters.findings, codes, of_files], how="diagonal_relaxed")


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
