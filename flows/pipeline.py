"""The run as plain functions: ingest, assess, publish, export. Prefect wraps them (`flows.backfill`), tests call them.

Each stage takes and returns paths and small records; what it derives is written under a name made of its inputs
(files, policies, reference tables, code), so a stage whose result is already there is skipped.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from flows.assess import Assessment, assess
from flows.configuration import Configuration, load_configuration, remember
from flows.present import export_results, mart_tables, publish_results, read_attention
from schemas.senders import senders
from stores import lake
from stores.closing import closings_hash
from stores.errors import OperatorError, RunError
from stores.home import Home
from stores.ingest import IngestSummary, ingest
from stores.state import Published, RunRecord, amend_run, code_version, read_published, write_json, write_run

Say = Callable[[str], None]


class BalanceError(RunError):
    """Rows or money went missing between two stages; nothing is published."""

    def __init__(self, broken: pl.DataFrame) -> None:
        self.broken = broken
        named = "；".join(
            f"{row['stage']} {row['measure']}: 差 {row['difference']}" for row in broken.iter_rows(named=True)
        )
        super().__init__(f"对账不平，未发布任何结果：{named}")


@dataclass(frozen=True)
class Request:
    """What a run was asked to do. `on` is the date it pretends to be; `as_of` cuts off what was received later."""

    home: Path
    kind: str
    year: int | None
    on: date
    today: date
    run_id: str
    started_at: datetime
    region: str | None = None
    as_of: date | None = None
    publish: bool = False
    push: bool = False
    """Whether a night issues the full lists of the townships, whatever day it is."""

    @property
    def aside(self) -> bool:
        """Whether the results go to `asof/<run>/` and leave the live state alone."""
        return not self.publish and (self.as_of is not None or self.on != self.today)


@dataclass(frozen=True)
class Outcome:
    """What a run did, for its summary."""

    request: Request
    ingested: IngestSummary | None
    assessed: dict[int, Path] = field(default_factory=dict)
    fresh: frozenset[int] = frozenset()
    warehouse: Path | None = None
    exports: Path | None = None
    attention: int = 0


def new_request(
    home: Path,
    kind: str,
    year: int | None,
    region: str | None,
    as_of: date | None,
    on: date | None,
    publish: bool,
    push: bool = False,
) -> Request:
    """A request with its run id, made now. Raises OperatorError where the year lies after the date of the run."""
    now = datetime.now()
    today = now.date()
    pretended = on or as_of or today
    if year is not None and year > pretended.year:
        raise OperatorError(f"费用年度 {year} 晚于运行日期 {pretended}，还没有可以计算的费用。")
    run_id = f"R{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    return Request(home, kind, year, pretended, today, run_id, now, region, as_of, publish, push)


@contextmanager
def recorded(request: Request) -> Iterator[None]:
    """Record the run at its start and at its end, failed or done."""
    home = Home(request.home)
    record = RunRecord(
        request.run_id, request.kind, request.year, request.as_of, request.on, request.started_at,
        code_version=code_version(),
    )  # fmt: skip
    write_run(home, record)
    try:
        yield
    except BaseException:
        amend_run(home, request.run_id, status="failed", finished_at=datetime.now())
        raise
    amend_run(home, request.run_id, status="done", finished_at=datetime.now())


def read_inbox(
    home: Home, received: date, say: Say, paths: list[Path] | None = None, dry_run: bool = False
) -> IngestSummary:
    """Take what lies in the inbox (or `paths`) into archive and lake; with `dry_run` only say what would happen."""
    if not dry_run:
        home.ensure()
    configuration = load_configuration(home, None)
    return ingest(
        home,
        paths,
        received=received,
        dry_run=dry_run,
        progress=say,
        reference=configuration.reference,
        senders=senders(configuration.policies, configuration.reference),
    )


def anything_to_do(request: Request) -> bool:
    """Whether a backfill would change anything: files waiting, other inputs, or other results asked for."""
    home = Home(request.home)
    if request.aside or request.year is None or any(home.inbox.glob("*")):
        return True
    return _current_result(home, request) is None


def nothing_new(request: Request) -> Outcome:
    """The outcome of a backfill that found its results already published."""
    home = Home(request.home)
    folder = _current_result(home, request)
    assert folder is not None and request.year is not None
    exports = (home.exports / "latest").resolve()
    attention = read_attention(exports)
    return Outcome(
        request,
        None,
        {request.year: folder},
        frozenset(),
        home.warehouse / "fengding.duckdb",
        exports,
        attention,
    )


def _current_result(home: Home, request: Request) -> Path | None:
    """The published results of the asked year, where they are what a run would give now."""
    if request.year is None or not (home.warehouse / "fengding.duckdb").exists():
        return None
    configuration = load_configuration(home, request.as_of)
    files = lake.files_in_force(home, request.as_of)
    name = f"{request.year}/{result_key(home, configuration, files, request.year, request.on)}"
    published = read_published(home)
    held = published.years.get(request.year)
    if request.region is not None:
        held = published.regions.get(request.year, {}).get(request.region, held)
    elif published.regions.get(request.year):
        return None
    return home.out / name if held == name and not derived(home.out / name) else None


def result_key(home: Home, configuration: Configuration, files: pl.DataFrame, year: int, on: date) -> str:
    """Name of the results of a cost year: a hash of everything that they depend on."""
    parts = [
        str(year),
        on.isoformat(),
        code_version(),
        configuration.policy_hash,
        configuration.reference_hash,
    ]
    parts += [input_hash(files), closings_hash(home, on)]
    return hashlib.sha256(
        "\n".join([*parts, hashlib.sha256(home.secret()).hexdigest()]).encode()
    ).hexdigest()[:16]


def input_hash(files: pl.DataFrame) -> str:
    """Hash of the files in force and of when they were received."""
    rows = files.select("file_id", "received_on").sort("file_id").iter_rows()
    return hashlib.sha256("\n".join(f"{file_id}@{day}" for file_id, day in rows).encode()).hexdigest()[:16]


def assess_year(home: Home, year: int, request: Request, say: Say) -> tuple[Path, bool]:
    """Folder of the results of a cost year, and whether they had to be computed. Raises BalanceError."""
    configuration = load_configuration(home, request.as_of)
    files = lake.files_in_force(home, request.as_of)
    folder = home.out / str(year) / result_key(home, configuration, files, year, request.on)
    there = (folder / "manifest.json").exists()
    if there and not (request.kind == "backfill" and derived(folder)):
        say(f"{year} 年度：输入没有变化，沿用已有结果")
        return folder, False
    say(f"{year} 年度：计算开始")
    live = not request.aside
    derive = live and request.kind == "nightly"
    found = assess(home, files, configuration, year, request.on, say, derive=derive, keep=live)
    if not found.broken.is_empty():
        raise BalanceError(found.broken)
    write_results(found, folder, year, request, configuration)
    found.hand_on()
    return folder, True


def write_results(
    found: Assessment, folder: Path, year: int, request: Request, configuration: Configuration
) -> None:
    """Write all tables of an assessment under a temporary name, then rename: whole or not at all."""
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)

    def write(name: str) -> None:
        lake.write_parquet(found.tables[name], temporary / f"{name}.parquet")

    largest_first = sorted(found.tables, key=lambda name: -found.tables[name].estimated_size())
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, largest_first))
    manifest = {
        "year": year,
        "run_id": request.run_id,
        "on": request.on,
        "as_of": request.as_of,
        "key": folder.name,
        "policy_hash": configuration.policy_hash,
        "reference_hash": configuration.reference_hash,
        "code_version": code_version(),
        "rows": {name: frame.height for name, frame in found.tables.items()},
        "facts": found.facts,
        "derived": found.derived,
    }
    write_json(temporary / "manifest.json", manifest)
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(temporary, folder)


def derived(folder: Path) -> bool:
    """Whether a night built these results on earlier ones: a backfill reads every row, also to prove them."""
    return bool(read_manifest(folder).get("derived", False))


def read_manifest(folder: Path) -> dict[str, Any]:
    """What was written with the results of a cost year."""
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return manifest


def next_published(home: Home, request: Request, assessed: dict[int, Path]) -> Published:
    """What the warehouse will hold after this run: its own years replaced, the others as they stand."""
    published = Published() if request.aside else read_published(home)
    for year, folder in assessed.items():
        published = published.with_year(
            year, folder.relative_to(home.out).as_posix(), request.run_id, request.region
        )
    return published


def deliver(home: Home, request: Request, assessed: dict[int, Path], say: Say) -> tuple[Path, Path, int]:
    """Publish the warehouse and write the lists, side by side. Returns both paths and how many things need a person.

    The lists are issued when the warehouse is published; where that fails, there are none.
    """
    published, tables = to_publish(home, request, assessed)
    say("发布查询库，生成清单")
    with ThreadPoolExecutor(1) as beside:
        publishing = beside.submit(publish_results, home, request, published, tables)
        try:
            exports, attention = export_results(home, request, published, tables, publishing.result)
        finally:
            warehouse = publishing.result()  # where this failed, its error is the one to tell
    return warehouse, exports, attention


def publish(home: Home, request: Request, assessed: dict[int, Path], say: Say) -> tuple[Path, Published]:
    """Publish the warehouse alone: its path, and what it holds now."""
    published, tables = to_publish(home, request, assessed)
    say("发布查询库")
    return publish_results(home, request, published, tables), published


def to_publish(
    home: Home, request: Request, assessed: dict[int, Path]
) -> tuple[Published, dict[str, pl.LazyFrame]]:
    """What the warehouse will hold, and its tables."""
    remember(home, request.today)
    configuration = load_configuration(home, request.as_of)
    known = input_hash(lake.files_in_force(home, request.as_of))
    amend_run(home, request.run_id, policy_hash=configuration.policy_hash, input_hash=known)
    published = next_published(home, request, assessed)
    return published, mart_tables(home, request, published)
