"""The Prefect deployments: nightly on a cron schedule, backfill on demand, one run at a time."""

from __future__ import annotations

from pathlib import Path

from prefect import serve as serve_deployments

from flows.runs import backfill, nightly


def serve(home: Path, cron: str) -> None:
    """Register both deployments on the configured Prefect server and wait for runs; returns when stopped."""
    root = str(home.resolve())
    serve_deployments(
        nightly.to_deployment("nightly", cron=cron, parameters={"home": root}),
        backfill.to_deployment("backfill", parameters={"home": root}),
        limit=1,
        pause_on_shutdown=False,
    )
