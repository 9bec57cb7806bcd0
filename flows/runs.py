"""Prefect flows `backfill` and `nightly`: a table of contents over the plain functions of `flows.pipeline`.

Tasks are coarse and carry paths. Import this module only to run a flow: Prefect takes seconds to import.
"""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

from prefect import flow, task

from flows import pipeline
from flows.pipeline import Outcome, Request, new_request, recorded
from flows.touched import years_to_assess
from stores.home import Home
from stores.ingest import IngestSummary
from stores.state import only_run


def say(line: str) -> None:
    """One line of progress for the operator, on the error stream: the output belongs to the result."""
    print(line, file=sys.stderr, flush=True)


@task(name="ingest", persist_result=False)
def ingest(home: Path, received: date) -> IngestSummary:
    """Inbox → archive and lake."""
    return pipeline.read_inbox(Home(home), received, say)


@task(name="assess", persist_result=False)
def assess(request: Request, year: int) -> tuple[Path, bool]:
    """Lake → results of one cost year."""
    return pipeline.assess_year(Home(request.home), year, request, say)


@task(name="deliver", persist_result=False)
def deliver(request: Request, assessed: dict[int, Path]) -> tuple[Path, Path, int]:
    """Results → warehouse and lists."""
    return pipeline.deliver(Home(request.home), request, assessed, say)


@flow(name="backfill", persist_result=False)
def backfill(
    home: str,
    year: int,
    region: str | None = None,
    as_of: date | None = None,
    on: date | None = None,
    publish: bool = False,
) -> Outcome:
    """Ingest what is waiting, recompute one cost year, publish."""
    request = new_request(Path(home), "backfill", year, region, as_of, on, publish)
    with recorded(request), only_run(Home(request.home)):
        ingested = ingest(request.home, request.today)
        folder, fresh = assess(request, year)
        warehouse, exports, attention = deliver(request, {year: folder})
    return Outcome(
        request, ingested, {year: folder}, frozenset({year} if fresh else ()), warehouse, exports, attention
    )


@flow(name="nightly", persist_result=False)
def nightly(home: str, on: date | None = None) -> Outcome:
    """Ingest what is new, recompute the cost years that it touches, publish."""
    request = new_request(Path(home), "nightly", None, None, None, on, False)
    with recorded(request), only_run(Home(request.home)):
        ingested = ingest(request.home, request.today)
        years = years_to_assess(Home(request.home), ingested, request)
        found = {year: assess(request, year) for year in years}
        assessed = {year: folder for year, (folder, _) in found.items()}
        warehouse, exports, attention = deliver(request, assessed)
    new = frozenset(year for year, (_, fresh) in found.items() if fresh)
    return Outcome(request, ingested, assessed, new, warehouse, exports, attention)
