"""What has been run and what is published: small JSON files, each written whole and renamed into place.

`lake/runs/<run_id>.json` is the record of one run; `lake/published.json` says which assessed results the warehouse
holds for each cost year. A run that fails or is killed leaves `published.json` as it was.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from stores.errors import RunError
from stores.home import Home

CODE_ROOT = Path(__file__).resolve().parents[1]
CODE_FOLDERS = ("transforms", "schemas", "stores", "reports", "flows", "sql")


class HomeIsBusyError(RunError):
    """Another run is working in the same home folder."""


@contextmanager
def only_run(home: Home) -> Iterator[None]:
    """Hold the home folder for one run; a second run at the same time is refused, not queued."""
    home.ensure()
    with open(home.root / ".lock", "w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise HomeIsBusyError("另一个任务正在处理这个数据目录，请等它结束后再试。") from error
        yield


@dataclass(frozen=True)
class RunRecord:
    """One run, as `mart.run` shows it."""

    run_id: str
    kind: str
    year: int | None
    as_of: date | None
    on_date: date
    started_at: datetime
    finished_at: datetime | None = None
    status: str = "running"
    code_version: str = ""
    policy_hash: str = ""
    input_hash: str = ""


@dataclass(frozen=True)
class Published:
    """Which results the warehouse holds: for each cost year the folder of the whole year, and of single regions."""

    years: dict[int, str] = field(default_factory=dict)
    regions: dict[int, dict[str, str]] = field(default_factory=dict)
    run_id: str = ""

    def with_year(self, year: int, result: str, run_id: str, region: str | None) -> Published:
        """The same, with one year (or one region of it) replaced."""
        years, regions = dict(self.years), {y: dict(r) for y, r in self.regions.items()}
        if region is None:
            years[year] = result
            regions.pop(year, None)
        else:
            regions.setdefault(year, {})[region] = result
        return Published(years, regions, run_id)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON file whole, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(content, ensure_ascii=False, indent=1, default=str), encoding="utf-8")
    os.replace(temporary, path)


def read_published(home: Home) -> Published:
    """What is published now; nothing before the first publish."""
    path = home.lake / "published.json"
    if not path.exists():
        return Published()
    raw = json.loads(path.read_text(encoding="utf-8"))
    return Published(
        {int(year): result for year, result in raw["years"].items()},
        {int(year): dict(found) for year, found in raw["regions"].items()},
        raw["run_id"],
    )


def write_published(home: Home, published: Published) -> None:
    """Record what the warehouse holds; the last step of a publish."""
    write_json(home.lake / "published.json", asdict(published))


def write_run(home: Home, record: RunRecord) -> None:
    """Record a run, at its start and again at its end."""
    write_json(home.lake / "runs" / f"{record.run_id}.json", asdict(record))


def amend_run(home: Home, run_id: str, **fields: Any) -> None:
    """Add what has become known to the record of a run."""
    path = home.lake / "runs" / f"{run_id}.json"
    if path.exists():
        write_json(path, {**json.loads(path.read_text(encoding="utf-8")), **fields})


def read_runs(home: Home) -> list[dict[str, Any]]:
    """All runs, oldest first."""
    folder = home.lake / "runs"
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    return sorted(found, key=lambda run: (run["started_at"], run["run_id"]))


@cache
def code_version() -> str:
    """Hash of the program's own sources, as this process first saw them: results made by other code are made again."""
    digest = hashlib.sha256()
    for folder in CODE_FOLDERS:
        for path in sorted((CODE_ROOT / folder).rglob("*")):
            if path.suffix in {".py", ".sql"} and path.is_file():
                digest.update(path.relative_to(CODE_ROOT).as_posix().encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
