"""Which files the published results take account of: a night that failed, or a file taken in by hand, is not forgotten.

The results of a cost year take account of all files that were in force when it was last made, or when a night last
found that nothing touches it. `lake/considered.json` keeps their numbers, for each year and for the nights as a whole.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from flows.pipeline import Request
from stores import lake
from stores.home import Home
from stores.ingest import FileSummary, IngestSummary
from stores.state import read_published, write_json


def _kept(home: Home) -> dict[str, Any]:
    path = home.lake / "considered.json"
    if not path.exists():
        return {"nights": None, "years": {}}
    kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return kept


def _in_force(home: Home) -> list[str]:
    return sorted(lake.files_in_force(home)["file_id"])


def first_night(request: Request) -> None:
    """Before the first night: what is there already is no news to it."""
    home = Home(request.home)
    kept = _kept(home)
    if kept["nights"] is None:
        write_json(home.lake / "considered.json", {**kept, "nights": _in_force(home)})


def considered_by_backfill(request: Request) -> None:
    """A published backfill took account of every file, in its year."""
    if request.aside or request.region is not None or request.as_of is not None or request.year is None:
        return
    home = Home(request.home)
    kept = _kept(home)
    years = {**kept["years"], str(request.year): _in_force(home)}
    write_json(home.lake / "considered.json", {**kept, "years": years})


def considered_by_nightly(request: Request) -> None:
    """A published night took account of every file, in every published year."""
    if request.aside:
        return
    home = Home(request.home)
    files = _in_force(home)
    years = {str(year): files for year in read_published(home).years}
    write_json(home.lake / "considered.json", {"nights": files, "years": years})


def with_unconsidered(request: Request, ingested: IngestSummary) -> IngestSummary:
    """What this night took in, and what the published results of some year do not take account of yet.

    A withdrawn file touches its own years and whatever its refunds and payments reached: every year that counted it.
    """
    home = Home(request.home)
    kept = _kept(home)
    nights = set(kept["nights"] or ())
    held = {year: set(kept["years"].get(str(year), nights)) for year in read_published(home).years}
    manifests = {m.file_id: m for m in lake.manifests(home)}
    now = set(_in_force(home))
    tonight = {file.file_id for file in ingested.files}
    late = now - nights.intersection(*held.values()) - tonight
    files, touched = list(ingested.files), set(ingested.touched)
    for file_id in sorted(late):
        manifest = manifests[file_id]
        pairs = {(part["region"] or "", part["cost_year"]) for part in manifest.parts if part["cost_year"]}
        pairs |= {("", year) for year in manifest.years}
        touched |= {(region, year) for region, year in pairs if file_id not in held.get(year, nights)}
        files.append(FileSummary(manifest.name, "read", file_id, manifest.table, years=manifest.years))
    touched |= {("", year) for year, counted in held.items() if counted - now}
    return replace(ingested, files=files, touched=touched)
