"""Small frames for tests of burden, units and caps, from tables as an official would write them (yuan, 1 = 1
yuan).

A person is a letter or a name; `key` gives the number that stands for it in the frames.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl

from schemas.core import MODELS, polars_schema
from schemas.policy import HouseholdCap
from transforms.payments import NAMED

Row = Mapping[str, Any]
LINAN = "330112"
READINGS = {"A-L01": "a", "A-L02": "a", "A-L03": "a", "A-L04": "b", "A-L05": "a", "A-L06": "a"}
RANKS = ["TEKUN", "DIBAO", "FANPIN", "JIANCE", "DIBIAN", "YINBING", "ZHICHU", "YOUFU", "ZHONGCAN", "LINSHI"]
MED_TYPES = pl.DataFrame(
    [
        ("*", "11", "outpatient"),
        ("*", "21", "inpatient"),
        ("50", "9902", "inpatient"),
        ("43", "9902", "outpatient"),
    ],
    schema=["province", "code", "group"],
    orient="row",
)


def key(name: str) -> int:
    """A stable number for a person's name in a case."""
    return int.from_bytes(name.encode().ljust(6, b"\0")[:6], "big")


def fen(text: str | int) -> int:
    """Yuan as written → fen; ValueError for parts of a fen."""
    value = Decimal(str(text).replace(",", "")) * 100
    if value != value.to_integral_value():
        raise ValueError(f"not whole fen: {text}")
    return int(value)


def table(text: str) -> list[dict[str, str]]:
    """A table written with | between columns; empty cells are left out."""
    lines = [line for line in text.strip().splitlines() if line.strip()]
    names = [cell.strip() for cell in lines[0].split("|")]
    rows = []
    for line in lines[1:]:
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) != len(names):
            raise ValueError(f"{len(cells)} cells for {len(names)} columns: {line}")
        rows.append({name: cell for name, cell in zip(names, cells, strict=True) if cell})
    return rows


def linan_cap(**changes: Any) -> HouseholdCap:
    """L-04 as the document has it."""
    values: dict[str, Any] = {
        "rule_id": "L-04",
        "policy_id": "L",
        "region_code": LINAN,
        "unit_type": "household",
        "categories": ("TEKUN", "DIBAO", "DIBIAN"),
        "cap_fen": {"TEKUN": 500_000, "DIBAO": 3_000_000, "DIBIAN": 5_000_000},
        "rate": Fraction(1),
        "limit_fen": None,
        "threshold_fen": None,
        "first_cost_year": 2023,
        "in_force_on": date(2024, 2, 1),
        "counted_from": None,
        "insured_in_region": True,
        "designated_only": True,
        "pilot": False,
        "pilot_regions": (),
        "article": "二(三)",
        "policy_version": "L@2024-02-01",
        "readings": READINGS,
    }
    return HouseholdCap(**(values | changes))


def wenzhou_relief(**changes: Any) -> HouseholdCap:
    """W-06 as the document has it."""
    values: dict[str, Any] = {
        "rule_id": "W-06",
        "policy_id": "W",
        "region_code": "330300",
        "categories": ("XD2",),
        "cap_fen": {},
        "limit_fen": 10_000_000,
        "threshold_fen": 12_000_000,
        "first_cost_year": 2024,
        "counted_from": date(2024, 2, 1),
        "insured_in_region": False,
        "designated_only": False,
        "pilot": True,
        "pilot_regions": ("330305", "330324", "330326", "330327", "330328", "330329"),
        "article": "三(五)",
        "policy_version": "W@2024-02-01",
        "readings": {"A-W01": "a"},
    }
    return linan_cap(**(values | changes))


def settlements(rows: Iterable[Row]) -> pl.DataFrame:
    """Counted settlements. Cells: setl_id, person, date (or time), psn; and com, aid, cash, acct, tot, pol,
    insured, insutype, med_type, visit, designated (no), institution."""
    schema = dict(polars_schema(MODELS["setl_d"])) | {
        "person_key": pl.Int64,
        "county_code": pl.String,
        "designated": pl.Boolean,
    }
    made = [_settlement(n, row) for n, row in enumerate(rows)]
    full = [{name: row.get(name) for name in schema} for row in made]
    return pl.DataFrame(full, schema=schema, orient="row")


def _settlement(n: int, row: Row) -> dict[str, Any]:
    when = str(row["date"])
    time = datetime.fromisoformat(when if "T" in when or " " in when else f"{when} 10:00:00")
    psn = fen(row["psn"])
    cash = fen(row.get("cash", "0").replace("?", "0")) if "cash" in row else psn - fen(row.get("acct", 0))
    return {
        "setl_id": str(row["setl_id"]),
        "mdtrt_id": row.get("visit"),
        "person_key": key(str(row["person"])),
        "id_key": key(str(row["person"])),
        "insutype": row.get("insutype", "390"),
        "insu_admdvs": row.get("insured", LINAN),
        "county_code": row.get("insured", LINAN),
        "designated": row.get("designated", "yes") == "yes",
        "institution_code": row.get("institution", "H33011200001"),
        "setl_time": time,
        "cost_year": time.year,
        "med_type": row.get("med_type", "11"),
        "tot_fen": fen(row.get("tot", row["psn"])),
        "pol_fen": None if row.get("pol") == "?" else fen(row.get("pol", row["psn"])),
        "fund_fen": fen(row.get("tot", row["psn"])) - psn,
        "psn_fen": psn,
        "acct_fen": fen(row.get("acct", 0)),
        "cash_fen": None if row.get("cash") == "?" else cash,
        "com_fen": fen(row["com"]) if "com" in row else None,
        "aid_fen": fen(row["aid"]) if "aid" in row else None,
        "file_id": "F1",
        "source_row": n + 2,
    }


def uncounted(rows: Iterable[Row]) -> pl.DataFrame:
    """Settlements that stand aside: as `settlements`, with state and reason."""
    rows = list(rows)
    return settlements(rows).with_columns(
        pl.Series("state", [row["state"] for row in rows], dtype=pl.String),
        pl.Series("reason", [row.get("reason") for row in rows], dtype=pl.String),
        pl.lit(None, pl.String).alias("reason_zh"),
        pl.lit(None, pl.String).alias("partner_id"),
    )


def payments(rows: Iterable[Row]) -> pl.DataFrame:
    """Payments. Cells: person, kind, amount, year (default 2023); setl_id, paid_on, medical (yes), fund
    (yes), serial.
    """
    schema = dict(polars_schema(MODELS["payment"])) | {"person_key": pl.Int64}
    made = [
        {
            "file_id": "F2",
            "source_row": n + 2,
            "serial": row.get("serial"),
            "id_key": key(str(row["person"])),
            "person_key": key(str(row["person"])),
            "setl_id": row.get("setl_id"),
            "kind": row["kind"],
            "amount_fen": fen(row["amount"]),
            "paid_on": _day(row.get("paid_on", "2023-12-01")),
            "cost_year": int(row.get("year", 2023)),
            "says_medical": row.get("medical") == "yes",
            "names_fund": row.get("fund") == "yes",
        }
        for n, row in enumerate(rows)
    ]
    return pl.DataFrame(
        [{name: row.get(name) for name in schema} for row in made], schema=schema, orient="row"
    )


def named(counted: pl.DataFrame, aside: pl.DataFrame | None = None) -> pl.DataFrame:
    """What payments may point at: counted settlements of any year and those that stand aside."""
    frames = [counted.with_columns(state=pl.lit("counted"))] + ([] if aside is None else [aside])
    return pl.concat([frame.select(list(NAMED)) for frame in frames])


def ledger(rows: Iterable[Row]) -> pl.DataFrame:
    """Paid ledger. Cells: benefit_id, or rule, object, person, year; amount, paid_on."""
    schema = polars_schema(MODELS["paid_ledger"])
    made = [
        {
            "file_id": "F3",
            "source_row": n + 2,
            "benefit_id": row.get("benefit_id"),
            "rule_id": row.get("rule"),
            "object_id": row.get("object"),
            "object_key": key(str(row["person"])) if "person" in row else None,
            "cost_year": int(row["year"]) if "year" in row else None,
            "amount_fen": fen(row["amount"]),
            "paid_on": _day(row.get("paid_on", "2024-05-01")),
        }
        for n, row in enumerate(rows)
    ]
    return pl.DataFrame(
        [{name: row.get(name) for name in schema} for row in made], schema=schema, orient="row"
    )


def certificates(rows: Iterable[Row]) -> pl.DataFrame:
    """Certificates. Cells: person, code, from, to, county."""
    schema = {
        "person_key": pl.Int64,
        "county_code": pl.String,
        "department": pl.String,
        "code": pl.String,
        "valid_from": pl.Date,
        "valid_to": pl.Date,
    }
    made = [
        (key(str(r["person"])), r.get("county", LINAN), "民政", r["code"], _day(r["from"]), _day(r.get("to")))
        for r in rows
    ]
    return pl.DataFrame(made, schema=schema, orient="row")


def members(rows: Iterable[Row], year: int = 2023) -> pl.DataFrame:
    """Memberships of a year. Cells: person, household, from, to."""
    schema = {"person_key": pl.Int64, "household_id": pl.String, "valid_from": pl.Date, "valid_to": pl.Date}
    made = [
        (
            key(str(r["person"])),
            r["household"],
            _day(r.get("from")) or date(year, 1, 1),
            _day(r.get("to")) or date(year, 12, 31),
        )
        for r in rows
    ]
    frame = pl.DataFrame(made, schema=schema, orient="row")
    return frame.with_columns(held_from="valid_from", held_to="valid_to")


def households(rows: Iterable[Row]) -> pl.DataFrame:
    """Households of the year. Cells: household, head."""
    schema = {"household_id": pl.String, "head_key": pl.Int64}
    made = [(r["household"], key(str(r["head"])) if "head" in r else None) for r in rows]
    return pl.DataFrame(made, schema=schema, orient="row")


def people(names: Sequence[str]) -> pl.DataFrame:
    """What is known of persons."""
    schema = {
        "person_key": pl.Int64,
        "name_masked": pl.String,
        "certno_masked": pl.String,
        "birth_year": pl.Int32,
        "sex": pl.String,
        "deceased_on": pl.Date,
        "dead": pl.Boolean,
    }
    return pl.DataFrame(
        [(key(n), f"{n[0]}**", None, 1950, "1", None, None) for n in names], schema=schema, orient="row"
    )


def places(names: Sequence[str]) -> pl.DataFrame:
    """Where persons live on the yardstick date."""
    schema = ["person_key", "township_code", "township_source", "village", "region_code"]
    rows = [(key(n), "330112101", "roster", "某村", LINAN) for n in names]
    types = dict.fromkeys(schema[1:], pl.String)
    return pl.DataFrame(rows, schema={"person_key": pl.Int64} | types, orient="row")


def troubles(rows: Iterable[Row]) -> pl.DataFrame:
    """Troubles. Cells: person, year (empty: every year), reason, file, row, day."""
    schema = {
        "person_key": pl.Int64,
        "setl_id": pl.String,
        "cost_year": pl.Int32,
        "reason": pl.String,
        "reason_zh": pl.String,
        "file_id": pl.String,
        "sheet": pl.String,
        "source_row": pl.Int64,
        "setl_date": pl.Date,
    }
    made = [
        (
            key(str(r["person"])) if "person" in r else None,
            r.get("setl_id"),
            int(r["year"]) if "year" in r else None,
            "rejected",
            r.get("reason", "金额不合恒等式"),
            r.get("file", "F9"),
            None,
            int(r.get("row", 7)),
            _day(r.get("day")),
        )
        for r in rows
    ]
    return pl.DataFrame(made, schema=schema, orient="row")


def negative_list(rows: Iterable[Row] = ()) -> pl.DataFrame:
    """The negative list. Cells: region, kind (item, category), code, from, to."""
    schema = {
        "region_code": pl.String,
        "item_kind": pl.String,
        "item_code": pl.String,
        "valid_from": pl.Date,
        "valid_to": pl.Date,
    }
    made = [
        (r.get("region", LINAN), r.get("kind", "item"), r["code"], _day(r["from"]), _day(r.get("to")))
        for r in rows
    ]
    return pl.DataFrame(made, schema=schema, orient="row")


def items(rows: Iterable[Row]) -> pl.DataFrame:
    """Fee lines. Cells: setl_id, code, kind, date, ooc, ovl, pre, tot, pol."""
    schema = polars_schema(MODELS["fee_list_d"])
    made = [
        {
            "file_id": "F4",
            "source_row": n + 2,
            "setl_id": r["setl_id"],
            "item_sn": str(n),
            "item_code": r["code"],
            "item_kind": r.get("kind"),
            "ocur_date": _day(r.get("date")),
            "tot_fen": fen(r.get("tot", 0)),
        }
        | {
            f"{part}_fen": None if r.get(part) == "?" else fen(r.get(part, 0))
            for part in ("ooc", "ovl", "pre", "pol")
        }
        for n, r in enumerate(rows)
    ]
    return pl.DataFrame(
        [{name: row.get(name) for name in schema} for row in made], schema=schema, orient="row"
    )


def ids(texts: pl.Series) -> pl.Series:
    """Public ids for tests: readable."""
    return "B:" + texts.str.replace_all("|", ":", literal=True)


def _day(text: Any) -> date | None:
    return None if text is None else date.fromisoformat(str(text))
