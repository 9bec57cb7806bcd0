"""Medical assistance and tilt relief of a cost year: what the lake and the reference tables give to the rules.

A year without anybody on the roster of a county whose policy has such rules costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from flows.configuration import Configuration
from flows.counting import KEYS
from flows.rosters import Rosters
from schemas.assistance import Assistance, assistances
from schemas.reference import ranked_categories
from stores import lake
from stores.home import Home
from transforms import evidence, ledger, reconcile, versions
from transforms.identity import People, with_person
from transforms.ledger import Ids
from transforms.person_year import troubled
from transforms.resolved import Resolved
from transforms.rules import assistance_decided, assistance_lines
from transforms.rules.assistance import due
from transforms.rules.assistance_audit import audit
from transforms.rules.assistance_facts import Facts, Given, facts, split
from transforms.rules.assistance_review import other_readings

VERSION_KEYS = {
    "refl_appy_evt_c": ["id_key", "mdtrt_id", "setl_id", "refl_date", "begndate"],
    "out_appy_d": ["id_key", "begndate", "rloc_admdvs", "trafout_fixmedins_code"],
    "opening_balance": ["id_key", "year", "account", "as_of"],
}
"""What makes two rows versions of one record, so that a later one may end or correct it."""
SUGGESTIONS = {
    "特殊疾病清单": "请在参考表 special_disease.csv 中提供本地清单（确无此类疾病时提供只有表头的空表）。",
    "医疗类别": "请在参考表 med_type.csv 中补充该医疗类别。",
    "政策范围内费用": "请报送含政策范围内费用和各项基金支付的结算资料。",
    "基本医保": "请报送含各项基金支付的结算资料。",
    "医疗机构级别": "请报送定点医药机构名册（含医院等级）。",
    "转诊情况": "请报送转诊记录或异地备案，或在审核决定表中填“认定转诊”。",
    "就医地": "请补报医药机构的归属区划。",
}
"""What to do about a held line, by the beginning of its reason."""


@dataclass(frozen=True)
class Relief:
    """Result tables by name, reconciliation stages, findings for the morning sheet, lines of the summary, and the rows
    of the paid ledger that belong to these lines.
    """

    tables: dict[str, pl.DataFrame] = field(default_factory=dict)
    stages: list[pl.DataFrame] = field(default_factory=list)
    findings: list[pl.DataFrame] = field(default_factory=list)
    told: list[dict[str, Any]] = field(default_factory=list)
    paid: list[pl.DataFrame] = field(default_factory=list)


@dataclass(frozen=True)
class Drafted:
    """The lines of one policy before any word on them: its rules, what they looked at and what they gave.

    visits: `assistance.due`; drafts: `assistance_lines.drafts`; cases: amounts under other readings; aside: their
    settlements of the year that do not count (Resolved.uncounted).
    """

    rules: Assistance
    given: Given
    found: Facts
    visits: pl.DataFrame
    drafts: pl.DataFrame
    cases: pl.DataFrame
    aside: pl.DataFrame


def drafted(
    home: Home,
    files: pl.DataFrame,
    configuration: Configuration,
    people: People,
    rosters: Rosters,
    settlements: pl.DataFrame,
    settled: Resolved,
    year: int,
    ids: Ids,
    referred: pl.Series,
) -> list[Drafted]:
    """What every policy with assistance gives; empty where no roster asks for one.

    `settlements`: Burdens.settlements. `referred`: setl_id of stays that a decision calls referred.
    """
    counties = rosters.certificates["county_code"].drop_nulls().unique().to_list()
    found = []
    for rules in assistances(configuration.policies, counties, year):
        given = _given(home, files, configuration, people, rosters, settlements, settled, rules, referred)
        known = facts(given, rules)
        visits = due(known, given, rules, rules.readings)
        drafts = assistance_lines.drafts(visits, rules, year, ids)
        cases = other_readings(known, given, rules, visits, drafts)
        aside = settled.uncounted.join(given.certificates, on="person_key", how="semi")
        found.append(Drafted(rules, given, known, visits, drafts, cases, aside))
    return found


def relief(found: list[Drafted], decided: pl.DataFrame, paid: pl.DataFrame, year: int, ids: Ids) -> Relief:
    """Lines, items, review cases and audit after decisions and payments, with what a simulation counts from.

    `decided`: decided_lines.DECIDED; `paid`: the paid ledger's rows that count, object_key being a person.
    """
    made = Relief()
    for each in found:
        after = after_decisions(each, decided, year, ids)
        earlier = _earlier(after, paid, year, ids)
        after = _with_gone(after, earlier)
        claimed = ledger.of_visits(paid, after.drafts, earlier, year, ids)
        own = _one(after, decided, claimed, year)
        made.paid.append(claimed)
        parts = split(each.found, each.given, each.rules)
        own.tables.update(evidence.visits(each.found, parts, each.given.opening, each.rules.policy_id))
        for name, frame in own.tables.items():
            before = [made.tables[name]] if name in made.tables else []
            made.tables[name] = pl.concat([*before, frame])
        made.stages.extend(own.stages)
        made.findings.extend(own.findings)
        made.told.extend(own.told)
    return made


def _earlier(each: Drafted, paid: pl.DataFrame, year: int, ids: Ids) -> pl.DataFrame:
    """`ledger.earlier_numbers` of a policy's people."""
    counted = each.found.settlements.select("setl_id", "person_key", "visit_id")
    aside = each.aside.select("setl_id", "person_key", visit_id=pl.lit(None, pl.String))
    rules = [rule.rule_id for rule in each.rules.rules.values()]
    everything = (
        pl.concat([counted, aside]).drop_nulls("setl_id").unique("setl_id", keep="first", maintain_order=True)
    )
    return ledger.earlier_numbers(paid, each.drafts, everything, rules, year, ids)


def _with_gone(each: Drafted, earlier: pl.DataFrame) -> Drafted:
    """The drafts with a line of 0 for each visit that was paid and is not there any more."""
    if earlier.filter(~pl.col("stands")).is_empty():
        return each
    columns = ["person_key", "setl_id", "setl_time"]
    places = each.given.certificates.select("person_key", region_code="county_code").unique(
        "person_key", keep="first", maintain_order=True
    )
    known = pl.concat([each.aside.select(columns), each.found.settlements.select(columns)]).unique(
        "setl_id", keep="first", maintain_order=True
    )
    gone = assistance_decided.gone_lines(
        each.drafts, earlier, known.join(places, on="person_key"), each.rules
    )
    return replace(each, drafts=pl.concat([each.drafts, gone]))


def undecided(found: list[Drafted], year: int) -> dict[str, pl.DataFrame]:
    """benefit_line and benefit_item before any word on a line; none where there are no lines."""
    tables: dict[str, list[pl.DataFrame]] = {}
    for each in found:
        incomplete = troubled(each.given.troubles, year).select("person_key").unique()
        lines = assistance_lines.benefit_lines(each.drafts, each.cases, incomplete, NOTHING_DECIDED, year)
        items = assistance_lines.benefit_items(each.drafts, each.found.settlements, each.given.members)
        tables.setdefault("benefit_line", []).append(lines)
        tables.setdefault("benefit_item", []).append(items)
    return {name: pl.concat(frames) for name, frames in tables.items()}


def after_decisions(each: Drafted, decided: pl.DataFrame, year: int, ids: Ids) -> Drafted:
    """The lines with the amounts that decisions set; the visits of these people counted anew, nobody else's."""
    own = assistance_decided.own_amounts(each.drafts, each.cases, decided)
    if own.is_empty():
        return each
    people = own.select("person_key").unique()
    marked = assistance_decided.on_visits(
        each.found.visits.join(people, on="person_key", how="semi", maintain_order="left"), each.drafts, own
    )
    mine = Facts(each.found.settlements.join(people, on="person_key", how="semi"), marked)
    visits = due(mine, each.given, each.rules, each.rules.readings)
    fresh = assistance_lines.drafts(visits, each.rules, year, ids)
    cases = other_readings(mine, each.given, each.rules, visits, fresh)
    theirs = pl.concat([each.drafts, fresh]).join(people, on="person_key", how="semi").select("benefit_id")
    return replace(
        each,
        visits=assistance_decided.replaced(each.visits, visits, people),
        drafts=assistance_decided.replaced(
            each.drafts, assistance_decided.with_own(fresh, own, visits), people
        ).sort("rule_id", "person_key", "setl_time", "visit_id"),
        cases=assistance_decided.cases_after(each.cases, cases, own, theirs.unique()),
    )


def joined(tables: dict[str, pl.DataFrame], relief: Relief, names: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """All result tables, those of assistance and tilt relief under the other rules' rows of the same tables.

    `names`: institution_code, institution_name.
    """
    added = dict(relief.tables)
    if "benefit_item" in added:
        added["benefit_item"] = added["benefit_item"].join(
            names, on="institution_code", how="left", maintain_order="left"
        )
    if relief.findings:
        added["roster_finding"] = pl.concat(relief.findings)
    return tables | {
        name: pl.concat([tables[name], frame], how="diagonal_relaxed") if name in tables else frame
        for name, frame in added.items()
    }


def _given(
    home: Home,
    files: pl.DataFrame,
    configuration: Configuration,
    people: People,
    rosters: Rosters,
    settlements: pl.DataFrame,
    settled: Resolved,
    rules: Assistance,
    referred: pl.Series,
) -> Given:
    """What the rules look at, of the people of the policy's counties only."""
    reference = configuration.reference
    mine = pl.col("county_code").is_in(list(rules.counties)) & pl.col("code").is_in(list(rules.categories))
    objects = rosters.certificates.filter(mine).select("person_key").unique()
    own = settlements.join(objects, on="person_key", how="semi")
    return Given(
        settlements=own,
        certificates=rosters.certificates.join(objects, on="person_key", how="semi"),
        members=rosters.members,
        referrals=_records(home, files, "refl_appy_evt_c", people, objects),
        filings=_records(home, files, "out_appy_d", people, objects),
        diagnoses=_diagnoses(home, files, own),
        institutions=lake.scan(home, "fixmedins_b", files)
        .select("institution_code", "hosp_lv", "valid_from", "valid_to")
        .filter(pl.col("institution_code").is_in(own["institution_code"].unique().implode()))
        .collect(engine="streaming"),
        referred=referred.drop_nulls(),
        opening=_records(home, files, "opening_balance", people, objects),
        troubles=settled.troubles,
        diseases=reference["special_disease"],
        list_delivered="special_disease" in reference.local,
        referral_free=reference["referral_free"],
        alias=reference["region_alias"],
        med_types=reference["med_type"],
        ranks=ranked_categories(reference),
    )


def _records(
    home: Home, files: pl.DataFrame, table: str, people: People, objects: pl.DataFrame
) -> pl.DataFrame:
    """Current rows of a core table about these people, with person_key."""
    rows = lake.scan(home, table, files)
    updt = "updt_time" if "updt_time" in rows.collect_schema() else None
    current, _ = versions.current(rows, VERSION_KEYS[table], files, updt=updt)
    return (
        with_person(current, people.links)
        .join(objects.lazy(), on="person_key", how="semi")
        .collect(engine="streaming")
    )


def _diagnoses(home: Home, files: pl.DataFrame, settlements: pl.DataFrame) -> pl.DataFrame:
    """Current diagnoses of these people's visits."""
    visits = settlements["mdtrt_id"].drop_nulls().unique()
    rows = lake.scan(home, "setl_diag_list_d", files).filter(pl.col("mdtrt_id").is_in(visits.implode()))
    current, _ = versions.current(rows, KEYS["setl_diag_list_d"], files, updt=None)
    return current.collect(engine="streaming")


def _one(each: Drafted, decided: pl.DataFrame, claimed: pl.DataFrame, year: int) -> Relief:
    """The results of one policy."""
    incomplete = troubled(each.given.troubles, year).select("person_key").unique()
    plain = assistance_lines.benefit_lines(each.drafts, each.cases, incomplete, NOTHING_DECIDED, year)
    paid = ledger.paid_by_benefit(claimed)
    given = assistance_decided.recorded(each.drafts, each.visits)
    lines = assistance_decided.benefit_lines(plain, decided, paid, given, each.rules)
    items = assistance_lines.benefit_items(each.drafts, each.found.settlements, each.given.members)
    held = assistance_lines.held_by_reason(each.drafts)
    tables = {
        "benefit_line": lines,
        "benefit_item": items,
        "review_case": each.cases,
        "assistance_audit": audit(each.visits, each.rules, year),
        "assistance_note": evidence.notes(each.drafts),
    }
    stages = [
        reconcile.item_stage(rule_id, own, items.join(own.select("benefit_id"), on="benefit_id", how="semi"))
        for rule_id in sorted(lines["rule_id"].unique())
        for own in [lines.filter(pl.col("rule_id") == rule_id)]
    ]
    return Relief(tables, stages, [_findings(held)], _told(lines, held))


NOTHING_DECIDED = pl.DataFrame(schema={"benefit_id": pl.String, "confirmed": pl.Boolean})


def _findings(held: pl.DataFrame) -> pl.DataFrame:
    """What waits for a fact: rows of mart.roster_finding, one a rule, region and reason; n_rows counts persons."""
    suggestion = pl.lit(None, pl.String)
    for beginning, text in SUGGESTIONS.items():
        suggestion = (
            pl.when(pl.col("reason").str.starts_with(beginning)).then(pl.lit(text)).otherwise(suggestion)
        )
    return held.select(
        "rule_id",
        "region_code",
        finding=pl.format(
            "{} 待核实，金额未定：{}（件数为人数，金额为其政策范围内费用）", "rule_id", "reason"
        ),
        n_rows="persons",
        amount_fen="amount_fen",
        suggestion=suggestion,
    )


def _told(lines: pl.DataFrame, held: pl.DataFrame) -> list[dict[str, Any]]:
    """What the operator reads, one entry a rule and region: lines and their money, and what is held and why."""
    told = []
    for (rule_id, region), own in lines.sort("rule_id", "region_code").group_by(
        "rule_id", "region_code", maintain_order=True
    ):
        waits = held.filter((pl.col("rule_id") == rule_id) & (pl.col("region_code") == region))
        told.append(
            {
                "rule_id": rule_id,
                "region_code": region,
                "lines": own.height,
                "persons": own["person_key"].n_unique(),
                "amount": int(own["amount_fen"].sum()),
                "statuses": dict(own.group_by("status").len().sort("status").iter_rows()),
                "held": waits.select("reason", "persons", "amount_fen").to_dicts(),
            }
        )
    return told
