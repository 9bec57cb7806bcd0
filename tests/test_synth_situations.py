"""Every planted situation stands in the files and in the answer key with the amounts worked out by hand."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import pytest

from synth import write_county
from synth.key_cap import GENERAL
from synth.scenarios import situations

KEYS = {
    "person_year": ("certno",),
    "household_year": ("household_id",),
    "cap_gap": ("unit_id",),
    "review_case": ("unit_id", "reading_key", "reading"),
    "benefit_line": ("settlement_id", "rule_id"),
    "line_review_case": ("settlement_id", "rule_id", "reading_key", "reading"),
    "assistance_audit": ("settlement_id",),
}
COUNTIES = {
    "L": ("330112", 2023, "full"),
    "P": ("500243", 2023, "full"),
    "P-empty": ("500243", 2023, "empty"),
    "P-missing": ("500243", 2023, "missing"),
    "P-next-year": ("500243", 2024, "full"),
    "W": ("330305", 2024, "full"),
    "W-next-year": ("330327", 2025, "full"),
    "W-no-pilot": ("330302", 2024, "full"),
}
Rows = list[dict[str, str]]


def rows(path: Path) -> Rows:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f))


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Rows]]:
    """The answer key of each county: rows by table."""
    found = {}
    for name, (region, year, disease_list) in COUNTIES.items():
        out = tmp_path_factory.mktemp("synth") / "county"
        write_county(out, persons=400, year=year, region=region, seed=5, disease_list=disease_list)
        found[name] = {table: rows(out / "answer_key" / f"{table}.csv") for table in (*KEYS, "situations")}
    return found


def test_situations_with_their_rule_and_arithmetic() -> None:
    found = situations()
    assert sum("policy" not in s for s in found) >= 40
    assert sum(s.get("policy") == "P" for s in found) >= 25
    assert sum(s.get("policy") == "W" for s in found) >= 10
    assert len({s["id"] for s in found}) == len(found)
    for s in found:
        told = all(s[cell] for cell in ("title", "rule", "proves", "worked", "persons"))
        assert told and s["section"].startswith("§") and any(s["expect"].values()), s["id"]


def test_every_situation_is_planted_somewhere(keys: dict[str, dict[str, Rows]]) -> None:
    planted = {row["situation"] for tables in keys.values() for row in tables["situations"]}
    assert planted == {s["id"] for s in situations()}


def cell(tables: dict[str, dict[tuple[str, ...], dict[str, str]]], line: dict[str, str]) -> str | None:
    """What the key says where a line of the hand looks."""
    column, words = line["column"], line["column"].split(" ")
    key: tuple[str, ...] = (line["unit"],)
    if line["table"].endswith("review_case"):
        key, column = (line["unit"], *words), "amount_yuan"
    elif line["table"] == "benefit_line":
        key, column = (line["unit"], words[0]), words[1]
    found = tables[line["table"]].get(key)
    if column == "absent":
        return str(found is None).lower()
    return None if found is None else found[column]


@pytest.mark.parametrize("county", list(COUNTIES))
def test_key_agrees_with_the_hand(county: str, keys: dict[str, dict[str, Rows]]) -> None:
    mine = keys[county]
    tables = {t: {tuple(r[c] for c in columns): r for r in mine[t]} for t, columns in KEYS.items()}
    wrong = [
        (line, found) for line in mine["situations"] if (found := cell(tables, line)) != line["expected"]
    ]
    assert not wrong
    by_hand: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for line in mine["situations"]:
        if line["table"] == "review_case":
            by_hand[line["unit"]].add((*line["column"].split(" "), line["expected"]))
    for unit, cases in by_hand.items():
        found = {
            (r["reading_key"], r["reading"], r["amount_yuan"])
            for r in mine["review_case"]
            if r["unit_id"] == unit and r["reading_key"] not in GENERAL
        }
        assert found == cases, unit


def test_every_cost_year_can_be_generated(tmp_path: Path) -> None:
    for year in (2022, 2024, 2025):
        summary = write_county(tmp_path / str(year), persons=300, year=year, region="330112", seed=1)
        assert summary["situations"] == sum(s.get("policy", "L") == "L" for s in situations())
    status = {r["status"] for r in rows(tmp_path / "2022" / "answer_key" / "cap_gap.csv")}
    assert status == {"not_in_force"}
    write_county(tmp_path / "before", persons=300, year=2022, region="500243", seed=1)
    assert not rows(tmp_path / "before" / "answer_key" / "benefit_line.csv")
    write_county(tmp_path / "early", persons=300, year=2023, region="330305", seed=1)
    assert {r["status"] for r in rows(tmp_path / "early" / "answer_key" / "cap_gap.csv")} <= {"not_in_force"}
