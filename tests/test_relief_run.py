"""Wenzhou's relief (W-06) through the whole job: from the roster of second-class objects to the payment list."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from stores.home import Home
from tests.support import deliver, run, table
from tests.test_order import ROSTER, SETTLEMENT, A, B, settlement, written

ON = date(2025, 3, 31)


def in_county(row: str, county: str) -> str:
    return row.replace("330112", county)


@pytest.mark.parametrize(
    ("county", "status", "gap", "amount"),
    [("330326", "due", 130_000, 100_000), ("330381", "not_pilot", 130_000, 0)],
)
def test_relief_of_a_household(tmp_path: Path, county: str, status: str, gap: int, amount: int) -> None:
    """A 200,000 and B 50,000 from February: 250,000 − 120,000 = 130,000, held to 100,000. January does not count.

    Neither has a cost in January, so that no other reading gives another amount. Ruian (330381) is no pilot county.
    """
    label = "相对低收入家庭第二类对象"
    rows = [
        settlement("W1", A, "2024-03-01", "200000.00"),
        settlement("W2", B, "2024-02-01", "50000.00"),
    ]
    roster = [f"{county},G1,{A},王某,{who},{label},2024-01-01,,民政,,,{county}101" for who in (A, B)]
    files = [
        (
            written(tmp_path, "setl.csv", SETTLEMENT, [in_county(row, county) for row in rows]),
            date(2024, 4, 1),
        ),
        (written(tmp_path, "roster.csv", ROSTER, roster), date(2024, 4, 1)),
    ]
    home = Home(tmp_path / "home")
    deliver(home, files)
    outcome = run(home, 2024, on=ON)
    [row] = table(outcome.warehouse, "select * from mart.cap_gap where rule_id = 'W-06'").to_dicts()
    assert (row["status"], row["burden_yuan"], row["gap_yuan"], row["amount_yuan"]) == (
        status,
        250_000,
        gap,
        amount,
    )
    assert row["limit_yuan"] == 100_000 and row["category"] == "XD2" and row["cap_yuan"] == 120_000
