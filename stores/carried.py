"""What one result hands on to the next night: `lake/carried/<year>/`, frames and what they were made of.

A help to speed, never a source: whatever does not fit exactly is left alone and everything is found anew; so is a frame
that is no longer, byte for byte, what was written. The folder may be deleted at any time.
"""

from __future__ import annotations

import json
import os
import shutil
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from stores import lake
from stores.home import Home
from stores.state import write_json


def write(home: Home, year: int, made_of: dict[str, Any], frames: dict[str, pl.DataFrame]) -> Path:
    """Write what is to be handed on of a cost year into a folder of its own, for `put_in_place`."""
    fresh = _folder(home, year).with_name(f".{year}.{os.getpid()}")
    for left in fresh.parent.glob(f".{year}.*"):  # of a run that was interrupted
        shutil.rmtree(left, ignore_errors=True)
    sums = {}
    for name, frame in frames.items():
        lake.write_parquet(frame, fresh / f"{name}.parquet")
        sums[name] = _sum_of(fresh, name)
    write_json(fresh / "made_of.json", {**made_of, "frames": sums})
    return fresh


def put_in_place(home: Home, year: int, written: Path) -> None:
    """Replace what is handed on of a cost year, whole or not at all."""
    shutil.rmtree(_folder(home, year), ignore_errors=True)
    os.replace(written, _folder(home, year))


def read(home: Home, year: int) -> tuple[dict[str, Any], dict[str, pl.DataFrame]] | None:
    """What was handed on of a cost year; None where there is nothing, or not all of it is as it was written."""
    folder = _folder(home, year)
    try:
        made_of = json.loads((folder / "made_of.json").read_text(encoding="utf-8"))
        with ThreadPoolExecutor(2) as pool:
            whole = pool.map(lambda frame: _sum_of(folder, frame[0]) == frame[1], made_of["frames"].items())
            if not all(whole):
                return None
        frames = {name: pl.read_parquet(folder / f"{name}.parquet") for name in made_of["frames"]}
    except (OSError, ValueError, KeyError, AttributeError, PolarsError):
        return None
    return made_of, frames


def _folder(home: Home, year: int) -> Path:
    return home.lake / "carried" / str(year)


def _sum_of(folder: Path, name: str) -> int:
    return zlib.crc32((folder / f"{name}.parquet").read_bytes())
