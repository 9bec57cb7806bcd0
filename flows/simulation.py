"""`fengding simulate`: a cost year counted again from what its run has kept, with other parameters or readings.

Reads the published results and the policies; writes nothing but the workbook that is asked for.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl

from flows.configuration import load_configuration
from flows.stored import Source, sources
from schemas.policy import (
    HouseholdCap,
    Policies,
    PolicyError,
    PolicyRule,
    household_caps,
    household_reliefs,
)
from schemas.what_if import changed, keys, looked_up, nearest
from stores.errors import OperatorError
from stores.home import Home
from transforms.rules.readings import LETTERS
from transforms.simulate import Stored, compared, distribution, entitlements, fiscal_at_most, matched
from transforms.spans import below

KINDS = frozenset({"household_cap", "household_relief", "pilot", "fund_share", "fund_budget", "fund_match"})
"""Rules whose parameters a simulation counts with."""


@dataclass(frozen=True)
class Scenario:
    """What is to be other than today: key → value as text."""

    name: str
    changes: dict[str, str]


@dataclass(frozen=True)
class Compared:
    """A scenario beside today's rules, for one rule and region; frames of `transforms.simulate`."""

    scenario: Scenario
    rule_id: str
    region_code: str
    title: str
    article: str
    totals: dict[str, int]
    categories: pl.DataFrame
    townships: pl.DataFrame
    households: pl.DataFrame
    fund: dict[str, Any] = field(default_factory=dict)

    def moved(self, sign: int) -> tuple[int, int]:
        """Households that gain (1) or lose (-1), and by how much together, fen."""
        change = self.households["change_fen"]
        theirs = change.filter(change > 0) if sign > 0 else change.filter(change < 0)
        return theirs.len(), int(theirs.sum())


@dataclass(frozen=True)
class Simulation:
    """All scenarios of one call; `names`: code → name of townships and regions."""

    year: int
    on: date
    region: str | None
    found: list[Compared]
    names: dict[str, str]


def scenarios(sets: list[str], file: Path | None) -> list[Scenario]:
    """The scenarios of a call: those of the file, and one of all `--set`. Raises OperatorError."""
    found = _from_file(file) if file else []
    if sets:
        found.append(Scenario("，".join(sets), _changes(sets)))
    if not found:
        raise OperatorError(
            "请用 --set 写明要改什么，如 --set L-04.cap_yuan.DIBAO=25000，或用 --scenario 给出情景文件。"
        )
    return found


def _changes(sets: list[str]) -> dict[str, str]:
    """KEY=VALUE texts as a mapping; a key twice is refused."""
    changes: dict[str, str] = {}
    for text in sets:
        key, sign, value = (part.strip() for part in text.partition("="))
        if not sign or not key or not value:
            raise OperatorError(f"要写成 KEY=VALUE，如 L-04.cap_yuan.DIBAO=25000；写的是 {text}")
        if key in changes:
            raise OperatorError(f"同一个情景里 {key} 写了两次")
        changes[key] = value
    return changes


def _from_file(path: Path) -> list[Scenario]:
    """`[[scenario]]` tables with `name` and `set` (a list of KEY=VALUE)."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise OperatorError(f"读不出情景文件 {path}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OperatorError(f"情景文件 {path.name} 不是合格的 TOML（{error}）") from error
    tables = content.get("scenario")
    if set(content) != {"scenario"} or not isinstance(tables, list) or not tables:
        raise OperatorError(f"情景文件 {path.name} 要由 [[scenario]] 组成，每个有 name 和 set")
    found = []
    for number, table in enumerate(tables, start=1):
        sets, name = table.get("set"), table.get("name")
        texts = isinstance(sets, list) and sets and all(isinstance(text, str) for text in sets)
        if set(table) != {"name", "set"} or not isinstance(name, str) or not texts:
            raise OperatorError(
                f'情景文件 {path.name} 第 {number} 个情景要写成 name = "…" 和 set = ["KEY=VALUE", …]'
            )
        found.append(Scenario(name, _changes(sets)))
    if len({scenario.name for scenario in found}) < len(found):
        raise OperatorError(f"情景文件 {path.name} 有两个情景同名")
    return found


def simulate(home: Home, year: int, wanted: list[Scenario], region: str | None) -> Simulation:
    """Every scenario beside today's rules. Raises OperatorError for a key, a value or a region that there is not."""
    configuration = load_configuration(home, None)
    today = configuration.policies
    other = {scenario.name: with_changes(today, scenario, year) for scenario in wanted}
    stored = [(source, _stored(source)) for source in sources(home, year)]
    before = _counted(today, stored, year, region)
    if before.is_empty():
        raise OperatorError(f"{year} 年度{f' {region} ' if region else ''}没有可以模拟的封顶或化解单元。")
    found = []
    for scenario in wanted:
        policies = other[scenario.name]
        after = _counted(policies, stored, year, region)
        found += _compared(scenario, today, policies, before, after, year)
    regions = configuration.reference["regions"]
    return Simulation(
        year, stored[0][0].on, region, found, dict(regions.select("code", "name_zh").iter_rows())
    )


def with_changes(policies: Policies, scenario: Scenario, year: int) -> Policies:
    """The policies of a scenario; OperatorError where a key is unknown or does not bear on what is simulated."""
    can = simulated(policies)
    try:
        for text in scenario.changes:
            looked_up(policies, text)
            if text not in can:
                raise PolicyError(
                    f"{text} 在政策里有登记，但模拟不计算它。可以模拟的键里，{nearest(text, can)}"
                )
            if text in LETTERS and scenario.changes[text] not in LETTERS[text]:
                raise PolicyError(
                    f"{text} 没有读法 {scenario.changes[text]}。可选：{'、'.join(LETTERS[text])}"
                )
        return changed(policies, scenario.changes, year)
    except PolicyError as error:
        raise OperatorError(str(error)) from error


def simulated(policies: Policies) -> list[str]:
    """The keys that a simulation counts with."""
    rules = {rule_id for rule_id, bound in policies.rules.items() if bound.rule.kind in KINDS}
    texts = {"text", "text_list"}
    return [
        text
        for text, key in keys(policies).items()
        if (key.reading in LETTERS)
        or (key.rule in rules and policies.rules[key.rule].parameter(key.parameter).unit not in texts)
    ]


def _stored(source: Source) -> Stored:
    places = source.scan("person_year").select("person_key", "region_code", "township_code", "village")
    return Stored(
        settlements=source.scan("settlement").collect(),
        certificates=source.scan("certificate").collect(),
        members=source.scan("membership").collect(),
        households=source.scan("household").collect(),
        troubles=source.scan("trouble").collect(),
        places=places.collect(),
    )


def _counted(
    policies: Policies, stored: list[tuple[Source, Stored]], year: int, region: str | None
) -> pl.DataFrame:
    """The entitlements of the year under some policies, of each region from the results that are published of it."""
    caps: list[HouseholdCap] = [*household_caps(policies, year), *household_reliefs(policies, year)]
    found = pl.concat(
        [entitlements(caps, kept, year, source.on).filter(source.rows) for source, kept in stored]
    )
    return found.filter(below("region_code", region)) if region else found


def _compared(
    scenario: Scenario, today: Policies, other: Policies, before: pl.DataFrame, after: pl.DataFrame, year: int
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
