"""Sums behind the cost indicators: settlements by hand, who belongs to which county, what a cap takes off."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

import tests.assess_frames as af
from tests.assess_run import run
from transforms.indicators_costs import (
    FUNDS,
    VARIANTS,
    Off,
    Sums,
    borne,
    cap_off,
    covered,
    holding,
    insured_months,
    insured_of,
    left_out,
    routed,
    sums_of,
    taken_off,
)

RANKS = ["TEKUN", "DIBAO", "FANPIN", "DIBIAN"]
COSTS = """
setl_id | person | date       | tot   | psn   | acct | pol  | insured
S1      | A      | 2023-03-01 | 10000 | 4000  | 1000 | 9000 |
S2      | A      | 2023-07-01 | 20000 | 9000  | 0    | ?    |
S3      | B      | 2023-03-01 | 5000  | 5000  | 0    | 0    | 330113
S4      | C      | 2023-03-01 | 1000  | 400   | 0    | 1000 |
"""
CERTIFICATES = """
person | code   | from       | to         | county
A      | DIBAO  | 2023-01-01 | 2023-06-30 | 330112
B      | DIBIAN | 2023-01-01 |            | 330112
"""


def with_burdens(rows: Iterable[dict[str, Any]]) -> pl.DataFrame:
    """Settlements whose funds are all basic insurance, with the burden that they have without payments."""
    frame = af.settlements(rows).with_columns(
        bas_fen="fund_fen", **{name: pl.lit(0, pl.Int64) for name in FUNDS[1:]}
    )
    none = {name: pl.lit(0, pl.Int64) for name in ("neg_fen", "com_used_fen", "sub_used_fen")}
    return frame.with_columns(burden_fen="psn_fen", **none)


def test_category_on_the_settlement_date_decides() -> None:
    """A holds 低保 until June: S1 counts, S2 not. B is insured elsewhere but on the district's roster: S3 counts.

    Z of 330112: total 10,000 + 5,000, borne 4,000 + 5,000: 6,000 of 15,000 covered, 9,000 of 15,000 borne.
    """
    settlements, certificates = with_burdens(af.table(COSTS)), af.certificates(af.table(CERTIFICATES))
    dated = routed(settlements, certificates, RANKS, 2023)
    held = holding(dated, certificates, ["DIBAO", "DIBIAN"], "330112", 2023)
    assert sorted(held["setl_id"]) == ["S1", "S3"]
    costs = sums_of(held, "routed_code")
    assert set(costs) == {"330112"}
    found = costs["330112"]
    assert covered(found, Off(), "default") == (600_000, 1_500_000)
    assert borne(found, Off(), "default") == (900_000, 1_500_000)
    assert covered(found, Off(), "cash_only") == (700_000, 1_500_000)
    assert covered(found, Off(), "three_systems") == (600_000, 1_500_000)
    # in range: S1 at most 9,000 − 6,000 = 3,000 of its 4,000; S3 has nothing in range
    assert covered(found, Off(), "policy_range") == (600_000, 900_000)


def test_a_person_on_two_rosters_goes_to_the_county_of_the_better_category() -> None:
    certificates = af.certificates(
        af.table("""
        person | code   | from       | county
        A      | DIBIAN | 2023-01-01 | 330112
        A      | TEKUN  | 2023-01-01 | 330113
        """)
    )
    dated = routed(with_burdens(af.table(COSTS)), certificates, RANKS, 2023)
    assert dated.select("setl_id", "routed_code", "category").rows() == [
        ("S1", "330113", "TEKUN"),
        ("S2", "330113", "TEKUN"),
    ]


def test_nobody_listed_is_nobody_counted() -> None:
    certificates = af.certificates([])
    dated = routed(with_burdens(af.table(COSTS)), certificates, RANKS, 2023)
    assert dated.is_empty()
    assert sums_of(holding(dated, certificates, ["DIBAO"], "330112", 2023), "routed_code") == {}
    assert covered(Sums(), Off(), "default") == (0, 0)


def test_everybody_in_one_pass() -> None:
    """330112: S1, S2, S4 with 31,000, borne 13,400; A's burden is 500 less than PSN by a payment: 12,900."""
    settlements = with_burdens(af.table(COSTS))
    own = settlements.filter(pl.col("person_key") == af.key("A")).with_columns(
        burden_fen=pl.col("burden_fen") - pl.when(pl.col("setl_id") == "S1").then(50_000).otherwise(0)
    )
    found = insured_of(insured_months(settlements.lazy()), own)
    assert borne(found["330112"], Off(), "default") == (1_290_000, 3_100_000)
    assert borne(found["330113"], Off(), "default") == (500_000, 500_000)
    assert borne(found["330112"], Off(), "cash_only") == (1_190_000, 3_100_000)
    # S2 shows no policy-range cost: left out of both sides. S1 3,000 of 9,000, S4 400 of 1,000
    assert borne(found["330112"], Off(), "policy_range") == (340_000, 1_000_000)
    assert left_out(found["330112"], "policy_range") == (1, 2_000_000)
    assert left_out(found["330112"], "cash_only") == (0, 0)


def test_a_code_below_the_county_is_insured_in_the_county() -> None:
    """参保地 330112102, a township of 临安: 本区 (equal or below); the city's own scheme is no county's."""
    settlements = with_burdens(
        af.table("""
        setl_id | person | date       | tot   | psn  | insured
        S1      | A      | 2023-03-01 | 10000 | 4000 | 330112
        S2      | B      | 2023-04-01 | 1000  | 400  | 330112102
        S3      | C      | 2023-04-01 | 500   | 100  | 330100
        """)
    )
    own = settlements.filter(pl.col("setl_id") == "S2").with_columns(burden_fen=pl.lit(30_000, pl.Int64))
    found = insured_of(insured_months(settlements.lazy()), own)
    assert borne(found["330112"], Off(), "default") == (430_000, 1_100_000)
    assert set(found) == {"330112", "330100"}


def test_the_negative_list_is_in_neither_side_of_coverage() -> None:
    """TOT 10,000, of it 1,000 on the negative list; B = 4,000 − 1,000: (9,000 − 3,000) of 9,000; IND-4 3,000 of 10,000."""
    rows = with_burdens(af.table(COSTS)).filter(pl.col("setl_id") == "S1")
    listed = rows.with_columns(neg_fen=pl.lit(100_000, pl.Int64), burden_fen=pl.col("burden_fen") - 100_000)
    (costs,) = sums_of(listed).values()
    assert covered(costs, Off(), "default") == (600_000, 900_000)
    assert borne(costs, Off(), "default") == (300_000, 1_000_000)


def test_unknown_cash_is_left_out_and_counted() -> None:
    rows = with_burdens(
        af.table("""
        setl_id | person | date       | tot   | psn  | cash
        S1      | A      | 2023-03-01 | 10000 | 4000 | ?
        S2      | A      | 2023-04-01 | 1000  | 400  | 100
        """)
    )
    (costs,) = sums_of(rows).values()
    assert covered(costs, Off(), "cash_only") == (90_000, 100_000)
    assert left_out(costs, "cash_only") == (1, 1_000_000)


def test_a_correction_counts_with_its_sign() -> None:
    """−500 in all, −300 of it the person's: 4,000 − 300 of 9,500."""
    rows = with_burdens(
        af.table("""
        setl_id | person | date       | tot   | psn  | pol
        S1      | A      | 2023-03-01 | 10000 | 4000 | 10000
        S2      | A      | 2023-04-01 | -500  | -300 | -500
        """)
    )
    (costs,) = sums_of(rows).values()
    for variant in ("default", "cash_only", "policy_range"):
        assert borne(costs, Off(), variant) == (370_000, 950_000), variant


def test_what_a_cap_takes_off() -> None:
    """低保, B 35,000: the cap gives 5,000, 1,000 of it paid. Cash 4,000 of the 35,000: of 5,000 only 4,000 are cash.

    In the policy range lie 32,000 of the 35,000: 3,000 of the 5,000 go against what lies outside, 2,000 in range.
    H2 is incomplete, so its amount is not known and takes off nothing.
    """
    outcome = run(
        {
            "certificates": af.table("person | code | from\nA | DIBAO | 2023-01-01\nB | DIBAO | 2023-01-01"),
            "members": af.table("person | household\nA | H1\nB | H2"),
            "settlements": af.table("""
                setl_id | person | date       | tot    | psn   | cash | pol
                S1      | A      | 2023-03-01 | 100000 | 35000 | 4000 | 97000
                S2      | B      | 2023-03-01 | 100000 | 90000 | 0    | 97000
                """),
            "ledger": af.table("rule | object | year | amount\nL-04 | H1 | 2023 | 1000"),
            "troubles": af.table("person | year\nB | 2023"),
        }
    )
    gaps, items = outcome.assessed.cap_gap, outcome.assessed.benefit_item
    amounts = dict(gaps.select("unit_id", "amount_fen").iter_rows())
    assert amounts == {"H1": 500_000, "H2": None}
    burdened = outcome.burdens.settlements.with_columns(
        bas_fen="fund_fen", **{name: pl.lit(0, pl.Int64) for name in FUNDS[1:]}
    )
    off = cap_off(gaps, items, burdened)
    assert off == {("L-04", "330112"): Off(due=500_000, paid=100_000, cash=400_000, pol=200_000)}
    assert taken_off(off, ["L-04", "W-06"], "330112") == off["L-04", "330112"]
    assert taken_off(off, ["W-06"], "330112") == Off()
    (costs,) = sums_of(burdened.filter(pl.col("setl_id") == "S1")).values()
    assert borne(costs, off["L-04", "330112"], "default") == (3_000_000, 10_000_000)
    assert borne(costs, off["L-04", "330112"], "paid") == (3_400_000, 10_000_000)
    assert borne(costs, off["L-04", "330112"], "cash_only") == (0, 10_000_000)
    assert borne(costs, off["L-04", "330112"], "policy_range") == (3_000_000, 9_700_000)
    assert borne(costs, off["L-04", "330112"], "three_systems") == (3_500_000, 10_000_000)


def test_without_a_cap_nothing_is_taken_off() -> None:
    assert cap_off(pl.DataFrame(), pl.DataFrame(), pl.DataFrame()) == {}


ROWS = st.lists(
    st.tuples(st.integers(0, 50_000), st.integers(0, 50_000), st.integers(0, 50_000), st.sampled_from("ABC")),
    min_size=1,
    max_size=8,
)


@settings(deadline=None, max_examples=40)
@given(ROWS, st.integers(0, 3))
def test_what_is_covered_and_what_is_borne_make_the_whole(
    rows: list[tuple[int, int, int, str]], of: int
) -> None:
    """Without a negative list IND-4 of a group is 1 − IND-3, in every variant; parts add up to the whole."""
    cells = [
        {"setl_id": f"S{n}", "person": who, "date": "2023-03-01", "psn": str(psn), "tot": str(psn + fund),
         "acct": str(min(account, psn)), "pol": str(psn + fund - account // 2)}
        for n, (psn, fund, account, who) in enumerate(rows)
    ]  # fmt: skip
    frame = with_burdens(cells)
    (costs,) = sums_of(frame).values()
    off = Off(due=1_000, paid=500, cash=300, pol=200)
    for variant in VARIANTS:
        whole = covered(costs, off, variant)
        assert whole[0] + borne(costs, off, variant)[0] == whole[1], variant
        assert 0 <= borne(costs, off, variant)[0]
    cut = min(of, len(frame))
    both = [sums_of(part).get("", Sums()) for part in (frame[:cut], frame[cut:])]
    assert both[0] + both[1] == costs
    everybody = insured_of(insured_months(frame.lazy()), frame[:cut])
    assert everybody == {"330112": costs}
