"""Prefect flows `backfill` and `nightly`: a table of contents over the plain functions of `flows.pipeline`.

Tasks are coarse and carry paths. A fault of the machine is tried again; our own errors are not. Import this module
only to run a flow: Prefect takes seconds to import.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from prefect import flow, runtime, task
from prefect.artifacts import create_markdown_artifact
from prefect.context import FlowRunContext

from flows import pipeline
from flows.considered import considered_by_backfill, considered_by_nightly, first_night, with_unconsidered
from flows.nights import night_was_done
from flows.notify import failure_text, notify, passing, reason, told_plainly
from flows.pipeline import Outcome, Request, new_request, recorded
from flows.summary import failure_markdown, run_markdown
from flows.touched import years_to_assess
from stores.home import Home
from stores.ingest import IngestSummary
from stores.state import HomeIsBusyError, amend_run, only_run, read_runs

RETRY_SECONDS = [10.0, 60.0, 300.0]
WAIT_SECONDS, WAITS = 60.0, 120
"""A scheduled run waits two hours for another run in the same home folder; one started by hand is refused at once."""


def say(line: str) -> None:
    """One line of progress for the operator, on the error stream: the output belongs to the result."""
    print(line, file=sys.stderr, flush=True)


def try_again(_task: Any, _run: Any, state: Any) -> bool:
    """Whether a failed task is tried again: only after a fault that may be gone by then."""
    again = isinstance(state.data, BaseException) and passing(state.data)
    if again:
        say(f"可能是暂时的故障，稍后再试。{reason(state.data)}")
    return again


patient: dict[str, Any] = {
    "persist_result": False,
    "retries": len(RETRY_SECONDS),
    "retry_delay_seconds": RETRY_SECONDS,
    "retry_condition_fn": try_again,
}


@task(name="ingest", **patient)
def ingest(home: Path, received: date) -> IngestSummary:
    """Inbox → archive and lake."""
    with told_plainly():
        return pipeline.read_inbox(Home(home), received, say)


@task(name="assess", **patient)
def assess(request: Request, year: int) -> tuple[Path, bool]:
    """Lake → results of one cost year."""
    with told_plainly():
        return pipeline.assess_year(Home(request.home), year, request, say)


@task(name="deliver", **patient)
def deliver(request: Request, assessed: dict[int, Path]) -> tuple[Path, Path, int]:
    """Results → warehouse and lists."""
    with told_plainly():
        return pipeline.deliver(Home(request.home), request, assessed, say)


def crashed(flow: Any, flow_run: Any, state: Any) -> None:
    """A run that was killed cannot say so itself: the serving process does. (By hand the person at it knows.)"""
    if flow_run.deployment_id is None:
        return
    home = Path(flow_run.parameters["home"])
    begun = [run for run in read_runs(Home(home)) if run["kind"] == flow.name and run["status"] != "done"]
    run_id = begun[-1]["run_id"] if begun else ""
    if begun and begun[-1]["status"] == "running":
        amend_run(Home(home), run_id, status="failed")
    notify(failure_text(flow.name, home, run_id, "运行中途被终止，已发布的结果没有改变。"), say)


@flow(name="backfill", persist_result=False, on_crashed=[crashed])
def backfill(
    home: str,
    year: int,
    region: str | None = None,
    as_of: date | None = None,
    on: date | None = None,
    publish: bool = False,
) -> Outcome:
    """Ingest what is waiting, recompute one cost year, publish."""
    with attempt("backfill", home) as this:
        request = this.request = new_request(Path(home), "backfill", year, region, as_of, on, publish)
        with recorded(request), alone(request):
            ingested = ingest(request.home, request.today)
            folder, fresh = assess(request, year)
            warehouse, exports, attention = deliver(request, {year: folder})
            considered_by_backfill(request)
    new = frozenset({year} if fresh else ())
    return summarised(Outcome(request, ingested, {year: folder}, new, warehouse, exports, attention))


@flow(name="nightly", persist_result=False, on_crashed=[crashed])
def nightly(home: str, on: date | None = None, push: bool = False) -> Outcome:
    """Ingest what is new, recompute the cost years that it touches, publish; `push`: with full township lists."""
    with attempt("nightly", home) as this:
        request = this.request = new_request(Path(home), "nightly", None, None, None, on, False, push)
        if on is None and not push and from_the_schedule() and already_done(request):
            say("这一晚已由后来的运行补上。")
            return Outcome(request, None)
        with recorded(request), alone(request):
            first_night(request)
            ingested = ingest(request.home, request.today)
            unfinished = with_unconsidered(request, ingested)
            years = years_to_assess(Home(request.home), unfinished, request)
            found = {year: assess(request, year) for year in years}
            assessed = {year: folder for year, (folder, _) in found.items()}
            warehouse, exports, attention = deliver(request, assessed)
            considered_by_nightly(request)
    new = frozenset(year for year, (_, fresh) in found.items() if fresh)
    return summarised(Outcome(request, ingested, assessed, new, warehouse, exports, attention))


@dataclass
class Attempt:
    """A run, as far as it has come to be one."""

    request: Request | None = None


@contextmanager
def attempt(kind: str, home: str) -> Iterator[Attempt]:
    """Say that a run failed, to the message command and on the Prefect server; the error goes on."""
    this = Attempt()
    try:
        with told_plainly():
            yield this
    except Exception as error:
        run_id = this.request.run_id if this.request else ""
        notify(failure_text(kind, Path(home), run_id, reason(error)), say)
        if this.request:
            keep(kind, failure_markdown(this.request, reason(error)))
        raise


def summarised(outcome: Outcome) -> Outcome:
    """The same outcome, its summary kept on the Prefect server."""
    keep(outcome.request.kind, run_markdown(outcome))
    return outcome


def keep(kind: str, markdown: str) -> None:
    """Keep a summary as an artifact of the run. A server that does not take it does not undo what is published."""
    try:
        create_markdown_artifact(markdown, key=f"fengding-{kind}", description="封顶 fengding 运行摘要")
    except Exception as error:  # noqa: BLE001  # the run is over: whatever the server says, its result stands
        say(f"运行摘要没有存到 Prefect 服务器（{type(error).__name__}），不影响结果。")


def from_the_schedule() -> bool:
    """Whether the run was started by the serving process, not by hand."""
    # `runtime.deployment` would ask the server, each time by a client of its own
    context = FlowRunContext.get()
    return context is not None and context.flow_run is not None and context.flow_run.deployment_id is not None


def already_done(request: Request) -> bool:
    """Whether a night that began after this one was due has done its work: of several missed nights one is run."""
    return night_was_done(Home(request.home), runtime.flow_run.scheduled_start_time)


@contextmanager
def alone(request: Request) -> Iterator[None]:
    """Hold the home folder; a scheduled run waits for the one that holds it."""
    with ExitStack() as held:
        for left in reversed(range(WAITS if from_the_schedule() else 1)):
            try:
                held.enter_context(only_run(Home(request.home)))
                break
            except HomeIsBusyError:
                if not left:
                    raise
                time.sleep(WAIT_SECONDS)
        yield
