"""What a run says: a JSON object for programs, plain Chinese lines for people. Nothing is computed here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flows.pipeline import Outcome, read_manifest
from stores.ingest import IngestSummary

STATE_NAMES = {
    "counted": "计入",
    "netting": "部分退费已抵减",
    "reversed": "已冲正的原结算",
    "refund": "冲正（退费）行",
    "listed": "待核对（不计入）",
    "half_missing": "退费行缺失",
    "out_of_scope": "不在范围",
    "layer": "其他结算的险种层",
    "superseded": "被新版本替换",
    "duplicate": "重复",
}


def money(fen: int) -> str:
    """Fen as yuan with thousands separators."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100:,}.{abs(fen) % 100:02d}"


def ingest_report(summary: IngestSummary) -> dict[str, Any]:
    """The summary of an ingest as a JSON object."""
    files = [file.as_dict() for file in summary.files]
    return {"status": "done", "files": files, "attention": summary.attention, "dry_run": summary.dry_run}


def ingest_lines(summary: IngestSummary) -> list[str]:
    """The summary of an ingest for a person."""
    if not summary.files:
        return ["没有等待读入的文件。"]
    head = "试读（不改变任何东西）：" if summary.dry_run else "读入："
    lines = [f"{head}{len(summary.files)} 个文件"]
    for file in summary.files:
        lines.append("  " + file.line())
    return lines


def run_report(outcome: Outcome) -> dict[str, Any]:
    """The summary of a run as a JSON object."""
    years = {year: read_manifest(folder)["facts"] for year, folder in outcome.assessed.items()}
    return {
        "status": "done",
        "run_id": outcome.request.run_id,
        "nothing_new": not outcome.fresh,
        "ingested": ingest_report(outcome.ingested) if outcome.ingested else None,
        "years": years,
        "warehouse": str(outcome.warehouse),
        "exports": str(outcome.exports),
        "attention": outcome.attention,
    }


def run_lines(outcome: Outcome) -> list[str]:
    """The summary of a run for a person."""
    lines = ingest_lines(outcome.ingested) if outcome.ingested else []
    if not outcome.fresh:
        lines.append("没有新的内容：结果与上次发布相同。")
    for year, folder in sorted(outcome.assessed.items()):
        lines += year_lines(year, read_manifest(folder)["facts"])
    lines += [f"查询库：{outcome.warehouse}", f"清单：  {outcome.exports}"]
    if outcome.attention:
        lines.append(f"有 {outcome.attention} 类事项需要处理：请打开 {outcome.exports}/今日须办.xlsx")
    return lines


def year_lines(year: int, facts: dict[str, Any]) -> list[str]:
    """What a cost year came to, rows and money adding up line by line."""
    lines = [f"{year} 年度", f"  {'结算行':<12}{'行数':>12}{'总费用（元）':>24}{'个人负担（元）':>22}"]
    for row in facts["states"]:
        name = STATE_NAMES.get(row["state"], row["state"])
        lines.append(f"  {name:<12}{row['rows']:>12,}{money(row['tot']):>24}{money(row['psn']):>22}")
    total = {key: sum(row[key] for row in facts["states"]) for key in ("rows", "tot", "psn")}
    lines.append(f"  {'合计':<12}{total['rows']:>12,}{money(total['tot']):>24}{money(total['psn']):>22}")
    lines.append(
        f"  人员 {facts['persons']:,}，救助家庭 {facts['households']:,}，保障后负担 {money(facts['burden'])} 元"
    )
    for rule in facts["rules"]:
        lines += rule_lines(rule)
    return lines


def rule_lines(rule: dict[str, Any]) -> list[str]:
    """What one rule came to: units under a cap, or visits with assistance and what of them waits for a fact."""
    states = "，".join(f"{name} {count}" for name, count in sorted(rule["statuses"].items()))
    head = f"  {rule['rule_id']}（{rule['region_code']}）："
    if "lines" not in rule:
        counted = f"{rule['units']:,} 个单元，超封顶线 {rule['over']:,} 个，"
        return [f"{head}{counted}应付 {money(rule['amount'])} 元；{states}"]
    counted = f"{rule['persons']:,} 人 {rule['lines']:,} 次就医，"
    return [
        f"{head}{counted}应救助 {money(rule['amount'])} 元；{states}",
        *(
            f"    待核实：{wait['reason']}，{wait['persons']:,} 人，政策范围内费用 {money(wait['amount_fen'])} 元"
            for wait in rule["held"]
        ),
    ]


def synth_lines(summary: dict[str, Any], out: Path) -> list[str]:
    """What the generator wrote."""
    return [
        f"合成县（全部虚构）已写入 {out}",
        *(f"  {key}: {value}" for key, value in summary.items() if not isinstance(value, (list, dict))),
    ]


def check_lines(found: list[dict[str, str]]) -> list[str]:
    """One line a check."""
    marks = {"ok": "✓", "warning": "!", "error": "✗"}
    return [f"{marks[row['state']]} {row['what']}：{row['message']}" for row in found]
