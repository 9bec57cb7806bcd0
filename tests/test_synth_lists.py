"""Which monthly lists end somebody, by hand; and the untidy things that lists and payments carry."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import openpyxl
import pytest

from synth import write_county
from synth.key_lists import end_by_absence
from synth.model import FOREVER, Fact

YEAR = 2023
ALL = tuple(range(1, 13))


def listed(who: str, town: int, months: tuple[int, ...], cell: str = "低边") -> Fact:
    return Fact(f"3301991970010100{who}", f"H{who}", "", cell, date(2020, 1, 1), town=town, lists=months)


def test_absent_from_the_next_whole_list_ends_on_the_last_day_of_the_month_before() -> None:
    gone, stays = listed("10", 1, (1, 2, 3, 4)), listed("12", 1, ALL)
    end_by_absence([gone, stays], YEAR)
    assert (gone.end, stays.end) == (date(2023, 4, 30), FOREVER)


def test_a_list_without_a_township_seen_before_ends_nobody() -> None:
    gone, alone, stays = listed("10", 1, (1, 2, 3, 4)), listed("12", 2, (1, 2, 3, 4)), listed("14", 1, ALL)
    end_by_absence([gone, alone, stays], YEAR)
    assert {f.end for f in (gone, alone, stays)} == {FOREVER}


def test_before_is_the_last_whole_list() -> None:
    back = (1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12)  # the township is missing in May only
    gone, alone, stays = listed("10", 1, (1, 2, 3, 4)), listed("12", 2, back), listed("14", 1, ALL)
    end_by_absence([gone, alone, stays], YEAR)
    assert gone.end == date(2023, 5, 31)  # May's list ends nobody, June's does
    assert alone.end == FOREVER


@pytest.mark.parametrize(
    ("missing", "of", "ended"),
    [(6, 59, False), (6, 60, True), (5, 8, True), (6, 8, False)],
    ids=["6 of 59", "exactly a tenth", "five rows", "six of eight"],
)
def test_over_a_tenth_and_over_five_rows(missing: int, of: int, ended: bool) -> None:
    facts = [listed(f"{i:02d}", 1, (1, 2, 3) if i < missing else ALL) for i in range(of)]
    end_by_absence(facts, YEAR)
    assert {f.end for f in facts[:missing]} == {date(2023, 3, 31) if ended else FOREVER}
    assert {f.end for f in facts[missing:]} == {FOREVER}


def test_scopes_are_apart_and_a_reduction_keeps_its_day() -> None:
    last = listed("10", 1, (1, 2, 3))  # nobody of his identity is on a later list: none was delivered
    other = listed("12", 1, ALL, "低保")
    reduced = listed("14", 1, (1, 2, 3), "低保")
    reduced.removed, reduced.end = 4, date(2023, 3, 20)
    end_by_absence([last, other, reduced], YEAR)
    assert (last.end, other.end, reduced.end) == (FOREVER, FOREVER, date(2023, 3, 20))


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("lists") / "county"
    write_county(out, persons=400, year=YEAR, region="330112", seed=9)
    return out


def test_payment_lists_in_utf_16(county: Path) -> None:
    found = [f for f in (county / "inbox").glob("其他保障待遇*.csv") if f.read_bytes()[:2] == b"\xff\xfe"]
    assert found and all(f.read_bytes().decode("utf-16").startswith("流水号,") for f in found)


def test_invisible_signs_in_headers_and_empty_rows(county: Path) -> None:
    with (county / "answer_key" / "files.csv").open(encoding="utf-8") as f:
        rejected = {r["file"]: int(r["n_rejected"]) for r in csv.DictReader(f)}
    invisible = 0
    for path in (county / "inbox").glob("*名册*.xlsx"):
        rows = list(openpyxl.load_workbook(path).active.iter_rows(values_only=True))
        at = next(i for i, r in enumerate(rows) if "区划代码" in r)
        invisible += any("\u200b" in str(cell) for cell in rows[at])
        body = [r for r in rows[at + 1 :] if not str(r[0]).startswith("注")]
        assert sum(not any(r) for r in body) == rejected[path.name], path.name
    assert invisible
    assert sum(n for name, n in rejected.items() if "名册" in name)
