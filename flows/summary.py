"""A run's summary as Markdown, kept with the run on the Prefect server: counts and sums, no person and no file name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flows.messages import STATE_NAMES, money
from flows.pipeline import Outcome, Request, read_manifest
from stores.ingest import IngestSummary

FILE_STATES = {
    "read": "已读入", "refused": "未读入", "known": "以前收到过", "withdrawn": "已撤回", "would_read": "可读入",
}  # fmt: skip


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """Lines of a Markdown table; numbers with thousands separators, a bar in a text escaped."""

    def cell(value: Any) -> str:
        return f"{value:,}" if isinstance(value, int) else str(value).replace("|", "\\|").replace("\n", " ")

    lines = [head, ["---"] * len(head), *([cell(value) for value in row] for row in rows)]
    return [f"| {' | '.join(line)} |" for line in lines] + [""]


def head_lines(request: Request, result: str) -> list[str]:
    """Title of a run and what became of it."""
    name = {"nightly": "每晚的运行", "backfill": "年度重算"}.get(request.kind, request.kind)
    return [
        f"# {name}：{result}",
        "",
        f"运行编号 {request.run_id}，开始于 {request.started_at:%Y-%m-%d %H:%M:%S}，运行日期 {request.on}。",
        "",
    ]


def run_markdown(outcome: Outcome) -> str:
    """What a run did: files, cost years, rules, and how many things need a person."""
    lines = head_lines(outcome.request, "完成")
    if outcome.attention:
        lines += [f"**有 {outcome.attention} 类事项需要处理**：请打开 {outcome.exports}/今日须办.xlsx", ""]
    lines += file_lines(outcome.ingested) if outcome.ingested else []
    if not outcome.fresh:
        lines += ["没有新的内容：结果与上次发布相同。", ""]
    for year, folder in sorted(outcome.assessed.items()):
        lines += year_lines(year, read_manifest(folder)["facts"], year in outcome.fresh)
    return "\n".join([*lines, f"查询库：{outcome.warehouse}", "", f"清单：{outcome.exports}", ""])


def file_lines(summary: IngestSummary) -> list[str]:
    """The files of a run by number: a name given by a sender may name a person."""
    if not summary.files:
        return ["没有等待读入的文件。", ""]
    rows = [
        (file.file_id or "—", FILE_STATES.get(file.status, file.status), file.layout or "—", file.rows, file.n_rejected)
        for file in summary.files
    ]  # fmt: skip
    return [f"## 文件 {len(rows)} 个", "", *table(("编号", "状态", "识别为", "行数", "退回"), rows)]


def year_lines(year: int, facts: dict[str, Any], fresh: bool) -> list[str]:
    """One cost year: rows and money by state, and what each rule came to."""
    states = [
        (STATE_NAMES.get(row["state"], row["state"]), row["rows"], money(row["tot"]), money(row["psn"]))
        for row in facts["states"]
    ]
    rules = [
        (
            rule["rule_id"],
            rule["region_code"],
            rule["units"] if "units" in rule else rule["persons"],
            money(rule["amount"]),
            "，".join(f"{name} {count}" for name, count in sorted(rule["statuses"].items())),
        )
        for rule in facts["rules"]
    ]
    return [
        f"## {year} 年度{'' if fresh else '（输入没有变化，沿用已有结果）'}",
        "",
        f"人员 {facts['persons']:,}，救助家庭 {facts['households']:,}，保障后负担 {money(facts['burden'])} 元。",
        "",
        *table(("结算行", "行数", "总费用（元）", "个人负担（元）"), states),
        *table(("规则", "区划", "单元或人数", "金额（元）", "状态"), rules),
    ]


def failure_markdown(request: Request, why: str) -> str:
    """That a run failed, and why."""
    return "\n".join([*head_lines(request, "失败"), f"**原因**：{why}", "", "已发布的结果没有改变。", ""])
