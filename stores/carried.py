"""What one result hands on to the next night: `lake/carried/<name>/`, frames and what they were made of.

The name is a cost year, or `people`, who are the same in all years.

A help to speed, never a source: whatever does not fit exactly is left alone and everything is found anew; so is a frame
that is no longer, byte for byte, what was written. The folder may be deleted at any time.
"""

from __future__ import annotations

import hashlib
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

Kept = tuple[dict[str, Any], dict[str, pl.DataFrame]] | None
"""What a result was made of, and the frames that it handed on; None where there is nothing that can be used."""


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


def write(home: Home, name: int | str, made_of: dict[str, Any], frames: dict[str, pl.DataFrame]) -> Path:
    """Write what is to be handed on under a name into a folder of its own, for `put_in_place`."""
    fresh = _folder(home, name).with_name(f".{name}.{os.getpid()}")
    for left in fresh.parent.glob(f".{name}.*"):  # of a run that was interrupted
        shutil.rmtree(left, ignore_errors=True)
    fresh.mkdir(parents=True)
    sums = {}
    for title, frame in frames.items():
        frame.write_parquet(fresh / f"{title}.parquet", compression="lz4", statistics=False)
        sums[title] = _sum_of(fresh, title)
    write_json(fresh / "made_of.json", {**made_of, "frames": sums})
    return fresh


def put_in_place(home: Home, name: int | str, written: Path) -> None:
    """Replace what is handed on under a name, whole or not at all."""
    shutil.rmtree(_folder(home, name), ignore_errors=True)
    os.replace(written, _folder(home, name))


def read(home: Home, name: int | str) -> Kept:
    """What was handed on under a name; None where there is nothing, or not all of it is as it was written."""
    folder = _folder(home, name)
    try:
        made_of = json.loads((folder / "made_of.json").read_text(encoding="utf-8"))
        with ThreadPoolExecutor(2) as pool:
            whole = pool.map(lambda frame: _sum_of(folder, frame[0]) == frame[1], made_of["frames"].items())
            if not all(whole):
                return None
        frames = {title: pl.read_parquet(folder / f"{title}.parquet") for title in made_of["frames"]}
    except (OSError, ValueError, KeyError, AttributeError, PolarsError):
        return None
    return made_of, frames


def fits(made_of: dict[str, Any], now: dict[str, Any]) -> bool:
    """Whether what was handed on holds of the ingredients of now: the same but for files that have come since."""
    return bool(made_of["rest"] == now["rest"] and made_of["files"].items() <= now["files"].items())


def _folder(home: Home, name: int | str) -> Path:
    return home.lake / "carried" / str(name)


def _sum_of(folder: Path, title: str) -> int:
    return zlib.crc32((folder / f"{title}.parquet").read_bytes())
