"""Every planted situation stands in the files and in the answer key with the amounts worked out by hand."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import pytest

from synth import write_county
from synth.scenarios import situations

KEYS = {"person_year": "certno", "household_year": "household_id", "cap_gap": "unit_id"}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f))


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("synth") / "county"
    write_county(out, persons=400, year=2023, region="330112", seed=5)
    return out


@pytest.fixture(scope="module")
def key(county: Path) -> dict[str, dict[str, dict[str, str]]]:
    folder = county / "answer_key"
    tables = {t: {r[k]: r for r in rows(folder / f"{t}.csv")} for t, k in KEYS.items()}
    cases: dict[str, dict[str, str]] = defaultdict(dict)
    for r in rows(folder / "review_case.csv"):
        cases[r["unit_id"]][f"{r['reading_key']} {r['reading']}"] = r["amount_yuan"]
    return {**tables, "review_case": cases}


@pytest.fixture(scope="module")
def expected(county: Path) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in rows(county / "answer_key" / "situations.csv"):
        found[row["situation"]].append(row)
    return found


def test_at_least_forty_situations_with_their_rule_and_arithmetic() -> None:
    found = situations()
    assert len(found) >= 40
    assert len({s["id"] for s in found}) == len(found)
    for s in found:
        assert s["title"] and s["rule"] and s["section"].startswith("§") and s["proves"] and s["worked"], s[
            "id"
        ]
        assert s["persons"] and any(s["expect"].values()), s["id"]


@pytest.mark.parametrize("situation", [s["id"] for s in situations()])
def test_key_agrees_with_the_hand(situation: str, key: dict, expected: dict) -> None:  # type: ignore[type-arg]
    lines = expected[situation]
    assert lines, "not planted"
    by_hand: dict[str, dict[str, str]] = defaultdict(dict)
    for line in (x for x in lines if x["table"] == "review_case"):
        by_hand[line["unit"]][line["column"]] = line["expected"]
    for unit, cases in by_hand.items():
        assert key["review_case"][unit] == cases, unit
    for line in lines:
        found = key[line["table"]].get(line["unit"])
        if line["column"] == "absent":
            assert found is None, line
            continue
        assert found is not None, line
        assert found[line["column"]] == line["expected"], line


def test_every_cost_year_can_be_generated(tmp_path: Path) -> None:
    for year in (2022, 2024, 2025):
        summary = write_county(tmp_path / str(year), persons=300, year=year, region="330112", seed=1)
        assert summary["situations"] == len(situations())
    status = {r["status"] for r in rows(tmp_path / "2022" / "answer_key" / "cap_gap.csv")}
    assert status == {"not_in_force"}
