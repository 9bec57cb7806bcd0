"""Small core tables for tests: what is not said is null, or the most ordinary value of a settlement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import polars as pl

from schemas import core

Row = Mapping[str, Any]
REJECTS = pl.Schema(
    {
        "file_id": pl.String, "sheet": pl.String, "source_row": pl.Int64, "setl_id": pl.String, "id_key": pl.Int64,
        "init_setl_id": pl.String, "cost_year": pl.Int32, "updt_time": pl.Datetime("us"), "table": pl.String,
        "column_name": pl.String, "rule": pl.String, "message_zh": pl.String,
    }
)  # fmt: skip
DEATHS = pl.Schema({"person_key": pl.Int64, "deceased_on": pl.Date})


def table(name: str, rows: Sequence[Row]) -> pl.DataFrame:
    """A core table of these rows; `source_row` counts up within a file where it is not given."""
    schema = core.polars_schema(core.MODELS[name])
    seen: dict[str, int] = {}
    out = []
    for row in rows:
        file_id = row.get("file_id", "FA")
        seen[file_id] = seen.get(file_id, 1) + 1
        filled = {"file_id": file_id, "source_row": seen[file_id], **row}
        unknown = set(filled) - set(schema)
        assert not unknown, unknown
        out.append({column: filled.get(column) for column in schema})
    frame = pl.DataFrame(out, schema=schema)
    core.MODELS[name].validate(frame)
    return frame


def settlement(setl_id: str, tot: int, psn: int | None = None, **more: Any) -> dict[str, Any]:
    """One settlement row; amounts in yuan, of which `psn` (default: a half) is borne by the person, all in cash."""
    psn = tot // 2 if psn is None else psn
    at = more.pop("at", datetime(2023, 5, 10, 9, 30))
    fund = tot - psn
    zero = dict.fromkeys(core.AMOUNTS, 0)
    amounts = {
        "tot_fen": tot,
        "psn_fen": psn,
        "cash_fen": psn,
        "pol_fen": tot,
        "bas_fen": fund,
        "fund_fen": fund,
    }
    return {
        "setl_id": setl_id, "id_key": 1, "insutype": "390", "insu_admdvs": "330112",
        "institution_code": "H33011200001", "institution_region": "330112", "setl_time": at, "cost_year": at.year,
        "med_type": "11", "refd_flag": "0", "vali_flag": "1", "form_d": "ok",
        **zero, **{name: yuan * 100 for name, yuan in amounts.items()}, **more,
    }  # fmt: skip


def roster_row(person: int, label: str, valid_from: date, **more: Any) -> dict[str, Any]:
    """One roster row of the civil affairs bureau of 330112, household H1, head: person 1."""
    return {
        "region_code": "330112", "household_id": "H1", "head_key": 1, "id_key": person, "has_certificate": True,
        "labels": [label], "valid_from": valid_from, "department": "民政", "township_code": "330112104", **more,
    }  # fmt: skip


def delivered(**received: date) -> pl.DataFrame:
    """The files frame; the content hash is the file's id, so files of one day stand in the order of their names."""
    ids = list(received)
    return pl.DataFrame(
        {
            "file_id": ids,
            "content_hash": ids,
            "received_on": list(received.values()),
            "table": ["setl_d"] * len(ids),
            "layout": ["platform"] * len(ids),
        },
        schema={
            "file_id": pl.String,
            "content_hash": pl.String,
            "received_on": pl.Date,
            "table": pl.String,
            "layout": pl.String,
        },
    )


def months(count: int = 12, year: int = 2023) -> pl.DataFrame:
    """Files F01, F02 … received on the 5th of each month."""
    return delivered(**{f"F{n:02d}": date(year, n, 5) for n in range(1, count + 1)})
