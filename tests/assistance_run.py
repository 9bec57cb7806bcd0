"""Assistance and tilt relief on small tables, as the flow runs them, under the document's own policy file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

import tests.assess_frames as af
from schemas.assistance import Assistance, assistances
from schemas.core import MODELS, polars_schema
from schemas.policy import Policies, load_policies
from schemas.reference import Reference, load_reference
from transforms.rules import assistance_lines
from transforms.rules.assistance import due
from transforms.rules.assistance_audit import audit
from transforms.rules.assistance_facts import Facts, Given, facts
from transforms.rules.assistance_review import other_readings

Row = Mapping[str, Any]
DATA = Path(__file__).resolve().parents[1] / "data"
PENGSHUI = "500243"
HOSPITAL = "H50024300001"
TABLES = ("settlements", "certificates", "members", "referrals", "filings", "diagnoses", "institutions", "opening",
          "troubles", "list", "free", "referred")  # fmt: skip
LISTED = [
    {"code": "M01", "class": "special"},
    {"code": "M09", "class": "chronic"},
    {"prefix": "C34", "class": "special"},
]
"""The disease list of a case that shows none: code M01 and tumours of the lung are special, M09 is chronic."""


@dataclass(frozen=True)
class Outcome:
    """What a case gives, table by table."""

    found: Facts
    visits: pl.DataFrame
    lines: pl.DataFrame
    items: pl.DataFrame
    cases: pl.DataFrame
    audit: pl.DataFrame
    held: pl.DataFrame


@lru_cache
def shipped_policies() -> Policies:
    return load_policies(DATA / "policies")


@lru_cache
def reference() -> Reference:
    return load_reference(DATA / "reference", None)


def pengshui(year: int = 2023) -> Assistance:
    """The rules of the document for one year."""
    (rules,) = assistances(shipped_policies(), [PENGSHUI], year)
    return rules


def run(
    tables: Mapping[str, Iterable[Row]],
    year: int = 2023,
    rules: Assistance | None = None,
    disease_list: str = "delivered",
) -> Outcome:
    """Everything from the tables of a case; `disease_list`: delivered, empty (delivered without rows) or missing."""
    if unknown := set(tables) - set(TABLES):
        raise ValueError(f"unknown tables: {unknown}")
    applied = rules or pengshui(year)
    given = made(tables, applied, disease_list)
    found = facts(given, applied)
    visits = due(found, given, applied, applied.readings)
    drafted = assistance_lines.drafts(visits, applied, year, af.ids)
    cases = other_readings(found, given, applied, visits, drafted)
    incomplete = given.troubles.select("person_key").drop_nulls().unique()
    nothing = pl.DataFrame(schema={"benefit_id": pl.String, "confirmed": pl.Boolean})
    lines = assistance_lines.benefit_lines(drafted, cases, incomplete, nothing, year)
    return Outcome(
        found,
        visits,
        lines,
        assistance_lines.benefit_items(drafted, found.settlements, given.members),
        cases.join(lines.select("benefit_id", "rule_id", "settlement_id"), on="benefit_id"),
        audit(visits, applied, year),
        assistance_lines.held_by_reason(drafted),
    )


def made(tables: Mapping[str, Iterable[Row]], rules: Assistance, disease_list: str) -> Given:
    """The frames that the flow would hand over."""
    rows = {name: list(tables.get(name, [])) for name in TABLES}
    listed = {"missing": [], "empty": []}.get(disease_list, rows["list"] or LISTED)
    certificates = af.certificates([{"county": PENGSHUI} | dict(row) for row in rows["certificates"]])
    objects = (
        certificates.filter(pl.col("county_code").is_in(list(rules.counties))).select("person_key").unique()
    )
    return Given(
        settlements=settlements(rows["settlements"]).join(objects, on="person_key", how="semi"),
        certificates=certificates.join(objects, on="person_key", how="semi"),
        members=af.members(rows["members"]),
        referrals=records("refl_appy_evt_c", rows["referrals"]),
        filings=records("out_appy_d", rows["filings"]),
        diagnoses=records("setl_diag_list_d", rows["diagnoses"], personal=False),
        institutions=records("fixmedins_b", rows["institutions"], personal=False).select(
            "institution_code", "hosp_lv", "valid_from", "valid_to"
        ),
        referred=pl.Series("setl_id", [row["setl_id"] for row in rows["referred"]], dtype=pl.String),
        opening=records("opening_balance", rows["opening"]),
        troubles=af.troubles(rows["troubles"]),
        diseases=diseases(listed),
        list_delivered=disease_list != "missing",
        referral_free=free(rows["free"]),
        alias=reference()["region_alias"],
        med_types=reference()["med_type"],
        ranks=reference()["category"]["code"].to_list(),
    )


def settlements(rows: Iterable[Row]) -> pl.DataFrame:
    """Counted settlements. Cells in yuan (? unknown): setl_id, person, date, pol; tot (pol), bas, cii, lrg, civ, oth,
    psn (tot less all funds), maf, tilt (recorded), acct; med_type (21), visit (V + setl_id; none), begin, level (05),
    dise, refl (0), institution, place, designated, insured.
    """
    schema = dict(polars_schema(MODELS["setl_d"])) | {
        "person_key": pl.Int64, "county_code": pl.String, "designated": pl.Boolean,
        "com_used_fen": pl.Int64, "sub_used_fen": pl.Int64, "neg_fen": pl.Int64, "burden_fen": pl.Int64,
    }  # fmt: skip
    full = [
        {name: row.get(name) for name in schema}
        for row in (_settlement(n, row) for n, row in enumerate(rows))
    ]
    return pl.DataFrame(full, schema=schema, orient="row")


def _fen(row: Row, name: str, default: Any = 0) -> int | None:
    text = row.get(name, default)
    return None if text == "?" else af.fen(text)


def _text(row: Row, name: str, default: str | None) -> str | None:
    text = row.get(name, default)
    return None if text in ("?", "none") else text


def _settlement(n: int, row: Row) -> dict[str, Any]:
    when = str(row["date"])
    time = datetime.fromisoformat(when if " " in when else f"{when} 10:00:00")
    tot = _fen(row, "tot", row["pol"] if row["pol"] != "?" else 0) or 0
    funds = {
        f"{name}_fen": _fen(row, name) for name in ("bas", "cii", "lrg", "civ", "ent", "dis", "maf", "oth")
    }
    known = sum(value or 0 for value in funds.values())
    psn = _fen(row, "psn", str((tot - known) / 100))
    setl_id = str(row["setl_id"])
    begin = row.get("begin", when[:10])
    return {
        "setl_id": setl_id,
        "mdtrt_id": _text(row, "visit", f"V{setl_id}"),
        "person_key": af.key(str(row["person"])),
        "id_key": af.key(str(row["person"])),
        "insutype": "390",
        "insu_admdvs": row.get("insured", PENGSHUI),
        "county_code": row.get("insured", PENGSHUI),
        "designated": row.get("designated", "yes") == "yes",
        "institution_code": row.get("institution", HOSPITAL),
        "institution_region": _text(row, "place", None),
        "hosp_lv": _text(row, "level", "05"),
        "begndate": None if begin == "none" else date.fromisoformat(begin),
        "setl_time": time,
        "cost_year": time.year,
        "med_type": row.get("med_type", "21"),
        "refl_stas": _text(row, "refl", "0"),
        "dise_no": _text(row, "dise", None),
        "tot_fen": tot,
        "pol_fen": _fen(row, "pol"),
        **funds,
        "psn_fen": psn,
        "acct_fen": _fen(row, "acct"),
        "tilt_fen": _fen(row, "tilt"),
        "com_used_fen": 0,
        "sub_used_fen": 0,
        "neg_fen": 0,
        "burden_fen": psn,
        "file_id": "F1",
        "source_row": n + 2,
    }


DATES = ("refl_date", "begndate", "enddate", "valid_from", "valid_to", "as_of")


def records(table: str, rows: Iterable[Row], personal: bool = True) -> pl.DataFrame:
    """Rows of a core table by their column names; person instead of keys, amount in yuan."""
    schema = dict(polars_schema(MODELS[table])) | ({"person_key": pl.Int64} if personal else {})
    full = []
    for n, row in enumerate(rows):
        cells: dict[str, Any] = {"file_id": "F5", "source_row": n + 2} | dict(row)
        if personal:
            cells["id_key"] = cells["person_key"] = af.key(str(row["person"]))
        if "amount" in row:
            cells["amount_fen"] = af.fen(row["amount"])
        if "year" in row:
            cells["year"] = int(row["year"])
        cells |= {name: date.fromisoformat(str(row[name])) for name in DATES if name in row}
        full.append({name: cells.get(name) for name in schema})
    return pl.DataFrame(full, schema=schema, orient="row")


def diseases(rows: Iterable[Row]) -> pl.DataFrame:
    """A disease list. Cells: code or prefix, class; region, from, to."""
    schema = {"region_code": pl.String, "code_kind": pl.String, "code": pl.String, "name": pl.String, "class": pl.String,
              "valid_from": pl.Date, "valid_to": pl.Date, "source": pl.String}  # fmt: skip
    made = [
        {
            "region_code": row.get("region", "500000"),
            "code_kind": "dise_no" if "code" in row else "icd10_prefix",
            "code": row.get("code") or row["prefix"],
            "class": row["class"],
            "valid_from": date.fromisoformat(row.get("from", "2020-01-01")),
            "valid_to": date.fromisoformat(row["to"]) if "to" in row else None,
        }
        for row in rows
    ]
    return pl.DataFrame(
        [{name: row.get(name) for name in schema} for row in made], schema=schema, orient="row"
    )


def free(rows: Iterable[Row]) -> pl.DataFrame:
    """Places that need no referral. Cells: region, prefix, level, from."""
    schema = {"region_code": pl.String, "place_prefix": pl.String, "hosp_lv_max": pl.String, "valid_from": pl.Date,
              "source": pl.String}  # fmt: skip
    made = [
        (row.get("region", PENGSHUI), row["prefix"], row.get("level"),
         date.fromisoformat(row["from"]) if "from" in row else None, None)
        for row in rows
    ]  # fmt: skip
    return pl.DataFrame(made, schema=schema, orient="row")
