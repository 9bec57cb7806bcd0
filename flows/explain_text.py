"""The explanation as a clerk reads it to the family on the telephone: short sentences, amounts with 元.

Only words: every number stands in the object that `flows.explain` has read.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flows.explain_enrolment import enrolment_lines, premium_lines
from flows.explain_visit import status_line, visit_lines
from flows.words import STATUSES, category_name

Row = dict[str, Any]
CHINESE = "一二三四五六七八九十"
PAYMENTS = {
    "named": "抵减了它所指的结算",
    "followed": "所指结算已重新结算，抵减了新的结算",
    "lump": "没有指明结算，按时间先后抵减本人当年的费用",
    "private": "商业保险，不抵减",
    "not_medical": "不是医疗补助，不抵减",
    "fund": "封顶基金自己的付款，不抵减",
    "held": "暂不抵减，待核对",
    "matched": "已付",
    "unmatched": "找不到对应的待遇，待核对",
}
STATES = {
    "counted": "计入",
    "reversed": "已冲正，视为没有发生",
    "refund": "退费行，已并入原结算",
    "listed": "待核对，不计",
    "half_missing": "标记已退费而退费行未到，不计",
    "out_of_scope": "不在范围，不计",
    "layer": "补充层次，已随主结算计入",
}


def money(yuan: str | None) -> str:
    """ "19000.00" → "19,000.00 元"; unknown: 不明."""
    return "不明" if yuan is None else f"{Decimal(yuan):,.2f} 元"


def nothing(yuan: str | None) -> bool:
    """Whether an amount is known and zero."""
    return yuan is not None and Decimal(yuan) == 0


def explain_lines(told: Row) -> list[str]:
    """The whole text."""
    kinds = {"household": "家庭", "person": "人员", "benefit": "待遇"}
    lines = [
        f"{kinds[told['object']['type']]} {told['object']['id']}，{told['year']} 年度",
        f"（运行 {told['run_id']} 在 {told['on']} 算出并保存的结果；这里只是读出，没有重新计算）",
    ]
    lines += [_conclusion(line) for line in told["benefits"]]
    parts = [("家里有谁、持什么证", _people(told))]
    parts += [(f"{_heading(line)}", _benefit(line, told)) for line in told["benefits"]]
    if not told["benefits"]:
        parts.append(("待遇", [_no_benefit(told)]))
    if all(line.get("premium") for line in told["benefits"]):
        parts.append(("看病的结算", _own_settlements(told)))
    if told.get("enrolment"):
        parts.append(("参保和资助参保", enrolment_lines(told)))
    parts.append(("其他保障和补助", _payments(told["payments"])))
    if told["decisions"]:
        parts.append(("审核决定", [_decision(row) for row in told["decisions"]]))
    if told["missing"]:
        parts.append(("还缺什么", [_missing(row) for row in told["missing"]]))
    for place, (title, text) in enumerate(parts):
        number = CHINESE[place] if place < len(CHINESE) else str(place + 1)
        lines += ["", f"{number}、{title}", *(f"  {line}" for line in text)]
    return lines


def _conclusion(line: Row) -> str:
    """The line in one sentence."""
    amount = "应付金额还算不出" if line["amount_yuan"] is None else f"应付 {money(line['amount_yuan'])}"
    visit = f"，结算 {line['settlement_id']}" if line.get("visit") else ""
    status = (
        status_line(line).removeprefix("现在的状态：")
        if visit
        else f"{STATUSES.get(line['status'], line['status'])}。"
    )
    return f"结论：{line['rule_id']}，{line['unit_id']}{visit}，{amount}，{status}"


def _people(told: Row) -> list[str]:
    names = {person["person_key"]: person for person in told["persons"]}
    lines = []
    for household in told["households"]:
        lines.append(f"家庭 {household['household_id']}。")
        if household["earlier_numbers"]:
            lines.append(
                f"以前的编号：{'、'.join(household['earlier_numbers'])}，同一户主，本年度按一个家庭算。"
            )
        if len(household["units"]) > 1:
            lines.append(
                f"家里的人持不同的证，分成 {len(household['units'])} 个单元：{'、'.join(household['units'])}。"
            )
        if year := household["year"]:
            lines.append(
                f"全家当年结算 {year['n_settlements']} 次，个人支付 {money(year['psn_yuan'])}，"
                f"各项保障以后负担 {money(year['burden_yuan'])}。"
            )
    if not told["households"]:
        lines.append("这一年不在任何救助家庭里。")
    for key, person in names.items():
        lines += _person(key, person, told)
    return lines


def _person(key: str, person: Row, told: Row) -> list[str]:
    year = person["year"] or {}
    lines = [f"{year.get('name_masked') or '姓名不明'}（{key}）："]
    for spell in person["memberships"]:
        lines.append(f"  {spell['from']} 到 {spell['to']} 在家庭 {spell['household_id']}。")
    for paper in person["certificates"]:
        until = f"到 {paper['to']}" if paper["to"] else "起，没有写失效日期"
        lines.append(
            f"  {category_name(paper['category'])}：{paper['from']} {until}"
            f"{'，' + paper['department'] + '认定' if paper['department'] else ''}。{_where(paper['source'])}"
        )
    if not person["certificates"]:
        lines.append("  没有救助证件。")
    if year.get("deceased_on"):
        lines.append(f"  {year['deceased_on']} 去世。")
    if year and (told["object"]["type"] == "person" or not told["households"]):
        lines.append(
            f"  全年结算 {year['n_settlements']} 次，总费用 {money(year['tot_yuan'])}，个人支付 {money(year['psn_yuan'])}。"
        )
        lines.append(
            f"  保险赔付 {money(year['com_yuan'])}，补助 {money(year['sub_yuan'])}，"
            f"没有用上的 {money(year['unused_yuan'])}，最后负担 {money(year['burden_yuan'])}。"
        )
    return lines


def _where(source: Row, settlement: str | None = None) -> str:
    """Which settlement, and which row of which file it came from."""
    known = [f"结算 {settlement}"] if settlement else []
    if source["file"] is not None:
        sheet = f"工作表 {source['sheet']} " if source["sheet"] else ""
        known.append(f"{source['file']} {sheet}第 {source['row']} 行")
    return f"（{'，'.join(known)}）" if known else ""


def _heading(line: Row) -> str:
    return f"{line['rule_id']} {line['title']}（{line['document'] or ''} {line['article']}）"


def _cited(line: Row, step: str) -> str:
    """Document and article of a step."""
    known = line["steps"].get(step)
    return f"{line['document']} {known['article']}" if known else str(line["article"])


def _benefit(line: Row, told: Row) -> list[str]:
    if line.get("premium"):
        return [*premium_lines(line), *_readings(line)]
    if line.get("visit"):
        return [*visit_lines(line), *_readings(line), f"12. {status_line(line)}"]
    gap = line["gap"]
    counted = [item for item in line["items"] if item["counted"]]
    others = [item for item in line["items"] if not item["counted"]]
    lines = [
        f"单元 {line['unit_id']}，待遇编号 {line['benefit_id']}，规定版本 {line['policy_version']}。",
        f"1. 谁可以享受（{_cited(line, 'eligibility')}）：{_quoted(line, 'eligibility')}",
        f"2. 计入的医疗费用（{_cited(line, 'burden')}）：" + ("" if counted else "没有。"),
        *(f"   {_item(item, told)}" for item in counted),
        "3. 没有计入的：" + ("" if others else "没有。"),
        *(f"   {_item(item, told)}" for item in others),
        *_amount(line, gap),
        *_readings(line),
        *_status(line, gap),
    ]
    return lines


def _quoted(line: Row, step: str) -> str:
    known = line["steps"].get(step)
    return f"“{known['quote']}”" if known else ""


def _item(item: Row, told: Row) -> str:
    """One settlement: what was borne, what took it down, whether it counts and why."""
    who = next((p for p in told["persons"] if p["person_key"] == item["person_key"]), None)
    name = ((who or {}).get("year") or {}).get("name_masked") or item["person_key"]
    parts = [
        f"{item['setl_date'] or '日期不明'}，{name}，{item['institution_name'] or item['institution_code'] or '机构不明'}"
    ]
    parts.append(f"个人支付 {money(item['psn_yuan'])}")
    for column, words in (("com_yuan", "保险赔付"), ("sub_yuan", "补助"), ("neg_yuan", "负面清单")):
        if not nothing(item[column]):
            parts.append(f"减去{words} {money(item[column])}")
    if item["counted"]:
        parts.append(f"自己负担 {money(item['burden_yuan'])}")
        parts.append(f"当天是{category_name(item['category_on_day'])}")
        if item["base_yuan"] != item["burden_yuan"]:
            parts.append(f"计入 {money(item['base_yuan'])}")
    parts.append(str(item["reason"]))
    return f"{'，'.join(parts)}。{_where(item['source'], item['settlement_id'])}"


def _amount(line: Row, gap: Row | None) -> list[str]:
    """Sum, yardstick, excess, rate, limit, amount: as stored."""
    article = _cited(line, "amount")
    lines = [f"4. 计入的费用合计 {money(line['base_yuan'])}。"]
    if line.get("floor_yuan") and not nothing(line["floor_yuan"]):
        lines[0] += f"合计为负，按 0 计，差 {money(line['floor_yuan'])}。"
    if line["threshold_yuan"] is not None:
        kind = f"{category_name(line['category'])}的" if line["category"] else ""
        lines.append(f"5. {kind}标准是 {money(line['threshold_yuan'])}（{article}）。")
    if gap is not None and gap["gap_yuan"] is not None:
        if nothing(gap["gap_yuan"]):
            lines.append(f"6. 没有超过，离标准还差 {money(gap['distance_yuan'])}。")
        else:
            lines.append(f"6. 超过 {money(gap['gap_yuan'])}。")
    if line["rate"] is not None:
        part = "超过的部分按" if gap is not None else "按"
        lines.append(f"7. {part} {_percent(line['rate'])} 保障（{article}）。")
    if line["limit_before_yuan"] is None:
        lines.append("8. 没有年度限额。")
    else:
        after = (
            f"，这次以后还有 {money(line['limit_after_yuan'])}"
            if line["limit_after_yuan"] is not None
            else ""
        )
        lines.append(f"8. 年度限额还有 {money(line['limit_before_yuan'])}{after}。")
    if line["amount_yuan"] is None:
        lines.append(f"9. 应付金额现在还算不出：{STATUSES.get(line['status'], line['status'])}。")
    else:
        lines.append(f"9. 应付 {money(line['amount_yuan'])}。")
    if gap is not None:
        paid = "还没有付过。" if nothing(gap["paid_yuan"]) else f"已付 {money(gap['paid_yuan'])}。"
        change = gap["adjustment_yuan"]
        if change is not None and not nothing(change) and not nothing(gap["paid_yuan"]):
            paid += (
                f"应补 {money(change)}。" if Decimal(change) > 0 else f"应退 {money(change.lstrip('-'))}。"
            )
        lines.append(f"10. {paid}")
    return lines


def _percent(rate: str) -> str:
    return f"{(Decimal(rate) * 100).normalize():f}%"


def _readings(line: Row) -> list[str]:
    """The readings that were applied; in words where another one gives another amount."""
    applied = line["readings_applied"]
    lines = [f"11. 条文可以有几种读法的地方，用的读法：{_codes(applied)}。"]
    others = line["other_readings"]
    if not others:
        return [*lines, "    已登记并测算的其他读法，金额都一样。"]
    lines.append("    换一种读法，金额会不同：")
    for reading in applied:
        mine = [other for other in others if other["reading_key"] == reading["reading_key"]]
        if mine:
            lines.append(
                f"    {reading['question'] or reading['reading_key']}？现在的读法 {_meant(reading)}。"
            )
            lines += [f"      读法 {_meant(other)}：{money(other['amount_yuan'])}。" for other in mine]
    return lines


def _codes(readings: list[Row]) -> str:
    return "、".join(f"{reading['reading_key']}={reading['reading']}" for reading in readings)


def _meant(reading: Row) -> str:
    meaning = f"（{reading['meaning']}）" if reading["meaning"] else ""
    return f"{reading['reading_key']}={reading['reading']}{meaning}"


def _status(line: Row, gap: Row | None) -> list[str]:
    lines = [f"12. 现在的状态：{STATUSES.get(line['status'], line['status'])}。"]
    if gap is not None and gap["incomplete_reason"]:
        lines += ["    数据不全的原因：", *(f"    {part}。" for part in gap["incomplete_reason"].split("；"))]
    return lines


def _no_benefit(told: Row) -> str:
    if told["asked_rule"]:
        return f"按 {told['asked_rule']} 没有待遇：这一年不是它的保障对象，或没有对应的结算。"
    return "没有待遇：这一年不在任何一项待遇的保障对象里。"


def _own_settlements(told: Row) -> list[str]:
    """Settlements of people without a benefit line."""
    if not told["settlements"]:
        return ["没有逐笔保存（只逐笔保存在册人员和有补助的人员），合计见上。"]
    lines = []
    for row in told["settlements"]:
        state = STATES.get(row["state"], row["state"])
        burden = f"，自己负担 {money(row['burden_yuan'])}" if row["state"] == "counted" else ""
        why = f"，{row['reason_zh']}" if row["reason_zh"] else ""
        place = row["institution_name"] or row["institution_code"] or "机构不明"
        day = str(row["setl_time"])[:10] if row["setl_time"] else "日期不明"
        lines.append(
            f"{day}，{place}，个人支付 {money(row['psn_yuan'])}{burden}，{state}{why}。{_where(row['source'], row['setl_id'])}"
        )
    return lines


def _payments(rows: list[Row]) -> list[str]:
    if not rows:
        return ["没有收到。"]
    lines = []
    for row in rows:
        what = row["kind"] or "已付台账"
        text = f"{row['paid_on'] or '日期不明'}，{what} {money(row['amount_yuan'])}"
        if row["payer"]:
            text += f"，{row['payer']}付"
        if (
            row["used_yuan"] is not None
            and not nothing(row["amount_yuan"])
            and row["status"] in ("named", "followed", "lump")
        ):
            text += f"，用上 {money(row['used_yuan'])}，没有用上 {money(row['unused_yuan'])}"
        text += f"。{PAYMENTS.get(row['status'], row['status'])}。"
        if row["message_zh"]:
            text += f"{row['message_zh']}。"
        lines.append(text + _where(row["source"]))
    return lines


def _decision(row: Row) -> str:
    on_list = f"名单 {row['object_id']}" if row.get("ended") else ""
    parts = [f"{row.get('decided_on') or '日期不明'}，{row.get('decision') or '决定'}{on_list}"]
    parts += [
        f"{end['person_key']} 不在名单上，{category_name(end['category'])}到 {end['valid_to']} 为止"
        for end in row.get("ended", [])
    ]
    parts += [f"取值 {row['decision_value']}"] if row.get("decision_value") else []
    parts += [f"{row['decided_by']}决定"] if row.get("decided_by") else []
    parts += [f"理由：{row['reason']}"] if row.get("reason") else []
    stale = "作出以后事实有变化，请重新审核。" if row.get("stale") else ""
    told = f"{row['message_zh']}。" if row.get("message_zh") else ""
    return f"{'，'.join(parts)}。{told}{stale}{_where(row['source'])}"


def _missing(row: Row) -> str:
    reason, source = row["reason"] or "待核对", row["source"]
    named = source["file"] is not None and source["file"] in reason  # the reason itself says where
    settlement = f"结算 {row['settlement_id']}：" if row["settlement_id"] else ""
    return f"{settlement}{reason}。{'' if named else _where(source)}"
