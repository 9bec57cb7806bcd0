"""`fengding close`: freeze the confirmed payment list of a rule and cost year; later changes are adjustments only."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from flows.configuration import load_configuration
from flows.present import published_tables, who_and_where
from stores import closing, exports
from stores.errors import OperatorError
from stores.home import Home
from stores.state import read_published


@dataclass(frozen=True)
class Closed:
    """A frozen list; `fresh`: whether it was frozen just now."""

    record: dict[str, Any]
    folder: Path
    fresh: bool

    def report(self) -> dict[str, Any]:
        """For a program; the exit status is 0 either way."""
        lines = self.record["lines"]
        return {
            "status": "done",
            "fresh": self.fresh,
            "rule_id": self.record["rule_id"],
            "year": self.record["cost_year"],
            "closed_on": self.record["closed_on"],
            "lines": len(lines),
            "amount_fen": sum(line["amount_fen"] for line in lines),
            "due_fen": sum(line["due_fen"] for line in lines),
            "list_hash": self.record["list_hash"],
            "folder": str(self.folder),
        }

    def lines(self) -> list[str]:
        """For a person."""
        told = self.report()
        name = f"{told['rule_id']} {told['year']} 年度给付名单"
        fen = told["due_fen"]
        what = f"{told['lines']} 项，本次应付 {fen // 100:,}.{fen % 100:02d} 元"
        if not self.fresh:
            return [
                f"{name}已于 {told['closed_on']} 封存（{what}），没有改变任何内容。",
                f"封存的名单：{told['folder']}",
            ]
        return [
            f"{name}已封存：{what}。",
            f"封存的名单：{told['folder']}",
            "以后的变化只作为应补、应退列出。请重新运行 backfill 或 nightly，使查询库显示封存金额。",
        ]


def close(home: Home, rule: str, year: int, on: date) -> Closed:
    """Freeze what is confirmed in the published results; a list that is closed already stays as it is.

    OperatorError where the rule is not known, the year is not published or nothing is confirmed.
    """
    folder = home.exports / "closed" / f"{rule}-{year}"
    held = closing.read_record(home, rule, year)
    if held is not None:
        return Closed(held, folder, False)
    published = read_published(home)
    if year not in published.years and year not in published.regions:
        raise OperatorError(
            f"{year} 年度没有已发布的结果，不能封存。请先运行 fengding backfill --year {year}"
        )
    tables = published_tables(home.warehouse)
    known = sorted(load_configuration(home, None).policies.rules.keys() | {exports.CASE_BY_CASE})
    if rule not in known:
        raise OperatorError(f"没有规则 {rule}。")
    shutil.rmtree(folder, ignore_errors=True)  # left by a close that was killed before its record
    lines = exports.freeze(folder, tables, rule, year, **who_and_where(home, tables, published, None), on=on)
    if not lines:
        raise OperatorError(f"{rule} {year} 年度没有已确认、待给付的待遇，没有可封存的名单。")
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    record = {
        "rule_id": rule,
        "cost_year": year,
        "closed_on": on.isoformat(),
        "run_id": published.run_id,
        "lines": lines,
        "list_hash": closing.list_hash(lines),
        "files": manifest["files"],
    }
    closing.write_record(home, record)
    return Closed(record, folder, True)
