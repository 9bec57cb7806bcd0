"""What one result hands on to the next night: `lake/carried/<name>/`, frames and what they were made of.

The name is a cost year, or `people`, who are the same in all years.

A help to speed, never a source: whatever does not fit exactly is left alone and everything is found anew. The folder
may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from stores import lake
from stores.home import Home
from stores.state import write_json


def as_read(home: Home, files: pl.DataFrame) -> dict[str, str]:
    """Each of the files, and a hash of how it was read."""
    held = set(files["file_id"])
    return {
        m.file_id: digest([m.received_on, m.content_hash, m.reader_key, m.n_rejected, m.parts])
        for m in lake.manifests(home)
        if m.file_id in held
    }


def digest(content: object) -> str:
    """Hash of what can be told as JSON."""
    return hashlib.sha256(json.dumps(content, default=str, sort_keys=True).encode()).hexdigest()[:16]


def write(home: Home, name: int | str, made_of: dict[str, Any], frames: dict[str, pl.DataFrame]) -> None:
    """Replace what is handed on under a name, whole or not at all."""
    folder = home.lake / "carried" / str(name)
    fresh = folder.with_name(f".{name}.{os.getpid()}")
    for left in folder.parent.glob(f".{name}.*"):  # of a run that was interrupted
        shutil.rmtree(left, ignore_errors=True)
    for title, frame in frames.items():
        lake.write_parquet(frame, fresh / f"{title}.parquet")
    write_json(fresh / "made_of.json", {**made_of, "frames": sorted(frames)})
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(fresh, folder)


def read(home: Home, name: int | str) -> tuple[dict[str, Any], dict[str, pl.DataFrame]] | None:
    """What was handed on under a name; None where there is nothing, or not all of it can be read."""
    folder = home.lake / "carried" / str(name)
    try:
        made_of = json.loads((folder / "made_of.json").read_text(encoding="utf-8"))
        frames = {title: pl.read_parquet(folder / f"{title}.parquet") for title in made_of["frames"]}
    except (OSError, ValueError, KeyError, PolarsError):
        return None
    return made_of, frames
