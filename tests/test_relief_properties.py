"""What more cost does to what a family bears in the end, and that nothing is paid above a limit or above the burden.

More cost may leave less to bear only at a gate: 3万元 of one stay (P-17), the threshold of the tilt (P-24), and the first
cost under a lower cap (L-04, reading A-L02 a). Each of them is shown on both sides by worked cases of those names.
"""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import tests.assess_frames as af
from schemas.policy import household_reliefs, load_policies
from tests import assess_run, assistance_run
from tests.test_assess_properties import DAYS, PERSONS, Tables, counties

POLICIES = load_policies(Path(__file__).resolve().parents[1] / "data" / "policies")
FEW = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
TILTED = {"TEKUN": 300_000, "DIBAO": 400_000, "FANPIN": 400_000, "JIANCE": 500_000, "DIBIAN": 500_000, "YINBING": 500_000}  # fmt: skip
GROUPS = (*TILTED, "YOUFU", "ZHONGCAN")
GATE = 3_000_000
NEAR = (0, GATE, *TILTED.values(), 12_500_000, 7_500_000, 10_000_000)
"""Costs at which something begins or ends."""
COSTS = st.one_of(
    st.integers(0, 20_000_000),
    st.sampled_from(NEAR).flatmap(lambda at: st.integers(max(0, at - 3), at + 3)),
)


def yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02}"


def borne(outcome: assistance_run.Outcome, costs: list[dict[str, Any]]) -> dict[int, int]:
    """person_key → what the person bears after assistance and tilt, in fen."""
    paid = dict(outcome.lines.group_by("person_key").agg(pl.col("amount_fen").sum()).iter_rows())
    whole: dict[int, int] = {}
    for row in costs:
        person = af.key(row["person"])
        whole[person] = whole.get(person, 0) + af.fen(row["pol"]) - af.fen(row["bas"])
    return {person: cost - paid.get(person, 0) for person, cost in whole.items()}


@FEW
@given(
    ladder=st.lists(COSTS, min_size=2, max_size=12, unique=True).map(sorted),
    group=st.sampled_from(GROUPS),
    special=st.booleans(),
    inpatient=st.booleans(),
    share=st.integers(0, 9),
)
def test_the_burden_of_a_visit_falls_only_at_a_gate(
    ladder: list[int], group: str, special: bool, inpatient: bool, share: int
) -> None:
    """One person a step of the ladder, insurance paying `share` tenths; each bears no less than the one before."""
    names = [f"p{n}" for n in range(len(ladder))]
    costs = [
        {"setl_id": f"S{n}", "person": name, "date": "2023-06-01", "pol": yuan(pol), "bas": yuan(pol * share // 10),
         "med_type": "21" if inpatient else "11"} | ({"dise": "M01"} if special else {})
        for n, (name, pol) in enumerate(zip(names, ladder, strict=True))
    ]  # fmt: skip
    outcome = assistance_run.run(
        {
            "settlements": costs,
            "certificates": [{"person": n, "code": group, "from": "2020-01-01"} for n in names],
        }
    )
    final = borne(outcome, costs)
    tilted = set(outcome.lines.filter(pl.col("rule_id") == "P-24")["person_key"])
    for (poorer, less), (richer, more) in pairwise(zip(names, ladder, strict=True)):
        gate = not special and inpatient and less <= GATE < more
        tilt = af.key(richer) in tilted and af.key(poorer) not in tilted
        if not gate and not tilt:
            assert final[af.key(richer)] >= final[af.key(poorer)]
    if not special and not inpatient and group not in TILTED:
        assert all(final[af.key(n)] == pol - pol * share // 10 for n, pol in zip(names, ladder, strict=True))


@FEW
@given(
    visits=st.lists(st.tuples(COSTS, st.booleans(), st.booleans()), min_size=1, max_size=4),
    which=st.integers(0, 3),
    extra=st.one_of(st.integers(1, 5), st.integers(1, 5_000_000)),
    group=st.sampled_from(GROUPS),
)
def test_the_burden_of_a_year_falls_only_at_a_gate(
    visits: list[tuple[int, bool, bool]], which: int, extra: int, group: str
) -> None:
    """Limits carry over from visit to visit: more cost in one of them never leaves less to bear in the year."""
    more = [(pol + extra * (n == which % len(visits)), a, b) for n, (pol, a, b) in enumerate(visits)]
    found = []
    for each in (visits, more):
        costs = [
            {"setl_id": f"S{n}", "person": "A", "date": f"2023-06-{n + 1:02}", "pol": yuan(pol), "bas": "0",
             "med_type": "21" if stay else "11"} | ({"dise": "M01"} if special else {})
            for n, (pol, special, stay) in enumerate(each)
        ]  # fmt: skip
        certificates = [{"person": "A", "code": group, "from": "2020-01-01"}]
        outcome = assistance_run.run({"settlements": costs, "certificates": certificates})
        lines = set(outcome.lines.select("rule_id", "settlement_id").rows())
        found.append((lines, borne(outcome, costs)[af.key("A")]))
    (before_lines, before), (after_lines, after) = found
    if after < before:
        assert {rule for rule, _ in after_lines - before_lines} & {"P-17", "P-24"}


@FEW
@given(counties(), st.sampled_from(PERSONS), DAYS, st.integers(1, 60_000))
def test_under_the_cap_more_cost_leaves_less_only_at_the_first_cost_under_a_lower_cap(
    tables: Tables, person: str, day: str, psn: int
) -> None:
    """A further settlement of anybody: each unit bears no less, but where it now has a lower cap."""
    extra = {"setl_id": "X", "person": person, "date": day, "psn": str(psn)}
    before = assess_run.run(tables).assessed.cap_gap
    after = assess_run.run(tables | {"settlements": [*tables["settlements"], extra]}).assessed.cap_gap
    left = pl.col("burden_fen") - pl.col("gap_fen")
    both = before.select("unit_id", "cap_fen", left=left).join(
        after.select("unit_id", "cap_fen", left=left), on="unit_id", suffix="_after"
    )
    fell = both.filter(pl.col("left_after") < pl.col("left"))
    assert both.height == before.height
    assert (fell["cap_fen_after"] < fell["cap_fen"]).all()


@FEW
@given(counties())
def test_never_more_than_is_borne(tables: Tables) -> None:
    gaps = assess_run.run(tables).assessed.cap_gap
    assert (gaps["gap_fen"] <= gaps["burden_fen"]).all()
    assert (
        gaps["amount_fen"].fill_null(0) <= (gaps["burden_fen"] - gaps["cap_fen"]).clip(lower_bound=0)
    ).all()


@FEW
@given(
    costs=st.lists(
        st.tuples(st.sampled_from(PERSONS), st.integers(1, 28), st.integers(0, 90_000)),
        min_size=1,
        max_size=8,
    ),
    extra=st.integers(1, 200_000),
)
def test_the_relief_stays_within_its_limit(costs: list[tuple[str, int, int]], extra: int) -> None:
    """W-06: at most 100,000, never below 0; more cost never leaves the household less to bear."""
    assume(costs)
    [relief] = household_reliefs(POLICIES, 2024)
    found = []
    for more in (0, extra):
        rows = [
            {"setl_id": f"S{n}", "person": p, "date": f"2024-03-{d:02}", "psn": str(v + more * (n == 0))}
            for n, (p, d, v) in enumerate(costs)
        ]
        tables: Tables = {
            "certificates": [
                {"person": p, "code": "XD2", "from": "2020-01-01", "county": "330326"} for p in PERSONS
            ],
            "members": [{"person": p, "household": "H1"} for p in PERSONS],
            "settlements": rows,
        }
        [row] = assess_run.run(tables, relief, 2024, date(2025, 3, 1)).assessed.cap_gap.to_dicts()
        burden = sum(af.fen(each["psn"]) for each in rows)
        assert row["amount_fen"] == min(10_000_000, max(0, burden - 12_000_000))
        found.append(burden - row["amount_fen"])
    assert found[0] <= found[1]
