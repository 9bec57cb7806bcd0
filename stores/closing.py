"""Closed payment lists (封存): what `fengding close` has frozen, `lake/closed/<rule>-<year>.json`, written once.

A record names benefit lines and amounts only; the list with names and accounts lies under `exports/closed/`.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from stores.home import Home
from stores.lake import write_text

CLOSED = pl.Schema({"benefit_id": pl.String, "closed_fen": pl.Int64})


def record_path(home: Home, rule: str, year: int) -> Path:
    """Where the record of a rule's list of a year is, or would be."""
    return home.lake / "closed" / f"{rule}-{year}.json"


def read_record(home: Home, rule: str, year: int) -> dict[str, Any] | None:
    """The record of a closed list; None while it is open."""
    path = record_path(home, rule, year)
    if not path.exists():
        return None
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def write_record(home: Home, record: dict[str, Any]) -> None:
    """Make a closing official; call it last."""
    text = json.dumps(record, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    write_text(text, record_path(home, record["rule_id"], record["cost_year"]))


def records(home: Home, on: date) -> list[dict[str, Any]]:
    """The closings made on or before a day, by rule and year."""
    found = [
        json.loads(path.read_text(encoding="utf-8")) for path in sorted((home.lake / "closed").glob("*.json"))
    ]
    return [record for record in found if record["closed_on"] <= on.isoformat()]


def closed_lines(home: Home, on: date) -> pl.DataFrame:
    """benefit_id, closed_fen: amounts of the lists closed on or before a day."""
    rows = [
        (line["benefit_id"], line["amount_fen"]) for record in records(home, on) for line in record["lines"]
    ]
    return pl.DataFrame(rows, schema=CLOSED, orient="row")


def closings_hash(home: Home, on: date) -> str:
    """What the results depend on besides files and configuration: the lists closed by then; empty without any."""
    texts = [f"{r['rule_id']}-{r['cost_year']}@{r['closed_on']}:{r['list_hash']}" for r in records(home, on)]
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16] if texts else ""


def list_hash(lines: list[dict[str, Any]]) -> str:
    """Hash of the lines of a list: benefit ids and amounts."""
    return hashlib.sha256(json.dumps(lines, sort_keys=True).encode()).hexdigest()
