"""What one result hands on to the next night: `lake/carried/<year>/`, frames and what they were made of.

A help to speed, never a source: whatever does not fit exactly is left alone and everything is found anew. The folder
may be deleted at any time.
"""

from __future__ import annotations

import json
import os
import shutil
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from stores import lake
from stores.home import Home
from stores.state import write_json


def write(home: Home, year: int, made_of: dict[str, Any], frames: dict[str, pl.DataFrame]) -> None:
    """Replace what is handed on of a cost year, whole or not at all."""
    folder = home.lake / "carried" / str(year)
    fresh = folder.with_name(f".{year}.{os.getpid()}")
    for left in folder.parent.glob(f".{year}.*"):  # of a run that was interrupted
        shutil.rmtree(left, ignore_errors=True)
    for name, frame in frames.items():
        lake.write_parquet(frame, fresh / f"{name}.parquet")
    write_json(fresh / "made_of.json", {**made_of, "frames": sorted(frames)})
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(fresh, folder)


def read(home: Home, year: int) -> tuple[dict[str, Any], dict[str, pl.DataFrame]] | None:
    """What was handed on of a cost year; None where there is nothing, or not all of it can be read."""
    folder = home.lake / "carried" / str(year)
    try:
        made_of = json.loads((folder / "made_of.json").read_text(encoding="utf-8"))
        frames = {name: pl.read_parquet(folder / f"{name}.parquet") for name in made_of["frames"]}
    except (OSError, ValueError, KeyError, PolarsError):
        return None
    return made_of, frames
