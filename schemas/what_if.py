"""Policies with other figures or readings (what if): the loaded policies with single values replaced, checked as a file.

Keys: `<rule>.<parameter>[.<category>]` (`L-04.cap_yuan.DIBAO`), or a key of the register of readings (`A-L02`).
Nothing on disk is read or changed; the policies that are given stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from difflib import get_close_matches
from typing import NamedTuple

from schemas.policy import Policies, PolicyError, PolicyRule
from schemas.policy_model import Parameter, Raw, Rule, Unit, Version, value_fault

TRUE, FALSE = frozenset({"true", "是", "1"}), frozenset({"false", "否", "0"})


class Key(NamedTuple):
    """What a key names: a parameter of a rule, of one category where it is kept by category; or a reading."""

    rule: str = ""
    parameter: str = ""
    category: str = ""
    reading: str = ""


def keys(policies: Policies) -> dict[str, Key]:
    """Every key that can be set: its text → what it names."""
    found = {key: Key(reading=key) for key in policies.readings}
    for rule in policies.rules.values():
        for parameter in rule.rule.parameter:
            name = f"{rule.id}.{parameter.name}"
            if parameter.same_as is not None:
                continue
            categories = sorted({code for version in parameter.version for code in version.values or {}})
            if categories:
                found |= {f"{name}.{code}": Key(rule.id, parameter.name, code) for code in categories}
            else:
                found[name] = Key(rule.id, parameter.name)
    return found


def looked_up(policies: Policies, text: str) -> Key:
    """What `text` names; PolicyError with the nearest keys where it names nothing."""
    known = keys(policies)
    if text in known:
        return known[text]
    raise PolicyError(f"没有 {text} 这个参数或读法。{nearest(text, known)}")


def nearest(text: str, known: Iterable[str]) -> str:
    """The keys that are most like `text`, as a hint; keys that only lack a category go first."""
    names = list(known)
    longer = [name for name in names if name.startswith(f"{text}.")]
    folded = {name.casefold(): name for name in names}
    like = [folded[name] for name in get_close_matches(text.casefold(), folded, n=3, cutoff=0.4)]
    shown = longer or like
    return f"最接近的：{'、'.join(shown)}" if shown else "运行 fengding simulate --help 看键的写法"


def changed(policies: Policies, changes: Mapping[str, str], cost_year: int) -> Policies:
    """The policies with `changes` (key → value as text) for a cost year. Raises PolicyError (Chinese)."""
    for text, value in changes.items():
        key = looked_up(policies, text)
        if key.reading:
            policies = _with_reading(policies, key.reading, value)
        else:
            policies = _with_value(policies, key, text, value, cost_year)
    return policies


def _with_reading(policies: Policies, key: str, letter: str) -> Policies:
    reading = policies.readings[key]
    if letter not in reading.options:
        options = "；".join(f"{name} {meaning}" for name, meaning in reading.options.items())
        raise PolicyError(f"{key} 没有读法 {letter}。可选：{options}")
    chosen = reading.model_copy(update={"default": letter})
    heads = {
        name: head.model_copy(update={"reads": {k: v for k, v in head.reads.items() if k != key}})
        for name, head in policies.heads.items()
    }
    return replace(policies, heads=heads, readings={**policies.readings, key: chosen})


def _with_value(policies: Policies, key: Key, text: str, value: str, cost_year: int) -> Policies:
    """One parameter with another value in every version that touches the cost year."""
    rule = policies.rules[key.rule]
    parameter = rule.parameter(key.parameter)
    raw = parsed(parameter.unit, value)
    if raw is None or (fault := value_fault(parameter.unit, raw)) is not None:
        raise PolicyError(f"{text}={value}：{'写法不对' if raw is None else fault}（单位 {parameter.unit}）")
    touched = _touched(parameter, cost_year)
    versions = [
        _version(v, raw, key.category) if n in touched else v for n, v in enumerate(parameter.version)
    ]
    new = parameter.model_copy(update={"version": versions})
    return _rebuilt(policies, rule, new)


def _version(version: Version, raw: Raw, category: str) -> Version:
    if version.ends:
        return version
    if category:
        return version.model_copy(update={"values": {**(version.values or {}), category: raw}})
    return version.model_copy(update={"value": raw})


def _touched(parameter: Parameter, cost_year: int) -> list[int]:
    """Places of the versions that touch the cost year; of a year before the first one the first."""
    first, last = date(cost_year, 1, 1), date(cost_year, 12, 31)
    spans = []
    for place, version in enumerate(parameter.version):
        following = (
            parameter.version[place + 1].effective_from if place + 1 < len(parameter.version) else None
        )
        ended = version.effective_to is not None and version.effective_to < first
        replaced = following is not None and following <= first
        if version.effective_from <= last and not ended and not replaced:
            spans.append(place)
    return spans or [0]


def _rebuilt(policies: Policies, changed_rule: PolicyRule, parameter: Parameter) -> Policies:
    """All rules anew, since a parameter of one may stand for a parameter of another (`same_as`)."""
    rules: dict[str, Rule] = {rule_id: bound.rule for rule_id, bound in policies.rules.items()}
    own = [parameter if p.name == parameter.name else p for p in changed_rule.rule.parameter]
    rules[changed_rule.id] = changed_rule.rule.model_copy(update={"parameter": own})
    same = {f"{rule.id}.{p.name}": p for rule in rules.values() for p in rule.parameter}
    bound = {
        rule_id: PolicyRule(policies.rules[rule_id].policy, rule, same) for rule_id, rule in rules.items()
    }
    return replace(policies, rules=bound)


def parsed(unit: Unit, text: str) -> Raw | None:
    """A value written on the command line, as it would stand in a policy file; None where it cannot."""
    text = text.strip()
    match unit:
        case "count" | "year":
            return int(text) if text.isascii() and text.isdigit() else None
        case "bool":
            return True if text.casefold() in TRUE else False if text.casefold() in FALSE else None
        case "date":
            try:
                return date.fromisoformat(text)
            except ValueError:
                return None
        case "text_list" | "code_list" | "category_list" | "region_list":
            return [part.strip() for part in text.split(",") if part.strip()]
        case _:
            return text
