"""Looking again only at the people whom new rows touch gives what all rows give, whatever comes in whatever order."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core_frames import delivered, table
from transforms import identity, identity_nights
from transforms.identity import Known

NAMES = ["FD", "FA", "FE", "FB", "FC"]
"""Files in the order in which they come; their names decide where they are received on one day."""


def file_rows(name: str, rows: list[dict[str, Any]]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Person rows and roster rows of one file."""
    listed = [{**row["roster"], "file_id": name} for row in rows if "roster" in row]
    seen = [{k: v for k, v in row.items() if k != "roster"} | {"file_id": name} for row in rows]
    return table("person", seen), table("roster", listed)


PLACE = st.fixed_dictionaries(
    {
        "place_kind": st.sampled_from(["counter", "live_addr", "emp_name"]),
        "place_time": st.sampled_from([None, datetime(2023, 1, 1), datetime(2023, 1, 2)]),
        "township_codes": st.sampled_from([None, "330112104", "330112105|330302001"]),
        "village": st.sampled_from([None, "甲村"]),
    }
)
SHOWN = st.fixed_dictionaries(
    {
        "psn_key": st.sampled_from([None, 31, 32, 33, 34]),
        "psn_region": st.sampled_from([None, "330112", "330112", "500243"]),
        "name_masked": st.sampled_from([None, "张**", "章**"]),
        "birth_year": st.sampled_from([None, 2022, 2023]),
        "sex": st.sampled_from([None, "1"]),
        "died_on": st.sampled_from([None, None, date(2023, 3, 1), date(2023, 4, 1)]),
        "dead": st.sampled_from([None, None, True]),
    }
)


def merged(*parts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for part in parts for name, value in part.items()}


CERTIFIED = st.builds(
    lambda key, odd, ok: {
        "id_key": key,
        "cert_key": key,
        "check_ok": ok,
        "certno_masked": None if odd == 1 else f"33018{odd // 9}********{key:04d}",
    },
    st.integers(1, 6),
    st.integers(0, 9),
    st.sampled_from([True, True, False]),
)
BY_NUMBER = st.builds(lambda key: {"id_key": key}, st.integers(901, 904))
TYPED = st.builds(
    lambda key, bare: {"id_key": key, "cert_key": key, "untyped_key": bare, "certno_masked": f"H{key}"},
    st.integers(51, 53),
    st.integers(501, 502),
)
BARE = st.builds(lambda key: {"id_key": key, "cert_key": key, "untyped_key": key}, st.integers(501, 502))


def listed(row: dict[str, Any], born: int | None, household: str, head: int, day: int) -> dict[str, Any]:
    """A person row with the roster row that it was seen in."""
    numbered = "cert_key" in row
    return row | {
        "roster": {
            "region_code": "330112", "household_id": household, "head_key": head, "id_key": row["id_key"],
            "has_certificate": numbered, "born_key": born if numbered else None, "labels": ["低保"],
            "valid_from": date(2023, day, 1), "department": "民政",
        }
    }  # fmt: skip


NEWBORN = st.builds(lambda key: {"id_key": key}, st.integers(701, 703))
ROSTER = st.builds(
    listed,
    st.builds(merged, st.one_of(NEWBORN, CERTIFIED), SHOWN),
    st.sampled_from([None, 701, 702, 703]),
    st.sampled_from(["H1", "H2"]),
    st.integers(1, 2),
    st.integers(1, 3),
)
ROW = st.one_of(
    st.builds(merged, st.one_of(CERTIFIED, BY_NUMBER, TYPED, BARE), SHOWN),
    st.builds(merged, st.one_of(CERTIFIED, BY_NUMBER), SHOWN, PLACE),
    ROSTER,
)
NIGHTS = st.lists(
    st.tuples(st.sampled_from([date(2023, 1, 5), date(2023, 2, 5), date(2023, 3, 5)]), st.lists(ROW, max_size=6)),
    min_size=2,
    max_size=len(NAMES),
)


def same(left: Known, right: Known) -> None:
    assert left.found.links.equals(right.found.links)
    assert left.found.people.equals(right.found.people)
    order = left.found.findings.columns
    assert left.found.findings.sort(order).equals(right.found.findings.sort(order))
    assert left.ties.unique().sort("id_key", "tie").equals(right.ties.unique().sort("id_key", "tie"))
    assert [frame.rows() for frame in left.born] == [frame.rows() for frame in right.born]


def files_of(days: dict[str, date]) -> pl.DataFrame:
    return delivered(**days).sort("received_on", "content_hash")


@settings(deadline=None, max_examples=150)
@given(NIGHTS)
def test_a_night_knows_what_all_rows_tell(nights: list[tuple[date, list[dict[str, Any]]]]) -> None:
    """Numbers in conflict, several places of insurance, papers without a type, newborns, deaths, late receipt."""
    came: dict[str, tuple[pl.DataFrame, pl.DataFrame]] = {}
    days: dict[str, date] = {}
    before = None
    for name, (day, rows) in zip(NAMES, nights, strict=False):
        came[name], days[name] = file_rows(name, rows), day
        files = files_of(days)
        person, roster = (pl.concat([came[f][n] for f in files["file_id"]]).lazy() for n in (0, 1))
        whole = identity.known(person, files, roster=roster)
        if before is not None:
            found = identity_nights.grown(before, person, came[name][0].lazy(), files, roster)
            assert found is not None
            same(found, whole)
            before = found
        else:
            before = whole
