"""Case by case (一事一议, P-39): the decision is the benefit."""

from __future__ import annotations

from datetime import date

import polars as pl

from tests.assess_frames import ids, key
from tests.core_frames import delivered, table
from transforms import decisions
from transforms.rules.manual import manual_lines

FILES = delivered(FD=date(2024, 3, 2)).with_columns(table=pl.lit("decision"))
PERSONS = pl.DataFrame(
    {"person_key": [key("A"), key("B")], "region_code": ["500243", "330112"], "category": ["JIANCE", "DIBAO"]}
)
HOMES = pl.DataFrame(
    {"household_id": ["H1"], "unit_id": ["H1"], "head_key": [key("A")], "region_code": ["500243"]}
)
LINKS = pl.DataFrame(schema={"id_key": pl.Int64, "person_key": pl.Int64})


def row(kind: str, who: str, value: str, day: int = 1) -> dict[str, object]:
    return {
        "file_id": "FD", "object_kind": kind, "object_id": who, "object_key": key(who) if kind == "人员" else None,
        "cost_year": 2023, "verdict": "一事一议", "value": value, "reason_key": 1,
        "decided_on": date(2024, 3, day),
    }  # fmt: skip


def test_lines_of_a_household_and_a_person() -> None:
    """H1 8,000 and, decided again a day later, 9,000; 4,000 paid: 5,000 to pay. A person of another county: nothing."""
    rows = table(
        "decision",
        [
            row("家庭", "H1", "8000"),
            row("家庭", "H1", "9,000元", 2),
            row("人员", "A", "500"),
            row("人员", "B", "1"),
        ],
    )
    made = decisions.made(rows.lazy(), FILES, LINKS, 2023, date(2024, 3, 31))
    paid = table(
        "paid_ledger",
        [
            {
                "rule_id": "P-39",
                "object_id": "H1",
                "cost_year": 2023,
                "amount_fen": 400_000,
                "paid_on": date(2024, 3, 9),
            }
        ],
    )
    found = manual_lines(made, HOMES, PERSONS, paid, "500243", "P@2023-05-30", 2023, ids)
    lines = found.lines.select(
        "unit_type", "unit_id", "person_key", "category", "amount_fen", "status", "article", "base_fen"
    )
    lines = lines.sort("unit_type")
    assert lines.rows()[0] == ("household", "H1", key("A"), "JIANCE", 900_000, "adjust_up", "三(二)", None)
    assert lines.rows()[1][0] == "person" and lines.rows()[1][4:6] == (50_000, "confirmed")
    assert lines.height == 2
    assert sorted(found.told["state"]) == ["replaced", "unreadable"]
