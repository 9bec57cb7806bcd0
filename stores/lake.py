"""The lake: immutable Parquet parts and one manifest a file. A file without a manifest has not happened."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from schemas.core import MODELS, empty, polars_schema
from stores.errors import RunError
from stores.home import Home

REJECTS = pl.Schema(
    [
        ("file_id", pl.String),
        ("sheet", pl.String),
        ("source_row", pl.Int64),
        ("setl_id", pl.String),
        ("id_key", pl.Int64),
        ("init_setl_id", pl.String),
        ("cost_year", pl.Int32),
        ("updt_time", pl.Datetime("us")),
        ("table", pl.String),
        ("column_name", pl.String),
        ("rule", pl.String),
        ("message_zh", pl.String),
    ]
)
FILE_INFO = pl.Schema(
    [
        ("file_id", pl.String),
        ("content_hash", pl.String),
        ("received_on", pl.Date),
        ("table", pl.String),
        ("layout", pl.String),
        ("name", pl.String),
        ("encoding", pl.String),
        ("n_rows", pl.Int64),
        ("n_rejected", pl.Int64),
        ("status", pl.String),
    ]
)


class LakeError(RunError):
    """The lake does not hold what its manifests say."""


@dataclass
class Manifest:
    """What is known of one received file."""

    file_id: str
    name: str
    content_hash: str
    archive_name: str | None
    member: str | None
    table: str | None
    layout: str | None
    encoding: str | None
    reader_key: str
    received_on: date
    first_seen: date
    n_rows: int = 0
    n_rejected: int = 0
    rejected_control: dict[str, int] = field(default_factory=dict)
    control: dict[str, int] = field(default_factory=dict)
    parts: list[dict[str, Any]] = field(default_factory=list)
    """Each `{table, path, rows, region, cost_year}`; `path` is relative to the lake, region and year may be
    None. A part of settlements also says how many of its rows hold each form of the identities (`forms`)."""
    status: str = "read"
    withdrawn_on: date | None = None
    withdrawn_reason: str | None = None
    message_zh: str | None = None
    findings: list[dict[str, Any]] = field(default_factory=list)
    """Each `{rule, message_zh, count}`."""
    rejected_by_rule: dict[str, int] = field(default_factory=dict)
    years: list[int] = field(default_factory=list)


_SOUGHT = ("cost_year", "setl_time", "insu_admdvs")
"""Columns by which parts are searched; statistics on the others cost a quarter of the writing."""
_DATES = ("received_on", "first_seen", "withdrawn_on")


def temporary(path: Path) -> Path:
    """A name beside `path` for a file that is not finished."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")


def write_parquet(frame: pl.DataFrame, path: Path, repeated: Collection[str] = ()) -> None:
    """Write a part whole or not at all: temporary name, then rename. Categories are written as text.

    `repeated` names further columns that say the same again and again; the others are then taken to differ from row
    to row, and no dictionary is tried on them. Without categories or `repeated` it is tried on texts alone.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = temporary(path)
    few = [name for name, dtype in frame.schema.items() if dtype == pl.Categorical or name in repeated]
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    try:
        # pyarrow writes categories as the dictionary that they are
        pq.write_table(
            frame.to_arrow(compat_level=pl.CompatLevel.oldest()), fresh, compression="lz4",
            row_group_size=250_000, use_dictionary=few or texts, store_schema=not few,
            write_statistics=[name for name in _SOUGHT if name in frame.columns],
        )  # fmt: skip
        os.replace(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)


def write_text(text: str, path: Path) -> None:
    """Write a small file durably, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = temporary(path)
    try:
        with fresh.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)


def manifest_path(home: Home, file_id: str) -> Path:
    return home.files / f"{file_id}.json"


def write_manifest(home: Home, manifest: Manifest) -> None:
    """Make a file official; call it last."""
    content = asdict(manifest)
    for name in _DATES:
        content[name] = content[name].isoformat() if content[name] else None
    write_text(
        json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n",
        manifest_path(home, manifest.file_id),
    )


def read_manifest(home: Home, file_id: str) -> Manifest | None:
    """The manifest of a file, None if there is none; LakeError if it cannot be read."""
    path = manifest_path(home, file_id)
    try:
        state = path.stat()
    except FileNotFoundError:
        return None
    # a manifest is replaced whole, never changed in place: inode, time and size tell whether it is still the same
    return Manifest(**_manifest_content(path, state.st_ino, state.st_mtime_ns, state.st_size))


@lru_cache(maxsize=20_000)
def _manifest_content(path: Path, *_: int) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        for name in _DATES:
            content[name] = date.fromisoformat(content[name]) if content[name] else None
        Manifest(**content)
    except (ValueError, TypeError, KeyError) as error:
        raise LakeError(f"清单损坏：{path}。请从备份恢复该文件") from error
    return content


def manifests(home: Home) -> list[Manifest]:
    """All manifests in the order (received_on, content hash)."""
    found = [m for path in home.files.glob("F*.json") if (m := read_manifest(home, path.stem)) is not None]
    return sorted(found, key=lambda m: (m.received_on, m.content_hash))


def files_in_force(home: Home, as_of: date | None = None) -> pl.DataFrame:
    """Files that count (`FILE_INFO`): read, received by `as_of`, not withdrawn by then.

    Without `as_of` a withdrawn file does not count at all.
    """
    rows = []
    for m in manifests(home):
        withdrawn = m.status == "withdrawn" and (as_of is None or (m.withdrawn_on or as_of) <= as_of)
        if (
            m.status not in ("read", "withdrawn")
            or withdrawn
            or (as_of is not None and m.received_on > as_of)
        ):
            continue
        rows.append({name: getattr(m, name) for name in FILE_INFO.names()})
    return pl.DataFrame(rows, schema=FILE_INFO)


def delivered(files: pl.DataFrame, table: str) -> bool:
    """Whether any of the files holds rows of a table; a workbook may hold sheets of several (`setl_d|roster`)."""
    return bool(files["table"].str.split("|").list.contains(table).any())


def parts(home: Home, table: str, files: pl.DataFrame, cost_year: int | None = None) -> list[Path]:
    """Paths of the parts of a table that the named files have; LakeError for one that is missing on disk."""
    found: list[Path] = []
    for file_id in files["file_id"].to_list():
        manifest = read_manifest(home, file_id)
        if manifest is None:
            raise LakeError(f"没有文件 {file_id} 的清单。请重新接收该文件")
        for part in manifest.parts:
            if part["table"] != table or (
                cost_year is not None and part["cost_year"] not in (None, cost_year)
            ):
                continue
            path = home.lake / part["path"]
            if not path.is_file():
                raise LakeError(
                    f"数据湖缺少分片 {part['path']}(文件 {file_id})。请从备份恢复，或重新接收该文件"
                )
            found.append(path)
    return found


def scan(home: Home, table: str, files: pl.DataFrame, cost_year: int | None = None) -> pl.LazyFrame:
    """The rows of a core table in the named files (a `FILE_INFO` frame), optionally of one cost year only."""
    found = parts(home, table, files, cost_year)
    if not found:
        return empty(table).lazy()
    # statistics or hive columns play no part: the schema is the model's, and a part that differs is an error
    return pl.scan_parquet(found, schema=polars_schema(MODELS[table]), hive_partitioning=False)


def with_parts(home: Home, table: str, files: pl.DataFrame, cost_year: int) -> list[str]:
    """file_id of the files that hold rows of a table for a cost year."""
    return [
        file_id
        for file_id in files["file_id"]
        if (held := read_manifest(home, file_id)) is not None
        and any(p["table"] == table and p["cost_year"] in (None, cost_year) for p in held.parts)
    ]


def rejected(home: Home, files: pl.DataFrame) -> pl.LazyFrame:
    """Rejected rows of the named files."""
    found = [p for f in files["file_id"].to_list() if (p := home.rejects / f"{f}.parquet").is_file()]
    return pl.scan_parquet(found, schema=REJECTS) if found else pl.DataFrame(schema=REJECTS).lazy()


def ids_with_parts(home: Home) -> frozenset[str]:
    """Ids of the files of which any part lies on disk, official or not."""
    return frozenset(path.name.split("-")[0] for path in home.core.rglob("F*.parquet"))


def remove_parts(home: Home, file_id: str, keep: Iterable[Path] = ()) -> None:
    """Remove what an interrupted or earlier reading of a file left; only for a file without an official reading."""
    kept = {path.absolute() for path in keep}
    for path in home.core.rglob(f"*{file_id}*"):
        if path.is_file() and path.absolute() not in kept:
            path.unlink(missing_ok=True)
