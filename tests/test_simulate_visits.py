"""`fengding simulate` on assistance and tilt relief: the visits of `tests.test_decisions_visits`, worked on paper.

Today: P-17 16,000 (S1) and 44,000 (S2), S3 held; P-24 2,400 and 17,600.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from flows.cli import app
from flows.configuration import load_configuration
from flows.simulation import Scenario, simulate
from stores.home import Home
from tests.support import table
from tests.test_assistance_flow import HEADER, LIST, listed, settlement
from tests.test_decisions_visits import County, made
from tests.test_explain import bytes_of
from tests.test_order import ROSTER, A


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Iterator[County]:
    """Published for 2023; after all tests every byte is as it was."""
    found = made(tmp_path_factory.mktemp("visits"))
    found.run()
    before = bytes_of(found.home.root)
    yield found
    assert bytes_of(found.home.root) == before


def call(home: Home, *words: str) -> Any:
    return CliRunner().invoke(app, ["simulate", "--year", "2023", "--home", str(home.root), *words])


def results(home: Home, *sets: str) -> dict[str, dict[str, Any]]:
    words = [word for text in sets for word in ("--set", text)]
    done = call(home, *words, "--json")
    assert done.exit_code == 0, done.stderr
    return {row["rule_id"]: row for row in json.loads(done.stdout)["results"]}


@pytest.mark.parametrize(
    ("sets", "inpatient", "tilt"),
    [
        # half of R0: 10,000 and 40,000; R1 10,000 and 40,000: 6,000 and what is left of 20,000
        (["P-16.rate.DIBAO=0.5"], 50_000, 20_000),
        # 16,000 and 34,000
        (["P-17.limit_yuan=50000"], 50_000, 20_000),
        # S1 (50,000) does not pass the gate: 60,000 for S2; tilt 12,000 and 8,000
        (["P-17.gate_yuan=60000"], 60_000, 20_000),
        # S1's 4,000 are below: only S2, 20,000 of 21,600
        (["P-24.threshold_yuan.DIBAO=5000"], 60_000, 20_000),
        (["P-24.limit_yuan=10000"], 60_000, 10_000),
        # what lies above the threshold: 0 and (36,000 − 4,000) × 60 %
        (["A-P01=b"], 60_000, 19_200),
        # S3 counts as local: 16,000 for B, whose place is outside the municipality
        (["A-P17=a"], 76_000, 20_000),
        # 16,000 and 34,000; R1 46,000: (46,000 − 4,000) × 60 % = 25,200, of which 20,000
        (["P-17.limit_yuan=50000", "A-P01=b"], 50_000, 20_000),
    ],
)
def test_by_hand(county: County, sets: list[str], inpatient: int, tilt: int) -> None:
    found = results(county.home, *sets)
    assert found["P-17"]["before_yuan"] == "60000.00" and found["P-24"]["before_yuan"] == "20000.00"
    assert float(found["P-17"]["after_yuan"]) == inpatient
    assert float(found["P-24"]["after_yuan"]) == tilt


def test_visits_persons_and_who_loses(county: County) -> None:
    found = results(county.home, "P-24.threshold_yuan.DIBAO=5000")["P-24"]
    assert (found["paid_before"], found["paid_after"]) == (2, 1)
    assert (found["persons_before"], found["persons_after"]) == (1, 1)
    cut = results(county.home, "P-17.limit_yuan=50000")["P-17"]
    assert (cut["losers"], cut["gainers"]) == (
        {"households": 1, "yuan": "-10000.00"},
        {"households": 0, "yuan": "0.00"},
    )
    assert cut["unknown_before"] == 1 and cut["counted_by"] == "visit"
    [row] = cut["by_category"]
    assert (row["category"], row["before_yuan"], row["after_yuan"]) == ("DIBAO", "60000.00", "50000.00")


def test_a_held_visit_that_becomes_known_is_no_gain(county: County) -> None:
    """B was held and would get 16,000: the difference of one unknown amount is nobody's gain."""
    found = results(county.home, "A-P17=a")["P-17"]
    assert (found["unknown_before"], found["unknown_after"]) == (1, 0)
    assert found["gainers"]["households"] == 0


def test_the_text_and_an_unknown_key(county: County) -> None:
    done = call(county.home, "--set", "P-24.limit_yuan=10000")
    assert done.exit_code == 0
    for words in ("P-24 倾斜救助", "受益就医（次）", "受益人（人）", "少得：1 人，共 10,000.00 元"):
        assert words in done.stdout
    wrong = call(county.home, "--set", "P-24.limit_yan=1")
    assert wrong.exit_code == 2 and "P-24.limit_yuan" in wrong.stderr


def test_today_is_what_was_published(county: County) -> None:
    rows = table(
        county.home.warehouse / "fengding.duckdb",
        "select rule_id, sum(amount_yuan)::double as amount, count(*) as n from mart.benefit_line group by 1",
    ).rows()
    found = simulate(county.home, 2023, [Scenario("today", {"A-P01": "a"})], None).found
    told = {each.rule_id: (each.totals["before_fen"] / 100, each.totals["units_before"]) for each in found}
    assert told == {rule: (amount, n) for rule, amount, n in rows if rule in told} and len(told) == 2


def test_many_scenarios_of_a_file_with_a_picture(county: County, tmp_path: Path) -> None:
    lines = [
        f'[[scenario]]\nname = "限额{n}"\nset = ["P-24.limit_yuan={n}", "P-17.limit_yuan={60000 - n}"]\n'
        for n in range(1_000, 11_000, 1_000)
    ]
    path = tmp_path / "scenarios.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    done = call(county.home, "--scenario", str(path), "--out", str(tmp_path / "out"), "--json")
    assert done.exit_code == 0
    told = json.loads(done.stdout)
    tilt = [row["after_yuan"] for row in told["results"] if row["rule_id"] == "P-24"]
    assert tilt == [f"{n}.00" for n in range(1_000, 11_000, 1_000)]
    assert Path(told["workbook"]).stat().st_size > 0


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 100_000), st.integers(0, 60_000), st.integers(0, 100))
def test_never_above_the_limit_of_the_scenario(county: County, limit: int, gate: int, percent: int) -> None:
    """Nobody gets more than the limit; a lower rate never raises the need for assistance."""
    rate = str(float(Fraction(percent, 100)))
    changes = {"P-17.limit_yuan": str(limit), "P-17.gate_yuan": str(gate), "P-16.rate.DIBAO": rate}
    found = {each.rule_id: each for each in simulate(county.home, 2023, [Scenario("x", changes)], None).found}
    assert found["P-17"].totals["after_fen"] <= limit * 100
    if gate <= 30_000 and percent <= 80 and limit <= 60_000:
        assert found["P-17"].totals["after_fen"] <= found["P-17"].totals["before_fen"]


def test_the_policies_stay_as_they_are(county: County) -> None:
    before = load_configuration(county.home, None).policies.rule("P-24").fen("limit_yuan", date(2023, 6, 1))
    results(county.home, "P-24.limit_yuan=10000")
    after = load_configuration(county.home, None).policies.rule("P-24").fen("limit_yuan", date(2023, 6, 1))
    assert before == after == 2_000_000


def test_a_stay_settled_in_two_parts(tmp_path: Path) -> None:
    """20,000 and 30,000, insurance half: as one stay R0 25,000, 80 % = 20,000, tilt 60 % of 5,000 = 3,000. Each by
    itself (A-P02=a) passes no gate, and tilt is 60 % of 10,000 and of 15,000.
    """
    (tmp_path / "home" / "reference").mkdir(parents=True)
    (tmp_path / "home" / "reference" / "special_disease.csv").write_text(f"{LIST}\n", encoding="utf-8")
    costs = [
        settlement("S1", A, "2023-06-10", 20_000, 10_000, visit="V9"),
        settlement("S2", A, "2023-06-20", 30_000, 15_000, visit="V9"),
    ]
    found = County(tmp_path, {"costs.csv": (HEADER, costs), "list.csv": (ROSTER, [listed(A, "低保")])})
    found.run()
    told = results(found.home, "A-P02=a")
    assert [told["P-17"][f"{name}_yuan"] for name in ("before", "after")] == ["20000.00", "0.00"]
    assert [told["P-24"][f"{name}_yuan"] for name in ("before", "after")] == ["3000.00", "15000.00"]
    case = "select c.amount_yuan::double from mart.review_case c join mart.benefit_line l using (benefit_id) "
    assert found.sql(
        f"{case} where reading_key = 'A-P02' and reading = 'a' and l.rule_id = 'P-24'"
    ).rows() == [(15_000,)]
