"""The contract of the core tables, asked of each batch: quickly where it holds, by pandera where it does not.

The models of `schemas.core` say what holds. Building a pandera schema and running its checks column by column costs
some 20 ms whatever the size, which many small files would pay each time. Schema, nulls and the value checks of the
model are therefore first asked in one pass; only a frame that fails is given to pandera, which says what is wrong.
"""

from __future__ import annotations

import polars as pl

from schemas.core import MODELS, polars_schema

SCHEMAS: dict[str, pl.Schema] = {table: polars_schema(model) for table, model in MODELS.items()}
"""Columns and dtypes of the core tables."""

_REPEATED = frozenset({"file_id", "sheet", "insutype", "insu_admdvs", "institution_code", "institution_region", "hosp_lv", "med_type",
    "setl_type", "refd_flag", "vali_flag", "out_flag", "mid_flag", "manl_reim_rea", "nwb_flag", "pay_loc", "refl_stas",
    "dise_no", "form_a", "form_b", "form_c", "form_d"})  # fmt: skip
SETTLEMENT = pl.Schema(
    {name: pl.Categorical() if name in _REPEATED else dtype for name, dtype in SCHEMAS["setl_d"].items()}
)
"""Settlements on the way to disk: columns that say the same again and again as categories, which are a quarter of the
work to copy and to write. The parts hold them as text (`lake.write_parquet`)."""


def _value_checks(table: str) -> tuple[list[str], list[pl.Expr]]:
    """Columns that may not be null, and expressions that are true where the checks of the model hold."""
    full, holds = [], []
    for name, column in MODELS[table].to_schema().columns.items():
        if not column.nullable:
            full.append(name)
        for check in column.checks:
            bounds = check.statistics or {}
            if check.name == "isin":
                test = pl.col(name).is_in(list(bounds["allowed_values"]))
            elif check.name == "greater_than_or_equal_to":
                test = pl.col(name) >= bounds["min_value"]
            else:
                raise TypeError(f"{table}.{name}: no quick form of the check {check.name}")
            holds.append(test.all().alias(f"{name}/{check.name}"))  # nulls are skipped, as pandera does
    return full, holds


_CHECKS = {table: _value_checks(table) for table in MODELS}


def validate(table: str, frame: pl.DataFrame) -> None:
    """Pass a frame that keeps the contract of its core table; else raise pandera's SchemaError."""
    full, holds = _CHECKS[table]
    schema = SETTLEMENT if table == "setl_d" else SCHEMAS[table]
    kept = frame.schema == schema and not any(frame[name].null_count() for name in full)
    if not (kept and all(frame.select(holds).row(0))):
        MODELS[table].validate(frame.cast(SCHEMAS[table]))
