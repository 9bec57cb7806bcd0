"""Rosters as departments really write them: townships by name only, a bare 支出型."""

from __future__ import annotations

from datetime import date

import polars as pl

from tests.core_frames import delivered, roster_row, table
from tests.test_certificates import START, facts, listed, result
from transforms import certificates, places
from transforms.identity import LINKS
from transforms.place_names import Townships

REGIONS = pl.DataFrame(
    [
        ("330112", "临安区", "county", "330100"),
        ("330112006", "锦城街道", "township", "330112"),
        ("330112007", "锦北街道", "township", "330112"),
        ("330324100", "锦城镇", "township", "330324"),
        ("330324", "永嘉县", "county", "330300"),
    ],
    schema=["code", "name_zh", "level", "parent_code"],
    orient="row",
)


def test_a_township_that_is_only_named_gets_its_code_within_the_county() -> None:
    """§7: a roster row names 乡镇街道, its code is optional; 锦城 of 临安 is not 锦城 of 永嘉."""
    spans = pl.DataFrame(
        [
            ("330112", None, "锦城街道", "330112006"),
            ("330112", None, "锦北", "330112007"),
            ("330324", None, "锦城镇", "330324100"),
            ("330112", None, "青山湖", None),
            ("330112", "330112009", "锦城街道", "330112009"),
            ("330112", "330112006000", None, "330112006"),
            ("330112", None, None, None),
        ],
        schema=["county_code", "township_code", "township_name", "expected"],
        orient="row",
    )
    got = places.with_township_codes(spans, Townships(REGIONS))
    assert got["township_code"].to_list() == spans["expected"].to_list()
    nobody = spans.filter(pl.col("township_name") == "无此名")
    assert places.with_township_codes(nobody, Townships(REGIONS)).is_empty()


def test_a_bare_expense_wording_asks_a_question_and_keeps_its_category() -> None:
    """§6: 支出型低保 is {ZHICHU, DIBAO}; a bare 支出型 is ZHICHU with a finding."""
    labels = pl.DataFrame(
        {
            "label": ["支出型", "支出型低保"],
            "codes": [["ZHICHU"], ["ZHICHU", "DIBAO"]],
            "bare_expense": [True, False],
        }
    )
    rows = [roster_row(1, "支出型", START, file_id="F01"), roster_row(2, "支出型低保", START, file_id="F01")]
    files = delivered(F01=START)
    got = certificates.certificates(table("roster", rows).lazy(), files, LINKS.to_frame(), labels)
    assert got.facts.select("person_key", "code").rows() == [(1, "ZHICHU"), (2, "DIBAO"), (2, "ZHICHU")]
    assert got.findings.select("rule", "code", "rows").rows() == [("bare_expense", "支出型", 1)]


def test_a_scope_whose_list_stops_while_others_go_on_is_a_finding_and_goes_on_itself() -> None:
    """§6: A month without a list carries the last forward, with a finding; a scope without rows was not delivered."""
    rows = [listed(1, 1, label="低边"), *(listed(month, 2) for month in (1, 2, 4))]
    assert facts(rows) == [(1, "DIBIAN", START, None), (2, "DIBAO", START, None)]
    found = result(rows).findings.select("rule", "code", "list_month").sort("code", "list_month").rows()
    assert found == [
        ("month_without_list", "DIBAO", 202303),
        ("month_without_list", "DIBIAN", 202302),
        ("month_without_list", "DIBIAN", 202303),
        ("month_without_list", "DIBIAN", 202304),
    ]


def test_a_list_of_no_month_is_complete_for_none_and_ends_nobody() -> None:
    """§6: complete only for its scope, 名单月份 among it; persons certified in different months stay all."""
    later = date(2022, 9, 1)
    rows = [listed(5, 1, list_month=None), listed(5, 2, valid_from=later, list_month=None)]
    assert facts(rows) == [(1, "DIBAO", START, None), (2, "DIBAO", later, None)]
    found = result(rows).findings.select("rule", "rows").rows()
    assert found == [("list_without_month", 2)]


def test_who_stood_on_a_list_of_no_month_is_ended_by_the_next_complete_one() -> None:
    """File F05 came in May: absent in March means nothing, absent in June ends him on 31 May."""
    rows = [
        listed(3, 2),
        listed(5, 1, list_month=None),
        listed(5, 2, list_month=None),
        listed(6, 2),
    ]
    assert facts(rows) == [(1, "DIBAO", START, date(2023, 5, 31)), (2, "DIBAO", START, None)]
