"""The rows of a mart table from a result frame: in the order of the table's key, keys as texts, fen as yuan.

Whole fen are already, bit by bit, the yuan of a decimal with two places: money is handed to DuckDB as it lies in
memory. The few other conversions are SQL (`select_list`).
"""

from __future__ import annotations

from collections.abc import Container

import polars as pl
import pyarrow as pa

from schemas.mart import KEY_PREFIX, MONEY, RESULT_NAMES, Column, Table
from stores.errors import RunError
from transforms.pseudonym import key_texts

YUAN = pa.decimal64(18, 2)
TOO_MUCH_FEN = 10**18
"""The first amount in fen that `MONEY` does not hold."""
LOOKED_AT = 10_000
"""So many first rows of a table tell whether a text says the same again and again."""


class WarehouseError(RunError):
    """A publish that did not come about; the published file is as it was. The message names what is wrong."""


def in_order(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """The frame by the key of the table, empty values last; rows of one key stay as they stand."""
    by = _key(frame, table)
    if not by or frame.is_empty():
        return frame
    places = frame.select(pl.arg_sort_by(by, nulls_last=True, maintain_order=True)).to_series()
    return frame if places.is_sorted() else frame[places]


def repeated(ordered: pl.DataFrame, table: Table) -> int:
    """How many rows of a frame in order have the key of the row before; 0 where the key need not be unique."""
    by = _key(ordered, table)
    if not table.unique or not by:
        return 0
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(1)) for name in by)
    return int(ordered.select(same.slice(1).sum()).item())


def _key(frame: pl.DataFrame, table: Table) -> list[str]:
    """The source columns of the table's key, as far as the frame has them."""
    by_name = {c.name: c for c in table.columns}
    return [name for k in table.key if (name := origin(by_name[k], frame.schema)) is not None]


def arrow_rows(frame: pl.DataFrame, table: Table) -> pa.Table:
    """The mart columns that a frame has, under their names; `select_list` says how to select from them.

    Raises WarehouseError for money that is a binary fraction or more than its type holds.
    """
    sources = {c.name: name for c in table.columns if (name := origin(c, frame.schema)) is not None}
    return pa.table({c.name: _values(c, frame[sources[c.name]]) for c in table.columns if c.name in sources})


def _values(column: Column, values: pl.Series) -> pa.Array:
    """A mart column from its source: a pseudonym as its text, fen as yuan, everything else as it is."""
    if column.type == MONEY and values.dtype.is_float():
        raise WarehouseError(f"{column.name}：金额不能是二进制小数")
    if column.type == MONEY and values.name.endswith("_fen"):
        fen = values.cast(pl.Int64)
        if (fen >= TOO_MUCH_FEN).any() or (fen <= -TOO_MUCH_FEN).any():
            raise WarehouseError(f"{column.name}：金额超出范围")
        return fen.to_arrow().view(YUAN)
    if column.is_key and values.dtype.is_integer():
        values = key_texts(values, KEY_PREFIX[column.name])
    return values.to_arrow(compat_level=pl.CompatLevel.newest())


def columns_sql(frame: pl.DataFrame, table: Table) -> str:
    """SQL that names the columns of a mart table, for a frame in order.

    DuckDB looks for a dictionary in every text, twice as long as `zstd` takes. Keys and numbers of settlements, of
    which each row has its own, have none.
    """
    return ", ".join(
        f'"{c.name}" {c.type}{" using compression zstd" if _differs(c, frame) else ""}' for c in table.columns
    )


def _differs(column: Column, frame: pl.DataFrame) -> bool:
    """Whether a text differs from row to row, by the first rows; that of a short table need not be known."""
    source = origin(column, frame.schema)
    if source is None or column.type != "TEXT" or frame.height < LOOKED_AT:
        return False
    return frame[source].head(LOOKED_AT).n_unique() > LOOKED_AT // 2


def select_list(frame: pl.DataFrame, table: Table) -> str:
    """SQL of all columns of a mart table from `arrow_rows` of the frame; null where the frame has none."""
    return ", ".join(f'{_value(c, frame)}::{c.type} as "{c.name}"' for c in table.columns)


def _value(column: Column, frame: pl.DataFrame) -> str:
    source, quoted = origin(column, frame.schema), f'"{column.name}"'
    if source is None:
        return "null"
    dtype = frame.schema[source]
    if column.unit == "rows or yuan, by measure" and dtype.is_integer():
        yuan = f"{quoted}::decimal(18,0) * 0.01"
        return f"(case when measure = 'rows' then {quoted}::{MONEY} else ({yuan})::{MONEY} end)"
    if source == "rate_bp":
        return f"({quoted}::decimal(9,0) * 0.0001)"
    return (
        f"array_to_string({quoted}, ',')" if isinstance(dtype, pl.List) and column.type == "TEXT" else quoted
    )


def origin(column: Column, there: Container[str]) -> str | None:
    """The source column behind a mart column: money in fen, a rate in basis points, another name, or itself."""
    candidates = [column.name, RESULT_NAMES.get(column.name, column.name)]
    if column.type == MONEY:
        candidates.insert(0, f"{column.name.removesuffix('_yuan')}_fen")
    if column.name == "rate":
        candidates.append("rate_bp")
    return next((name for name in candidates if name in there), None)


def origins(table: Table, there: Container[str]) -> list[str]:
    """All source columns behind the columns of a mart table, each once."""
    return list(dict.fromkeys(name for c in table.columns if (name := origin(c, there)) is not None))
