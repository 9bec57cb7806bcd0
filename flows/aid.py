"""The register of help received (W-19) and the open list of high costs (Z-19) of a cost year."""

from __future__ import annotations

from datetime import date

import polars as pl

from flows.year import Tables, Year
from schemas.policy import PolicyRule
from transforms.rules import aid_register, high_cost
from transforms.spans import below, best_code_spans

REGISTER, HIGH = "aid_register", "high_cost"
PAID = {"paid_ledger": "已付台账", "payment": "其他保障待遇"}
"""Tables of received payments, and what the register calls them."""


def high_costs(year: Year, tables: Tables) -> Tables:
    """Rows of mart.high_cost where a policy asks to clear high costs, and a finding for what is still open."""
    gaps = tables.get("cap_gap")
    rules = _rules(year, HIGH)
    if gaps is None or not rules:
        return {}
    above = gaps.filter(pl.col("gap_fen") > 0)["benefit_id"]
    items = tables["benefit_item"].select("person_key", "benefit_id", "settlement_id", "counted")
    items = items.filter(pl.col("counted") & pl.col("benefit_id").is_in(above.implode()))
    paid = high_cost.self_paid(items, year.burdens.settlements)
    found = []
    for rule in rules:
        own = gaps.filter(below("region_code", rule.policy.territory))
        found.append(high_cost.high_cost(own, paid, year.year, year.on).with_columns(rule_id=pl.lit(rule.id)))
    rows = pl.concat(found)
    still = rows.filter((pl.col("state") == "open") & pl.col("n_days").is_not_null())
    findings = (
        still.group_by("rule_id", "region_code")
        .agg(n_rows=pl.len().cast(pl.Int64), amount_fen=pl.col("residual_fen").sum())
        .sort("rule_id", "region_code")
        .with_columns(
            finding=pl.col("rule_id")
            + pl.lit(" 高额医疗费用尚未化解（件数为户数，金额为超出标准而未付的部分）"),
            suggestion=pl.lit("请按户核对并办理化解；明细见 mart.high_cost。"),
        )
    )
    return {"high_cost": rows, "roster_finding": findings}


def aid(year: Year, tables: Tables) -> Tables:
    """Rows of mart.aid_register, and a finding for people whom only another department lists."""
    first, last = date(year.year, 1, 1), date(year.year, 12, 31)
    members = year.rosters.members.select("person_key", "household_id").unique()
    rows, findings = [], []
    for rule in _rules(year, REGISTER):
        codes = list(rule.rule.categories)
        own = year.rosters.certificates.filter(below("county_code", rule.policy.territory))
        held = (
            best_code_spans(own, codes, first, last)
            .sort("person_key", "valid_to")
            .unique("person_key", keep="last", maintain_order=True)
            .select("person_key", "category", region_code="county_code")
        )
        if held.is_empty():
            continue
        found = aid_register.register(_received(year, tables, held), members, held)
        towns = year.places.select("person_key", "township_code").unique("person_key")
        found = found.join(towns, on="person_key", how="left", maintain_order="left")
        rows.append(found.with_columns(rule_id=pl.lit(rule.id), cost_year=pl.lit(year.year, pl.Int32)))
        elsewhere = aid_register.listed_elsewhere(own, members, codes, first, last)
        findings.append(
            elsewhere.select(
                "region_code",
                "n_rows",
                rule_id=pl.lit(rule.id),
                finding=pl.format(
                    "{} 相对低收入家庭中有成员在“{}”名单而不在本名单", pl.lit(rule.id), "department"
                ),
                suggestion=pl.lit("请民政部门核对家庭成员和名单。"),
            )
        )
    return {
        name: pl.concat(frames)
        for name, frames in (("aid_register", rows), ("roster_finding", findings))
        if frames
    }


def _rules(year: Year, kind: str) -> list[PolicyRule]:
    rules = year.configuration.policies.rules.values()
    return sorted((rule for rule in rules if rule.rule.kind == kind), key=lambda rule: rule.id)


def _received(year: Year, tables: Tables, held: pl.DataFrame) -> pl.DataFrame:
    """Help that settlements, payments, ledgers and visits show."""
    people = held.select("person_key")
    settled = aid_register.of_settlements(year.burdens.settlements.join(people, on="person_key", how="semi"))
    return pl.concat([settled, _payments(tables), _visits(tables)])


def _payments(tables: Tables) -> pl.DataFrame:
    """Payments by their kind, those of a ledger by their rule; of a unit its household."""
    found = tables.get("payment")
    if found is None or "kind" not in found.columns:
        return aid_register.RECEIVED.to_frame()
    blank = pl.lit(None, pl.String)
    rule, number = (pl.col(name) if name in found.columns else blank for name in ("rule_id", "object_id"))
    return found.filter(pl.col("amount_fen").is_not_null()).select(
        "person_key",
        household_id=number.str.split("/").list.first(),
        aid_kind=pl.coalesce("kind", rule),
        source=pl.col("source_table").replace_strict(PAID, default=None, return_dtype=pl.String),
        amount_fen="amount_fen",
        received_on="paid_on",
    ).filter(pl.col("aid_kind").is_not_null()).cast(aid_register.RECEIVED)  # fmt: skip


def _visits(tables: Tables) -> pl.DataFrame:
    """What the townships gave on their visits, as the feedback says."""
    found = tables.get("warning")
    if found is None or "aid_fen" not in found.columns:
        return aid_register.RECEIVED.to_frame()
    return (
        found.filter(pl.col("aid_fen") > 0)
        .select(
            "person_key",
            household_id=pl.lit(None, pl.String),
            aid_kind=pl.lit("走访帮扶"),
            source=pl.lit("走访反馈"),
            amount_fen="aid_fen",
            received_on=pl.coalesce("closed_on", "visited_on"),
        )
        .cast(aid_register.RECEIVED)
    )
