"""Worked cases of burden (L-02), cap (L-01 … L-06) and relief (W-01 … W-06): small tables in, small tables out, computed on paper.

A case is a TOML file: title, sentence (what it proves), worked (the arithmetic), tables in yuan; `expect_*`
tables name all rows that must come out, with the columns that matter.
"""

from __future__ import annotations

import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import tests.assess_frames as af
from tests.assess_run import TABLES, Outcome, run

FOLDER = Path(__file__).parent / "cases"
FOLDERS = ("L-01", "L-02", "L-03", "L-04", "L-05", "L-06", "W-01", "W-05", "W-06")
CASES = sorted(path for rule in FOLDERS for path in (FOLDER / rule).rglob("*.toml"))
OPTIONS = {"title", "sentence", "worked", "rule", "cost_year", "on"}
RULES = {"L-04": af.linan_cap, "W-06": af.wenzhou_relief}
RENAMED = {
    "review": "needs_review",
    "settlement": "settlement_id",
    "household": "household_id",
    "unit": "unit_id",
}


def outcomes(outcome: Outcome) -> dict[str, pl.DataFrame]:
    """Result frames by the name of the table that expects them."""
    return {
        "expect_units": outcome.assessed.cap_gap,
        "expect_lines": outcome.assessed.benefit_line,
        "expect_cases": outcome.assessed.review_case,
        "expect_items": outcome.assessed.benefit_item,
        "expect_settlements": outcome.burdens.settlements.rename(
            {"com_fen": "com_column", "com_used_fen": "com_fen", "sub_used_fen": "sub_fen"}
        ),
        "expect_payments": outcome.burdens.payments,
        "expect_persons": outcome.persons,
        "expect_households": outcome.households,
        "expect_ledger": outcome.paid,
    }


def written(value: Any, cell_of: str) -> str:
    """A result as it would be written in a case."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if cell_of.endswith("_fen"):
        text = f"{Decimal(value) / 100:.2f}"
        return text.removesuffix(".00")
    return str(value)


def column_of(frame: pl.DataFrame, name: str) -> str:
    name = RENAMED.get(name, name)
    if name == "person":
        return "person_key" if "person_key" in frame.columns else "head_person_key"
    return f"{name}_fen" if f"{name}_fen" in frame.columns else name


def compared(frame: pl.DataFrame, text: str) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """(expected, found) rows in the columns of the expecting table, sorted."""
    names = [cell.strip() for cell in text.strip().splitlines()[0].split("|")]
    columns = [column_of(frame, name) for name in names]
    expected = []
    for row in af.table(text):
        cells = [row.get(name, "") for name in names]
        persons = [
            str(af.key(cell)) if name == "person" and cell else cell
            for name, cell in zip(names, cells, strict=True)
        ]
        expected.append(tuple(persons))
    rows = frame.select(columns).rows() if len(frame) else []
    found = [tuple(written(value, name) for value, name in zip(row, columns, strict=True)) for row in rows]
    return sorted(expected), sorted(found)


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_case(path: Path) -> None:
    case = tomllib.loads(path.read_text(encoding="utf-8"))
    expecting = [name for name in case if name.startswith("expect_")]
    assert expecting and set(case) <= OPTIONS | set(TABLES) | set(expecting), path.name
    tables = {name: af.table(case[name]) for name in TABLES if name in case}
    rule = RULES[case.get("rule", "L-04")]()
    outcome = run(tables, rule, cost_year=case.get("cost_year", 2023), on=case.get("on", date(2024, 3, 15)))
    frames = outcomes(outcome)
    for name in expecting:
        expected, found = compared(frames[name], case[name])
        assert found == expected, f"{case['title']}: {name}"


def test_there_are_cases() -> None:
    assert len(CASES) >= 60
    assert {path.parts[-3] for path in CASES} == set(FOLDERS)
