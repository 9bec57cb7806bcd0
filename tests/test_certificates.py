"""From rosters to what each person was on each day."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core_frames import delivered, months, roster_row, table
from transforms import certificates
from transforms.identity import LINKS

FILES = months()
LABELS = pl.DataFrame(
    {
        "label": ["低保", "农村低保", "低边", "特困", "支出型低保", "稳定脱贫人口"],
        "codes": [["DIBAO"], ["DIBAO"], ["DIBIAN"], ["TEKUN"], ["ZHICHU", "DIBAO"], []],
    }
)
START = date(2022, 3, 1)
Fact = tuple[int, str, date, date | None]


def listed(
    month: int, person: int, label: str = "低保", valid_from: date = START, **more: Any
) -> dict[str, Any]:
    base = {"list_kind": "在册", "list_month": 202300 + month, "file_id": f"F{month:02d}"}
    return roster_row(person, label, valid_from, **{**base, **more})


def reduced(month: int | None, person: int, label: str = "低保", **more: Any) -> dict[str, Any]:
    number = None if month is None else 202300 + month
    base = {"list_kind": "减少", "list_month": number, "file_id": f"F{month or 1:02d}"}
    return roster_row(person, label, START, **{**base, **more})


def result(rows: list[dict[str, Any]], **more: Any) -> certificates.Certificates:
    files = more.pop("files", FILES)
    return certificates.certificates(
        table("roster", rows).lazy(), files, LINKS.to_frame(), more.pop("labels", LABELS), **more
    )


def facts(rows: list[dict[str, Any]], **more: Any) -> list[Fact]:
    return result(rows, **more).facts.select("person_key", "code", "valid_from", "valid_to").rows()


def rules(rows: list[dict[str, Any]], **more: Any) -> list[str]:
    return sorted(result(rows, **more).findings["rule"].to_list())


# --- dated facts ------------------------------------------------------------------------------------------------


def test_a_row_without_list_kind_is_a_dated_fact() -> None:
    rows = [
        roster_row(1, "低保", START, valid_to=date(2023, 6, 30), file_id="F01"),
        roster_row(2, "低边", START, file_id="F01"),
    ]
    assert facts(rows) == [(1, "DIBAO", START, date(2023, 6, 30)), (2, "DIBIAN", START, None)]


def test_a_label_may_stand_for_several_codes_and_a_row_for_several_labels() -> None:
    rows = [
        roster_row(1, "支出型低保", START, file_id="F01"),
        roster_row(2, "特困", START, file_id="F01", labels=["特困", "低边"]),
    ]
    assert [fact[:2] for fact in facts(rows)] == [(1, "DIBAO"), (1, "ZHICHU"), (2, "DIBIAN"), (2, "TEKUN")]


def test_unknown_wordings_and_those_without_category_are_findings_without_facts() -> None:
    rows = [
        roster_row(1, "稳定脱贫人口", START, file_id="F01"),
        roster_row(2, "什么户", START, file_id="F01"),
    ]
    assert facts(rows) == []
    assert rules(rows) == ["label_without_category", "unknown_label"]
    assert result(rows).spans.select("person_key", "label", "code").rows() == [
        (1, "稳定脱贫人口", None),
        (2, "什么户", None),
    ]


def test_the_last_received_version_of_a_dated_fact_counts() -> None:
    rows = [
        roster_row(1, "低保", START, valid_to=date(2023, 12, 31), file_id="F01"),
        roster_row(1, "低保", START, valid_to=date(2023, 6, 30), file_id="F02"),
        roster_row(1, "低保", START, valid_to=date(2024, 6, 30), file_id="F03"),
    ]
    assert facts(rows[:2]) == [(1, "DIBAO", START, date(2023, 6, 30))]
    assert facts(rows) == [(1, "DIBAO", START, date(2024, 6, 30))]
    assert rules(rows) == []


def test_of_two_ends_received_on_one_day_the_earlier_counts_until_confirmed() -> None:
    same_day = delivered(F01=date(2023, 1, 5), F02=date(2023, 1, 5))
    early, late = date(2023, 6, 30), date(2023, 12, 31)
    for first, second in ((early, late), (late, early), (early, None), (None, early)):
        rows = [
            roster_row(1, "低保", START, valid_to=first, file_id="F01"),
            roster_row(1, "低保", START, valid_to=second, file_id="F02"),
        ]
        assert facts(rows, files=same_day) == [(1, "DIBAO", START, early)]
        assert rules(rows, files=same_day) == ["longer_same_day"]


def test_a_list_never_ends_a_dated_fact() -> None:
    rows = [roster_row(1, "低保", START, file_id="F01"), listed(1, 2), listed(2, 2), listed(3, 2)]
    assert (1, "DIBAO", START, None) in facts(rows)


def test_a_reduction_ends_any_fact() -> None:
    rows = [roster_row(1, "低保", START, file_id="F01"), reduced(5, 1)]
    assert facts(rows) == [(1, "DIBAO", START, date(2023, 4, 30))]
    rows = [roster_row(1, "低保", START, file_id="F01"), reduced(5, 1, valid_to=date(2023, 5, 20))]
    assert facts(rows) == [(1, "DIBAO", START, date(2023, 5, 20))]
    rows = [roster_row(1, "低保", START, file_id="F01"), reduced(5, 1, label="低边")]
    assert facts(rows) == [(1, "DIBAO", START, None)]


def test_a_reduction_without_any_date_is_a_finding() -> None:
    rows = [roster_row(1, "低保", START, file_id="F01"), reduced(None, 1)]
    assert facts(rows) == [(1, "DIBAO", START, None)]
    assert rules(rows) == ["reduction_undated"]


# --- complete lists ---------------------------------------------------------------------------------------------


def test_who_is_absent_from_the_next_list_ended_on_the_last_day_of_the_month_before() -> None:
    rows = [listed(1, 1), listed(1, 2), listed(2, 1), listed(2, 2), listed(3, 1)]
    assert facts(rows) == [(1, "DIBAO", START, None), (2, "DIBAO", START, date(2023, 2, 28))]
    assert rules(rows) == []


def test_a_month_without_a_list_carries_the_last_forward() -> None:
    rows = [listed(1, 1), listed(1, 2), listed(4, 1)]
    assert facts(rows) == [(1, "DIBAO", START, None), (2, "DIBAO", START, date(2023, 3, 31))]
    found = result(rows).findings.filter(pl.col("rule") == "month_without_list")
    assert found["list_month"].to_list() == [202302, 202303]


@pytest.mark.parametrize(
    "other",
    [
        {"region_code": "330112104"},
        {"department": "残联"},
        {"label": "低边"},
    ],
)
def test_a_list_is_complete_for_its_own_scope_only(other: dict[str, Any]) -> None:
    """The list of another region depth, department or identity says nothing about person 1."""
    rows = [listed(1, 1), listed(2, 2, **other)]
    assert (1, "DIBAO", START, None) in facts(rows)


def test_wordings_of_one_code_are_one_list() -> None:
    rows = [listed(1, 1, "农村低保"), listed(1, 2, "农村低保"), listed(2, 1, "低保")]
    assert facts(rows) == [(1, "DIBAO", START, None), (2, "DIBAO", START, date(2023, 1, 31))]


def test_the_last_day_on_the_row_ends_the_fact() -> None:
    rows = [listed(1, 1, valid_to=date(2023, 2, 15)), listed(2, 1, valid_to=date(2023, 2, 15))]
    assert facts(rows) == [(1, "DIBAO", START, date(2023, 2, 15))]
    rows = [listed(1, 1, valid_to=date(2023, 2, 15)), listed(2, 1, valid_to=date(2024, 2, 15))]
    assert facts(rows) == [(1, "DIBAO", START, date(2024, 2, 15))]


def test_an_announced_person_begins_on_the_day_given_and_is_ended_by_a_later_list() -> None:
    new = roster_row(2, "低保", date(2023, 2, 10), list_kind="新增", list_month=202302, file_id="F02")
    rows = [listed(1, 1), listed(2, 1), new, listed(3, 1)]
    assert facts([*rows, listed(3, 2, valid_from=date(2023, 2, 10))])[1] == (
        2,
        "DIBAO",
        date(2023, 2, 10),
        None,
    )
    assert facts(rows)[1] == (2, "DIBAO", date(2023, 2, 10), date(2023, 2, 28))
    assert facts(rows[:3])[1] == (2, "DIBAO", date(2023, 2, 10), None)


def test_who_reappears_begins_again_in_the_month_of_the_list() -> None:
    rows = [listed(1, 1), listed(1, 2), listed(2, 1), listed(3, 1), listed(3, 2)]
    assert facts(rows)[1:] == [(2, "DIBAO", START, date(2023, 1, 31)), (2, "DIBAO", date(2023, 3, 1), None)]
    assert rules(rows) == ["reappeared"]
    again = [*rows[:-1], listed(3, 2, valid_from=date(2023, 2, 20))]
    assert facts(again)[2] == (2, "DIBAO", date(2023, 2, 20), None)


def test_a_reduction_ends_a_listed_fact_and_a_later_list_begins_it_again() -> None:
    rows = [listed(1, 1), listed(1, 2), listed(2, 1), reduced(2, 2, valid_to=date(2023, 1, 20))]
    assert facts(rows)[1] == (2, "DIBAO", START, date(2023, 1, 20))
    assert facts([*rows, listed(3, 1), listed(3, 2)])[1:] == [
        (2, "DIBAO", START, date(2023, 1, 20)),
        (2, "DIBAO", date(2023, 3, 1), None),
    ]


def list_of(month: int, persons: range, **more: Any) -> list[dict[str, Any]]:
    return [listed(month, person, **more) for person in persons]


@pytest.mark.parametrize(
    ("before", "after", "ends"),
    [
        (60, 54, True),  # six fewer: exactly 10 %
        (59, 53, False),  # six fewer: over 10 %
        (50, 45, True),  # five fewer: exactly 10 %
        (20, 15, True),  # 25 %, but not over five rows
        (20, 14, False),
    ],
)
def test_a_list_that_shrinks_too_much_ends_nobody(before: int, after: int, ends: bool) -> None:
    rows = [*list_of(1, range(before)), *list_of(2, range(after))]
    ended = sum(fact[3] is not None for fact in facts(rows))
    assert ended == (before - after if ends else 0)
    assert rules(rows) == ([] if ends else ["list_shrank"])


def test_a_shrunken_list_counts_once_confirmed_and_is_no_measure_for_the_next() -> None:
    rows = [*list_of(1, range(20)), *list_of(2, range(10)), *list_of(3, range(9))]
    assert rules(rows) == ["list_shrank", "list_shrank"]
    assert all(fact[3] is None for fact in facts(rows))
    confirmed = pl.DataFrame(
        {"region_code": ["330112"], "department": ["民政"], "code": ["DIBAO"], "list_month": [202302]},
        schema_overrides={"list_month": pl.Int32},
    )
    ends = [fact[3] for fact in facts(rows, confirmed=confirmed)]
    assert ends.count(date(2023, 1, 31)) == 10 and ends.count(date(2023, 2, 28)) == 1
    whole = [*list_of(1, range(20)), *list_of(2, range(10)), *list_of(3, range(19))]
    assert [fact[3] for fact in facts(whole)].count(date(2023, 2, 28)) == 1


def test_what_counts_only_because_it_is_confirmed_is_told() -> None:
    """Of the lists of January (20), February (10) and March (9) only that of February needs a word; all have one."""
    rows = [*list_of(1, range(20)), *list_of(2, range(10)), *list_of(3, range(9))]
    every = pl.DataFrame(
        {
            "region_code": "330112",
            "department": "民政",
            "code": "DIBAO",
            "list_month": [202301, 202302, 202303],
        },
        schema_overrides={"list_month": pl.Int32},
    )
    found = result(rows, confirmed=every)
    assert found.needed.rows() == [("330112", "民政", "DIBAO", 202302)]
    assert found.findings.is_empty()


@given(st.lists(st.frozensets(st.integers(1, 30)), min_size=1, max_size=6))
@settings(max_examples=40, deadline=None)
def test_lists_that_are_all_confirmed_end_whom_lists_without_a_limit_end(lists: list[frozenset[int]]) -> None:
    rows = [listed(month, person) for month, persons in enumerate(lists, 1) for person in sorted(persons)]
    every = pl.DataFrame(
        {
            "region_code": "330112",
            "department": "民政",
            "code": "DIBAO",
            "list_month": [202300 + n for n in range(1, len(lists) + 1)],
        },
        schema_overrides={"list_month": pl.Int32},
    )
    assert facts(rows, confirmed=every) == facts(rows, shrink_rows=100)


def test_a_list_without_a_township_seen_before_ends_nobody() -> None:
    rows = [listed(1, 1), listed(1, 2, township_code="330112105"), listed(2, 1)]
    assert [fact[3] for fact in facts(rows)] == [None, None]
    assert rules(rows) == ["list_lacks_townships"]


def test_person_and_county_are_the_published_ones() -> None:
    links = pl.DataFrame({"id_key": [7], "person_key": [1]})
    alias = pl.DataFrame(
        {
            "code": ["330185"],
            "stands_for": ["330112"],
            "use": ["roster"],
            "valid_from": [None],
            "valid_to": [None],
        },
        schema_overrides={"valid_from": pl.Date, "valid_to": pl.Date},
    )
    rows = [listed(1, 7, region_code="330185104"), listed(2, 1, region_code="330185104")]
    got = certificates.certificates(table("roster", rows).lazy(), FILES, links, LABELS, alias).facts
    assert got.select("person_key", "county_code", "region_code", "valid_to").rows() == [
        (1, "330112", "330185104", None)
    ]


PRESENCE = st.dictionaries(st.integers(1, 4), st.sets(st.integers(1, 6), min_size=1), min_size=1, max_size=4)


@settings(deadline=None, max_examples=40)
@given(PRESENCE, st.randoms())
def test_the_facts_are_those_of_a_walk_through_the_months(presence: dict[int, set[int]], random: Any) -> None:
    rows = [listed(month, person) for person, seen in presence.items() for month in seen]
    delivered_months = sorted({month for seen in presence.values() for month in seen})
    expected: list[Fact] = []
    for person, seen in sorted(presence.items()):
        start: date | None = None
        for place, month in enumerate(delivered_months):
            if month in seen and start is None:
                start = START if not any(fact[0] == person for fact in expected) else date(2023, month, 1)
            if month not in seen and start is not None:
                last = date(2023, month, 1).toordinal() - 1
                expected.append((person, "DIBAO", start, date.fromordinal(last)))
                start = None
            del place
        if start is not None:
            expected.append((person, "DIBAO", start, None))
    random.shuffle(rows)
    assert facts(rows) == expected
