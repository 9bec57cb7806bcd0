"""Worked cases of the premium subsidy (P-05 to P-10), computed on paper.

A case is a TOML file: title, sentence (what it proves), worked (the arithmetic), tables in yuan; `expect_*` tables name
all rows that must come out, with the columns that matter; ? is an amount that is not known.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import polars as pl
import pytest

import tests.assess_frames as af
from tests.premium_run import TABLES, run
from tests.test_assistance_cases import written
from transforms.rules.premium_result import Subsidies

FOLDER = Path(__file__).parent / "cases"
CASES = sorted(path for rule in ("P-05", "P-08") for path in (FOLDER / rule).rglob("*.toml"))
COLUMNS = {
    "rule": "rule_id", "self": "paid_self_fen", "payer": "payer_region_code", "key": "reading_key",
    "review": "needs_review", "early": "before_document", "readings": "readings",
}  # fmt: skip


def frames(found: Subsidies) -> dict[str, pl.DataFrame]:
    people = found.lines.select("benefit_id", "person_key", "rule_id")
    return {
        "expect_subsidies": found.subsidies,
        "expect_lines": found.lines,
        "expect_cases": found.cases.join(people, on="benefit_id"),
    }


def compared(frame: pl.DataFrame, text: str) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """(expected, found) rows in the columns of the expecting table, sorted."""
    names = [cell.strip() for cell in text.strip().splitlines()[0].split("|")]
    columns = []
    for name in names:
        column = "person_key" if name == "person" else COLUMNS.get(name, name)
        columns.append(f"{column}_fen" if f"{column}_fen" in frame.columns else column)
    expected = [
        tuple(str(af.key(row[name])) if name == "person" else row.get(name, "?") for name in names)
        for row in af.table(text)
    ]
    found = [
        tuple(written(v, c) for v, c in zip(row, columns, strict=True))
        for row in frame.select(columns).rows()
    ]
    return sorted(expected), sorted(found)


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_case(path: Path) -> None:
    case = tomllib.loads(path.read_text(encoding="utf-8"))
    expecting = [name for name in case if name.startswith("expect_")]
    assert expecting and set(case) <= {"title", "sentence", "worked", "year", *TABLES, *expecting}, path.name
    found = run({name: af.table(case[name]) for name in TABLES if name in case}, case.get("year", 2024))
    counted = found.items.group_by("benefit_id").agg(pl.col("base_fen").sum().alias("items_fen"))
    both = found.lines.join(counted, on="benefit_id", how="left").drop_nulls("base_fen")
    assert both.filter(pl.col("base_fen") != pl.col("items_fen")).is_empty()
    for name in expecting:
        expected, rows = compared(frames(found)[name], case[name])
        assert rows == expected, f"{case['title']}: {name}"
