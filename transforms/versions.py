"""Which of several deliveries of one row counts (semantics: versions, duplicates).

A key may be delivered many times. The version that counts is the last in the order (`updt_time`, missing first;
date of receipt; content hash of the file; row). For the counts of files the rows are walked in the order of their
files: a row is a `duplicate` if it is an exact copy of the row that is current at that moment, or an older version
than that; otherwise it is accepted, and the row that it replaces is `superseded`. Neither depends on the order in
which the files happened to arrive.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

ROW = ("file_id", "sheet", "source_row")
RANK = "_file_rank"
MARKS = pl.Schema({"file_id": pl.String, "sheet": pl.String, "source_row": pl.Int64, "mark": pl.String})
OLDEST = -(2**63)


def file_ranks(files: pl.DataFrame) -> pl.DataFrame:
    """Files in the order of receipt: `file_id`, `received_on`, `_file_rank` (0 = first; ties by content hash)."""
    order = files.select("file_id", "received_on", "content_hash").unique()
    return order.sort("received_on", "content_hash").with_row_index(RANK).drop("content_hash")


def current(
    rows: pl.LazyFrame, key: Sequence[str], files: pl.DataFrame, updt: str | None = "updt_time"
) -> tuple[pl.LazyFrame, pl.DataFrame]:
    """The rows that count, and a mark (`duplicate`, `superseded`) for each row that does not.

    `rows` are core rows of the files in force. Only keys that occur more than once are looked at; of them only key,
    time, origin and a hash of the content are held, so a re-delivered year stays small. `updt` names the column of
    the update time; None for tables that have none. Marks: `file_id, sheet, source_row, mark`.
    """
    left = marks(rows, key, files, updt)
    return without(rows, left), left


def without(rows: pl.LazyFrame, gone: pl.DataFrame) -> pl.LazyFrame:
    """`rows` but for those named in `gone` by file, sheet and row."""
    if gone.is_empty():
        return rows
    return rows.join(gone.lazy().select(*ROW), on=ROW, how="anti", nulls_equal=True)


def without_by_file(rows: Mapping[str, pl.LazyFrame], gone: pl.DataFrame) -> pl.LazyFrame:
    """The rows of files, each under its file_id, but for those named in `gone`: a look at one number a row where a join
    of all would compare texts.
    """
    left = []
    for file_id, held in rows.items():
        own = gone.filter(pl.col("file_id") == file_id)
        if own["sheet"].null_count() == own.height:  # a text file has no sheets
            numbers = own["source_row"].implode()
            left.append(held.filter(~pl.col("source_row").is_in(numbers)) if own.height else held)
        else:
            left.append(without(held, own))
    return pl.concat(left)


def marks(
    rows: pl.LazyFrame, key: Sequence[str], files: pl.DataFrame, updt: str | None = "updt_time"
) -> pl.DataFrame:
    """`file_id, sheet, source_row, mark` of every row that does not count, and why."""
    many = repeated_keys(rows, key)
    if many.is_empty():
        return MARKS.to_frame()
    columns = rows.collect_schema().names()
    content = pl.struct(name for name in columns if name not in ROW)
    time = pl.col(updt).dt.epoch("us").fill_null(OLDEST) if updt else pl.lit(0, pl.Int64)
    ranks = file_ranks(files).select("file_id", RANK)
    narrow = (
        rows.filter(hash_of(key).is_in(many.implode()))
        .select(
            "file_id",
            "sheet",
            "source_row",
            time.alias("_time"),
            hash_of(key).alias("_key"),
            hash_of(key, seed=1).alias("_key2"),
            content.hash().alias("_content"),
            content.hash(seed=1).alias("_content2"),
        )
        .join(ranks.lazy(), on="file_id", how="left")
        .drop("file_id")
        .collect(engine="streaming")
    )
    return walked(narrow).join(ranks, on=RANK, how="left").select(MARKS.names()).cast(MARKS).sort(ROW)


def repeated_keys(rows: pl.LazyFrame, key: Sequence[str]) -> pl.Series:
    """Hashes (`hash_of`) of the keys that occur more than once, each once."""
    return repeated(rows.select(hash_of(key).alias("_key")).collect(engine="streaming").to_series())


def repeated(values: pl.Series) -> pl.Series:
    """The whole numbers that occur more than once, each once; numpy sorts them several times as fast as groups are made."""
    ordered = np.sort(values.drop_nulls().to_numpy())
    return pl.Series(values.name, np.unique(ordered[1:][ordered[1:] == ordered[:-1]]), dtype=values.dtype)


def hash_of(key: Sequence[str], seed: int = 0) -> pl.Expr:
    """64 bits of hash of a key."""
    return pl.col(key[0]).hash(seed) if len(key) == 1 else pl.struct(key).hash(seed)


def walked(narrow: pl.DataFrame) -> pl.DataFrame:
    """The walk itself: `_file_rank, sheet, source_row, mark` of each row that does not count.

    `narrow`: `_file_rank, sheet, source_row, _time` and 128 bits of hash each of key and content, so that millions
    of re-delivered rows fit into memory and are sorted as whole numbers.
    """
    rows = narrow.sort("_key", "_key2", RANK, "sheet", "source_row", nulls_last=False)
    older = pl.col("_time") < pl.col("_time").cum_max().over("_key", "_key2")
    rows = rows.with_columns(older.alias("_older"))
    live = rows.filter(~pl.col("_older")).with_columns(_copy=_as(1, "_key", "_key2", "_content", "_content2"))
    accepted = live.filter(~pl.col("_copy"))
    out = [
        rows.filter("_older").select(RANK, *ROW[1:], mark=pl.lit("duplicate")),
        live.filter("_copy").select(RANK, *ROW[1:], mark=pl.lit("duplicate")),
        accepted.filter(_as(-1, "_key", "_key2")).select(RANK, *ROW[1:], mark=pl.lit("superseded")),
    ]
    return pl.concat(out)


def _as(distance: int, *names: str) -> pl.Expr:
    """The row agrees in these columns with the one so many rows above it."""
    same = pl.all_horizontal(pl.col(name) == pl.col(name).shift(distance) for name in names)
    return same.fill_null(False)
