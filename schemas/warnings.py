"""Warning standards (预警监测标准) of a county and year: what is watched, of whom, against which threshold.

A rule that names a yardstick instead of a figure (L-21, L-22: 上年度人均可支配收入) reads `income.csv`; without the year
before the latest earlier one stands in, provisional (A-L16). A standard without a figure warns nobody and says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

import polars as pl

from schemas.policy import Policies, PolicyRule, covers

INCOME_KINDS = {"urban": "城镇居民人均可支配收入", "rural": "农村居民人均可支配收入"}
UNSETTLED = ("暂", "provisional", "初步", "预计")
"""What the status of a published figure says where it may still change."""


@dataclass(frozen=True)
class WarningStandard:
    """A warning rule in one county and cost year; amounts in fen.

    `threshold_fen` None: no standard, `missing` says why. `insutypes` empty: by identity (`categories`), else by scheme.
    `watch_share` None: no early level. `provisional`: the figure is not the one that the rule asks for, or may change.
    """

    rule_id: str
    region_code: str
    title: str
    article: str
    measure: str
    operator: str
    categories: tuple[str, ...]
    insutypes: tuple[str, ...]
    threshold_fen: int | None
    provisional: bool = False
    basis: str = ""
    missing: str = ""
    watch_share: Fraction | None = None

    @property
    def watch_fen(self) -> int | None:
        """The smallest measure in fen that is watched; None without a threshold."""
        if self.threshold_fen is None:
            return None
        if self.watch_share is None:
            return self.threshold_fen + (self.operator == ">")
        exact = self.threshold_fen * self.watch_share
        return max(-(-exact.numerator // exact.denominator), 1)

    @property
    def over_fen(self) -> int | None:
        """The smallest measure in fen that is over the threshold."""
        return None if self.threshold_fen is None else self.threshold_fen + (self.operator == ">")


@dataclass(frozen=True)
class CaseFlow:
    """How a county handles its cases: the working days for a visit, and the working day of a month of the full list."""

    rule_id: str
    visit_working_days: int
    issue_working_day: int


def warning_standards(
    policies: Policies, income: pl.DataFrame, counties: Sequence[str], year: int
) -> list[WarningStandard]:
    """The standards of a cost year for each county under a warning rule, by rule and county."""
    found = []
    for rule in sorted(policies.rules.values(), key=lambda r: r.id):
        if rule.rule.kind != "warning":
            continue
        for county in sorted(set(counties)):
            if covers(rule.policy.territory, county):
                standard = _standard(policies, rule, income, county, year)
                if standard is not None:
                    found.append(standard)
    return found


def case_flow(policies: Policies, county: str, on: date) -> CaseFlow | None:
    """How the most local policy of the county has its cases handled on a day; None where none says."""
    for rule in policies.for_region(county, "case_flow"):
        day = max(on, rule.parameter("visit_working_days").version[0].effective_from)
        return CaseFlow(
            rule.id, rule.number("visit_working_days", day), rule.number("issue_working_day", day)
        )
    return None


def monitored(policies: Policies, county: str) -> tuple[str, ...]:
    """Categories whose members are in the risk register whatever they spend (重点监测对象, Z-08; P-27).

    Those whom a county's own case rule is about (相对低收入家庭, W-14) are added to them.
    """
    groups = policies.for_region(county, "population")
    rules = groups[:1] or [r for r in policies.for_region(county, "warning") if r.rule.categories][:1]
    rules += policies.for_region(county, "case_flow")
    return tuple(dict.fromkeys(code for rule in rules for code in rule.rule.categories))


def hardship(policies: Policies, county: str) -> tuple[str, ...]:
    """Categories that make a warning one of return to poverty (返贫): those of the county's warning rules."""
    own = [
        code for rule in policies.for_region(county, "warning") for code in rule.rule.categories
    ] or monitored(policies, county)
    return tuple(dict.fromkeys(own))


def _standard(
    policies: Policies, rule: PolicyRule, income: pl.DataFrame, county: str, year: int
) -> WarningStandard | None:
    """The standard of one rule; None in a year for which the document has none."""
    day = date(year, 12, 31)
    threshold, provisional, basis, missing = _threshold(rule, income, county, year, day)
    if threshold is None and not missing:
        return None
    return WarningStandard(
        rule_id=rule.id,
        region_code=county,
        title=rule.rule.title,
        article=rule.rule.article,
        measure=str(rule.rule.measure),
        operator=str(rule.rule.operator),
        categories=tuple(rule.rule.categories),
        insutypes=rule.codes("insutype", day) if _holds(rule, "insutype", day) else (),
        threshold_fen=threshold,
        provisional=provisional,
        basis=basis,
        missing=missing,
        watch_share=_watch_share(policies, rule, county, day),
    )


def _holds(rule: PolicyRule, name: str, day: date) -> bool:
    return rule.has(name) and rule.parameter(name).at(day) is not None


def _watch_share(policies: Policies, rule: PolicyRule, county: str, day: date) -> Fraction | None:
    """The rule's own share of the threshold from which it is watched, else that of the county's policies (Z-12)."""
    for source in [rule, *policies.for_region(county, "early_warning")]:
        if _holds(source, "watch_share", day):
            return source.fraction("watch_share", day)
    return None


def _threshold(
    rule: PolicyRule, income: pl.DataFrame, county: str, year: int, day: date
) -> tuple[int | None, bool, str, str]:
    """(threshold in fen, provisional, what it is, why there is none); no figure and no reason: not in force."""
    if rule.has("threshold_yuan"):
        if not _holds(rule, "threshold_yuan", day):
            return None, False, "", ""
        return rule.fen("threshold_yuan", day), False, rule.parameter("threshold_yuan").title, ""
    if not rule.has("income_kind"):
        return None, False, "", "预警标准没有配置（由本地结合实际确定）"
    if not _holds(rule, "income_kind", day):
        return None, False, "", ""
    kind, wanted = rule.text("income_kind", day), year - rule.number("income_years_back", day)
    rows = income.filter(
        (pl.col("region_code") == county) & (pl.col("kind") == kind) & pl.col("amount_fen").is_not_null()
    ).filter(pl.col("year") <= wanted)
    name = INCOME_KINDS.get(kind, kind)
    if rows.is_empty():
        return None, False, "", f"缺少{wanted}年度及以前的{name}"
    latest = rows.sort("year").row(-1, named=True)
    open_figure = any(word in str(latest["status"]).lower() for word in UNSETTLED)
    provisional = latest["year"] < wanted or open_figure
    return int(latest["amount_fen"]), provisional, f"{latest['year']}年度{name}", ""
