"""Funds of a cost year: ledger, benefits due and payments to mart.fund_position, and what is wrong to the operator."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from fractions import Fraction

import polars as pl

from flows.counting import MULTISETS
from flows.year import Tables, Year
from schemas.policy import Policies
from schemas.targets import FUND_BUDGET, FUND_MATCH, FUND_SHARE, FundRule, fund_rules, relief_policies, within
from stores import lake
from transforms import facts
from transforms.funds import (
    ALLOCATION,
    ASSISTANCE_FUND,
    ASSISTANCE_RULE,
    INCOME,
    SIZING,
    SOURCES,
    Flows,
    Need,
    Position,
    budget,
    fiscal_share,
    flows_of,
    matched,
    need_of_assistance,
    need_of_caps,
    position_rows,
    same_fund,
    sized,
    used,
)
from transforms.indicators_people import died_by, holders

EXPENSE = "支出"
PAYING = ("assistance_special", "assistance_inpatient", "tilt")
FINDING = pl.Schema(
    {
        "region_code": pl.String, "rule_id": pl.String, "finding": pl.String, "n_rows": pl.Int64,
        "amount_fen": pl.Int64, "suggestion": pl.String,
    }
)  # fmt: skip
BROKEN = {
    SIZING: ("已筹资金少于应付，差额见金额", "请筹集资金；待遇按全额记账，不打折。"),
    "fund_share": ("财政资金占比超过上限，超出部分见金额（左右两边按整数比较）", "请核对资金来源；条文为“原则上”，超出只提示。"),
    FUND_BUDGET: ("市级筹集额未达到年度数额，差额见金额", "请核对基金台账是否已登记全部收入。"),
    FUND_MATCH: ("地方配套少于市级分配，差额见金额", "请筹集配套化解资金，或补登基金台账。"),
    ASSISTANCE_RULE: ("已支出超过台账所列预算，超出部分见金额", "请核对预算和支出。"),
}  # fmt: skip
Row = tuple[str | None, str, str, int, int | None, str]


def funds(year: Year, tables: Tables) -> Tables:
    """mart.fund_position, and findings: checks that do not hold, ledger rows that nothing can be done with."""
    ledger = ledger_of(year)
    own = ledger.filter(pl.col("year") == year.year)
    rules = fund_rules(year.configuration.policies, year.year)
    made = [*_named(year, tables, own, rules), *_assistance(year, tables, own)]
    made += _others(own, year.year, {p.fund for p in made} | {rule.fund for rule in rules})
    kinds = {rule.rule_id: rule.kind for rule in rules}
    asked = made + [sized(position) for position in made if kinds.get(position.rule_id or "") == FUND_SHARE]
    findings = [*_not_met(asked, kinds), *_strange(own, rules, year.year), *_expenses(own, made, year.year)]
    return {
        "fund_position": position_rows(made),
        "roster_finding": pl.DataFrame(findings, schema=FINDING, orient="row"),
    }


def ledger_of(year: Year) -> pl.DataFrame:
    """基金台账 of all years in force, without what is delivered twice."""
    rows = lake.scan(year.home, "fund_ledger", year.files)
    counted, _ = facts.counted(rows, year.files, MULTISETS["fund_ledger"])
    return counted.collect()


def _named(year: Year, tables: Tables, ledger: pl.DataFrame, rules: list[FundRule]) -> list[Position]:
    """Funds that a document names, each with its check in the region that it looks at: one row a region, year and fund."""
    found: list[Position] = []
    for rule in rules:
        if rule.kind == FUND_MATCH:
            for county in _counties(ledger, tables, rule):
                flows = flows_of(ledger, rule.fund, [county])
                found.append(matched(_position(year, tables, rule, county, flows), rule.share))
            continue
        # of a city's fund the counties' income is their own share: it stands in their rows
        counties = set(_regions_below(ledger, rule)) - {rule.territory}
        apart = rule.kind == FUND_BUDGET
        flows = flows_of(ledger, rule.fund, [rule.territory, None] if apart else None)
        if apart:
            flows = replace(
                flows, allocated=flows_of(ledger, rule.fund, [rule.territory, None, *counties]).allocated
            )
        here = _position(year, tables, rule, rule.territory, flows)
        found.append(budget(here, rule.budget_fen) if apart else fiscal_share(here, rule.share))
    return found


def _position(year: Year, tables: Tables, rule: FundRule, region: str, flows: Flows) -> Position:
    """The fund of a rule in a region, with what its units need."""
    gaps = tables.get("cap_gap", pl.DataFrame())
    whole = region == rule.territory
    paid_known = lake.delivered(year.files, "paid_ledger")
    need = need_of_caps(gaps, rule.pays, None if whole else region, _passed(year), paid_known=paid_known)
    if need != Need():
        codes = _categories(year.configuration.policies, rule)
        gone = died_by(year.people.people, year.until)
        people = holders(year.rosters.certificates, codes, region, year.until, gone)
        need = replace(need, n_objects=len(people))
    return Position(region, year.year, rule.fund, rule.rule_id, flows, need)


def _passed(year: Year) -> Fraction:
    """The share of the year that has gone by on the day of the run."""
    first, last = date(year.year, 1, 1), date(year.year, 12, 31)
    days = (min(year.on, last) - first).days + 1
    return Fraction(max(days, 1), (last - first).days + 1)


def _categories(policies: Policies, rule: FundRule) -> list[str]:
    return [code for name in rule.pays for code in policies.rule(name).rule.categories]


def _regions_below(ledger: pl.DataFrame, rule: FundRule) -> list[str]:
    """Regions of the ledger's rows of a fund that lie in its territory, in order."""
    rows = ledger.filter(
        pl.Series([same_fund(n, rule.fund) for n in ledger["fund"].to_list()], dtype=pl.Boolean)
    )
    return sorted(code for code in rows["region_code"].drop_nulls().unique() if within(code, rule.territory))


def _counties(ledger: pl.DataFrame, tables: Tables, rule: FundRule) -> list[str]:
    """Counties that a matching rule looks at: those of the ledger, and those with units (pilot counties where named)."""
    gaps = tables.get("cap_gap", pl.DataFrame())
    paying = gaps.filter(pl.col("rule_id").is_in(list(rule.pays))) if not gaps.is_empty() else None
    with_units: list[str] = [] if paying is None else paying["region_code"].unique().to_list()
    pilots = [code for code in with_units if not rule.regions or code in rule.regions]
    return sorted({*pilots, *_regions_below(ledger, rule)} - {rule.territory})


def _assistance(year: Year, tables: Tables, ledger: pl.DataFrame) -> list[Position]:
    """The assistance fund of each county whose policy gives medical assistance (P-38)."""
    policies = year.configuration.policies
    counties = sorted(year.rosters.certificates["county_code"].drop_nulls().unique())
    lines, audit = tables.get("benefit_line", pl.DataFrame()), tables.get("assistance_audit", pl.DataFrame())
    found = []
    for county in counties:
        for policy_id in relief_policies(policies, county)[:1]:
            rules = [
                r.id for r in policies.rules.values() if r.policy.id == policy_id and r.rule.kind in PAYING
            ]
            flows = flows_of(ledger, ASSISTANCE_FUND, [county])
            need = need_of_assistance(lines, audit, rules, county)
            found.append(used(Position(county, year.year, ASSISTANCE_FUND, ASSISTANCE_RULE, flows, need)))
    return found


def _others(ledger: pl.DataFrame, year: int, known: Iterable[str]) -> list[Position]:
    """Funds of the ledger that no document names: what was raised, without a check."""
    names = [*known]
    found = []
    for fund, region in ledger.select("fund", "region_code").unique().sort("fund", "region_code").iter_rows():
        if not any(same_fund(fund, name) for name in names):
            flows = flows_of(ledger.filter(pl.col("fund") == fund), fund, [region])
            found.append(Position(region, year, fund, None, flows, Need()))
    return found


def _not_met(made: list[Position], kinds: dict[str, str]) -> list[Row]:
    """A finding for each check that does not hold, with the difference of its two sides."""
    found: list[Row] = []
    for position in made:
        if position.met is False and position.left is not None and position.right is not None:
            rule = position.rule_id or ""
            text, todo = BROKEN[kinds.get(rule, rule)]
            difference = abs(position.left - position.right)
            finding = f"{position.year}年{position.fund}：{text}"
            found.append((position.region_code, rule, finding, 1, difference, todo))
    return found


def _strange(ledger: pl.DataFrame, rules: list[FundRule], year: int) -> list[Row]:
    """Ledger rows with an unknown flow or source, and allocations to counties that are no pilot ones."""
    flow = ~pl.col("flow").is_in([INCOME, EXPENSE, ALLOCATION])
    source = (pl.col("flow") == INCOME) & ~pl.col("source_kind").is_in(list(SOURCES)).fill_null(False)
    found: list[Row] = []
    for rows, text, todo in (
        (ledger.filter(flow), "收支一栏不是收入、支出或分配，未计入", "请更正基金台账的收支。"),
        (ledger.filter(source), "收入的来源类别不在约定范围，按其他来源计", "请更正基金台账的来源类别。"),
    ):
        for fund, amount, count in (
            rows.group_by("fund").agg(pl.col("amount_fen").sum(), pl.len()).sort("fund").iter_rows()
        ):
            found.append((None, "fund_ledger", f"{year}年{fund}：{text}", count, amount, todo))
    for rule in rules:
        if rule.kind == FUND_BUDGET and rule.regions:
            outside = [
                code for code in _regions_below(ledger, rule) if code not in (*rule.regions, rule.territory)
            ]
            for code in outside:
                given = flows_of(ledger, rule.fund, [code]).allocated
                if given:
                    text = f"{year}年{rule.fund}分配给非试点县（市、区）"
                    found.append((code, rule.rule_id, text, 1, given, "专项用于试点县（市、区），请核对。"))
    return found


def _expenses(ledger: pl.DataFrame, made: list[Position], year: int) -> list[Row]:
    """Funds whose ledger shows another expense than the paid ledger."""
    found: list[Row] = []
    seen: set[tuple[str | None, str]] = set()
    for position in made:
        key = (position.region_code, position.fund)
        if key in seen or position.need.paid is None or position.rule_id == ASSISTANCE_RULE:
            continue
        seen.add(key)
        mine = [same_fund(name, position.fund) for name in ledger["fund"].to_list()]
        spent = ledger.filter(pl.Series(mine, dtype=pl.Boolean) & (pl.col("flow") == EXPENSE))
        there = pl.col("region_code").fill_null(pl.lit(position.region_code)) == pl.lit(position.region_code)
        total = int(spent.filter(there)["amount_fen"].sum())
        if not spent.is_empty() and total != position.need.paid:
            text = f"{year}年{position.fund}：基金台账的支出与已付台账不一致，差额见金额"
            row = (
                position.region_code,
                "fund_ledger",
                text,
                1,
                abs(total - position.need.paid),
                "请核对两本台账。",
            )
            found.append(row)
    return found
