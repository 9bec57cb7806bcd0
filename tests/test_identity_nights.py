"""Looking again only at the people whom new rows touch gives what all rows give, whatever comes in whatever order."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows import persons
from flows.persons import who_is_who
from stores import lake
from stores.home import Home
from tests.core_frames import delivered, table
from tests.support import deliver
from tests.test_order import DELIVERY, written
from transforms import identity, identity_nights
from transforms.identity import Known

NAMES = ["FD", "FA", "FE", "FB", "FC"]
"""Files in the order in which they come; their names decide where they are received on one day."""


def file_rows(name: str, rows: list[dict[str, Any]]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Person rows and roster rows of one file; not every roster row need show its person."""
    listed = [{**row["roster"], "file_id": name} for row in rows if "roster" in row]
    shown = [row for row in rows if "roster" not in row or row["roster"]["valid_from"].month < 3]
    seen = [{k: v for k, v in row.items() if k != "roster"} | {"file_id": name} for row in shown]
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
    st.sampled_from([501, 501, 502]),
)
BARE = st.builds(
    lambda key: {"id_key": key, "cert_key": key, "untyped_key": key}, st.sampled_from([501, 501, 502])
)


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
    st.tuples(
        st.sampled_from([date(2023, 1, 5), date(2023, 2, 5), date(2023, 3, 5)]), st.lists(ROW, max_size=6)
    ),
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


@settings(deadline=None, max_examples=40)
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


def test_a_night_that_touches_nearly_everybody_is_left_to_reading_everything() -> None:
    rows = [{"id_key": key, "psn_key": key} for key in range(1_000, 2_500)]
    old, _ = file_rows("FA", rows)
    new, roster = file_rows("FB", [{"id_key": 1, "psn_key": key} for key in range(1_000, 2_500)])
    files = files_of({"FA": date(2023, 1, 5), "FB": date(2023, 2, 5)})
    before = identity.known(old.lazy(), files.head(1), roster=roster.lazy())
    both = pl.concat([old, new]).lazy()
    assert identity_nights.grown(before, both, new.lazy(), files, roster.lazy()) is None
    few, _ = file_rows("FB", [{"id_key": 1, "psn_key": 1_000}])
    assert (
        identity_nights.grown(before, pl.concat([old, few]).lazy(), few.lazy(), files, roster.lazy())
        is not None
    )


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home whose people were handed on before the last two files came."""
    monkeypatch.setenv("FENGDING_SECRET", "for tests only")
    home = Home(tmp_path / "home")
    came = [(written(tmp_path, n, h, r), date.fromisoformat(on)) for n, (on, h, r) in DELIVERY.items()]
    deliver(home, came[:-2])
    known = who_is_who(home, lake.files_in_force(home), derive=False)
    known.hand_on(known.written_down())
    deliver(home, came[-2:])
    return home


def test_what_was_handed_on_is_built_on(home: Home) -> None:
    files = lake.files_in_force(home)
    held = persons.handed_on(home, files)
    assert held is not None and len(held[1]) == files.height - 2
    night, whole = (who_is_who(home, files, derive) for derive in (True, False))
    same(night.known, whole.known)
    assert (night.worth_keeping, whole.worth_keeping) == (False, True)  # a few rows are not handed on anew
    whole.hand_on(whole.written_down())
    held = persons.handed_on(home, files)
    assert held is not None
    same(held[0], whole.known)


def test_what_was_handed_on_is_left_alone_where_it_does_not_fit(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other code, another secret, a file less, a file received on another day, a damaged frame: all rows are read."""
    files = lake.files_in_force(home)
    with monkeypatch.context() as patch:
        patch.setattr(persons, "code_version", lambda: "another")
        assert persons.handed_on(home, files) is None
    with monkeypatch.context() as patch:
        patch.setattr(Home, "secret", lambda _: b"another")
        assert persons.handed_on(home, files) is None
    assert persons.handed_on(home, files.tail(-1)) is None
    manifest = lake.read_manifest(home, files["file_id"][0])
    assert manifest is not None
    manifest.received_on -= timedelta(days=1)
    lake.write_manifest(home, manifest)
    assert persons.handed_on(home, lake.files_in_force(home)) is None
    manifest.received_on += timedelta(days=1)
    lake.write_manifest(home, manifest)
    assert persons.handed_on(home, files) is not None
    (home.lake / "carried" / "people" / "ties.parquet").write_bytes(b"PAR1")
    assert persons.handed_on(home, files) is None
    same(who_is_who(home, files, derive=True).known, who_is_who(home, files, derive=False).known)
