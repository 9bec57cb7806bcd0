"""Which night was missed: while nothing served, the hour of the schedule passed and no night has been done since.

`lake/schedule.json` keeps the schedule and since when it is served: a first start has missed nothing.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from stores.home import Home
from stores.state import read_runs, write_json

ZONE = "Asia/Shanghai"
"""The hours of a schedule are the bureau's, whatever the server's clock is set to."""


def nights_since(home: Home, due: datetime) -> list[str]:
    """How far the live nightly runs have come that began at `due` (aware) or later: running, failed, done."""
    return [
        run["status"]
        for run in read_runs(home)
        if run["kind"] == "nightly"
        and str(run["started_at"])[:10] == str(run["on_date"])
        and datetime.fromisoformat(run["started_at"]).astimezone() >= due
    ]


def night_was_done(home: Home, due: datetime) -> bool:
    """Whether a live nightly run that began at `due` (aware) or later has finished."""
    return "done" in nights_since(home, due)


def missed_night(home: Home, now: datetime) -> datetime | None:
    """The last due time of the kept schedule before `now` (aware), where no night has been done since."""
    path = home.lake / "schedule.json"
    if not path.exists():
        return None
    kept = json.loads(path.read_text(encoding="utf-8"))
    due = last_due(kept["cron"], now)
    if due <= datetime.fromisoformat(kept["since"]) or night_was_done(home, due):
        return None
    return due


def keep_schedule(home: Home, cron: str, now: datetime) -> None:
    """Keep the schedule that is served from `now` on; the same schedule keeps its beginning."""
    path = home.lake / "schedule.json"
    if path.exists() and json.loads(path.read_text(encoding="utf-8"))["cron"] == cron:
        return
    write_json(path, {"cron": cron, "since": now.isoformat()})


def last_due(cron: str, now: datetime) -> datetime:
    """The last time at or before `now` that a cron line names, in the bureau's zone."""
    from prefect._vendor.croniter import croniter

    local = now.astimezone(ZoneInfo(ZONE))
    found: datetime = croniter(cron, local + timedelta(seconds=1)).get_prev(datetime)
    return found


def is_cron(text: str) -> bool:
    """Whether a text is a cron line of five fields."""
    from prefect._vendor.croniter import croniter

    return len(text.split()) == 5 and bool(croniter.is_valid(text))
