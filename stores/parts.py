"""Do the lake's parts still hold the rows that their manifests state? Read from the footers alone."""

from __future__ import annotations

import polars as pl
import pyarrow.parquet as pq

from stores import lake
from stores.home import Home


def part_rows(home: Home, files: pl.DataFrame) -> tuple[int, int]:
    """(rows stated by the manifests, rows found) over all parts of the named files, whatever the table.

    A part that cannot be read has no rows.
    """
    wanted = set(files["file_id"])
    parts = [
        part for manifest in lake.manifests(home) if manifest.file_id in wanted for part in manifest.parts
    ]
    return sum(part["rows"] for part in parts), sum(_rows(home, part["path"]) for part in parts)


def _rows(home: Home, path: str) -> int:
    try:
        return int(pq.read_metadata(home.lake / path).num_rows)
    except OSError:
        return 0
