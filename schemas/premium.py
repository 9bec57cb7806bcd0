"""What the code of the premium subsidy (资助参保, P-05 to P-10) needs of a policy file for one insurance year.

Rules are found by their kind, so a county with other rates or groups is another file. Rates may change on a day: each
`Rates` holds for payments from one day to another; the first also for earlier payments, which are computed and marked.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from schemas.policy import Policies, PolicyError, PolicyRule

TIER1, TIER2, PAYER = "premium_subsidy", "premium_subsidy_tier2", "premium_subsidy_payer"
EARLIEST, LATEST = date(1900, 1, 1), date(9999, 12, 31)

#: Readings of the register that the code can apply; a file that asks for another one is refused.
COMPUTED = {"A-P19": "a", "A-P20": "ab", "A-P32": "ab"}


@dataclass(frozen=True)
class SubsidyRule:
    """One rule that gives a subsidy: id, article, the readings that bear on it."""

    rule_id: str
    article: str
    readings: dict[str, str]


@dataclass(frozen=True)
class Rates:
    """Rates on the tier-1 standard by category for payments of the days `valid_from`..`valid_to`, and their version.

    A category that is not among them has no subsidy in that tier. `versions`: (tier, category) → policy version.
    """

    valid_from: date
    valid_to: date
    tier1: dict[str, Fraction]
    tier2: dict[str, Fraction]
    versions: dict[tuple[str, str], str]


@dataclass(frozen=True)
class PremiumSubsidy:
    """The premium subsidy of one policy.

    counties: county codes whose people it is asked for. categories: its objects in the order of 就高. in_force: payments
    before it are computed and marked. tier1: category → rule; tier2: the rule of tier 2, if there is one.
    readings: letters applied.
    """

    policy_id: str
    territory: str
    document: str
    in_force: date
    counties: tuple[str, ...]
    categories: tuple[str, ...]
    tier1: dict[str, SubsidyRule]
    tier2: SubsidyRule | None
    rates: tuple[Rates, ...]
    readings: dict[str, str]

    @property
    def with_tier1(self) -> tuple[str, ...]:
        """The categories that a tier-1 rule names."""
        return tuple(code for code in self.categories if code in self.tier1)


def premium_subsidies(policies: Policies, counties: list[str]) -> list[PremiumSubsidy]:
    """The premium subsidies of these counties, one entry a policy; none: empty. The most local policy decides.

    Raises PolicyError for a reading that the code does not know.
    """
    by_policy: dict[str, list[str]] = {}
    for county in sorted(set(counties)):
        if found := policies.for_region(county, TIER1):
            by_policy.setdefault(found[0].policy.id, []).append(county)
    return [_subsidy(policies, name, tuple(codes)) for name, codes in by_policy.items()]


def _subsidy(policies: Policies, policy_id: str, counties: tuple[str, ...]) -> PremiumSubsidy:
    own = sorted(
        (rule for rule in policies.rules.values() if rule.policy.id == policy_id), key=lambda rule: rule.id
    )
    first = [rule for rule in own if rule.rule.kind == TIER1]
    second = next((rule for rule in own if rule.rule.kind == TIER2), None)
    paying = [*first, *([second] if second else [])]
    keys = sorted({key for rule in paying for key in rule.rule.readings if key in COMPUTED})
    readings = policies.default_readings(keys, policy_id)
    for key, letter in readings.items():
        if letter not in COMPUTED[key]:
            raise PolicyError(f"{policies.heads[policy_id].document}:读法 {key}={letter} 不能计算")
    unique = next((rule for rule in own if rule.rule.kind == "unique_category"), None)
    order = [
        *(unique.rule.categories if unique else []),
        *(c for rule in paying for c in rule.rule.categories),
    ]
    head = policies.heads[policy_id]
    return PremiumSubsidy(
        policy_id=policy_id,
        territory=head.territory,
        document=head.document,
        in_force=head.in_force,
        counties=counties,
        categories=tuple(dict.fromkeys(order)),
        tier1={code: _rule(rule, readings) for rule in first for code in rule.rule.categories},
        tier2=_rule(second, readings) if second else None,
        rates=_rates(first, second),
        readings=readings,
    )


def _rule(rule: PolicyRule, readings: dict[str, str]) -> SubsidyRule:
    applied = {key: readings[key] for key in rule.rule.readings if key in readings}
    return SubsidyRule(rule.id, rule.rule.article, applied)


def _rates(first: list[PolicyRule], second: PolicyRule | None) -> tuple[Rates, ...]:
    """The spans between two changes of any rate, the first reaching back to all earlier payments."""
    named = [(rule, "tier1_rate") for rule in first] + ([(second, "tier2_rate")] if second else [])
    starts: set[date] = set()
    for rule, name in named:
        for version in rule.parameter(name).version:
            starts.add(version.effective_from)
            if version.effective_to is not None:
                starts.add(version.effective_to + timedelta(days=1))
    days = sorted(starts)
    ends = [*(day - timedelta(days=1) for day in days[1:]), LATEST]
    return tuple(
        _on(first, second, day, EARLIEST if place == 0 else day, end)
        for place, (day, end) in enumerate(zip(days, ends, strict=True))
    )


def _on(first: list[PolicyRule], second: PolicyRule | None, day: date, begin: date, end: date) -> Rates:
    tier1: dict[str, Fraction] = {}
    tier2: dict[str, Fraction] = {}
    versions: dict[tuple[str, str], str] = {}
    for rule in first:
        for code, rate in _by_category(rule, "tier1_rate", day).items():
            tier1[code] = rate
            versions["1", code] = rule.label(["tier1_rate"], day)
    if second is not None:
        for code, rate in _by_category(second, "tier2_rate", day).items():
            tier2[code] = rate
            versions["2", code] = second.label(["tier2_rate"], day)
    return Rates(begin, end, tier1, tier2, versions)


def _by_category(rule: PolicyRule, name: str, day: date) -> dict[str, Fraction]:
    """A rate by category; one value for all stands for each category of the rule. Abolished: empty."""
    if rule.parameter(name).at(day) is None:
        return {}
    return rule.fractions(name, day) or dict.fromkeys(rule.rule.categories, rule.fraction(name, day))
