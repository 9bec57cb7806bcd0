"""Reconciliation: what balances, and that a dropped row or fen is seen and named."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

import tests.assess_frames as af
from tests.assess_run import Outcome, run
from transforms.reconcile import broken, ingest_stage, stages

MEMBERS = "person|household|from|to\nA|H1||\nB|H1||2023-05-31"
TABLES = {
    "certificates": af.table("person|code|from\nA|DIBAO|2020-01-01\nB|DIBAO|2020-01-01"),
    "members": af.table(MEMBERS),
    "settlements": af.table(
        """setl_id|person|date|psn|com
        S1|A|2023-02-01|20000|500
        S2|A|2023-03-01|-300|
        S3|B|2023-04-01|15000|
        S4|B|2023-07-01|700|
        S5|C|2023-08-01|90|"""
    ),
    "payments": af.table(
        "person|kind|amount|setl_id\nA|优抚|1000|\nB|惠民保|99999|S3\nA|商业保险|50|\nC|惠民保|5|S1\nA|封顶化解|7|"
    ),
}
FILES = pl.DataFrame(
    {
        "n_rows": [8],
        "n_rejected": [1],
        "rows": [7],
        "tot": [3_650_000],
        "psn": [3_650_000],
        "cash": [3_650_000],
    }
    | {f"rejected_{name}": [100] for name in ("tot", "psn", "cash")}
)
# counted 20,000 - 300 + 15,000 + 700 + 90 = 35,490.00; a reversed row of 0; a superseded row of 1,010.00
LAKE = pl.DataFrame({"rows": [8], "tot": [3_650_000], "psn": [3_650_000], "cash": [3_650_000]}).with_columns(
    rows=7
)
COUNTS = pl.DataFrame(
    [
        ("counted", 5, 3_549_000, 3_549_000, 3_549_000),
        ("reversed", 1, 0, 0, 0),
        ("superseded", 1, 101_000, 101_000, 101_000),
    ],
    schema=["state", "rows", "tot", "psn", "cash"],
    orient="row",
)


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    return run(TABLES)


def balance(outcome: Outcome, **changes: pl.DataFrame) -> pl.DataFrame:
    frames = {
        "files": FILES,
        "lake": LAKE,
        "lake_year": LAKE,
        "counts": COUNTS,
        "persons": outcome.persons,
        "households": outcome.households,
        "members": af.members(TABLES["members"]),
        "roster": pl.DataFrame({"household_id": ["H1"]}),
        "burdens": outcome.burdens,
    } | changes
    assessed = outcome.assessed
    items = changes.pop("items", assessed.benefit_item)
    frames.pop("items", None)
    return stages(**frames, benefits=[("L-04", assessed.benefit_line, items)])


def test_everything_balances(outcome: Outcome) -> None:
    found = balance(outcome)
    assert broken(found).is_empty()
    assert found["stage"].unique(maintain_order=True).to_list() == [
        "ingest", "resolve", "person_year", "payment", "burden", "household_year", "L-04",
    ]  # fmt: skip
    assert {"rows", "tot", "psn", "cash"} <= set(found["measure"])


def test_causes_are_named(outcome: Outcome) -> None:
    found = {(row["stage"], row["measure"]): row for row in balance(outcome).to_dicts()}
    assert found["ingest", "rows"]["explained"] == "拒绝 1"
    assert found["resolve", "psn"]["explained"] == "被新版本替代 1010.00"
    # 35,490.00 - com 500 - lump 1,000 (A), B's 15,700 by the payment; nothing is floored: A 18,200, C 90
    assert found["burden", "psn"]["amount_out"] == 18_290
    assert found["burden", "psn"]["explained"] == "补充保险 100499.00；补助 1000.00；未用完 -84299.00"
    assert found["household_year", "rows"]["explained"] == "结算日无家庭 1"
    assert found["payment", "rows"]["explained"] == "基金支出 1；待核对 1；商业保险 1"


@pytest.mark.parametrize(
    ("frame", "stage"),
    [
        ("persons", "person_year"),
        ("households", "household_year"),
        ("items", "L-04"),
        ("lake_year", "resolve"),
    ],
)
def test_a_dropped_row_is_named(outcome: Outcome, frame: str, stage: str) -> None:
    whole = {
        "persons": outcome.persons,
        "households": outcome.households,
        "items": outcome.assessed.benefit_item,
        "lake_year": LAKE,
    }[frame]
    assert stage in broken(balance(outcome, **{frame: whole.head(0)}))["stage"].to_list()


def test_a_dropped_payment_is_named(outcome: Outcome) -> None:
    payments = outcome.burdens.payments.with_columns(pl.col("used_fen") - 1)
    found = balance(outcome, burdens=replace(outcome.burdens, payments=payments))
    assert broken(found)["stage"].to_list() == ["payment"]


def test_a_fen_lost_at_ingest_is_seen() -> None:
    found = broken(ingest_stage(FILES, LAKE.with_columns(pl.col("psn") - 1)))
    assert found.select("measure", "difference").rows() == [("psn", found["difference"][0])]
    assert str(found["difference"][0]) == "0.01"
