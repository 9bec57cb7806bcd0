"""What a run has stored about a person's cover and premium subsidy, for `fengding explain`. Computes nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import polars as pl

from flows.stored import Source
from flows.words import STATUSES, category_name
from schemas.policy import Policies
from schemas.premium import TIER1, TIER2

Row = dict[str, Any]
FINDINGS = {
    "not_insured": "未参保",
    "premium_unpaid": "保费未缴",
    "paid_not_active": "已缴费未生效",
    "active_twice": "重复参保",
    "gap": "断保",
    "insured_elsewhere": "在外地参保",
    "deceased": "死亡后仍参保",
    "waiting_period": "不应设等待期",
    "active_no_roster": "按救助对象参保而不在名册",
    "temporary_subsidy": "临时性参保补助候选",
}
VERDICTS = {
    "match": "与台账相符",
    "under": "台账资助少于应资助",
    "over": "台账资助多于应资助",
    "held": "缺少事实，暂不核定",
    "no_ledger": "没有资助参保台账，无法核对",
    "not_determined": "文件没有资助比例，只列台账记录",
}


def is_premium(policies: Policies, rule_id: str) -> bool:
    """Whether a rule is one of the premium subsidy, whose line rests on a premium line and not on settlements."""
    rule = policies.rules.get(rule_id)
    return rule is not None and rule.rule.kind in (TIER1, TIER2)


def enrolment_of(source: Source, people: list[int]) -> dict[int, Row]:
    """What is stored of these people, by person: enrolment (status), subsidies, gaps; without rows: not there."""
    found: dict[int, Row] = {}
    for name, table in (("status", "enrolment"), ("subsidies", "premium_subsidy"), ("gaps", "enrolment_gap")):
        if not source.has(table):
            continue
        rows = source.scan(table).filter(pl.col("person_key").is_in(people)).collect()
        for row in rows.iter_rows(named=True):
            found.setdefault(row["person_key"], {}).setdefault(name, []).append(_told(row))
    return found


def _told(row: Row) -> Row:
    """A row without its key: fen as yuan text, dates as text."""
    shown: Row = {}
    for name, value in row.items():
        if name == "person_key":
            continue
        if name.endswith("_fen"):
            shown[f"{name.removesuffix('_fen')}_yuan"] = None if value is None else _yuan(value)
        elif value is None or isinstance(value, (bool, int, str)):
            shown[name] = value
        else:
            shown[name] = str(value)
    return shown


def _yuan(fen: int) -> str:
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def enrolment_lines(told: Row) -> list[str]:
    """Cover, subsidies and gaps of the people of an explanation as sentences for a clerk."""
    lines = []
    for person in told["persons"]:
        known = told["enrolment"].get(person["person_key"])
        if known is None:
            continue
        lines.append(f"{(person['year'] or {}).get('name_masked') or '姓名不明'}（{person['person_key']}）：")
        lines += [f"  参保：{_status(row)}" for row in known.get("status", [])]
        lines += [
            f"  资助参保 {row['insurance_year']} 年度：{_subsidy(row)}" for row in known.get("subsidies", [])
        ]
        lines += [f"  {_gap(row)}" for row in known.get("gaps", [])]
    return lines


def premium_lines(line: Row) -> list[str]:
    """A benefit line of the premium subsidy as sentences: who, what share of which standard, what is due."""
    item = next(iter(line["items"]), None)
    paid = "缴费日期不明"
    if item is not None:
        where = item["source"]
        row = f"（{where['file']} 第 {where['row']} 行）" if where["file"] else ""
        paid = f"{item['setl_date'] or '日期不明'} 缴费，本人缴 {_money(item['psn_yuan'])}{row}"
    amount = "应资助金额还算不出" if line["amount_yuan"] is None else f"应资助 {_money(line['amount_yuan'])}"
    share = f"比例 {_share(line['rate'])}（{line['document']} {line['article']}）"
    return [
        f"待遇编号 {line['benefit_id']}，规定版本 {line['policy_version']}。",
        f"1. 谁可以享受：缴费当日（当日没有的看参保年度1月1日）的类别是{category_name(line['category'])}。",
        f"2. 凭什么：{paid}。",
        f"3. 一档个人缴费标准 {_money(line['base_yuan'])}，{share}。",
        f"4. {amount}；状态：{STATUSES.get(line['status'], line['status'])}。",
    ]


def _money(yuan: str | None) -> str:
    return "不明" if yuan is None else f"{yuan} 元"


def _share(rate: str | None) -> str:
    return "不明" if rate is None else f"{(Decimal(rate) * 100).normalize():f}%"


def _gap(row: Row) -> str:
    since = f"（自 {row['since']}）" if row["since"] else ""
    return f"{FINDINGS.get(row['finding'], row['finding'])}{since}：{row['suggestion']}"


def _status(row: Row) -> str:
    if row["insured"] is None:
        return "没有收到参保信息，不明。"
    paid = {None: "缴费情况不明", True: "当年居民保费已缴", False: "没有当年居民缴费记录"}[
        row["premium_paid"]
    ]
    if not row["insured"]:
        since = f"，自 {row['lapsed_on']} 起中断" if row["lapsed_on"] else ""
        return f"没有有效参保{since}；{paid}。"
    scheme = "、".join(
        name for name, held in (("职工医保", row["employee"]), ("居民医保", row["resident"])) if held
    )
    return f"{scheme or '其他医疗保障'}正常，参保地 {row['insured_in']}；{paid}。"


def _subsidy(row: Row) -> str:
    parts = [f"类别{category_name(row['category'])}"]
    if row["tier"]:
        tier = str(row["tier"])
        parts.append({"1": "一档", "2": "二档"}.get(tier, tier))
    if row["subsidy_yuan"] is not None:
        share = f"的 {_share(row['rate'])}" if row["rate"] is not None else ""
        parts.append(f"一档标准 {row['standard_yuan']} 元{share}，应资助 {row['subsidy_yuan']} 元")
    else:
        parts.append("应资助金额未定")
    if row["actual_yuan"] is not None:
        parts.append(f"台账实际资助 {row['actual_yuan']} 元")
    verdict = str(row["verdict"])
    parts.append(VERDICTS.get(verdict, verdict))
    if row["reason"]:
        parts.append(row["reason"])
    if row["before_document"]:
        parts.append("缴费早于文件日期，金额供参考")
    return "，".join(parts) + "。"
