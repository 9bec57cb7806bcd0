"""A decision confirms a complete list that had been held back, from the sheet to the amounts, worked on paper.

Twenty households of one person each stand as 低保 on the list of January 2023; the list of February has the last ten
only. A, who is not on it, has costs of 31,000 in January and 5,000 in February; the cap is 30,000. Held back, the list
ends nobody: 36,000 − 30,000 = 6,000. Confirmed, A's certificate has ended on 31 January: 31,000 − 30,000 = 1,000.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from flows import pipeline
from flows.explain import explanation
from flows.explain_text import explain_lines
from flows.pipeline import Outcome
from flows.touched import years_to_assess
from stores import ingest, lake
from tests.decision_home import HEADER, INSTITUTIONS, ON, Bureau, costs, decided
from tests.roster_year import certificate
from tests.support import quiet, request, run
from tests.test_order import ROSTER, SETTLEMENT, written

PEOPLE = [certificate(n) for n in range(1, 21)]
A = PEOPLE[0]
NUMBER = "330112/民政/DIBAO/202302"


def on_list(
    place: int, month: int, label: str = "低保", town: str = "330112102", region: str = "330112"
) -> str:
    """Person `place` of 20, alone in household G<place>, on the list of a month of 2023."""
    who = PEOPLE[place - 1]
    return f"{region},G{place},{who},王某,{who},{label},2022-01-01,,民政,在册,2023{month:02d},{town}"


def full(month: int, first: int, last: int = 20) -> list[str]:
    return [on_list(place, month) for place in range(first, last + 1)]


def confirmed(number: str = NUMBER, verdict: str = "确认", on: str = "2024-03-01", off: str = "") -> str:
    return decided("名单", number, verdict, on=on, year="", off=off)


class Lists(Bureau):
    """The county with its lists of January and February."""

    def __init__(self, root: Path, february: list[str] | None = None) -> None:
        root.mkdir(exist_ok=True)
        short = full(2, 11) if february is None else february
        super().__init__(
            root,
            {
                "costs.csv": (
                    SETTLEMENT,
                    [costs("S1", A, "2023-01-10", "31000.00"), costs("S2", A, "2023-02-10", "5000.00")],
                ),
                "places.csv": (INSTITUTIONS, ["H33011200001,某医院,330112,1,05,2020-01-01,"]),
                "list-01.csv": (ROSTER, full(1, 1)),
                "list-02.csv": (ROSTER, short),
            },
        )

    def run(self, on: date = ON, lists: bool = False) -> Outcome:
        self.number += 1
        return run(self.home, 2023, on=on, number=self.number, lists=lists)

    def amount(self) -> float:
        """What the cap pays A's household."""
        sql = "select amount_yuan::double from mart.cap_gap where unit_id = 'G1' and cost_year = 2023"
        return float(self.sql(sql).item())

    def ended(self) -> dict[str, int]:
        """Last day → number of certificates."""
        sql = "select valid_to::varchar, count(*) from mart.certificate_span where valid_to is not null group by 1"
        return dict(self.sql(sql).rows())

    def held(self) -> list[tuple[str, str]]:
        """finding and suggestion of the lists that end nobody."""
        sql = "select finding, suggestion from mart.roster_finding where rule_id like 'list%' order by 1"
        return self.sql(sql).rows()  # type: ignore[return-value]  # rows are of unknown length

    def file(self, name: str) -> str:
        return str(lake.files_in_force(self.home).filter(name=name)["file_id"].item())

    def states(self) -> list[tuple[str, bool, str | None]]:
        sql = "select status, stale, message_zh from mart.decision order by decided_on, source_row, file_id"
        return self.sql(sql).rows()  # type: ignore[return-value]  # rows are of unknown length


@pytest.fixture
def county(tmp_path: Path) -> Lists:
    return Lists(tmp_path)


def test_a_list_that_shrank_ends_nobody_and_says_how_it_is_confirmed(county: Lists) -> None:
    county.run(lists=True)
    assert county.amount() == 6000 and county.ended() == {}
    [(finding, todo)] = county.held()
    assert finding == "民政 低保对象 202302：在册名单人数减少超过一成，暂不终止任何人的身份，请确认"
    assert "上次采用的在册名单 20 人，这次 10 人" in todo
    assert "对象类型“名单”" in todo and f"对象编号“{NUMBER}”" in todo and "决定“确认”" in todo
    assert any(finding in matter for matter in county.matters())


@pytest.mark.parametrize("way", [NUMBER, "330112／民政／低保对象／2023-02", "file"])
def test_confirmed_the_list_ends_whoever_is_not_on_it(county: Lists, way: str) -> None:
    """By its number, with the category's name, or by its file: ten people end on the last day of January."""
    county.decide(confirmed(county.file("list-02.csv") if way == "file" else way))
    county.run(lists=True)
    assert county.amount() == 1000 and county.ended() == {"2023-01-31": 10}
    assert county.held() == []
    assert county.states() == [("standing", False, None)]
    assert not [matter for matter in county.matters() if matter.startswith("审核决定")]


def test_the_person_finds_the_decision_in_the_explanation(county: Lists) -> None:
    county.decide(confirmed())
    county.run()
    told = explanation(county.home, A, 2023, None)
    [row] = told["decisions"]
    assert (row["decision"], row["object_id"], row["reason"], row["decided_by"]) == (
        "确认", NUMBER, "已核实", "李科长",
    )  # fmt: skip
    assert [(each["category"], each["valid_to"]) for each in row["ended"]] == [("DIBAO", "2023-01-31")]
    assert any(NUMBER in line and "2023-01-31" in line for line in explain_lines(told))
    assert explanation(county.home, PEOPLE[19], 2023, None)["decisions"] == []  # he is still on the list


def test_the_next_list_is_measured_by_the_confirmed_one(county: Lists) -> None:
    """March has nine of the ten: held back too where February is not confirmed; with February one more has ended."""
    county.receive("list-03.csv", "2024-02-11", ROSTER, *full(3, 12))
    county.run()
    assert len(county.held()) == 2 and county.ended() == {}
    county.decide(confirmed())
    county.run()
    assert county.ended() == {"2023-01-31": 10, "2023-02-28": 1}
    assert county.held() == []


def test_a_list_without_a_township_is_confirmed_too(tmp_path: Path) -> None:
    january = [on_list(1, 1, town="330112105"), *full(1, 2)]
    county = Lists(tmp_path, full(2, 2))
    county.receive("other.csv", "2024-02-10", ROSTER, *january)
    county.run()
    [(finding, todo)] = county.held()
    assert "缺少以前有的乡镇" in finding and "上次采用的在册名单 20 人，这次 19 人，少 1 个乡镇街道" in todo
    assert county.ended() == {}
    county.decide(confirmed())
    county.run()
    assert county.ended() == {"2023-01-31": 1} and county.amount() == 1000


def test_a_confirmation_counts_from_its_date_until_it_is_withdrawn(county: Lists) -> None:
    """Decided on 1 March, received on 2 March, withdrawn from 20 March on."""
    county.decide(confirmed())
    county.decide(confirmed(off="2024-03-20"), on="2024-03-10")
    for on, amount, state in (
        (date(2024, 2, 29), 6000, "not_yet"),
        (date(2024, 3, 19), 1000, "standing"),
        (date(2024, 3, 20), 6000, "withdrawn"),
    ):
        county.run(on=on)
        assert county.amount() == amount, on
        assert {row[0] for row in county.states()} == {"replaced", state}
    assert len(county.held()) == 1


def test_as_of_a_day_later_words_do_not_count(county: Lists) -> None:
    """Received on 2 March: as of 1 March nothing was known of it, as of 2 March it counts."""
    county.decide(confirmed(on="2024-02-20"))
    found = {}
    for number, day in enumerate((date(2024, 3, 1), date(2024, 3, 2))):
        [folder] = run(county.home, 2023, on=day, as_of=day, number=90 + number).assessed.values()
        ends = pl.read_parquet(folder / "certificate_span.parquet")["valid_to"].drop_nulls()
        found[day] = ends.to_list()
    assert found == {date(2024, 3, 1): [], date(2024, 3, 2): [date(2023, 1, 31)] * 10}


TOLD = [
    (confirmed("330112/民政/DIBAO/202309"), "unknown_object", "没有收到这份在册名单"),
    (confirmed("330112/残联/DIBAO/202302"), "unknown_object", "没有收到这份在册名单"),
    (confirmed("F0123456789abcdef"), "unknown_object", "没有这个文件"),
    (confirmed("二月低保名单"), "unreadable", "区划代码/认定部门/类别/月份"),
    (confirmed("330112/民政/DIBAO/202313"), "unreadable", "区划代码/认定部门/类别/月份"),
    (confirmed("330112/民政/低保户/202302"), "unreadable", "区划代码/认定部门/类别/月份"),
    (confirmed(verdict="不予支付"), "unreadable", "名单只能“确认”"),
    (confirmed("330112/民政/DIBAO/202301"), "standing", "没有被搁置"),
    (confirmed(on="2024-04-01"), "not_yet", "尚未生效"),
]


def test_what_confirms_nothing_is_told(county: Lists) -> None:
    county.decide(*(row for row, _, _ in TOLD))
    county.run(lists=True)
    assert county.amount() == 6000 and len(county.held()) == 1
    matters = county.matters()
    for (row, state, message), (found, stale, text) in zip(TOLD, county.states(), strict=True):
        assert (found, stale) == (state, False) and message in str(text), row
        assert any(message in matter for matter in matters), row


def test_a_number_of_a_person_in_the_place_of_a_list_is_not_kept(county: Lists) -> None:
    rows = [confirmed(A), confirmed(f"330112/{A}/DIBAO/202302"), confirmed(f"{A}/民政/DIBAO/202302")]
    county.decide(*rows)
    county.run()
    assert [row[0] for row in county.states()] == ["unreadable"] * 3
    assert A not in county.sql("select * from mart.decision").write_json()
    held = lake.scan(county.home, "decision", lake.files_in_force(county.home)).collect()
    assert A not in held.write_json()


def test_a_file_without_a_list_is_told(county: Lists) -> None:
    county.decide(confirmed(county.file("costs.csv")), confirmed(county.file("list-01.csv"), on="2024-03-02"))
    county.run()
    assert county.amount() == 6000
    (first, _, lost), (second, _, idle) = county.states()
    assert (first, second) == ("unknown_object", "standing")
    assert "没有这个文件，或其中没有写明月份的在册名单" in str(lost) and "没有被搁置" in str(idle)


def test_of_two_words_on_one_list_the_later_stands(county: Lists) -> None:
    county.decide(confirmed(on="2024-03-01"), confirmed(county.file("list-02.csv"), on="2024-03-02"))
    county.run()
    assert county.amount() == 1000
    assert [row[0] for row in county.states()] == ["replaced", "standing"]


def test_the_order_of_arrival_does_not_matter(tmp_path: Path) -> None:
    """The decision is read before the list that it names; both have the dates on which they were received."""
    county = Lists(tmp_path, full(2, 1))
    county.decide(confirmed("330112/民政/DIBAO/202303"), on="2024-03-02")
    county.receive("list-03.csv", "2024-02-20", ROSTER, *full(3, 11))
    county.run()
    assert county.ended() == {"2023-02-28": 10} and county.states() == [("standing", False, None)]


def test_a_list_that_came_after_the_decision_was_not_decided_on(tmp_path: Path) -> None:
    county = Lists(tmp_path, full(2, 1))
    county.decide(confirmed("330112/民政/DIBAO/202303"), on="2024-03-02")
    county.receive("list-03.csv", "2024-03-03", ROSTER, *full(3, 11))
    county.run()
    assert county.ended() == {}
    [(state, stale, message)] = county.states()
    assert (state, stale) == ("unknown_object", False) and "还没有收到这份名单" in str(message)


def test_more_people_on_the_list_leave_it_confirmed_and_stale(county: Lists) -> None:
    """A row of person 10 comes after the decision: nine have ended, he has not; the decision is to be looked at."""
    county.decide(confirmed())
    county.receive("late.csv", "2024-03-05", ROSTER, *full(2, 10))
    county.run()
    assert county.ended() == {"2023-01-31": 9} and county.amount() == 1000
    [(state, stale, message)] = county.states()
    assert (state, stale) == ("standing", True) and "多了人" in str(message)


def test_fewer_people_on_the_list_are_another_list(county: Lists) -> None:
    """The file is withdrawn and a shorter one comes for it: held back until it is confirmed itself.

    Where nothing comes for it the list is unknown; the decision on the new list counts from its own date.
    """
    county.decide(confirmed())
    ingest.withdraw(county.home, county.file("list-02.csv"), "送错", date(2024, 3, 4))
    county.run()
    assert county.ended() == {} and [row[0] for row in county.states()] == ["unknown_object"]
    county.receive("again.csv", "2024-03-05", ROSTER, *full(2, 13))
    county.run()
    assert county.ended() == {} and county.amount() == 6000
    [(state, stale, message)] = county.states()
    assert (state, stale) == ("standing", True) and "少了人" in str(message)
    assert "这次 8 人" in county.held()[0][1]
    county.decide(confirmed(on="2024-03-06"), on="2024-03-07")
    county.run()
    assert county.ended() == {"2023-01-31": 12} and county.amount() == 1000
    assert [row[:2] for row in county.states()] == [("standing", True), ("standing", False)]


def test_the_same_rows_again_change_nothing_about_the_decision(county: Lists) -> None:
    county.decide(confirmed())
    county.receive("again.csv", "2024-03-05", ROSTER, *full(2, 11), on_list(11, 2, "特困"))
    county.run()
    assert county.ended() == {"2023-01-31": 10}
    assert county.states() == [("standing", False, None)]


def test_a_list_of_an_unknown_wording_is_named_by_its_file(tmp_path: Path) -> None:
    """Nobody's wording is shown: it may be anything that stood in a wrong column."""
    county = Lists(tmp_path, full(2, 1))
    county.receive("odd-1.csv", "2024-02-11", ROSTER, *(on_list(n, 1, "五包户") for n in range(1, 21)))
    county.receive("odd-2.csv", "2024-02-12", ROSTER, *(on_list(n, 2, "五包户") for n in range(1, 3)))
    county.run()
    [(finding, todo)] = county.held()
    assert "五包户" not in finding + todo and f"对象编号“{county.file('odd-2.csv')}”" in todo
    county.decide(confirmed(county.file("odd-2.csv")))
    county.run()
    assert county.held() == [] and county.states() == [("standing", False, None)]


def test_a_rejected_row_is_on_the_list_that_is_confirmed(tmp_path: Path) -> None:
    """Person 1 stands on the February list with an unreadable date: he has not left, and nine have."""
    county = Lists(tmp_path, [on_list(1, 2).replace("2022-01-01", "2022-13-01"), *full(2, 11)])
    county.decide(confirmed())
    county.run()
    assert county.ended() == {"2023-01-31": 9} and county.amount() == 6000
    assert county.states() == [("standing", False, None)]


def test_a_night_with_such_a_decision_asks_for_every_published_year(county: Lists) -> None:
    """A night gives what a backfill gives; a year that the word reaches by its date alone is asked for on that day."""
    for year in (2022, 2023, 2024):
        run(county.home, year, on=ON, number=70 + year)
    new = written(county.folder, "word.csv", HEADER, [confirmed(), confirmed(on="2024-05-01")])
    told = pipeline.read_inbox(county.home, date(2024, 3, 30), quiet, [new])
    night = date(2024, 4, 1)
    assert years_to_assess(county.home, told, request(county.home, 2024, on=night)) == [2022, 2023, 2024]
    for year in (2022, 2023, 2024):
        run(county.home, year, on=night, number=80 + year)
    nothing = pipeline.read_inbox(county.home, night, quiet, [])
    assert years_to_assess(county.home, nothing, request(county.home, 2024, on=date(2024, 4, 30))) == [2024]
    assert years_to_assess(county.home, nothing, request(county.home, 2024, on=date(2024, 5, 1))) == [
        2022,
        2023,
        2024,
    ]
