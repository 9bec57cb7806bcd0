"""`fengding simulate`: amounts worked by hand, agreement with what the run stored, and that nothing changes.

Three households of a small delivery bear 49,000 (低保), 12,000 (特困) and 40,000 (低边): under the caps of 30,000, 5,000
and 50,000 yuan 19,000 + 7,000 + 0 = 26,000 are due. A fourth one is incomplete.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import tests.assess_frames as af
from flows.cli import app
from flows.configuration import load_configuration
from flows.simulation import Scenario, simulate
from flows.stored import sources
from schemas.policy import household_caps
from stores.home import Home
from tests.support import county_home, deliver, run, table
from tests.test_explain import bytes_of
from tests.test_order import ROSTER, SETTLEMENT, settlement, written
from transforms.household_year import member_counts
from transforms.rules.readings import LETTERS, PLAIN
from transforms.simulate import Stored, compared, distribution, entitlements, fiscal_at_most, matched

SAMPLE = Path(__file__).resolve().parents[1] / "data" / "sample"
ON = date(2024, 3, 31)
D, T, B, X = "330199196001010016", "330199196202020027", "330199198803030038", "330199197404040049"
"""Four invented people, one a household; no such area code exists."""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """The four households, published for 2023; after all tests every byte is as it was."""
    folder = tmp_path_factory.mktemp("small")
    rows = [
        settlement("S1", D, "2023-03-01", "20000.00"),
        settlement("S2", D, "2023-09-01", "29000.00"),
        settlement("S3", T, "2023-04-01", "12000.00"),
        settlement("S4", B, "2023-05-01", "40000.00"),
        settlement("S5", X, "2023-06-01", "31000.00"),
        settlement("S6", X, "2023-07-01", "500.00", flag="1"),  # refunded, and the refund has not come
    ]
    people = ((D, "低保", "F1"), (T, "特困人员", "F2"), (B, "低边", "F3"), (X, "低保", "F4"))
    roster = [f"330112,{h},{who},王某,{who},{label},2022-01-01,,民政,,,330112102" for who, label, h in people]
    home = Home(folder / "home")
    files = [
        written(folder, "settlements.csv", SETTLEMENT, rows),
        written(folder, "roster.csv", ROSTER, roster),
    ]
    deliver(home, [(path, date(2024, 1, 5)) for path in files])
    run(home, 2023, on=ON)
    before = bytes_of(home.root)
    yield home
    assert bytes_of(home.root) == before


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The sample county with its planted situations, published for 2023."""
    root = tmp_path_factory.mktemp("county") / "home"
    county_home(SAMPLE, root, 2023)
    return Home(root)


def call(home: Home, *words: str) -> Any:
    return CliRunner().invoke(app, ["simulate", "--year", "2023", "--home", str(home.root), *words])


def results(home: Home, *words: str) -> list[dict[str, Any]]:
    done = call(home, *words, "--json")
    assert done.exit_code == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)["results"]
    return found


def test_other_caps_by_hand(small: Home) -> None:
    """低保 25,000: 24,000. 特困 6,000: 6,000. 低边 38,000: 2,000. Together 32,000, of which a third 10,666.66."""
    words = [f"--set=L-04.cap_yuan.{pair}" for pair in ("DIBAO=25000", "TEKUN=6000", "DIBIAN=38000")]
    [found] = results(small, *words)
    assert (found["before_yuan"], found["after_yuan"], found["change_yuan"]) == (
        "26000.00",
        "32000.00",
        "6000.00",
    )
    assert (found["paid_before"], found["paid_after"], found["units_after"]) == (2, 3, 4)
    assert found["gainers"] == {"households": 2, "yuan": "7000.00"}
    assert found["losers"] == {"households": 1, "yuan": "-1000.00"}
    rows = [(r["household_id"], r["before_yuan"], r["after_yuan"]) for r in found["households"]]
    assert rows == [("F1", "19000.00", "24000.00"), ("F3", "0.00", "2000.00"), ("F2", "7000.00", "6000.00")]
    [fund] = found["fund"]["after"]
    assert (fund["fiscal_at_most_yuan"], fund["others_at_least_yuan"]) == ("10666.66", "21333.34")
    by_category = {row["category"]: (row["before_yuan"], row["after_yuan"]) for row in found["by_category"]}
    assert by_category == {
        "DIBAO": ("19000.00", "24000.00"),
        "TEKUN": ("7000.00", "6000.00"),
        "DIBIAN": ("0.00", "2000.00"),
    }
    assert [row["township_code"] for row in found["by_township"]] == ["330112102"]


def test_an_incomplete_household_is_shown_beside_the_money(small: Home) -> None:
    """F4 bears 31,000 by what is known: 1,000 today, 6,000 under a cap of 25,000; in no sum."""
    [found] = results(small, "--set=L-04.cap_yuan.DIBAO=25000")
    assert (found["unknown_before"], found["unknown_after"]) == (1, 1)
    assert (found["unknown_before_yuan"], found["unknown_after_yuan"]) == ("1000.00", "6000.00")
    assert found["change_yuan"] == "5000.00"


def test_rate_fund_share_and_first_year(small: Home) -> None:
    """80 % of 26,000 = 20,800, half of which may be public money; from 2024 on nothing is due for 2023."""
    [found] = results(small, "--set=L-04.pay_rate=0.8", "--set=L-10.fiscal_share_max=1/2")
    assert (found["after_yuan"], found["fund"]["after"][0]["fiscal_at_most_yuan"]) == ("20800.00", "10400.00")
    [found] = results(small, "--set=L-04.first_cost_year=2024")
    assert (found["after_yuan"], found["unknown_after"]) == ("0.00", 0)


def test_two_scenarios_of_a_file_and_one_of_the_command(small: Home, tmp_path: Path) -> None:
    file = tmp_path / "scenarios.toml"
    file.write_text(
        '[[scenario]]\nname = "低"\nset = ["L-04.cap_yuan.DIBAO=20000"]\n'
        '[[scenario]]\nname = "高"\nset = ["L-04.cap_yuan.DIBAO=40000", "L-04.cap_yuan.TEKUN=12000"]\n',
        encoding="utf-8",
    )
    found = results(small, f"--scenario={file}", "--set=A-L06=b", f"--out={tmp_path / 'out'}")
    assert [(f["scenario"], f["after_yuan"]) for f in found] == [
        ("低", "36000.00"),  # 29,000 + 7,000
        ("高", "9000.00"),  # 9,000 + 0
        ("A-L06=b", "26000.00"),  # nobody paid from an account
    ]
    book = openpyxl.load_workbook(tmp_path / "out" / "模拟_2023.xlsx")
    assert book.sheetnames == ["汇总", "基金", "类别", "乡镇街道", "逐户增减"]
    sheet = book["汇总"]
    titles = [cell.value for cell in sheet[1]]
    assert [sheet.cell(row, titles.index("情景应付") + 1).value for row in (2, 3, 4)] == [
        36_000,
        9_000,
        26_000,
    ]
    assert sheet._charts and book["类别"]._charts  # type: ignore[attr-defined]  # openpyxl shows charts there only


def test_the_text_says_it_in_chinese(small: Home) -> None:
    done = call(small, "--set", "L-04.cap_yuan.DIBAO=25000")
    for words in (
        "26,000.00",
        "31,000.00",
        "+5,000.00",
        "低保对象（1→1 户）",
        "财政至多 1/3",
        "家庭 F1",
        "没有发布或改变",
    ):
        assert words in done.stdout
    assert "没有一户的金额改变" in call(small, "--set", "A-L04=a").stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--set", "L-04.cap_yuan.DIBO=1"), "L-04.cap_yuan.DIBAO"),
        (("--set", "L-04.cap_yuan.DIBAO"), "KEY=VALUE"),
        (("--set", "A-L02=e"), "可选"),
        (("--set", "A-P10=b"), "模拟不计算它"),
        (("--set", "L-20.threshold_yuan=1"), "模拟不计算它"),
        (("--set", "A-L02=b", "--set", "A-L02=c"), "两次"),
        ((), "--set"),
        (("--scenario", "/nowhere.toml"), "情景文件"),
        (("--set", "A-L02=b", "--region", "330113"), "330113"),
        (("--set", "A-L02=b", "--year", "2019"), "已发布的年度：2023"),
    ],
)
def test_a_wrong_call_exits_2_and_says_why(small: Home, words: tuple[str, ...], message: str) -> None:
    done = call(small, *words)
    assert done.exit_code == 2 and message in done.stderr


def test_today_is_what_the_run_has_published(county: Home) -> None:
    """The sums before any change are those of the mart, by category as well."""
    found = simulate(county, 2023, [Scenario("same", {"A-L01": "a"})], None).found
    [gap] = table(
        county.warehouse / "fengding.duckdb",
        "select sum(amount_yuan) * 100 as fen, count(*) filter (amount_yuan > 0) as paid, "
        "count(*) filter (amount_yuan is null) as unknown from mart.cap_gap",
    ).to_dicts()
    [whole] = found
    assert (whole.totals["before_fen"], whole.totals["paid_before"]) == (int(gap["fen"]), gap["paid"])
    assert whole.totals["unknown_before"] == gap["unknown"]
    assert whole.totals["change_fen"] == 0 and whole.households.is_empty()


@pytest.mark.parametrize(
    ("key", "letter"), [(k, v) for k, vs in LETTERS.items() for v in vs if PLAIN[k] != v]
)
def test_a_reading_gives_what_the_review_list_says(county: Home, key: str, letter: str) -> None:
    """Each household whose amount changes has the review amount that the run stored for that reading, and no other."""
    [found] = simulate(county, 2023, [Scenario("other", {key: letter})], None).found
    stored = table(
        county.warehouse / "fengding.duckdb",
        "select g.household_id, sum(r.amount_yuan)::decimal(18,2) * 100 as fen from mart.review_case r "
        f"join mart.cap_gap g using (benefit_id) where r.reading_key = '{key}' and r.reading = '{letter}' group by 1",
    )
    expected = {household: int(fen) for household, fen in stored.iter_rows()}
    assert dict(found.households.select("household_id", "after_fen").iter_rows()) == expected


def stored_of(home: Home) -> Stored:
    [source] = sources(home, 2023)
    names = {"settlements": "settlement", "certificates": "certificate", "members": "membership"}
    names |= {"households": "household", "troubles": "trouble", "places": "person_year"}
    return Stored(**{name: source.scan(stored).collect() for name, stored in names.items()})


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    caps=st.fixed_dictionaries({c: st.integers(0, 60_000) for c in ("TEKUN", "DIBAO", "DIBIAN")}),
    lower=st.integers(0, 20_000),
)
def test_a_lower_cap_never_lowers_the_need(county: Home, caps: dict[str, int], lower: int) -> None:
    """All caps by the same sum lower: nobody gets less; the same caps: nothing changes."""
    [cap] = household_caps(load_configuration(county, None).policies, 2023)
    kept = stored_of(county)
    high = replace(cap, cap_fen={code: 100 * (yuan + lower) for code, yuan in caps.items()})
    low = replace(cap, cap_fen={code: 100 * yuan for code, yuan in caps.items()})
    before, after = (entitlements([each], kept, 2023, ON) for each in (high, low))
    change = compared(before, after)
    assert (change["change_fen"] >= 0).all()
    assert compared(after, after).is_empty()
    totals = distribution(before, after, ["rule_id"]).row(0, named=True)
    assert totals["change_fen"] == change["change_fen"].sum() >= 0
    assert totals["after_fen"] == after["amount_fen"].sum()


def test_relief_in_wenzhou() -> None:
    """150,000 − 120,000 = 30,000 in a pilot county; from 100,000 on 50,000; a county that is no pilot gets nothing."""
    people = [{"person": "a", "household": "A"}, {"person": "b", "household": "B"}]
    papers = [
        {"person": p, "code": "XD2", "from": "2024-01-01", "county": county}
        for p, county in (("a", "330324"), ("b", "330302"))
    ]
    members = af.members(people, 2024)
    costs = af.settlements(
        [
            {"setl_id": f"s{p}", "person": p, "date": "2024-05-01", "psn": 150_000, "insured": "330324"}
            for p in "ab"
        ]
    ).with_columns(
        com_used_fen=pl.lit(0, pl.Int64),
        sub_used_fen=pl.lit(0, pl.Int64),
        neg_fen=pl.lit(0, pl.Int64),
        burden_fen="psn_fen",
    )
    kept = Stored(
        costs, af.certificates(papers), members, af.households([{"household": h} for h in "AB"]), af.troubles([]),
        af.places(["a", "b"]),
    )  # fmt: skip
    assert member_counts(members, date(2024, 12, 31)).height == 2
    on = date(2025, 3, 1)
    today = entitlements([af.wenzhou_relief()], kept, 2024, on)
    assert today.select("unit_id", "state", "amount_fen").rows() == [
        ("B", "not_pilot", 0),
        ("A", "known", 3_000_000),
    ]
    lower = entitlements([af.wenzhou_relief(threshold_fen=10_000_000)], kept, 2024, on)
    assert compared(today, lower).select("household_id", "change_fen").rows() == [("A", 2_000_000)]


def test_financing_to_the_fen() -> None:
    """A third of 100.00 is 33.33 at most (3 × 33.34 > 100); 1:1 of 0.03: 0.01 from above, 0.02 locally."""
    assert fiscal_at_most(10_000, Fraction(1, 3)) == 3_333
    assert fiscal_at_most(9_999, Fraction(1, 3)) == 3_333
    assert matched(3, Fraction(1)) == (1, 2)
    assert matched(300, Fraction(2)) == (100, 200)
