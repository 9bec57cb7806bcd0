"""A child that stands on rosters without a number and has one later: linked where certain, else asked about.

Certain is: name, birth date and the head's certificate are the same. All three make the key of a newborn, and a row
with a number carries that key too (`born_key`), so no name or date is compared here.
"""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from transforms.versions import RANK, file_ranks

EDGES = pl.Schema({"a": pl.Int64, "b": pl.Int64})
DOUBTS = pl.Schema({"newborn": pl.Int64, "other": pl.Int64, "file_id": pl.String})
ROWS_OF_A_FILE = 2**40
"""More than any file has."""
FIRST = (pl.col(RANK).cast(pl.Int64) * ROWS_OF_A_FILE + pl.col("source_row")).min().alias("_first")
"""Where a person first stands: the file in the order of receipt, and its row."""


class Newborns(NamedTuple):
    """edges `a, b`: key of a certificate, key of the newborn who now has it. doubts `newborn, other, file_id`: a
    newborn who may be that person.
    """

    edges: pl.DataFrame
    doubts: pl.DataFrame


NOBODY = Newborns(EDGES.to_frame(), DOUBTS.to_frame())


def newborns(roster: pl.LazyFrame, files: pl.DataFrame, birth_years: pl.LazyFrame) -> Newborns:
    """Newborns of the core roster rows who have a number by now, or may have.

    A second number under the same name, birth date and head does not undo the link to the one seen first; it is a
    doubt. So is somebody with a number, born in the same year, of the same household number or head, who first
    stands on a roster after a newborn that has no number yet. `birth_years`: `id_key, birth_year` of everybody.
    """
    born = (
        roster.filter(~pl.col("has_certificate"))
        .select("id_key", "household_id", "head_key", "valid_from", "file_id")
        .collect(engine="streaming")
    )
    if born.is_empty():
        return NOBODY
    ranks = file_ranks(files).select("file_id", RANK)
    numbered = roster.filter("has_certificate").join(ranks.lazy(), on="file_id", how="inner")
    same = (
        numbered.join(
            born.lazy().select("id_key").unique(), left_on="born_key", right_on="id_key", how="semi"
        )
        .group_by("born_key", "id_key")
        .agg(FIRST)
        .collect(engine="streaming")
        .sort("born_key", "_first", "id_key")
    )
    first = same.unique("born_key", keep="first", maintain_order=True)
    later = same.join(first, on=["born_key", "id_key"], how="anti")
    maybe = _maybe(born, first, numbered, ranks, birth_years)
    doubts = pl.concat([later.select(newborn="born_key", other="id_key", _first="_first"), maybe])
    rank = (pl.col("_first") // ROWS_OF_A_FILE).cast(ranks.schema[RANK]).alias(RANK)
    told = doubts.with_columns(rank).join(ranks, on=RANK, how="left").select(DOUBTS.names()).cast(DOUBTS)
    edges = first.select(a="id_key", b="born_key").cast(EDGES)
    return Newborns(edges, told.unique(["newborn", "other"], keep="first").sort("newborn", "other"))


def _maybe(
    born: pl.DataFrame,
    linked: pl.DataFrame,
    numbered: pl.LazyFrame,
    ranks: pl.DataFrame,
    birth_years: pl.LazyFrame,
) -> pl.DataFrame:
    """`newborn, other, _first`: newborns without a number, and who of the same household or head was born that year."""
    nobody = pl.DataFrame(schema={"newborn": pl.Int64, "other": pl.Int64, "_first": pl.Int64})
    waiting = (
        born.join(linked, left_on="id_key", right_on="born_key", how="anti")
        .join(ranks, on="file_id")
        .group_by("id_key")
        .agg(pl.col("household_id", "head_key").drop_nulls().last(), pl.col(RANK).min().alias("_since"))
    )
    if waiting.is_empty():
        return nobody
    years = (
        birth_years.filter(pl.col("birth_year").is_not_null())
        .join(waiting.lazy().select("id_key"), on="id_key", how="semi")
        .group_by("id_key")
        .agg(pl.col("birth_year").max())
        .collect(engine="streaming")
    )
    waiting = waiting.join(years, on="id_key").rename({"id_key": "newborn"})
    near = pl.concat([_together(numbered, waiting, by) for by in ("household_id", "head_key")])
    near = near.sort("newborn", "id_key", "_first").unique(["newborn", "id_key"], keep="first")
    of_year = (
        birth_years.join(near.lazy().select("id_key").unique(), on="id_key", how="semi")
        .group_by("id_key")
        .agg(pl.col("birth_year").max().alias("_year"))
        .collect(engine="streaming")
    )
    taken = linked.select("id_key")
    return (
        near.join(of_year, on="id_key")
        .filter(pl.col("_year") == pl.col("birth_year"))
        .join(taken, on="id_key", how="anti")
        .select("newborn", other="id_key", _first="_first")
        .cast(nobody.schema)
    )


def _together(numbered: pl.LazyFrame, waiting: pl.DataFrame, by: str) -> pl.DataFrame:
    """People with a number who share `by` with a newborn and first stand on a roster after it."""
    wanted = waiting.drop_nulls(by).select(by, "newborn", "birth_year", "_since").lazy()
    return (
        numbered.join(wanted, on=by)
        .group_by("newborn", "birth_year", "_since", "id_key")
        .agg(FIRST)
        .filter(pl.col("_first") // ROWS_OF_A_FILE > pl.col("_since"))
        .select("newborn", "birth_year", "id_key", "_first")
        .collect(engine="streaming")
    )
