"""`fengding simulate`: a cost year counted again from what its run has kept, with other parameters or readings.

Reads the published results and the policies; writes nothing but the workbook that is asked for.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from flows.configuration import load_configuration
from flows.simulation_count import Compared, Kept, Scenario, compare
from flows.stored import sources
from schemas.assistance import COMPUTED, DEDUCTIBLE, PAYING, REFERRAL, SCOPE
from schemas.policy import Policies, PolicyError
from schemas.what_if import changed, keys, looked_up, nearest
from stores.errors import OperatorError
from stores.home import Home
from transforms.rules.readings import LETTERS

KINDS = frozenset(
    {"household_cap", "household_relief", "pilot", "fund_share", "fund_budget", "fund_match"}
    | {*PAYING, SCOPE, DEDUCTIBLE, REFERRAL}
)
"""Rules whose parameters a simulation counts with."""
READINGS = {key: letters for key, letters in (LETTERS | COMPUTED).items() if len(letters) > 1}
"""Register key → the readings that a simulation counts with."""
AT_INTAKE = frozenset({"recorded_in_other_fund"})
"""Parameters that say how a delivery is read: what is stored was read under them."""


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
    kept = Kept(sources(home, year), year, region)
    before = kept.counted(today)
    if not before:
        raise OperatorError(
            f"{year} 年度{f' {region} ' if region else ''}没有可以模拟的封顶、化解或救助待遇。"
        )
    found = []
    for scenario in wanted:
        policies = other[scenario.name]
        documents = touched_documents(today, scenario)
        found += compare(scenario, today, policies, before, kept.counted(policies), documents, year)
    regions = configuration.reference["regions"]
    return Simulation(year, kept.on, region, found, dict(regions.select("code", "name_zh").iter_rows()))


def touched_documents(policies: Policies, scenario: Scenario) -> set[str]:
    """The documents whose figures a scenario changes, by policy id."""
    rules = {key.rule for text, key in keys(policies).items() if text in scenario.changes and key.rule}
    return {policies.rules[rule].policy.id for rule in rules}


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
            if text in READINGS and scenario.changes[text] not in READINGS[text]:
                raise PolicyError(
                    f"{text} 没有读法 {scenario.changes[text]}。可选：{'、'.join(READINGS[text])}"
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
        if (key.reading in READINGS)
        or (
            key.rule in rules
            and key.parameter not in AT_INTAKE
            and policies.rules[key.rule].parameter(key.parameter).unit not in texts
        )
    ]
