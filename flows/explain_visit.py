"""What a clerk reads to a family about one visit under 医疗救助 or 倾斜救助: short sentences, only words, no numbers made.

Every amount stands in the object that `flows.explain_rows` has read.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flows.words import STATUSES, category_name

Row = dict[str, Any]
REFERRALS = {
    "referred": "已按规定转诊",
    "in_order": "按规定备案或急诊，视同转诊",
    "emergency": "急诊，视同转诊（待复核）",
    "local": "在本地就医，不需要转诊",
    "not_needed": "不需要转诊",
    "not_referred": "没有按规定转诊",
    "unknown": "转诊情况不明",
}
LEVELS = {1: "一级", 2: "二级", 3: "三级"}
ASK = {
    "特殊疾病清单": "等医保局提供本地特殊疾病清单以后就能算出。",
    "医疗类别": "等医疗类别代码补齐以后就能算出。",
    "政策范围内费用": "等医院或经办机构补报费用资料以后就能算出。",
    "基本医保": "等医院或经办机构补报基金支付资料以后就能算出。",
    "医疗机构级别": "等医院等级补报以后就能算出。",
    "转诊情况": "请家里提供转诊单或备案凭证，交经办机构核定。",
    "就医地": "等医院所在地补报以后就能算出。",
}
"""What the family or the office can do about a held line, by the beginning of its reason."""


def money(yuan: str | None) -> str:
    """ "19000.00" → "19,000.00 元"; unknown: 不明."""
    return "不明" if yuan is None else f"{Decimal(yuan):,.2f} 元"


def nothing(yuan: str | None) -> bool:
    """Unknown, or zero."""
    return yuan is None or Decimal(yuan) == 0


def percent(rate: str) -> str:
    """ "0.800000" → "80%"."""
    return f"{(Decimal(rate) * 100).normalize():f}%"


def visit_lines(line: Row) -> list[str]:
    """The steps of one line: who, which visit, what counts, threshold, rate, account, amount, what was paid."""
    visit = line["visit"]
    lines = [
        f"待遇编号 {line['benefit_id']}，规定版本 {line['policy_version']}。",
        f"1. 谁可以享受（{cited(line)}）：{quoted(line)}",
        f"2. 这次就医：{_which(line)}",
        *(f"   {text}" for text in _circumstances(line)),
        f"3. {_base(line)}",
        f"4. {_threshold(line)}",
        f"5. {_rate(line)}",
        f"6. {_account(line)}",
        f"7. {_result(line)}",
        *(f"8. {text}" for text in _given(line)),
    ]
    if visit and visit["held_reason"]:
        lines += _held(visit["held_reason"])
    return lines


def cited(line: Row) -> str:
    """Document and article of the amount."""
    return f"{line['document']} {line['article']}"


def quoted(line: Row) -> str:
    """The words of the article."""
    known = line["steps"].get("amount")
    return f"“{known['quote']}”" if known else ""


def _which(line: Row) -> str:
    items = line["items"]
    places = dict.fromkeys(
        item["institution_name"] or item["institution_code"] or "机构不明" for item in items
    )
    days = sorted(item["setl_date"] for item in items if item["setl_date"])
    visit = line["visit"] or {}
    inpatient = visit.get("inpatient")
    stay = "住院还是门诊不明" if inpatient is None else "住院" if inpatient else "门诊"
    when = days[-1] if days else visit.get("visit_date") or "日期不明"
    many = f"，共 {len(items)} 次结算" if len(items) > 1 else ""
    return f"{when} 结算，{'、'.join(places) or '机构不明'}，{stay}{many}，结算 {line['settlement_id']}。"


def _circumstances(line: Row) -> list[str]:
    """Category, disease, level and referral, as the run knew them."""
    visit = line["visit"]
    told = [f"当天的身份是{category_name(line['category'])}。"] if line["category"] else []
    if not visit or visit.get("visit_date") is None:
        return told
    special = {True: "特殊疾病", False: "特殊疾病以外的其他疾病"}.get(
        visit["special"], "是不是特殊疾病还不清楚"
    )
    if visit["by_diagnosis"]:
        special += "（按出院诊断认定，待复核）"
    level = LEVELS.get(visit["level"], "等级不明")
    told.append(f"{special}；医院{level}；{REFERRALS.get(visit['referral'], visit['referral'])}。")
    return told


def _base(line: Row) -> str:
    """What the rate is taken of."""
    visit = line["visit"] or {}
    if line["base_yuan"] is None:
        return "医保报销以后剩下的政策范围内费用还不清楚。"
    rest = f"总费用 {money(visit.get('tot_yuan'))}，其中政策范围内 {money(visit.get('pol_yuan'))}；"
    left = f"基本医保、大病保险等报销以后，政策范围内还剩 {money(visit.get('r0_yuan'))}"
    if visit.get("kind") == "tilt":
        return f"{rest}{left}，再减去医疗救助，剩 {money(line['base_yuan'])}。"
    floor = "（为负，按 0 计）" if line.get("floor_yuan") and not nothing(line["floor_yuan"]) else ""
    return f"{rest}{left}{floor}，按 {money(line['base_yuan'])} 计算。"


def _threshold(line: Row) -> str:
    kind = (line["visit"] or {}).get("kind")
    if line["threshold_yuan"] is None:
        return "没有起付线，从第一元算起。"
    if kind == "tilt":
        return f"{category_name(line['category'])}的起付线是 {money(line['threshold_yuan'])}，达到的才有倾斜救助。"
    return f"一次住院政策范围内费用要超过 {money(line['threshold_yuan'])}。"


def _rate(line: Row) -> str:
    return "没有比例。" if line["rate"] is None else f"救助比例是 {percent(line['rate'])}（{cited(line)}）。"


def _account(line: Row) -> str:
    if line["limit_before_yuan"] is None:
        return "年度限额不明。"
    after = line["limit_after_yuan"]
    left = f"，这次以后还有 {money(after)}" if after is not None else ""
    return f"这次以前年度限额还有 {money(line['limit_before_yuan'])}{left}。"


def _result(line: Row) -> str:
    note = (line["visit"] or {}).get("note")
    why = f"（{note}）" if note and not note.startswith("待核实") else ""
    if line["amount_yuan"] is None:
        return "应付金额现在还算不出。"
    return f"应付 {money(line['amount_yuan'])}{why}。"


def _given(line: Row) -> list[str]:
    """What was given at the settlement and paid since, and what is left of it."""
    told = []
    if not nothing(line.get("recorded_yuan")):
        told.append(f"结算时已经救助 {money(line['recorded_yuan'])}，不再重复付。")
    if not nothing(line.get("paid_yuan")):
        told.append(f"已付 {money(line['paid_yuan'])}。")
    if not nothing(line.get("closed_yuan")):
        told.append(f"给付名单已封存，名单上是 {money(line['closed_yuan'])}。")
    change = str(line.get("adjustment_yuan") or "")
    if line["status"] in ("adjust_up", "adjust_down") and not nothing(change):
        word = "应补" if Decimal(change) > 0 else "应退"
        told.append(f"{word} {money(change.lstrip('-'))}。")
    return told


def _held(reason: str) -> list[str]:
    """Why nothing can be said yet, and who can help."""
    help_ = next((text for start, text in ASK.items() if reason.startswith(start)), "请联系经办机构核实。")
    return [f"   暂时算不出的原因：{reason}。{help_}"]


def status_line(line: Row) -> str:
    """The status in words; on a visit line nothing is said of a cap."""
    words = {"within": "没有应付的金额", "due": "应付，等待确认", "held": "缺少事实，等待核实"}
    return f"现在的状态：{words.get(line['status'], STATUSES.get(line['status'], line['status']))}。"
