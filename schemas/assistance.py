"""What the code of medical assistance (医疗救助) and tilt relief (倾斜救助) needs of a policy file for one cost year.

Rules are found by their kind, figures by their name, so a county with other thresholds, rates or categories is
another file. Within a year the figures may change: each `Terms` holds from one day to another.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from schemas.policy import Policies, PolicyError, PolicyRule

SPECIAL, INPATIENT, TILT = "assistance_special", "assistance_inpatient", "tilt"
PAYING = (SPECIAL, INPATIENT, TILT)
SCOPE, DEDUCTIBLE, REFERRAL = "assistance_scope", "assistance_deductible", "referral"

#: Readings of the register that the code can apply; a file that asks for another one is refused.
COMPUTED: dict[str, str] = {
    "A-P01": "ab", "A-P02": "abc", "A-P03": "ab", "A-P04": "ab", "A-P05": "ab", "A-P06": "abc", "A-P07": "abc",
    "A-P08": "ab", "A-P09": "abc", "A-P10": "a", "A-P11": "ab", "A-P12": "ab", "A-P13": "abc", "A-P14": "a",
    "A-P15": "b", "A-P16": "a", "A-P17": "abc", "A-P18": "a", "A-P21": "ab", "A-P23": "a", "A-P28": "a",
    "A-P29": "ab", "A-P30": "a", "A-P31": "ab",
}  # fmt: skip


@dataclass(frozen=True)
class PayingRule:
    """One rule that gives money: id, article, categories, whether its gate is passed at equality, readings applied."""

    rule_id: str
    article: str
    categories: tuple[str, ...]
    inclusive: bool
    readings: dict[str, str]


@dataclass(frozen=True)
class Terms:
    """The figures of the days `valid_from`..`valid_to`; amounts in fen, by category where they differ by it.

    special_rate, inpatient_rate, tilt_rate, tilt_threshold_fen: by category. min_level: lowest level of an
    institution (1, 2, 3) for `inpatient`. inside: regions that count as 市内. versions: kind → policy version.
    """

    valid_from: date
    valid_to: date
    special_rate: dict[str, Fraction]
    special_limit_fen: int
    inpatient_rate: dict[str, Fraction]
    inpatient_limit_fen: int
    gate_fen: int
    min_level: int
    inpatient_only: bool
    tilt_rate: dict[str, Fraction]
    tilt_threshold_fen: dict[str, int]
    tilt_limit_fen: int
    inside: tuple[str, ...]
    designated_only: bool
    deductible_fen: int
    not_referred_rate: Fraction
    tilt_in_other_fund: bool
    versions: dict[str, str]


@dataclass(frozen=True)
class Assistance:
    """A policy's assistance in a cost year: rules by kind, categories in the order of 就高, terms, readings.

    counties: the county codes whose people it is asked for. reviewed: (key, letter) of the other readings that
    are put before a person where they give another amount.
    """

    policy_id: str
    territory: str
    counties: tuple[str, ...]
    categories: tuple[str, ...]
    rules: dict[str, PayingRule]
    scope_rule_id: str
    terms: tuple[Terms, ...]
    readings: dict[str, str]
    reviewed: tuple[tuple[str, str], ...]


def assistances(policies: Policies, counties: list[str], cost_year: int) -> list[Assistance]:
    """The assistance that applies in these counties in a cost year, one entry a policy; none: empty.

    The most local policy with a rule of such a kind decides. Raises PolicyError for a reading that the code
    does not know.
    """
    by_policy: dict[str, list[str]] = {}
    for county in sorted(set(counties)):
        found = [rule for kind in PAYING for rule in policies.for_region(county, kind)]
        if found:
            local = max(found, key=lambda rule: len(rule.policy.territory.rstrip("0")))
            by_policy.setdefault(local.policy.id, []).append(county)
    made = (_assistance(policies, name, tuple(codes), cost_year) for name, codes in by_policy.items())
    return [each for each in made if each.terms]


def _assistance(policies: Policies, policy_id: str, counties: tuple[str, ...], cost_year: int) -> Assistance:
    own: dict[str, PolicyRule] = {
        str(rule.rule.kind): rule for rule in policies.rules.values() if rule.policy.id == policy_id
    }
    paying = {kind: own[kind] for kind in PAYING if kind in own}
    keys = sorted({key for kind in (*PAYING, SCOPE, REFERRAL, "eligibility", "unique_category") if kind in own
                   for key in own[kind].rule.readings})  # fmt: skip
    readings = policies.default_readings(keys, policy_id)
    for key, letter in readings.items():
        if key in COMPUTED and letter not in COMPUTED[key]:
            raise PolicyError(f"{policies.heads[policy_id].document}:读法 {key}={letter} 不能计算")
    scope = own.get(SCOPE) or next(iter(paying.values()))
    return Assistance(
        policy_id=policy_id,
        territory=policies.heads[policy_id].territory,
        counties=counties,
        categories=_order(own, paying),
        rules={kind: _paying(rule, readings) for kind, rule in paying.items()},
        scope_rule_id=scope.id,
        terms=_terms(policies.heads[policy_id].in_force, own, cost_year),
        readings=readings,
        reviewed=_reviewed(policies, readings),
    )


def _paying(rule: PolicyRule, readings: dict[str, str]) -> PayingRule:
    applied = {key: readings[key] for key in rule.rule.readings}
    return PayingRule(
        rule.id, rule.rule.article, tuple(rule.rule.categories), rule.rule.operator == ">=", applied
    )


def _order(own: dict[str, PolicyRule], paying: dict[str, PolicyRule]) -> tuple[str, ...]:
    """Categories from the best treated on: as the rule on the unique category names them, then all others."""
    named = [*(own["unique_category"].rule.categories if "unique_category" in own else [])]
    named += [code for rule in paying.values() for code in rule.rule.categories]
    return tuple(dict.fromkeys(named))


def _reviewed(policies: Policies, readings: dict[str, str]) -> tuple[tuple[str, str], ...]:
    """The readings not applied that may change an amount; those of low impact are no review case."""
    return tuple(
        (key, letter)
        for key in sorted(readings)
        if key in COMPUTED and policies.readings[key].impact != "low"
        for letter in sorted(policies.readings[key].options)
        if letter in COMPUTED[key] and letter != readings[key]
    )


def _terms(in_force: date, own: dict[str, PolicyRule], cost_year: int) -> tuple[Terms, ...]:
    """The spans of the year between two changes of any figure, from the day of effect on."""
    first, last = max(in_force, date(cost_year, 1, 1)), date(cost_year, 12, 31)
    if first > last:
        return ()
    starts = {first}
    for kind in (*PAYING, SCOPE, DEDUCTIBLE, REFERRAL):
        for parameter in own[kind].rule.parameter if kind in own else []:
            for version in own[kind].parameter(parameter.name).version:
                starts.add(version.effective_from)
                if version.effective_to is not None:
                    starts.add(version.effective_to + timedelta(days=1))
    days = sorted(day for day in starts if first <= day <= last)
    ends = [*(day - timedelta(days=1) for day in days[1:]), last]
    return tuple(_on(own, start, end) for start, end in zip(days, ends, strict=True))


def _on(own: dict[str, PolicyRule], day: date, until: date) -> Terms:
    special, inpatient, tilt = (own.get(kind) for kind in PAYING)
    return Terms(
        valid_from=day,
        valid_to=until,
        special_rate=_fractions(special, "rate", day),
        special_limit_fen=_fen(special, "limit_yuan", day),
        inpatient_rate=_fractions(inpatient, "rate", day),
        inpatient_limit_fen=_fen(inpatient, "limit_yuan", day),
        gate_fen=_fen(inpatient, "gate_yuan", day),
        min_level=inpatient.number("min_level", day)
        if inpatient and _holds(inpatient, "min_level", day)
        else 0,
        inpatient_only=_flag(inpatient, "inpatient_only", day, True),
        tilt_rate=_fractions(tilt, "rate", day),
        tilt_threshold_fen=_fens(tilt, "threshold_yuan", day),
        tilt_limit_fen=_fen(tilt, "limit_yuan", day),
        inside=tilt.codes("inside", day) if tilt and _holds(tilt, "inside", day) else (),
        designated_only=_flag(own.get(SCOPE), "designated_only", day, True),
        deductible_fen=_fen(own.get(DEDUCTIBLE), "deductible_yuan", day),
        not_referred_rate=_fraction(own.get(REFERRAL), "not_referred_rate", day),
        tilt_in_other_fund=_flag(tilt, "recorded_in_other_fund", day, False),
        versions={
            kind: own[kind].label(
                [p.name for p in own[kind].rule.parameter if _holds(own[kind], p.name, day)], day
            )
            for kind in PAYING
            if kind in own
        },
    )


def _holds(rule: PolicyRule | None, name: str, day: date) -> bool:
    """Whether the policy has the rule, the parameter, and a value of it on that day."""
    return rule is not None and rule.has(name) and rule.parameter(name).at(day) is not None


def _fen(rule: PolicyRule | None, name: str, day: date) -> int:
    return rule.fen(name, day) if rule is not None and _holds(rule, name, day) else 0


def _flag(rule: PolicyRule | None, name: str, day: date, otherwise: bool) -> bool:
    return rule.flag(name, day) if rule is not None and _holds(rule, name, day) else otherwise


def _fraction(rule: PolicyRule | None, name: str, day: date) -> Fraction:
    return rule.fraction(name, day) if rule is not None and _holds(rule, name, day) else Fraction(0)


def _fractions(rule: PolicyRule | None, name: str, day: date) -> dict[str, Fraction]:
    """A ratio by category; one value for all stands for each category of the rule. Abolished: empty."""
    if rule is None or not _holds(rule, name, day):
        return {}
    by_category = rule.fractions(name, day)
    return by_category or dict.fromkeys(rule.rule.categories, rule.fraction(name, day))


def _fens(rule: PolicyRule | None, name: str, day: date) -> dict[str, int]:
    if rule is None or not _holds(rule, name, day):
        return {}
    return rule.fens(name, day) or dict.fromkeys(rule.rule.categories, rule.fen(name, day))
