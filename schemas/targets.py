"""Indicator targets (指标目标) and the funds that the documents name, as the code asks for them: by region and year.

A target is an exact ratio and is compared on whole numbers; a year for which a document sets none has none. Which
people a document calls 困难群众 is the rule's own list of categories, else that of the policy's population rule.
"""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import pairwise

from schemas.assistance import PAYING
from schemas.policy import Policies, PolicyRule, covers, target

TARGET, POPULATION = "indicator_target", "population"
FUND_SHARE, FUND_BUDGET, FUND_MATCH = "fund_share", "fund_budget", "fund_match"
BASELINE = "baseline_year"


@dataclass(frozen=True)
class Target:
    """What a document asks of an indicator in a year.

    `categories`: the people of the rule. `value`: the exact target, None where the document sets none for the year.
    `linear`: the target on the straight line between two dated ones, for years in between only (reading A-Z03 b).
    `baseline`: the year with which an increase is compared. `operator`: ">=" or "<=". `groups`: further lists of
    categories that the rule names, by parameter.
    """

    indicator_id: str
    policy_id: str
    territory: str
    categories: tuple[str, ...]
    operator: str
    value: Fraction | None
    linear: Fraction | None
    baseline: int | None
    groups: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class FundRule:
    """A check of a fund (基金) in a year: of which fund, which rules it pays for, its figure and its article.

    `share`: a ratio (L-10, W-08). `budget_fen`: money to be raised a year (W-07). `pays`: ids of the rules whose
    benefits the fund pays.
    """

    rule_id: str
    kind: str
    policy_id: str
    territory: str
    fund: str
    manager: str | None
    pays: tuple[str, ...]
    share: Fraction | None
    budget_fen: int | None
    regions: tuple[str, ...]


def targets_of(policies: Policies, region: str, year: int) -> list[Target]:
    """Every indicator that a policy of the region has a target for in some year, the most local policy first."""
    return [_target(policies, rule, year) for rule in policies.for_region(region, TARGET)]


def hardship_categories(policies: Policies, policy_id: str) -> tuple[str, ...]:
    """困难群众 of a policy (A-Z07): its population rule, else all categories that its assistance helps; else none."""
    rules = [rule.rule for rule in policies.rules.values() if rule.policy.id == policy_id]
    named = [rule.categories for rule in rules if rule.kind == POPULATION]
    helped = [rule.categories for rule in rules if rule.kind in PAYING]
    return tuple(dict.fromkeys(code for found in (named[:1] or helped) for code in found))


def _target(policies: Policies, rule: PolicyRule, year: int) -> Target:
    own = tuple(rule.rule.categories)
    return Target(
        indicator_id=str(rule.rule.indicator),
        policy_id=rule.policy.id,
        territory=rule.policy.territory,
        categories=own or hardship_categories(policies, rule.policy.id),
        operator=str(rule.rule.operator),
        value=target(rule, year),
        linear=_linear(rule, year),
        baseline=rule.number(BASELINE, date(9999, 12, 31)) if rule.has(BASELINE) else None,
        groups={
            p.name: rule.codes(p.name, max(date(year, 1, 1), p.version[0].effective_from))
            for p in rule.rule.parameter
            if p.unit == "category_list"
        },
    )


def _linear(rule: PolicyRule, year: int) -> Fraction | None:
    """The straight line from the year of one dated target to that of the next; None in those years themselves."""
    dated = [
        (version.effective_from.year, Fraction(str(version.value)))
        for version in rule.parameter("target").version
        if version.value is not None
    ]
    for (start, low), (end, high) in pairwise(dated):
        if start < year < end:
            return low + (high - low) * (year - start) / (end - start)
    return None


def fund_rules(policies: Policies, year: int) -> list[FundRule]:
    """The checks of funds that the documents name (L-10, W-07, W-08), by rule id.

    A year for which a document gives no figure has the check without one; the first name of a fund stands for the
    years before it, and so does its first fiscal share, since the fund pays for the cost year before (A-L09).
    """
    return [
        _fund_rule(policies, rule, date(year, 1, 1))
        for rule in sorted(policies.rules.values(), key=lambda r: r.id)
        if rule.rule.kind in (FUND_SHARE, FUND_BUDGET, FUND_MATCH)
    ]


def _fund_rule(policies: Policies, rule: PolicyRule, on: date) -> FundRule:
    own = [r for r in policies.rules.values() if r.policy.id == rule.policy.id]
    share = next((name for name in ("fiscal_share_max", "local_match_ratio") if rule.has(name)), None)
    figure = share or "city_fund_yuan"
    if rule.rule.kind == FUND_SHARE:
        on = max(on, rule.parameter(figure).version[0].effective_from)
    known = rule.parameter(figure).at(on) is not None
    pilots = [r for r in own if r.has("pilot_counties") and r.parameter("pilot_counties").at(on) is not None]
    return FundRule(
        rule_id=rule.id,
        kind=str(rule.rule.kind),
        policy_id=rule.policy.id,
        territory=rule.policy.territory,
        fund=_name(own, "fund_name", on) or rule.rule.title,
        manager=_name(own, "fund_manager", on),
        pays=cap_rules(policies, rule.policy.id),
        share=rule.fraction(share, on) if share and known else None,
        budget_fen=rule.fen(figure, on) if not share and known else None,
        regions=tuple(code for r in pilots for code in r.codes("pilot_counties", on)),
    )


def _name(rules: list[PolicyRule], parameter: str, on: date) -> str | None:
    """A name that one of the rules gives on a day, else the first that it ever gives."""
    for rule in rules:
        if rule.has(parameter):
            first = rule.parameter(parameter).version[0].effective_from
            return rule.text(parameter, max(on, first))
    return None


def cap_rules(policies: Policies, policy_id: str | None = None, kind: str | None = None) -> tuple[str, ...]:
    """Ids of the rules on household caps and reliefs, of one policy or kind or of all."""
    kinds = (kind,) if kind else ("household_cap", "household_relief")
    return tuple(
        rule_id
        for rule_id, rule in sorted(policies.rules.items())
        if rule.rule.kind in kinds and policy_id in (None, rule.policy.id)
    )


def relief_policies(policies: Policies, region: str) -> list[str]:
    """Ids of the policies of a region that give medical assistance, the most local first."""
    found = [rule.policy.id for kind in PAYING for rule in policies.for_region(region, kind)]
    return list(dict.fromkeys(found))


def population_policies(policies: Policies, region: str) -> list[str]:
    """Ids of the policies of a region that say who 困难群众 are, the most local first."""
    return [rule.policy.id for rule in policies.for_region(region, POPULATION)]


def within(region: str, territory: str) -> bool:
    """Whether a region is the territory or lies below it."""
    return covers(territory, region)
