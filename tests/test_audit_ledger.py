"""已付台账: money once paid is found again whatever became of the household it was paid to."""

from __future__ import annotations

import polars as pl

import tests.assess_frames as af
from transforms.ledger import paid_lines
from transforms.units import units

ALIASES = pl.DataFrame({"household_id": ["H1", "H2", "H3"], "year_household_id": ["H2", "H2", "H3"]})


def matched(text: str) -> list[tuple[str | None, int, bool]]:
    """(unit, yuan, with a finding) of ledger lines; H1 goes on as H2, H3 is split into 低保 and 低边."""
    cap = af.linan_cap()
    certificates = af.certificates(
        af.table(
            """
            person | code   | from
            A      | DIBAO  | 2020-01-01
            B      | DIBAO  | 2020-01-01
            C      | DIBIAN | 2020-01-01
            """
        )
    )
    members = af.members(
        af.table(
            """
            person | household
            A      | H2
            B      | H3
            C      | H3
            """
        ),
        2023,
    )
    found = units(cap, certificates, members, 2023)
    lines = paid_lines(af.ledger(af.table(text)), found, "L-04", 2023, af.ids, ALIASES, {"低边": "DIBIAN"})
    return [
        (unit, fen // 100, finding is not None)
        for unit, fen, finding in lines.select("unit_id", "amount_fen", "finding_zh").iter_rows()
    ]


def test_a_line_paid_under_a_number_that_was_taken_over_belongs_to_the_later_number() -> None:
    """§6: one household for the year, under the later number; by 待遇编号 as well as by 家庭编号."""
    text = """
    benefit_id             | rule | object | person | year | amount
    B:benefit:L-04:H1:2023 |      |        |        |      | 400
                           | L-04 | H1     |        | 2023 | 70
    """
    assert matched(text) == [("H2", 400, False), ("H2", 70, False)]


def test_a_line_paid_before_its_household_was_split_is_listed_not_lost() -> None:
    text = """
    benefit_id             | rule | object | person | year | amount
    B:benefit:L-04:H3:2023 |      |        |        |      | 400
    B:benefit:L-04:H3:2022 |      |        |        |      | 9
    """
    assert matched(text) == [(None, 400, True)]


def test_the_category_of_a_split_unit_may_be_written_in_words() -> None:
    """Contract §3: of a split unit 家庭编号/类别."""
    text = """
    benefit_id | rule | object    | person | year | amount
               | L-04 | H3/低边   |        | 2023 | 100
               | L-04 | H3/DIBAO  |        | 2023 | 50
               | L-04 | H3/外星人 |        | 2023 | 7
    """
    assert matched(text) == [("H3/DIBIAN", 100, False), ("H3/DIBAO", 50, False), (None, 7, True)]
