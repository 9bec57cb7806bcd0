"""`fengding explain … --on DATE` on the sample county: identities, unique category, household and township of a day."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.explain_on import state_lines, state_on
from stores.home import Home
from tests.support import county_home

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "data" / "sample"
KEY = SAMPLE / "answer_key"
EARLIER = {"330112X0009A": "330112X0009N"}
"""Numbers as delivered that the key tells under the later one of the year."""
DAYS = [date(2023, month, 30) for month in (3, 6, 9, 12)]


def key(name: str) -> list[dict[str, str]]:
    with (KEY / f"{name}.csv").open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """The sample county, run for 2023; asking leaves the published results as they were."""
    root = tmp_path_factory.mktemp("explained_on") / "home"
    county_home(SAMPLE, root, 2023)
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    yield Home(root)
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


def asked(home: Home, text: str, day: date) -> tuple[dict[str, Any], str]:
    told = state_on(home, text, 2023, day)
    assert json.loads(json.dumps(told)) == told
    return told, "\n".join(state_lines(told))


def test_everybody_of_the_answer_key_on_its_days(home: Home) -> None:
    """Identities and unique category of category_on_day.csv, households of membership.csv, spans of certificate.csv."""
    on_day = {(row["certno"], row["day"]): row for row in key("category_on_day")}
    papers: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in key("certificate"):
        papers[row["certno"]].append(row)
    homes: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in key("membership"):
        homes[row["certno"]].append(row)
    people = sorted(papers)[::3]
    compared = 0
    for place, certno in enumerate(people):
        day = DAYS[place % len(DAYS)]
        told, text = asked(home, certno, day)
        [person] = told["persons"]
        assert certno not in json.dumps(told) + text
        expected = on_day.get((certno, day.isoformat()), {"category": "", "identities": ""})
        assert person["category"] == (expected["category"] or None), (certno, day)
        assert ",".join(person["identities"]) == expected["identities"], (certno, day)
        held = {row["code"] for row in papers[certno] if row["valid_from"] <= str(day) <= row["valid_to"]}
        assert {paper["category"] for paper in person["certificates"]} == held
        lived = {
            row["household_id"] for row in homes[certno] if row["valid_from"] <= str(day) <= row["valid_to"]
        }
        here = person["household_id"]
        if here is not None and not here.startswith("H") and all("户主" not in name for name in lived):
            assert EARLIER.get(here, here) in lived, (certno, day)
            compared += 1
    assert compared > len(people) // 2


def spans_of(household: str) -> dict[str, list[dict[str, str]]]:
    members = {row["certno"] for row in key("membership") if row["household_id"] == household}
    found: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in key("certificate"):
        if row["certno"] in members:
            found[row["certno"]].append(row)
    return found


@pytest.mark.parametrize("day", DAYS)
def test_a_household_is_told_member_by_member(home: Home, day: date) -> None:
    """Father 低保, wife and son 低边: three members, each with the identity of the key on the day."""
    told, text = asked(home, "330112X0010A", day)
    [household] = told["households"]
    expected = sorted(
        ",".join(sorted(row["code"] for row in rows if row["valid_from"] <= str(day) <= row["valid_to"]))
        for rows in spans_of("330112X0010A").values()
    )
    assert sorted(",".join(sorted(person["identities"])) for person in told["persons"]) == expected
    assert len(household["members"]) == 3
    assert "当天成员 3 人" in text and f"{day} 当天" in text
    assert all(person["township_code"] and person["township_name"] for person in told["persons"])


def test_an_earlier_number_and_a_change_of_category(home: Home) -> None:
    """低边 under the first number, 低保 under the second; each on its own day, one household of the year."""
    spans = sorted(
        (row["valid_from"], row["valid_to"], row["code"])
        for rows in spans_of("330112X0009N").values()
        for row in rows
    )
    assert [code for _, _, code in spans] == ["DIBIAN", "DIBAO"]
    for first, _, code in spans:
        told, _ = asked(home, "330112X0009A", date.fromisoformat(first))
        [person] = [p for p in told["persons"] if p["member"]]
        assert person["category"] == code and told["object"]["id"] == "330112X0009N"
    assert person["household_id"] == "330112X0009N"
    assert told["households"][0]["other_numbers"] == ["330112X0009A"]


def test_the_township_is_that_of_the_roster_row_in_force(home: Home) -> None:
    """Everybody with an identity on the day has the township of a roster row, with its file and row."""
    towns = {
        row["certno"]: row["township_code"]
        for row in key("person_year")
        if row["township_source"] == "roster"
    }
    settled = [
        row["certno"]
        for row in key("certificate")
        if row["valid_from"] == "2023-01-01"
        and row["valid_to"] == "2023-12-31"
        and towns.get(row["certno"], "?") != "?"
    ]
    for certno in sorted(set(settled))[:12]:
        told, text = asked(home, certno, date(2023, 12, 31))
        [person] = told["persons"]
        assert person["township_of_day"] and person["township_code"] == towns[certno]
        assert person["township_row"]["file"] in text and "当天没有名册行" not in text


def test_a_day_without_a_roster_row(home: Home) -> None:
    """Before the first list nobody holds anything; the township is told as that of the year."""
    told, text = asked(home, "330112X0010A", date(2020, 1, 1))
    assert all(person["identities"] == [] and person["category"] is None for person in told["persons"])
    assert told["households"][0]["members"] == []
    assert not any(person["township_of_day"] for person in told["persons"])
    assert "当天没有救助身份" in text and "当天没有名册行" in text and "当天成员 0 人" in text


def test_the_command(home: Home) -> None:
    def call(*more: str) -> Any:
        return CliRunner().invoke(
            app, ["explain", "330112X0010A", "--year", "2023", "--home", str(home.root), *more]
        )

    text = call("--on", "2023-06-30")
    assert text.exit_code == 0 and "唯一类别：低保对象" in text.stdout and "低保边缘" in text.stdout
    told = json.loads(call("--on", "2023-06-30", "--json").stdout)
    assert (told["exit"], told["day"], len(told["persons"])) == (0, "2023-06-30", 3)
    assert call("--on", "30.6.2023").exit_code == 2
    assert call("--on", "2023-06-30", "--rule", "L-04").exit_code == 2
    unknown = CliRunner().invoke(
        app,
        ["explain", "330198197201095115", "--year", "2023", "--on", "2023-06-30", "--home", str(home.root)],
    )
    assert unknown.exit_code == 2 and "330198197201095115" not in unknown.output
