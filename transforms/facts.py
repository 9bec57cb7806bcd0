"""Which delivered payments, ledger lines and the like are facts of their own (semantics: keys without an id).

With a serial number (流水号) the last version of it counts. Without one, rows are a multiset: identical rows within
one file are different facts, identical rows in different files are the same fact, because cumulative monthly lists
are normal. So what counts is the largest number of identical rows in any one file.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from transforms import versions
from transforms.versions import MARKS, RANK, ROW


def counted(
    rows: pl.LazyFrame, files: pl.DataFrame, serial_scope: Sequence[str] = (), serial: str = "serial"
) -> tuple[pl.LazyFrame, pl.DataFrame]:
    """The rows that count, and a mark for each of the others.

    `serial_scope` are the columns within which a serial number is unique (payments: payer and id_key).
    """
    numbered = rows.filter(pl.col(serial).is_not_null())
    plain = rows.filter(pl.col(serial).is_null())
    by_serial = versions.marks(numbered, [serial, *serial_scope], files, updt=None)
    gone = pl.concat([by_serial, repeated(plain, files)]).sort(ROW)
    return versions.without(rows, gone), gone


def repeated(rows: pl.LazyFrame, files: pl.DataFrame) -> pl.DataFrame:
    """Marks `duplicate` for rows that earlier files already show as often.

    Files are walked in the order of receipt: of n identical rows in a file as many are duplicates as any one file
    before it showed, so the largest number in any one file stays.
    """
    content = [name for name in rows.collect_schema().names() if name not in ROW]
    ranks = file_ranks_of(files)
    held = rows.join(ranks.lazy(), on="file_id", how="left").collect(engine="streaming").sort(RANK, *ROW[1:])
    if held.is_empty():
        return MARKS.to_frame()
    shown = held.group_by(*content, RANK, maintain_order=True).len("_here").sort(RANK)
    shown = shown.with_columns(_before=pl.col("_here").cum_max().shift(1).over(content).fill_null(0))
    numbered = held.with_columns(_place=pl.int_range(pl.len()).over(*content, RANK))
    marked = numbered.join(shown, on=[*content, RANK], how="left", nulls_equal=True)
    gone = marked.filter(pl.col("_place") < pl.col("_before"))
    return gone.select(*ROW, mark=pl.lit("duplicate")).cast(MARKS).sort(ROW)


def file_ranks_of(files: pl.DataFrame) -> pl.DataFrame:
    """`file_id` and its place in the order of receipt."""
    return versions.file_ranks(files).select("file_id", RANK)
