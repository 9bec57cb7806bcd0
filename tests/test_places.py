"""Region of a code, designated institutions, routing, townships."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from schemas import core
from schemas.reference import load_reference
from tests.core_frames import delivered, settlement, table
from transforms import identity, places
from transforms.place_names import Townships

FILES = delivered(FA=date(2023, 1, 5), FB=date(2023, 2, 5))
ALIAS = pl.DataFrame(
    [
        ("330185", "330112", "insured", None, None),
        ("330185", "330112", "institution", None, None),
        ("330125", "330110", "insured", date(2001, 1, 1), date(2021, 4, 8)),
    ],
    schema=places.ALIAS,
    orient="row",
)
A, B = "H33011200001", "H50024300001"


def test_an_alias_stands_for_its_region_in_its_use_and_time() -> None:
    frame = pl.DataFrame(
        {
            "code": ["330185", "330125", "330125", "500243"],
            "on": [date(2020, 1, 1), date(2021, 4, 8), date(2021, 4, 9), date(2020, 1, 1)],
        }
    )
    dated = (
        frame.select(places.county_of(pl.col("code"), ALIAS, "insured", pl.col("on"))).to_series().to_list()
    )
    assert dated == ["330112", "330110", "330125", "500243"]
    assert (
        frame.select(places.county_of(pl.col("code"), ALIAS, "roster")).to_series().to_list()
        == frame["code"].to_list()
    )


@pytest.mark.parametrize(
    ("code", "region", "inside"),
    [("330112", "330112", True), ("330112", "330100", True), ("330112", "330000", True), ("330112", "330300", False),
     ("500243", "330000", False), ("330112104", "330112", True)],
)  # fmt: skip
def test_a_policy_applies_to_its_region_and_below(code: str, region: str, inside: bool) -> None:
    assert pl.select(places.within(pl.lit(code), region)).item() is inside


def designated(institutions: list[dict[str, Any]], **change: Any) -> bool:
    rows = table(
        "setl_d", [settlement("S1", 100, **{"institution_code": A, "institution_region": None, **change})]
    )
    listing = table("fixmedins_b", institutions) if institutions else core.empty("fixmedins_b")
    got = places.with_designation(rows.lazy(), listing.lazy(), FILES, ALIAS).collect()
    assert got.columns == [*rows.columns, "designated"]
    return bool(got["designated"].item())


def institution(code: str, start: date, end: date | None = None, **more: Any) -> dict[str, Any]:
    return {"institution_code": code, "valid_from": start, "valid_to": end, **more}


@pytest.mark.parametrize(
    ("institutions", "change", "expected"),
    [
        ([], {}, True),  # its region has delivered no list
        ([institution(B, date(2020, 1, 1))], {}, True),  # another region's list says nothing
        ([institution(A, date(2020, 1, 1))], {}, True),
        ([institution(A, date(2020, 1, 1), date(2023, 5, 10))], {}, True),  # last day, inclusive
        ([institution(A, date(2020, 1, 1), date(2023, 5, 9))], {}, False),
        ([institution(A, date(2023, 5, 11))], {}, False),
        ([institution("H33011200002", date(2020, 1, 1))], {}, False),  # the region's list lacks it
        ([institution(A, date(2020, 1, 1), date(2021, 1, 1)), institution(A, date(2023, 1, 1))], {}, True),
        ([institution(A, date(2020, 1, 1), date(2021, 1, 1)), institution(A, date(2023, 1, 1))],
         {"at": datetime(2022, 5, 1)}, False),
        ([institution(A, date(2020, 1, 1))], {"institution_region": "330185"}, True),  # alias
        ([institution(A, date(2020, 1, 1))], {"institution_region": "500243"}, True),  # 归属区划 decides
        ([institution(A, date(2020, 1, 1))], {"institution_code": "P-1", "institution_region": None}, True),
    ],
)  # fmt: skip
def test_designated_is_judged_by_the_list_of_the_institutions_own_region(
    institutions: list[dict[str, Any]], change: dict[str, Any], expected: bool
) -> None:
    assert designated(institutions, **change) is expected


def test_the_last_received_row_of_an_institution_counts() -> None:
    first, second = (
        institution(A, date(2020, 1, 1)),
        institution(A, date(2020, 1, 1), date(2022, 1, 1), file_id="FB"),
    )
    assert designated([first, second]) is False


def test_a_settlement_goes_to_the_region_whose_roster_lists_the_person() -> None:
    rows = table(
        "setl_d",
        [
            settlement("S1", 100),
            settlement("S2", 100, at=datetime(2023, 7, 1)),
            settlement("S3", 100, id_key=2),
        ],
    )
    facts = pl.DataFrame(
        [
            (1, "500243", "DIBAO", date(2023, 1, 1), date(2023, 6, 30)),
            (1, "330300", "XD2", date(2023, 1, 1), None),
        ],
        schema={"person_key": pl.Int64, "county_code": pl.String, "code": pl.String, "valid_from": pl.Date, "valid_to": pl.Date},
        orient="row",
    )  # fmt: skip
    frame = rows.lazy().with_columns(person_key=pl.col("id_key"))
    assert places.routed(frame, facts, ["TEKUN", "DIBAO", "XD2"]).rows() == [
        ("S1", "500243"),
        ("S2", "330300"),
    ]


SPANS = pl.DataFrame(
    [
        (1, date(2023, 1, 1), date(2023, 6, 30), "330112104", None, "甲村"),
        (1, date(2023, 4, 1), None, "330112105", None, "乙村"),
    ],
    schema={"person_key": pl.Int64, "valid_from": pl.Date, "valid_to": pl.Date, "township_code": pl.String,
            "township_name": pl.String, "village": pl.String},
    orient="row",
)  # fmt: skip


def township(person: int, on: date, known: dict[str, Any]) -> tuple[Any, ...]:
    row = {"id_key": person, **known}
    people = identity.people(table("person", [row]).lazy(), FILES).people
    wanted = pl.DataFrame({"person_key": [person], "county_code": ["330112"], "on": [on]})
    got = places.townships(wanted, SPANS, people)
    return got.select("township_code", "village", "township_source").row(0)


@pytest.mark.parametrize(
    ("person", "on", "known", "expected"),
    [
        (1, date(2023, 2, 1), {}, ("330112104", "甲村", "roster")),
        (1, date(2023, 5, 1), {}, ("330112105", "乙村", "roster")),  # the latest started
        (1, date(2022, 5, 1), {}, (None, None, "unknown")),
        (2, date(2023, 2, 1), {"place_kind": "counter", "township_codes": "330112106", "village": "丙村"},
         ("330112106", "丙村", "counter")),
        (2, date(2023, 2, 1), {"place_kind": "live_addr", "township_codes": "330302001|330112107"},
         ("330112107", None, "live_addr")),
        (2, date(2023, 2, 1), {"place_kind": "emp_name", "township_codes": "330302001"}, (None, None, "unknown")),
        # the address itself names the county: 温州市鹿城区…, of a person insured in 330112
        (2, date(2023, 2, 1), {"place_kind": "live_addr", "township_codes": "=330302001"},
         ("330302001", None, "live_addr")),
        (2, date(2023, 2, 1), {"place_kind": "counter", "township_codes": "330112107|=330302001"},
         ("330302001", None, "counter")),
        # two that are sure: the county of the person decides as it does for the others
        (2, date(2023, 2, 1), {"place_kind": "live_addr", "township_codes": "=330112107|=330302001"},
         ("330112107", None, "live_addr")),
        (2, date(2023, 2, 1), {"place_kind": "live_addr", "township_codes": "=330302001|=330302002"},
         (None, None, "unknown")),
    ],
)  # fmt: skip
def test_township_of_a_person(
    person: int, on: date, known: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    assert township(person, on, known) == expected


def test_an_address_that_names_its_county_counts_wherever_the_person_is_insured() -> None:
    regions = load_reference(Path(__file__).resolve().parent.parent / "data" / "reference", None)["regions"]
    address = pl.Series(["浙江省杭州市临安区天目山镇第9村"])
    codes = Townships(regions).find(address)["township_codes"].item()
    row = {"id_key": 2, "place_kind": "live_addr", "township_codes": codes}
    people = identity.people(table("person", [row]).lazy(), FILES).people
    wanted = pl.DataFrame({"person_key": [2], "county_code": ["330382"], "on": [date(2023, 2, 1)]})
    got = places.townships(wanted, SPANS, people)
    assert got.select("township_code", "township_source").row(0) == ("330112116", "live_addr")
