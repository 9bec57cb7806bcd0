"""The schedule on a real Prefect server: a run fires, publishes and leaves its summary; failures are told, nights kept."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from flows import considered, nights, notify, pipeline
from flows.pipeline import BalanceError, Outcome
from flows.prefect_settings import TEMPLATE
from flows.summary import run_markdown
from stores.errors import OperatorError, RunError
from stores.home import Home
from stores.ingest import withdraw
from stores.state import HomeIsBusyError, RunRecord, read_runs, write_json, write_run
from tests.support import TODAY, quiet, request, run
from tests.test_order import DELIVERY, A, B, C, settlement, written

ROOT = Path(__file__).resolve().parents[1]
HEADER = DELIVERY["january.csv"][1]
RUN_TWICE = """
import errno, sys
from flows import pipeline
from flows.pipeline import BalanceError
import polars as pl
import flows.runs as runs
runs.ingest = runs.ingest.with_options(retry_delay_seconds=0)
runs.assess = runs.assess.with_options(retry_delay_seconds=0)
calls = {"inbox": 0, "assess": 0}
read = pipeline.read_inbox
def share_away_once(*words):
    calls["inbox"] += 1
    if calls["inbox"] == 1:
        raise OSError(errno.EIO, "王某 330199196001010016")
    return read(*words)
pipeline.read_inbox = share_away_once
outcome = runs.nightly(sys.argv[1])
assert calls["inbox"] == 2 and outcome.warehouse.exists(), calls
def unbalanced(*words):
    calls["assess"] += 1
    raise BalanceError(pl.DataFrame({"stage": ["lake rows"], "measure": ["rows"], "difference": [1]}))
pipeline.assess_year = unbalanced
try:
    runs.backfill(sys.argv[1], 2023)
except BalanceError:
    print("BALANCE", calls["assess"])
"""


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Nothing of the caller's but the path: Prefect in a folder of its own, found by its address."""
    keep = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return {
        **keep,
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "PREFECT_HOME": str(folder / "prefect"),
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "5",
        "PREFECT_RUNNER_POLL_FREQUENCY": "2",
        "PREFECT_CLI_PROMPT": "false",
        **more,
    }


@contextmanager
def process(words: list[str], env: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of its own group, which is gone afterwards whatever happened."""
    with log.open("wb") as out:
        started = subprocess.Popen(
            words, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        )
    try:
        yield started
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            if started.poll() is None:
                started.send_signal(number)
                try:
                    started.wait(10)
                except subprocess.TimeoutExpired:
                    continue
        try:
            os.killpg(started.pid, signal.SIGKILL)  # what it may have left: flow runs, workers
        except ProcessLookupError:
            pass


def wait_for(
    found: Callable[[], object], seconds: float, alive: subprocess.Popen[bytes], log: Path
) -> object:
    """What `found` gives as soon as it gives something; the process must stay alive meanwhile."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if result := found():
            return result
        assert alive.poll() is None, log.read_text(encoding="utf-8")[-3000:]
        time.sleep(0.3)
    raise AssertionError(f"nothing after {seconds} s\n" + log.read_text(encoding="utf-8")[-3000:])


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/health", timeout=2) as reply:
            return reply.status == 200
    except (urllib.error.URLError, OSError):
        return False


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def rows(database: Path, sql: str) -> list[tuple]:
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10) as connection:
        return connection.execute(sql).fetchall()


def test_the_schedule_fires_on_a_real_server(tmp_path: Path) -> None:
    """A missed night is run once; then the cron line fires; then a fault is tried again, and failures are told."""
    home, port, told = Home(tmp_path / "home").ensure(), free_port(), tmp_path / "told.txt"
    hook = tmp_path / "hook.sh"
    hook.write_text(f'#!/bin/sh\ncat >>"{told}"\necho ---- >>"{told}"\n', encoding="utf-8")
    hook.chmod(0o700)
    address = f"http://127.0.0.1:{port}/api"
    env = environment(tmp_path, PREFECT_API_URL=address, FENGDING_NOTIFY=str(hook))
    database = tmp_path / "prefect" / "prefect.db"
    prepare_database(database, env)
    for name in ("january.csv", "paid-03.csv"):
        written(home.inbox, name, DELIVERY[name][1], DELIVERY[name][2])
    since = datetime.now().astimezone() - timedelta(days=3)
    write_json(home.lake / "schedule.json", {"cron": "30 2 * * *", "since": since.isoformat()})

    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    server_log, serve_log = tmp_path / "server.log", tmp_path / "serve.log"
    with process(command, env, server_log) as server:
        wait_for(lambda: answers(address), 90, server, server_log)
        serve = [sys.executable, "-m", "flows", "serve", "--cron", "* * * * *", "--home", str(home.root)]
        with process(serve, env, serve_log) as serving:
            done = "select name from flow_run where state_type = 'COMPLETED' and auto_scheduled = "
            caught_up = wait_for(lambda: rows(database, f"{done} 0"), 90, serving, serve_log)
            assert [name[:9] for (name,) in caught_up] == ["catch-up-"]
            warehouse = home.warehouse / "fengding.duckdb"
            assert warehouse.exists() and not list(home.inbox.iterdir())
            first = json.loads((home.lake / "published.json").read_text(encoding="utf-8"))["run_id"]

            written(home.inbox, "march.csv", HEADER, [settlement("T1", A, "2023-03-01", "5.00")])
            taken = "select count(*) from mart.source_file where name = 'march.csv'"
            wait_for(lambda: published_rows(warehouse, taken), 100, serving, serve_log)
            wait_for(lambda: rows(database, f"{done} 1"), 60, serving, serve_log)
            assert json.loads((home.lake / "published.json").read_text(encoding="utf-8"))["run_id"] != first

            assert not told.exists()
            on_demand = [
                sys.executable,
                "-m",
                "prefect",
                "deployment",
                "run",
                "backfill/backfill",
                "-p",
                "year=2999",
            ]
            subprocess.run(on_demand, cwd=ROOT, env=env, check=True, timeout=120, capture_output=True)
            wait_for(told.exists, 60, serving, serve_log)
            failed = "select count(*) from flow_run where state_type = 'FAILED'"
            wait_for(lambda: rows(database, failed)[0][0], 60, serving, serve_log)
        assert serving.returncode == 0
        message = told.read_text(encoding="utf-8")
        assert message.count("----") == 1 and "费用年度 2999" in message

        script = [sys.executable, "-c", RUN_TWICE, str(home.root)]
        twice = subprocess.run(
            script, check=False, cwd=ROOT, env=env, timeout=120, capture_output=True, text=True
        )
        assert twice.stdout.strip() == "BALANCE 1", twice.stderr[-3000:]
        assert "330199196001010016" not in twice.stderr
        messages = told.read_text(encoding="utf-8").split("----\n")
        assert len(messages) == 3 and "对账不平" in messages[1] and "运行编号：R2" in messages[1]
        kept = rows(database, "select key, data from artifact where key is not null order by created")
    assert {key for key, _ in kept} == {"fengding-nightly", "fengding-backfill"}
    summaries = [json.loads(data) for _, data in kept]
    assert "每晚的运行：完成" in summaries[0] and "2023 年度" in summaries[0]
    assert "年度重算：失败" in summaries[-1] and "对账不平" in summaries[-1]
    assert all(secret not in text for text in summaries for secret in ("王某", A, B, C, "january.csv"))
    shutil.rmtree(tmp_path / "prefect")


def prepare_database(database: Path, env: dict[str, str]) -> None:
    """Prefect's database, brought up to date before its server starts; copied where set-up has made one."""
    database.parent.mkdir(parents=True)
    if TEMPLATE.exists():
        shutil.copyfile(TEMPLATE, database)
        return
    command = [sys.executable, "-m", "prefect", "server", "database", "upgrade", "-y"]
    subprocess.run(command, cwd=ROOT, env=env, check=True, timeout=120, capture_output=True)


def published_rows(warehouse: Path, sql: str) -> int:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(sql).fetchone()[0]


def noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> Path:
    """A message command that runs `body`, and the file it is given to write to."""
    hook, told = tmp_path / "hook command.sh", tmp_path / "told"
    hook.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    hook.chmod(0o700)
    monkeypatch.setenv("FENGDING_NOTIFY", f"'{hook}' '{told}'")
    return told


def test_the_message_command_gets_the_text_and_no_secret(tmp_path, monkeypatch) -> None:
    told = noted(tmp_path, monkeypatch, 'cat >"$1"; echo "secret=$FENGDING_SECRET" >>"$1"')
    monkeypatch.setenv("FENGDING_SECRET", "x")
    assert notify.notify(notify.failure_text("nightly", Path("/h"), "R7", "对账不平"), quiet)
    text = told.read_text(encoding="utf-8")
    assert "每晚的运行失败" in text and "运行编号：R7" in text and "原因：对账不平" in text
    assert text.endswith("secret=\n")


@pytest.mark.parametrize("setting", ["exit", "absent", "quote", "sleep"])
def test_a_message_command_that_fails_breaks_nothing(tmp_path, monkeypatch, setting: str) -> None:
    noted(tmp_path, monkeypatch, "exec sleep 60" if setting == "sleep" else "exit 4")
    monkeypatch.setattr(notify, "SECONDS", 0.2)
    if setting in ("absent", "quote"):
        monkeypatch.setenv("FENGDING_NOTIFY", {"absent": "/nowhere/at/all", "quote": "echo 'x"}[setting])
    said: list[str] = []
    assert not notify.notify("x", said.append)
    assert len(said) == 1 and "FENGDING_NOTIFY" in said[0]


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (OSError(errno.EIO, "x"), True),
        (TimeoutError(), True),
        (OSError(errno.ENOSPC, "x"), True),
        (duckdb.IOException("lock"), True),
        (sqlite3.OperationalError("locked"), True),
        (FileNotFoundError(), False),
        (PermissionError(), False),
        (ValueError("x"), False),
        (OperatorError("x"), False),
        (RunError("x"), False),
        (HomeIsBusyError("x"), False),
    ],
)
def test_only_a_fault_of_the_machine_is_tried_again(error: Exception, again: bool) -> None:
    with pytest.raises(Exception) as raised, notify.told_plainly():
        raise error
    assert notify.passing(raised.value) is again
    assert notify.passing(error) is again


def test_the_reason_of_an_unforeseen_error_holds_no_data() -> None:
    with pytest.raises(notify.UnforeseenError) as raised, notify.told_plainly():
        int(f"王某{A}")
    assert A not in str(raised.value) and raised.value.__suppress_context__
    assert "ValueError @ test_serve.py" in str(raised.value)


def test_a_killed_run_is_told_and_recorded(tmp_path: Path) -> None:
    """The serving process speaks for it; for a run started by hand nobody needs to."""
    script = f"""
from types import SimpleNamespace as Some
from flows.runs import crashed
for served in (None, 1):
    crashed(Some(name="nightly"), Some(deployment_id=served, parameters={{"home": {str(tmp_path / "home")!r}}}), None)
"""
    told = tmp_path / "told"
    hook = tmp_path / "hook.sh"
    hook.write_text(f'#!/bin/sh\ncat >>"{told}"\n', encoding="utf-8")
    hook.chmod(0o700)
    home = Home(tmp_path / "home").ensure()
    finished(home, "2026-11-05 02:30:03", status="running")
    env = environment(tmp_path, FENGDING_NOTIFY=str(hook))
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT, env=env, timeout=120)
    text = told.read_text(encoding="utf-8")
    assert text.count("运行编号：R2026-11-05 02:30:03") == 1 and "被终止" in text
    assert [found["status"] for found in read_runs(home)] == ["failed"]


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+08:00")


def finished(home: Home, started: str, status: str = "done", on: str = "", kind: str = "nightly") -> None:
    """The record of a run that began at a time of the bureau's clock."""
    begun = at(started).astimezone().replace(tzinfo=None)
    day = date.fromisoformat(on) if on else begun.date()
    write_run(home, RunRecord(f"R{started}", kind, None, None, day, begun, status=status))


def test_a_missed_night(tmp_path: Path) -> None:
    """02:30 daily, served since the 1st. Down on the 5th: missed from 02:30 of the 5th until a night has been done."""
    home = Home(tmp_path).ensure()
    assert nights.missed_night(home, at("2026-11-05 09:00:00")) is None  # never served: nothing was missed
    nights.keep_schedule(home, "30 2 * * *", at("2026-11-01 12:00:00"))
    nights.keep_schedule(home, "30 2 * * *", at("2026-11-04 12:00:00"))  # a restart keeps the beginning
    assert nights.missed_night(home, at("2026-11-02 02:29:59")) is None  # the first night is still to come
    assert nights.missed_night(home, at("2026-11-02 02:30:00")) == at("2026-11-02 02:30:00")
    finished(home, "2026-11-04 02:30:05")
    assert nights.missed_night(home, at("2026-11-05 02:29:00")) is None
    assert nights.missed_night(home, at("2026-11-05 09:00:00")) == at("2026-11-05 02:30:00")
    finished(home, "2026-11-05 02:30:03", status="failed")
    finished(home, "2026-11-05 02:30:04", kind="backfill")
    finished(home, "2026-11-05 02:30:06", on="2024-03-31")  # as of another day: published nothing
    assert nights.missed_night(home, at("2026-11-05 09:00:00")) == at("2026-11-05 02:30:00")
    assert nights.nights_since(home, at("2026-11-05 02:30:00")) == ["failed"]
    finished(home, "2026-11-05 09:01:00")
    assert nights.missed_night(home, at("2026-11-05 23:00:00")) is None
    assert nights.night_was_done(home, at("2026-11-03 02:30:00"))  # and so is every night before


def test_another_schedule_misses_nothing_of_its_own_past(tmp_path: Path) -> None:
    home = Home(tmp_path).ensure()
    nights.keep_schedule(home, "30 2 * * *", at("2026-11-01 12:00:00"))
    nights.keep_schedule(home, "0 1 * * *", at("2026-11-03 12:00:00"))
    assert nights.missed_night(home, at("2026-11-03 13:00:00")) is None
    assert nights.missed_night(home, at("2026-11-04 13:00:00")) == at("2026-11-04 01:00:00")


@pytest.mark.parametrize(("text", "right"), [("30 2 * * *", True), ("* * * * * *", False), ("2:30", False)])
def test_a_cron_line(text: str, right: bool) -> None:
    assert nights.is_cron(text) is right


def test_serve_without_a_server_or_with_a_wrong_line_is_a_wrong_call(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "flows", "serve", "--home", str(tmp_path / "home")]
    for more, message in (([], "PREFECT_API_URL"), (["--cron", "2:30"], "--cron")):
        done = subprocess.run(
            [*command, *more],
            check=False,
            cwd=ROOT,
            env=environment(tmp_path),
            timeout=120,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 2 and message in done.stderr


def published_home(tmp_path: Path) -> tuple[Home, Outcome]:
    home = Home(tmp_path / "home").ensure()
    files = [written(tmp_path, "january.csv", HEADER, DELIVERY["january.csv"][2])]
    pipeline.read_inbox(home, date(2023, 2, 1), quiet, files)
    outcome = run(home, 2023, on=TODAY, lists=True)
    considered.considered_by_backfill(outcome.request)
    return home, outcome


def late_years(home: Home) -> set[int]:
    asked = request(home, 2023, number=5)
    taken = pipeline.read_inbox(home, TODAY, quiet)
    return {year for _, year in considered.with_unconsidered(asked, taken).touched}


def test_a_file_of_a_failed_night_is_taken_account_of_by_the_next(tmp_path: Path) -> None:
    home, outcome = published_home(tmp_path)
    considered.first_night(outcome.request)
    assert late_years(home) == set()
    path = written(tmp_path, "late.csv", HEADER, [settlement("T1", A, "2023-03-01", "5.00")])
    taken = pipeline.read_inbox(home, TODAY, quiet, [path])  # and then the night fails
    assert late_years(home) == {2023}
    considered.considered_by_nightly(outcome.request)
    assert late_years(home) == set()
    lake_file = taken.files[0].file_id
    withdraw(home, lake_file, "送错", TODAY)
    assert late_years(home) == {2023}


def test_the_summary_names_counts_and_no_file(tmp_path: Path) -> None:
    _, outcome = published_home(tmp_path)
    text = run_markdown(outcome)
    assert "# 年度重算：完成" in text and "## 2023 年度" in text and "| 合计" not in text
    assert "january" not in text and A not in text and "王某" not in text


def test_a_broken_balance_is_no_fault_of_the_machine() -> None:
    assert not notify.passing(BalanceError.__new__(BalanceError))


def test_our_own_error_goes_on_without_the_text_of_its_cause() -> None:
    with pytest.raises(RunError) as raised, notify.told_plainly():
        try:
            int(f"王某{A}")
        except ValueError as error:
            raise RunError("第 3 行读不出") from error
    assert raised.value.__cause__ is None and raised.value.__suppress_context__


def test_a_lost_server_ends_the_process(tmp_path: Path) -> None:
    """It answers at first, if only with an error, then it is gone: told, and status 3."""
    script = f"""
import http.server, threading, time
from pathlib import Path
from flows.watch import end_when_lost
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
threading.Thread(target=server.serve_forever, daemon=True).start()
told = lambda: Path({str(tmp_path / "told")!r}).touch()
end_when_lost(f"http://127.0.0.1:{{server.server_port}}/api", 0.5, told, 3)
time.sleep(1.5)
assert not Path({str(tmp_path / "told")!r}).exists()
server.shutdown()
server.server_close()
time.sleep(30)
"""
    env = environment(tmp_path)
    done = subprocess.run([sys.executable, "-c", script], check=False, cwd=ROOT, env=env, timeout=60)
    assert done.returncode == 3 and (tmp_path / "told").exists()
