"""A rule that reads an article in another way than the shipped default pays by that reading (A-L01 … A-L06).

Amounts are worked on paper: caps 5,000 (特困), 30,000 (低保), 50,000 (低边).
"""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

import tests.assess_frames as af
from tests.assess_run import run
from transforms.rules.readings import LETTERS, PLAIN, chosen
from transforms.rules.review import TEXTS

SPLIT = {
    "certificates": """
        person | code   | from
        father | DIBAO  | 2022-01-01
        wife   | DIBIAN | 2022-01-01
        """,
    "members": """
        person | household
        father | A
        wife   | A
        """,
    "settlements": """
        setl_id | person | date       | psn
        s1      | father | 2023-02-01 | 28000
        s2      | wife   | 2023-05-01 | 49000
        """,
}
CHANGED = {
    "certificates": """
        person | code   | from       | to
        a      | DIBIAN | 2022-01-01 | 2023-06-30
        a      | DIBAO  | 2023-07-01 | 2023-10-31
        """,
    "members": """
        person | household
        a      | A
        """,
    "settlements": """
        setl_id | person | date       | psn   | acct
        s1      | a      | 2023-03-01 | 52000 | 0
        s2      | a      | 2023-09-01 | 29000 | 9000
        s3      | a      | 2023-12-01 | 1000  | 0
        """,
}
TWO_TEKUN = {
    "certificates": """
        person | code  | from
        a      | TEKUN | 2023-02-01
        b      | TEKUN | 2022-01-01
        """,
    "members": """
        person | household
        a      | A
        b      | A
        """,
    "settlements": """
        setl_id | person | date       | psn
        s0      | a      | 2023-01-10 | 400
        s1      | a      | 2023-03-01 | 7000
        s2      | b      | 2023-09-01 | 5000
        """,
}


def amounts(case: dict[str, str], **letters: str) -> dict[str, int]:
    """unit_id → amount in yuan under readings written A_L02="d"."""
    readings = af.READINGS | {key.replace("_", "-"): letter for key, letter in letters.items()}
    tables: dict[str, list[dict[str, Any]]] = {name: af.table(text) for name, text in case.items()}
    assessed = run(tables, af.linan_cap(readings=readings)).assessed
    sums = assessed.benefit_item.filter("counted").group_by("unit_id").agg(pl.col("base_fen").sum())
    lines = assessed.benefit_line.join(sums, on="unit_id", how="left", suffix="_items")
    assert (lines["base_fen"] == lines["base_fen_items"].fill_null(0)).all()  # the items explain the base
    return {unit: fen // 100 for unit, fen in assessed.cap_gap.select("unit_id", "amount_fen").iter_rows()}


@pytest.mark.parametrize(
    ("case", "letters", "expected"),
    [
        (SPLIT, {}, {"A/DIBAO": 0, "A/DIBIAN": 0}),
        (SPLIT, {"A_L03": "b"}, {"A": 47_000}),  # 77,000 − 30,000
        (SPLIT, {"A_L03": "c"}, {"A": 47_000}),  # as many of each, no head: the lower cap
        (CHANGED, {}, {"A": 51_000}),  # 52,000 + 29,000 − 30,000; s3 without a certificate
        (CHANGED, {"A_L01": "b"}, {"A": 0}),  # no certificate on 31 December: nothing counts
        (CHANGED, {"A_L01": "d"}, {"A": 52_000}),  # s3 counts as well
        (CHANGED, {"A_L02": "b"}, {"A": 51_000}),  # last category 低保
        (CHANGED, {"A_L02": "d"}, {"A": 2_000}),  # 52,000 − 50,000; 29,000 < 30,000
        (CHANGED, {"A_L06": "b"}, {"A": 42_000}),  # 52,000 + 20,000 − 30,000
        (CHANGED, {"A_L01": "d", "A_L02": "d"}, {"A": 2_000}),  # 低保 29,000 + 1,000 = 30,000: still 0
        (CHANGED, {"A_L01": "d", "A_L06": "b"}, {"A": 43_000}),  # 52,000 + 20,000 + 1,000 − 30,000
        (TWO_TEKUN, {}, {"A": 7_000}),
        (TWO_TEKUN, {"A_L04": "a"}, {"A": 2_000}),  # 7,000 − 5,000 and 5,000 − 5,000
        (TWO_TEKUN, {"A_L05": "b"}, {"A": 7_400}),
        (TWO_TEKUN, {"A_L04": "a", "A_L05": "b"}, {"A": 2_400}),
        (TWO_TEKUN, {"A_L01": "b"}, {"A": 7_400}),  # both hold one on 31 December: the whole year counts
    ],
)
def test_the_amount_follows_the_reading(
    case: dict[str, str], letters: dict[str, str], expected: dict[str, int]
) -> None:
    assert amounts(case, **letters) == expected


def test_the_review_list_shows_the_default_where_another_reading_applies() -> None:
    """As one household 47,000; apart 0 + 0 stands on the list, on the one unit that there is."""
    tables = {name: af.table(text) for name, text in SPLIT.items()}
    found = run(tables, af.linan_cap(readings=af.READINGS | {"A-L03": "b"})).assessed.review_case
    assert found.select("unit_id", "reading_key", "reading", "amount_fen").rows() == [("A", "A-L03", "a", 0)]


def test_unknown_cash_makes_the_unit_incomplete_where_only_cash_counts() -> None:
    tables = {name: af.table(text) for name, text in TWO_TEKUN.items()}
    tables["settlements"][1]["cash"] = "?"
    case = run(tables, af.linan_cap(readings=af.READINGS | {"A-L06": "b"})).assessed.cap_gap.row(
        0, named=True
    )
    assert (case["status"], case["amount_fen"]) == ("incomplete", None)
    assert "现金" in case["incomplete_reason"]


def test_every_reading_has_its_words() -> None:
    """What the review list says, for each letter but the defaults."""
    others = {(key, letter) for key, letters in LETTERS.items() for letter in letters if PLAIN[key] != letter}
    assert others == set(TEXTS)
    assert chosen(af.linan_cap(readings={})) == PLAIN
