"""Accounting identities A to D of semantics §3, worked on paper: 1,000.00 = 500 fund + 500 own, all in fen."""

from __future__ import annotations

import polars as pl
import pytest

from schemas.core import AMOUNTS, FUND_PARTS
from transforms.identities import fill_optional, with_identities

BASE: dict[str, int | None] = dict.fromkeys(AMOUNTS, 0) | {
    "tot_fen": 100_000, "ooc_fen": 5_000, "pre_fen": 10_000, "pol_fen": 85_000, "bas_fen": 40_000, "maf_fen": 10_000,
    "fund_fen": 50_000, "psn_fen": 50_000, "cash_fen": 50_000,
}  # fmt: skip


def outcome(**changes: int | None) -> dict[str, object]:
    frame = pl.DataFrame([BASE | changes], schema=dict.fromkeys(AMOUNTS, pl.Int64))
    return with_identities(fill_optional(frame)).row(0, named=True)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ("ok", "plain", "plain", "ok")),
        ({"pol_fen": 85_001}, ("ok", "plain", "plain", "ok")),  # one fen is within the tolerance
        ({"pol_fen": 85_002}, ("broken", "plain", "plain", "ok")),
        ({"pol_fen": None}, (None, "plain", "plain", "ok")),
        ({"hosp_fen": 1_000, "fund_fen": 49_000, "bas_fen": 39_000}, ("ok", "plain", "plain", "ok")),
        ({"fund_fen": 60_000, "acct_fen": 10_000, "cash_fen": 40_000}, ("ok", "acct_in_fund", "plain", "ok")),
        ({"acct_fen": 10_000, "mul_fen": 5_000, "cash_fen": 35_000}, ("ok", "plain", "mul", "ok")),
        ({"bas_fen": 39_000}, ("ok", "plain", "plain", "broken")),
        ({"fund_fen": None}, ("ok", None, "plain", None)),
        ({"cash_fen": None}, ("ok", "plain", None, "ok")),
    ],
)
def test_which_form_holds(changes: dict[str, int | None], expected: tuple[str | None, ...]) -> None:
    found = outcome(**changes)
    assert tuple(found[f"form_{letter}"] for letter in "abcd") == expected
    assert not found["broken_b"] and not found["broken_c"]


def test_broken_b_and_c() -> None:
    assert outcome(fund_fen=50_002)["broken_b"] and outcome(cash_fen=50_002)["broken_c"]
    assert not outcome(fund_fen=50_001)["broken_b"]


def test_a_broken_a_leaves_the_policy_range_unknown() -> None:
    assert outcome(pol_fen=90_000)["pol_fen"] is None


def test_refunds_are_tested_with_their_sign() -> None:
    minus = {name: -value for name, value in BASE.items() if value}
    found = outcome(**minus)
    assert [found[f"form_{letter}"] for letter in "abcd"] == ["ok", "plain", "plain", "ok"]


def test_unknown_optional_amounts_become_zero_where_the_parts_prove_it() -> None:
    nothing = {name: None for name in (*FUND_PARTS, "hosp_fen", "acct_fen", "mul_fen") if not BASE[name]}
    found = outcome(**nothing)
    assert all(found[name] == 0 for name in nothing)
    found = outcome(**(nothing | {"bas_fen": 39_000}))
    assert all(found[name] is None for name in nothing)
    # where the parts prove nothing an unknown hospital share leaves B untested
    assert (
        not found["broken_b"]
        and not outcome(**(nothing | {"bas_fen": 39_000, "fund_fen": 48_000}))["broken_b"]
    )


def test_parts_of_a_are_zero_where_a_holds_so() -> None:
    assert outcome(ovl_fen=None)["ovl_fen"] == 0
    assert outcome(ovl_fen=None, ooc_fen=4_000)["ovl_fen"] is None
