"""The Prefect deployments: nightly on a cron schedule, backfill on demand, one run at a time."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from prefect import serve as serve_deployments
from prefect.deployments.runner import RunnerDeployment

from flows.runs import backfill, nightly


def serve(home: Path, cron: str) -> None:
    """Register both deployments on the configured Prefect server and wait for runs; returns when stopped."""
    root = str(home.resolve())
    serve_deployments(
        cast(RunnerDeployment, nightly.to_deployment("nightly", cron=cron, parameters={"home": root})),
        cast(RunnerDeployment, backfill.to_deployment("backfill", parameters={"home": root})),
        limit=1,
        pause_on_shutdown=False,
    )
