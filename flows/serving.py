"""The Prefect deployments: nightly on a cron schedule, backfill on demand, one run at a time, a missed night run once."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import cast

from prefect import serve as serve_deployments
from prefect.deployments import run_deployment
from prefect.deployments.runner import RunnerDeployment
from prefect.schedules import Cron
from prefect.settings import PREFECT_API_URL, PREFECT_RUNNER_POLL_FREQUENCY
from prefect.types.entrypoint import EntrypointType

from flows.nights import ZONE, is_cron, keep_schedule, missed_night, nights_since
from flows.notify import failure_text, notify
from flows.runs import backfill, nightly, say
from flows.watch import end_when_lost
from stores.errors import OperatorError
from stores.home import Home

LOST = 3
"""Exit status of a process that has lost its server."""


def serve(home: Path, cron: str) -> None:
    """Register both deployments on the configured Prefect server and wait for runs; returns when stopped.

    Raises OperatorError for a wrong cron line or where no server is configured. A server that is lost ends the process
    with status 3, and the message command is told.
    """
    if not is_cron(cron):
        raise OperatorError(f'--cron 要写成 "30 2 * * *" 的样子（分 时 日 月 周），写的是 {cron}')
    if not PREFECT_API_URL.value():
        raise OperatorError(
            "没有配置 Prefect 服务器：请先运行 prefect server start，再设置 "
            "PREFECT_API_URL（如 http://127.0.0.1:4200/api）"
        )
    _serve(Home(home.resolve()).ensure(), cron)


def _serve(home: Home, cron: str) -> None:
    parameters = {"home": str(home.root)}
    schedule = Cron(cron, timezone=ZONE)
    night = cast(
        RunnerDeployment,
        nightly.to_deployment(
            "nightly", schedule=schedule, parameters=parameters, entrypoint_type=EntrypointType.MODULE_PATH
        ),
    )
    on_demand = cast(
        RunnerDeployment,
        backfill.to_deployment("backfill", parameters=parameters, entrypoint_type=EntrypointType.MODULE_PATH),
    )
    now = datetime.now().astimezone()
    missed = missed_night(home, now)
    if missed:
        night.apply()
        catch_up(home, missed)
    keep_schedule(home, cron, now)
    text = failure_text(
        "serve", home.root, "", "Prefect 服务器连不上，定时服务停止了：重新启动以前，每晚不会再运行。"
    )
    end_when_lost(
        PREFECT_API_URL.value(), PREFECT_RUNNER_POLL_FREQUENCY.value(), lambda: notify(text, say), LOST
    )
    serve_deployments(night, on_demand, limit=1, pause_on_shutdown=False)


def catch_up(home: Home, missed: datetime) -> None:
    """Ask for the missed night once, however often the service is started before it begins; again if it broke off."""
    begun = len(nights_since(home, missed))
    say(f"{missed:%Y-%m-%d %H:%M} 的运行错过了，现在补跑一次。")
    run_deployment(
        "nightly/nightly",
        timeout=0,
        as_subflow=False,
        parameters={"home": str(home.root)},
        flow_run_name=f"catch-up-{missed:%Y%m%d-%H%M}",
        idempotency_key=f"catch-up {home.root} {missed.isoformat()} {begun}",
    )
