"""What the scenarios of a simulation are counted from, and how each compares with today's rules.

A rule that a scenario does not touch is counted once for all of them. Reads the published results; writes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from functools import cached_property
from typing import Any

import polars as pl

from flows.stored import Source
from schemas.assistance import Assistance, assistances
from schemas.policy import HouseholdCap, Policies, PolicyRule, household_caps, household_reliefs
from transforms import simulate_visits
from transforms.simulate import Costs, Stored, compared, distribution, entitlements, fiscal_at_most, matched
from transforms.simulate_visits import StoredVisits
from transforms.spans import below

Counted = dict[str, tuple[HouseholdCap | Assistance, pl.DataFrame]]
"""What a year gives under some policies: by rule or policy and region of the results, what was counted with and rows of
`transforms.simulate.ENTITLED`."""


@dataclass(frozen=True)
class Scenario:
    """What is to be other than today: key → value as text."""

    name: str
    changes: dict[str, str]


@dataclass(frozen=True)
class Compared:
    """A scenario beside today's rules, for one rule and region; frames of `transforms.simulate`.

    of_visits: the rule is on single visits of a person, not on the year of a household.
    """

    scenario: Scenario
    rule_id: str
    region_code: str
    title: str
    article: str
    of_visits: bool
    totals: dict[str, int]
    categories: pl.DataFrame
    townships: pl.DataFrame
    households: pl.DataFrame
    fund: dict[str, Any] = field(default_factory=dict)

    def moved(self, sign: int) -> tuple[int, int]:
        """Households or persons that gain (1) or lose (-1), and by how much together, fen."""
        change = self.households["change_fen"]
        theirs = change.filter(change > 0) if sign > 0 else change.filter(change < 0)
        return theirs.len(), int(theirs.sum())


class Results:
    """What one run has kept of the year, read when it is first asked for."""

    def __init__(self, source: Source) -> None:
        self.source, self.costs = source, Costs()

    @cached_property
    def counties(self) -> list[str]:
        """The counties whose rosters the year knows."""
        codes = self.source.scan("certificate").select("county_code").unique().collect()
        return codes["county_code"].drop_nulls().sort().to_list()

    @cached_property
    def certificates(self) -> pl.DataFrame:
        return self.source.scan("certificate").collect()

    @cached_property
    def places(self) -> pl.DataFrame:
        columns = ("person_key", "region_code", "township_code", "village")
        return self.source.scan("person_year").select(columns).collect()

    @cached_property
    def stored(self) -> Stored:
        """What the household caps are counted from."""
        return Stored(
            settlements=self.source.scan("settlement").collect(),
            certificates=self.certificates,
            members=self.source.scan("membership").collect(),
            households=self.source.scan("household").collect(),
            troubles=self.source.scan("trouble").collect(),
            places=self.places,
        )

    def visits(self, policy_id: str) -> StoredVisits | None:
        """What the assistance of a policy is counted from; None where the run kept none of it."""
        if not self.source.has("assistance_visit"):
            return None
        mine = pl.col("policy_id") == policy_id
        visits, parts, opening = (
            self.source.scan(name).filter(mine).drop("policy_id").collect()
            for name in ("assistance_visit", "assistance_part", "assistance_opening")
        )
        people = simulate_visits.people_of(visits, self.places)
        return StoredVisits(visits, parts, opening, self.certificates, people)


class Kept:
    """All published results of a year; what was counted once is not counted again."""

    def __init__(self, sources: list[Source], year: int, region: str | None) -> None:
        self._results = [Results(source) for source in sources]
        self._year, self._region = year, region
        self._known: dict[str, list[tuple[HouseholdCap | Assistance, pl.DataFrame]]] = {}
        self._visits: dict[str, StoredVisits | None] = {}

    @property
    def on(self) -> date:
        """The date that the run pretended to be."""
        return self._results[0].source.on

    def counted(self, policies: Policies) -> Counted:
        """What the year gives under these policies; without the rules that concern nobody."""
        found: Counted = {}
        for number, results in enumerate(self._results):
            caps = [*household_caps(policies, self._year), *household_reliefs(policies, self._year)]
            for cap in caps:
                if any(_inside(county, cap.region_code) for county in results.counties):
                    self._add(found, f"{cap.rule_id}|{number}", cap, results)
            for rules in assistances(policies, results.counties, self._year):
                self._add(found, f"{rules.policy_id}|{number}", rules, results)
        return found

    def _add(self, found: Counted, name: str, how: HouseholdCap | Assistance, results: Results) -> None:
        known = self._known.setdefault(name, [])
        rows = next((rows for before, rows in known if before == how), None)
        if rows is None:
            rows = self._rows(name, how, results)
            known.append((how, rows))
        if not rows.is_empty():
            found[name] = (how, rows)

    def _rows(self, name: str, how: HouseholdCap | Assistance, results: Results) -> pl.DataFrame:
        if isinstance(how, Assistance):
            if name not in self._visits:
                self._visits[name] = results.visits(how.policy_id)
            stored = self._visits[name]
            rows = simulate_visits.entitlements(how, stored) if stored is not None else pl.DataFrame()
        else:
            rows = entitlements([how], results.stored, self._year, results.source.on, results.costs)
        if rows.is_empty():
            return rows
        mine = rows.filter(results.source.rows)
        return mine.filter(below("region_code", self._region)) if self._region else mine


def _inside(county: str, region: str) -> bool:
    """Whether a county lies in a region."""
    return county.startswith(region.rstrip("0")) if region.strip("0") else True


def compare(
    scenario: Scenario,
    today: Policies,
    other: Policies,
    before: Counted,
    after: Counted,
    documents: set[str],
    year: int,
) -> list[Compared]:
    """A scenario beside today's rules, one entry a rule and region.

    Rules that nothing of it touches are left out, unless it touches none: then all are shown, without a change.
    `documents`: policy ids whose figures the scenario changes.
    """
    names = sorted(before.keys() | after.keys())
    both = before.keys() & after.keys()
    moved = [name for name in names if name not in both or before[name][0] != after[name][0]]
    named = [name for name in names if _policy(today, (before.get(name) or after[name])[0]) in documents]
    shown = sorted({*moved, *named}) or names
    found = []
    for name in shown:
        old, new = (rows[name][1] if name in rows else None for rows in (before, after))
        some = old if old is not None else new
        assert some is not None
        of_visits = isinstance((before.get(name) or after[name])[0], Assistance)
        parts = (old if old is not None else some.clear(), new if new is not None else some.clear())
        found += _compared(scenario, today, other, *parts, of_visits, year)
    return found


def _policy(policies: Policies, how: HouseholdCap | Assistance) -> str:
    """The policy id of what was counted with."""
    return how.policy_id if isinstance(how, Assistance) else policies.rule(how.rule_id).policy.id


def _compared(
    scenario: Scenario,
    today: Policies,
    other: Policies,
    before: pl.DataFrame,
    after: pl.DataFrame,
    of_visits: bool,
    year: int,
) -> list[Compared]:
    whose = ["rule_id", "region_code"]
    totals = distribution(before, after, whose)
    categories = distribution(before, after, [*whose, "category"])
    townships = distribution(before, after, [*whose, "township_code"])
    households = compared(before, after)
    found = []
    for row in totals.iter_rows(named=True):
        mine = (pl.col("rule_id") == row["rule_id"]) & (pl.col("region_code") == row["region_code"])
        rule = today.rule(row["rule_id"])
        found.append(
            Compared(
                scenario,
                row["rule_id"],
                row["region_code"],
                rule.rule.title,
                f"{rule.policy.document} {rule.rule.article}",
                of_visits,
                {name: value for name, value in row.items() if name not in whose},
                categories.filter(mine).drop(whose),
                townships.filter(mine).drop(whose),
                households.filter(mine).drop(whose),
                {
                    name: financing(policies, row["rule_id"], row[f"{name}_fen"], year)
                    for name, policies in (("before", today), ("after", other))
                },
            )
        )
    return found


def financing(policies: Policies, rule_id: str, need_fen: int, year: int) -> list[dict[str, Any]]:
    """How the need may be financed by the fund rules of the same document: rule, article, amounts in fen."""
    policy = policies.rule(rule_id).policy
    own = [rule for rule in policies.rules.values() if rule.policy.id == policy.id]
    found = []
    for rule in sorted(own, key=lambda rule: rule.id):
        told: dict[str, Any] = {"rule_id": rule.id, "article": f"{policy.document} {rule.rule.article}"}
        if rule.rule.kind == "fund_share":
            share = _share(rule, "fiscal_share_max", year)
            fiscal = fiscal_at_most(need_fen, share)
            told |= {
                "share": str(share),
                "fiscal_at_most_fen": fiscal,
                "others_at_least_fen": need_fen - fiscal,
            }
        elif rule.rule.kind == "fund_match":
            ratio = _share(rule, "local_match_ratio", year)
            above, local = matched(need_fen, ratio)
            told |= {"ratio": str(ratio), "allocated_fen": above, "local_at_least_fen": local}
        elif rule.rule.kind == "fund_budget":
            told |= {"budget_fen": rule.fen("city_fund_yuan", _day(rule, "city_fund_yuan", year))}
        else:
            continue
        found.append(told)
    return found


def _day(rule: PolicyRule, name: str, year: int) -> date:
    """The day that picks the version of a cost year: 1 January, but never before the first version."""
    return max(date(year, 1, 1), rule.parameter(name).version[0].effective_from)


def _share(rule: PolicyRule, name: str, year: int) -> Fraction:
    return rule.fraction(name, _day(rule, name, year))
