"""The history of a sum, worked out in one go, is what each night by itself would have found."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from unittest import mock

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas import core
from tests.core_frames import REJECTS, settlement, table
from transforms import measure_history
from transforms.measure_history import SUMS, history
from transforms.resolved import Resolved, resolve

DAYS = 5
FILES = pl.DataFrame(
    {
        "file_id": [f"F{n}" for n in range(DAYS)],
        "content_hash": [f"{n:02d}" for n in range(DAYS)],
        "received_on": [date(2023, 6, 1) + timedelta(days=n) for n in range(DAYS)],
    }
)
ALIAS = pl.DataFrame(
    schema={
        "code": pl.String,
        "stands_for": pl.String,
        "use": pl.String,
        "valid_from": pl.Date,
        "valid_to": pl.Date,
    }
)
LINKS = pl.DataFrame(schema={"id_key": pl.Int64, "person_key": pl.Int64})
FEW = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
Row = dict[str, Any]


@st.composite
def rows(draw: st.DrawFn) -> list[Row]:
    """Settlements of two people with copies, second versions, refunds whole and partial, and unlinked negatives."""
    found: list[Row] = []
    for number in range(draw(st.integers(1, 5))):
        who, amount = draw(st.integers(1, 2)), draw(st.sampled_from([10, 20, 30]))
        at = datetime(2023, 1, 1 + number, 9)
        first = settlement(f"S{number}", amount * 2, amount, id_key=who, at=at, file_id=_file(draw))
        found.append(first)
        for _ in range(draw(st.integers(0, 2))):
            kind = draw(st.sampled_from(["copy", "version", "refund", "part", "negative", "flagged"]))
            file_id, extra = _file(draw), f"R{len(found)}"
            if kind == "copy":
                found.append(first | {"file_id": file_id})
            elif kind == "version":
                newer = settlement(f"S{number}", amount * 4, amount * 2, id_key=who, at=at, file_id=file_id)
                found.append(newer | {"updt_time": datetime(2023, 3, draw(st.integers(1, 3)))})
            elif kind == "flagged":
                found.append(
                    first | {"file_id": file_id, "refd_flag": "1", "updt_time": datetime(2023, 4, 1)}
                )
            else:
                back = amount if kind != "part" else amount // 2
                more: Row = {} if kind == "negative" else {"init_setl_id": f"S{number}"}
                later = datetime(2023, 2, 1 + len(found), 9)
                found.append(
                    settlement(extra, -2 * back, -back, id_key=who, at=later, file_id=file_id, **more)
                )
    return found


def _file(draw: st.DrawFn) -> str:
    return f"F{draw(st.integers(0, DAYS - 1))}"


def resolved(frame: pl.DataFrame, files: pl.DataFrame) -> Resolved:
    return resolve(
        frame.lazy(), REJECTS.to_frame().lazy(), files, LINKS, ALIAS, core.empty("fixmedins_b").lazy(), 2023
    )


@FEW
@given(rows())
def test_each_day_of_the_history_is_what_that_night_would_have_found(given_rows: list[Row]) -> None:
    frame = table("setl_d", given_rows)
    people = pl.DataFrame(
        {"id_key": [1, 2], "person_key": [1, 2]}, schema=dict.fromkeys(LINKS.columns, pl.Int64)
    )
    judged = resolved(frame, FILES).verdicts["setl_id"]
    found = history(frame.lazy(), people, judged, FILES, ALIAS, 2023, date(2024, 1, 1))
    with mock.patch.object(measure_history, "FEW_COPIES", 0):
        other = history(frame.lazy(), people, judged, FILES, ALIAS, 2023, date(2024, 1, 1))
    for day in FILES["received_on"]:
        files = FILES.filter(pl.col("received_on") <= day)
        held = frame.filter(pl.col("file_id").is_in(files["file_id"].implode()))
        sums = resolved(held, files).plain.group_by("person_key").agg(pl.col("psn_fen").sum()).collect()
        night = {key: max(0, total) for key, total in sums.iter_rows()}
        for rows_of in (found, other):
            for person in (1, 2):
                known = rows_of.filter((pl.col("person_key") == person) & (pl.col("day") <= day)).sort("day")
                assert (known[SUMS["PSN"]].to_list() or [0])[-1] == night.get(person, 0), (person, day)
                # whoever has something that counts has a scheme and a county, a flagged original included
                assert not night.get(person) or known["insutype"].to_list()[-1] == "390", (person, day)


def test_a_flagged_original_that_came_with_its_partial_refund_has_a_scheme() -> None:
    """Borne 6,000 − 2,500 yuan in one file, the original flagged: what stands stands in its scheme from that day on."""
    at = datetime(2023, 5, 10, 9)
    original = settlement("S1", 12_000, 6_000, id_key=1, at=at, file_id="F1") | {"refd_flag": "1"}
    back = settlement("R1", -5_000, -2_500, id_key=1, at=at + timedelta(days=2), file_id="F1")
    frame = table("setl_d", [original, back | {"init_setl_id": "S1", "refd_flag": "1"}])
    people = pl.DataFrame({"id_key": [1], "person_key": [1]})
    judged = resolved(frame, FILES).verdicts["setl_id"]
    found = history(frame.lazy(), people, judged, FILES, ALIAS, 2023, date(2024, 1, 1))
    assert found.select("day", SUMS["PSN"], "insutype").rows() == [(date(2023, 6, 2), 350_000, "390")]
