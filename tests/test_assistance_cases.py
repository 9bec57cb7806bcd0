"""Worked cases of assistance (P-16, P-17), tilt relief (P-24) and the audit (P-40), computed on paper.

A case is a TOML file: title, sentence (what it proves), worked (the arithmetic), tables in yuan; `expect_*` tables
name all rows that must come out, with the columns that matter. Cells of a table that is left out take the values that
`tests.assistance_run` gives them.
"""

from __future__ import annotations

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import tests.assess_frames as af
from tests.assistance_run import TABLES, Outcome, run

FOLDER = Path(__file__).parent / "cases"
FOLDERS = (
    *("P-01", "P-04", "P-12", "P-13", "P-14", "P-15", "P-16", "P-17"),
    *("P-18", "P-20", "P-22", "P-24", "P-26", "P-40"),
)
CASES = sorted(path for rule in FOLDERS for path in (FOLDER / rule).rglob("*.toml"))
OPTIONS = {"title", "sentence", "worked", "year", "disease_list"}
COLUMNS = {
    "rule": "rule_id", "settlement": "settlement_id", "review": "needs_review", "before": "limit_before_fen",
    "after": "limit_after_fen", "key": "reading_key", "household": "household_id_on_day",
}  # fmt: skip


def written(value: Any, column: str) -> str:
    """A result as it would be written in a case; ? is an amount that is not known."""
    if value is None:
        return "?"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if column.endswith("_fen"):
        return f"{Decimal(value) / 100:.2f}".removesuffix(".00")
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)


def column_of(frame: pl.DataFrame, name: str) -> str:
    name = COLUMNS.get(name, name)
    return f"{name}_fen" if f"{name}_fen" in frame.columns else name


def compared(frame: pl.DataFrame, text: str) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """(expected, found) rows in the columns of the expecting table, sorted."""
    names = [cell.strip() for cell in text.strip().splitlines()[0].split("|")]
    columns = [column_of(frame, "person_key" if name == "person" else name) for name in names]
    expected = [
        tuple(str(af.key(row[name])) if name == "person" else row.get(name, "?") for name in names)
        for row in af.table(text)
    ]
    found = [
        tuple(written(v, c) for v, c in zip(row, columns, strict=True))
        for row in frame.select(columns).rows()
    ]
    return sorted(expected), sorted(found)


def frames(outcome: Outcome) -> dict[str, pl.DataFrame]:
    lines = outcome.lines.select("benefit_id", "rule_id")
    return {
        "expect_lines": outcome.lines,
        "expect_items": outcome.items.join(lines, on="benefit_id"),
        "expect_cases": outcome.cases,
        "expect_audit": outcome.audit,
        "expect_held": outcome.held,
        "expect_visits": outcome.visits,
    }


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_case(path: Path) -> None:
    case = tomllib.loads(path.read_text(encoding="utf-8"))
    expecting = [name for name in case if name.startswith("expect_")]
    assert expecting and set(case) <= OPTIONS | set(TABLES) | set(expecting), path.name
    tables = {name: af.table(case[name]) for name in TABLES if name in case}
    outcome = run(tables, case.get("year", 2023), disease_list=case.get("disease_list", "delivered"))
    assert_items_sum(outcome)
    for name in expecting:
        expected, found = compared(frames(outcome)[name], case[name])
        assert found == expected, f"{case['title']}: {name}"


def assert_items_sum(outcome: Outcome) -> None:
    """The counted items of every line sum to its base, unless the floor at 0 bit."""
    sums = outcome.items.group_by("benefit_id").agg(
        pl.col("base_fen").sum().clip(lower_bound=0).alias("items_fen")
    )
    joined = outcome.lines.filter(pl.col("base_fen").is_not_null()).join(sums, on="benefit_id", how="left")
    assert joined["base_fen"].to_list() == joined["items_fen"].to_list()


def test_there_are_cases() -> None:
    assert len(CASES) >= 50
    assert {path.parts[-3] for path in CASES} == set(FOLDERS)
