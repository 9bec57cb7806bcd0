"""Policies in use: load the policy files, find the rules of a region, read a parameter on its date.

A policy applies to its territory and everything below it. The law of the fact's own date counts: a
parameter is always asked for with a date, and no version on that date is an error, never a zero.
"""

import hashlib
import json
import tomllib
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from schemas.policy_model import (
    Common,
    Parameter,
    Policy,
    PolicyFile,
    Raw,
    Reading,
    Rule,
    Version,
    fen,
)

__all__ = [
    "HouseholdCap",
    "Policies",
    "PolicyError",
    "PolicyRule",
    "household_caps",
    "household_reliefs",
    "load_policies",
    "policy_hash",
    "roster_senders",
    "target",
]

SHIPPED_CATEGORIES = Path(__file__).resolve().parents[1] / "data" / "reference" / "category.csv"


class PolicyError(ValueError):
    """A policy file or a question to it is wrong; the message (Chinese) names file, rule and parameter."""


def covers(territory: str, region_code: str) -> bool:
    """Whether `region_code` (6 digits or a longer code below) is the territory or lies below it."""
    prefix = territory
    while prefix.endswith("00") and len(prefix) > 2:
        prefix = prefix[:-2]
    return region_code.startswith(prefix)


@dataclass(frozen=True)
class PolicyRule:
    """A rule together with its policy; reads its parameters on a date."""

    policy: Policy
    rule: Rule
    _same: dict[str, Parameter] = field(default_factory=dict, repr=False, compare=False)

    @property
    def id(self) -> str:
        return self.rule.id

    def has(self, name: str) -> bool:
        return any(p.name == name for p in self.rule.parameter)

    def parameter(self, name: str) -> Parameter:
        """The parameter of that name, followed through `same_as`."""
        for parameter in self.rule.parameter:
            if parameter.name == name:
                return self._same[parameter.same_as] if parameter.same_as else parameter
        raise PolicyError(f"{self.policy.document} {self.rule.id}:没有参数 {name}")

    def version(self, name: str, on: date) -> Version:
        """The version in force on `on`; PolicyError where there is none."""
        found = self.parameter(name).at(on)
        if found is None:
            raise PolicyError(f"{self.policy.document} {self.rule.id}:参数 {name} 在 {on} 没有有效取值")
        return found

    def raw(self, name: str, on: date, category: str | None = None) -> Raw:
        """The value as written in the file, on a date and, where it is kept by category, for one."""
        version = self.version(name, on)
        if version.values is None:
            if version.value is None:
                raise PolicyError(f"{self.rule.id}:参数 {name} 没有取值")
            return version.value
        if category is None or category not in version.values:
            raise PolicyError(f"{self.rule.id}:参数 {name} 没有类别 {category} 的取值")
        return version.values[category]

    def _typed(self, name: str, unit: set[str], on: date, category: str | None) -> Raw:
        if self.parameter(name).unit not in unit:
            raise PolicyError(f"{self.rule.id}:参数 {name} 的单位不是 {'/'.join(sorted(unit))}")
        return self.raw(name, on, category)

    def fen(self, name: str, on: date, category: str | None = None) -> int:
        """A yuan parameter in whole fen."""
        return fen(cast(str, self._typed(name, {"yuan"}, on, category)))

    def fraction(self, name: str, on: date, category: str | None = None) -> Fraction:
        """A ratio parameter, exact."""
        return Fraction(cast(str, self._typed(name, {"ratio"}, on, category)))

    def number(self, name: str, on: date) -> int:
        return cast(int, self._typed(name, {"count", "year"}, on, None))

    def flag(self, name: str, on: date) -> bool:
        return cast(bool, self._typed(name, {"bool"}, on, None))

    def day(self, name: str, on: date) -> date:
        return cast(date, self._typed(name, {"date"}, on, None))

    def text(self, name: str, on: date, category: str | None = None) -> str:
        return cast(str, self._typed(name, {"text"}, on, category))

    def codes(self, name: str, on: date) -> tuple[str, ...]:
        units = {"text_list", "code_list", "category_list", "region_list"}
        return tuple(cast(list[str], self._typed(name, units, on, None)))

    def fens(self, name: str, on: date) -> dict[str, int]:
        """A yuan parameter kept by category: category → whole fen."""
        return {code: self.fen(name, on, code) for code in self.version(name, on).values or {}}

    def fractions(self, name: str, on: date) -> dict[str, Fraction]:
        """A ratio parameter kept by category: category → exact ratio."""
        return {code: self.fraction(name, on, code) for code in self.version(name, on).values or {}}

    def label(self, names: list[str], on: date) -> str:
        """Policy version text, "L@2024-02-01": the latest in-force date among the versions used."""
        dates = [self.version(name, on).in_force or self.policy.in_force for name in names]
        return f"{self.policy.id}@{max(dates, default=self.policy.in_force).isoformat()}"


@dataclass(frozen=True)
class Policies:
    """All policy files of a folder, checked one by one and against each other."""

    heads: dict[str, Policy]
    rules: dict[str, PolicyRule]
    readings: dict[str, Reading]

    @property
    def policies(self) -> list[Policy]:
        """The policies in the order of their files."""
        return list(self.heads.values())

    def rule(self, rule_id: str) -> PolicyRule:
        if rule_id not in self.rules:
            raise PolicyError(f"没有规则 {rule_id}")
        return self.rules[rule_id]

    def for_region(self, region_code: str, kind: str) -> list[PolicyRule]:
        """Rules of a kind that apply in a region, the most local policy first, then by rule id."""
        found = [
            r for r in self.rules.values() if r.rule.kind == kind and covers(r.policy.territory, region_code)
        ]
        return sorted(found, key=lambda r: (-len(r.policy.territory.rstrip("0")), r.id))

    def policies_of(self, region_code: str) -> list[Policy]:
        """Policies whose territory holds the region, the most local first."""
        found = [p for p in self.policies if covers(p.territory, region_code)]
        return sorted(found, key=lambda p: (-len(p.territory.rstrip("0")), p.id))

    def default_readings(self, keys: list[str], policy_id: str) -> dict[str, str]:
        """Register key → letter, as the policy reads the entries; those that it says nothing of by their default."""
        own = self.heads[policy_id].reads
        return {key: own.get(key, self.readings[key].default) for key in keys}


@dataclass(frozen=True)
class HouseholdCap:
    """What the cap code needs of one rule for one cost year (封顶 L-04, 化解 W-06); amounts in fen.

    `cap_fen` by category (a cap rule), or `threshold_fen` and `limit_fen` (a relief rule). `pilot` says
    that only `pilot_regions` are paid. `counted_from`: earlier settlements do not count.
    """

    rule_id: str
    policy_id: str
    region_code: str
    unit_type: str
    categories: tuple[str, ...]
    cap_fen: dict[str, int]
    rate: Fraction
    limit_fen: int | None
    threshold_fen: int | None
    first_cost_year: int
    in_force_on: date
    counted_from: date | None
    insured_in_region: bool
    designated_only: bool
    pilot: bool
    pilot_regions: tuple[str, ...]
    article: str
    policy_version: str
    readings: dict[str, str]


def household_caps(policies: Policies, cost_year: int) -> list[HouseholdCap]:
    """The household caps (封顶制) of a cost year, by rule id.

    For a cost year before the first one the figures of the first are given, so that the burden can be
    shown against them; `first_cost_year` tells that nothing is due. An abolished cap is not listed.
    """
    return _cap_rules(policies, "household_cap", "cap_yuan", cost_year)


def household_reliefs(policies: Policies, cost_year: int) -> list[HouseholdCap]:
    """The reliefs above a household threshold (化解, W-06) of a cost year, by rule id; see household_caps."""
    return _cap_rules(policies, "household_relief", "threshold_yuan", cost_year)


def _cap_rules(policies: Policies, kind: str, yardstick: str, cost_year: int) -> list[HouseholdCap]:
    found = []
    for rule in sorted(policies.rules.values(), key=lambda r: r.id):
        if rule.rule.kind != kind:
            continue
        on = _day_of(rule, yardstick, cost_year)
        if rule.parameter(yardstick).at(on) is not None:
            found.append(_household_cap(policies, rule, on))
    return found


def _day_of(rule: PolicyRule, yardstick: str, cost_year: int) -> date:
    """The day that picks the versions of a cost year: 1 January, but never before the first version."""
    return max(date(cost_year, 1, 1), rule.parameter(yardstick).version[0].effective_from)


def _household_cap(policies: Policies, rule: PolicyRule, on: date) -> HouseholdCap:
    names = [p.name for p in rule.rule.parameter]
    pilots = [r for r in policies.rules.values() if r.policy.id == rule.policy.id and r.rule.kind == "pilot"]
    return HouseholdCap(
        rule_id=rule.id,
        policy_id=rule.policy.id,
        region_code=rule.policy.territory,
        unit_type=str(rule.rule.unit_type),
        categories=tuple(rule.rule.categories),
        cap_fen=rule.fens("cap_yuan", on) if "cap_yuan" in names else {},
        rate=rule.fraction("pay_rate", on),
        limit_fen=rule.fen("limit_yuan", on) if "limit_yuan" in names else None,
        threshold_fen=rule.fen("threshold_yuan", on) if "threshold_yuan" in names else None,
        first_cost_year=rule.number("first_cost_year", on),
        in_force_on=rule.policy.in_force,
        counted_from=rule.day("counted_from", on) if "counted_from" in names else None,
        insured_in_region=rule.flag("insured_in_region", on),
        designated_only=rule.flag("designated_only", on),
        pilot=bool(pilots),
        pilot_regions=tuple(code for r in pilots for code in r.codes("pilot_counties", on)),
        article=rule.rule.article,
        policy_version=rule.label(names, on),
        readings=policies.default_readings(rule.rule.readings, rule.policy.id),
    )


def roster_senders(policies: Policies, region_code: str, on: date) -> dict[str, str]:
    """Category → department that recognises it (认定部门, P-30), by the policies of the region.

    The most local policy that names a sender for a category decides. A category in no list has no
    fixed sender.
    """
    senders: dict[str, str] = {}
    for kind in ("roster_senders", "eligibility"):
        for rule in policies.for_region(region_code, kind):
            if rule.has("sender") and (version := rule.parameter("sender").at(on)) is not None:
                for code in version.values or {}:
                    senders.setdefault(code, rule.text("sender", on, code))
    return senders


def target(rule: PolicyRule, year: int) -> Fraction | None:
    """The target of an indicator for a year, exact; None in a year for which the document sets none."""
    version = rule.parameter("target").at(date(year, 1, 1))
    return None if version is None else Fraction(str(version.value))


def load_policies(folder: Path, *, categories: frozenset[str] | None = None) -> Policies:
    """Read and check every `*.toml` of `folder`.

    `categories`: known category codes (default: the shipped category.csv). Raises PolicyError
    (Chinese) naming file, rule and parameter.
    """
    known = shipped_categories() if categories is None else categories
    paths = sorted(folder.glob("*.toml"))
    if not paths:
        raise PolicyError(f"{folder}:没有政策文件(*.toml)")
    files = {path.name: _read(path) for path in paths}
    for name, content in files.items():
        _check_categories(name, content, known)
    return _assemble(files)


def shipped_categories() -> frozenset[str]:
    """Category codes of the shipped category.csv (first column `code`)."""
    lines = SHIPPED_CATEGORIES.read_text(encoding="utf-8").splitlines()[1:]
    return frozenset(line.split(",", 1)[0] for line in lines if line)


def policy_hash(folder: Path) -> str:
    """SHA-256 over the meaning of the policy files; comments and layout do not change it."""
    content = {p.name: tomllib.loads(p.read_text(encoding="utf-8")) for p in sorted(folder.glob("*.toml"))}
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _read(path: Path) -> PolicyFile:
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PolicyError(f"{path.name}:不是合格的 TOML 文件({error})") from error
    try:
        return PolicyFile.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        raise PolicyError(f"{path.name}:{_where(raw, first['loc'])}{_why(first)}") from error


def _where(raw: dict[str, Any], loc: tuple[int | str, ...]) -> str:
    """A location in words: 规则 L-04 › 参数 cap_yuan › 第1个版本 › article:"""
    names = {"rule": ("规则", "id"), "parameter": ("参数", "name"), "reading": ("读法", "key")}
    words: list[str] = []
    node: Any = raw
    kind = ""
    for step in loc:
        if isinstance(step, int):
            node = node[step] if isinstance(node, list) and step < len(node) else None
            title, key = names.get(kind, ("", ""))
            if kind == "version":
                words[-1] = f"第{step + 1}个版本"
            elif key and isinstance(node, dict):
                words[-1] = f"{title} {node.get(key, step + 1)}"
        else:
            kind = step
            words.append(step)
            node = node.get(step) if isinstance(node, dict) else None
    return f"{' › '.join(words)}:" if words else ""


def _why(error: Any) -> str:
    """A pydantic error in Chinese."""
    known = {"missing": "缺少此项", "extra_forbidden": "不认识此项", "string_too_short": "不能为空"}
    kind = str(error["type"])
    if kind == "value_error":
        return str(error["msg"]).removeprefix("Value error, ")
    if kind == "literal_error":
        return f"取值只能是 {error['ctx']['expected']}"
    return known.get(kind, f"写法不合({error['msg']})")


def _check_categories(name: str, content: PolicyFile, known: frozenset[str]) -> None:
    for rule in content.rule:
        if unknown := (set(rule.categories) | _listed_categories(rule)) - known:
            raise PolicyError(f"{name}:规则 {rule.id}:未知的类别 {'、'.join(sorted(unknown))}")


def _listed_categories(rule: Rule) -> set[str]:
    """Categories that a parameter of the rule lists."""
    listed = [p for p in rule.parameter if p.unit == "category_list"]
    return {str(code) for p in listed for v in p.version if isinstance(v.value, list) for code in v.value}


def _assemble(files: dict[str, PolicyFile]) -> Policies:
    """Join the files and check what only shows across them: double ids, dangling references."""
    policies: dict[str, Policy] = {}
    readings: dict[str, Reading] = {}
    bound: dict[str, tuple[str, Policy, Rule]] = {}
    for name, content in files.items():
        head: Policy | Common | None = content.policy
        if isinstance(head, Policy):
            _add(policies, head.id, head, name, "政策编号")
            for rule in content.rule:
                _add(bound, rule.id, (name, head, rule), name, "规则编号")
        for reading in content.reading:
            _add(readings, reading.key, reading, name, "读法")
    for head in policies.values():
        for key, letter in head.reads.items():
            if key not in readings or letter not in readings[key].options:
                raise PolicyError(f"{head.document}:读法 {key}={letter} 没有登记")
    parameters = {f"{rule.id}.{p.name}": p for _, _, rule in bound.values() for p in rule.parameter}
    for name, policy, rule in bound.values():
        if policy.parent is not None and policy.parent not in policies:
            raise PolicyError(f"{name}:parent {policy.parent} 没有对应的政策文件")
        for key in rule.readings:
            if key not in readings:
                raise PolicyError(f"{name}:规则 {rule.id}:读法 {key} 没有登记")
        for parameter in rule.parameter:
            if not _resolvable(parameter, parameters):
                raise PolicyError(f"{name}:规则 {rule.id} {parameter.name}:same_as 所指的参数不可用")
    rules = {rule_id: PolicyRule(policy, rule, parameters) for rule_id, (_, policy, rule) in bound.items()}
    for rule_id, (name, _, _) in bound.items():
        _check_counties(name, rules[rule_id])
    return Policies(policies, rules, readings)


def _check_counties(name: str, rule: PolicyRule) -> None:
    """A rule for at most so many counties names no more of them, and only such as lie in its territory."""
    if not (rule.has("counties") and rule.has("counties_max")):
        return
    for version in rule.parameter("counties").version:
        if version.ends:
            continue
        codes = set(rule.codes("counties", version.effective_from))
        most = rule.number("counties_max", version.effective_from)
        if len(codes) > most:
            raise PolicyError(f"{name}:规则 {rule.id}:启用的县(市、区)至多{most}个,写了{len(codes)}个")
        if outside := sorted(code for code in codes if not covers(rule.policy.territory, code)):
            raise PolicyError(f"{name}:规则 {rule.id}:{'、'.join(outside)} 不在本政策的地域内")


def _resolvable(parameter: Parameter, parameters: dict[str, Parameter]) -> bool:
    """Whether `same_as`, where given, names a parameter of its own, of the same unit and date basis."""
    if parameter.same_as is None:
        return True
    origin = parameters.get(parameter.same_as)
    same_shape = origin is not None and (origin.unit, origin.basis) == (parameter.unit, parameter.basis)
    return origin is not None and origin.same_as is None and same_shape


def _add(into: dict[str, Any], key: str, value: Any, name: str, what: str) -> None:
    if key in into:
        raise PolicyError(f"{name}:{what} {key} 重复")
    into[key] = value
