"""A run as a whole: what it leaves behind, what it refuses, and that a failure changes nothing published."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from flows import pipeline
from flows.pipeline import BalanceError
from flows.present import published_tables, tables_of_lists
from flows.touched import years_to_assess
from stores import exports, lake, warehouse
from stores.home import Home
from stores.ingest import withdraw
from stores.mart_rows import WarehouseError
from stores.state import HomeIsBusyError, only_run, read_published
from synth.ids import check_digit
from tests.support import deliver, quiet, request, run, table
from tests.test_order import DELIVERY, A, C, settlement, written

ROOT = Path(__file__).resolve().parents[1]
ON = date(2024, 3, 31)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with the small delivery of test_order ingested and 2023 published."""
    files = [
        (written(tmp_path, name, header, rows), date.fromisoformat(on))
        for name, (on, header, rows) in DELIVERY.items()
    ]
    home = Home(tmp_path / "home")
    deliver(home, files)
    run(home, 2023, on=ON, lists=True)
    return home


def content(home: Home) -> str:
    return table(home.warehouse / "fengding.duckdb", "select * from mart.cap_gap order by all").write_json()


def part(home: Home, name: str, table_name: str = "setl_d") -> Path:
    """A part that a file has in the lake."""
    manifest = next(m for m in lake.manifests(home) if m.name == name)
    return home.lake / next(p["path"] for p in manifest.parts if p["table"] == table_name)


def test_a_second_run_finds_its_results(home: Home) -> None:
    outcome = run(home, 2023, on=ON, number=2, lists=True)
    assert outcome.fresh == frozenset()
    assert not pipeline.anything_to_do(request(home, 2023, on=ON))


def test_every_file_is_accounted_for(home: Home) -> None:
    files = table(home.warehouse / "fengding.duckdb", "select * from mart.source_file order by name")
    assert files.height == len(DELIVERY)
    assert (files["n_rows"] == files["n_accepted"] + files["n_rejected"] + files["n_duplicate"]).all()
    counts = {row["name"]: (row["n_accepted"], row["n_duplicate"]) for row in files.iter_rows(named=True)}
    assert counts["february.csv"] == (3, 1)  # S1 is an exact copy of January's
    assert counts["paid-03.csv"] == (2, 1)  # of two equal rows one was shown in February's list already


@pytest.mark.parametrize(("table_name", "stage"), [("setl_d", "ingest rows"), ("person", "lake rows")])
def test_a_dropped_row_stops_the_run_and_names_the_stage(home: Home, table_name: str, stage: str) -> None:
    before = content(home)
    path = part(home, "january.csv", table_name)
    pl.read_parquet(path).head(-1).write_parquet(path)
    deliver(home, [(written(home.root.parent, "late.csv", *late_row()), date(2024, 3, 1))])
    with pytest.raises(BalanceError, match=stage):
        run(home, 2023, on=ON, number=2, lists=True)
    assert content(home) == before
    assert read_published(home).run_id == "R0001"


def late_row() -> tuple[str, list[str]]:
    _, header, rows = DELIVERY["march.csv"]
    return header, [rows[1].replace("S10", "S99")]


def test_a_missing_part_stops_the_run(home: Home) -> None:
    before = content(home)
    part(home, "march.csv").unlink()
    deliver(home, [(written(home.root.parent, "late.csv", *late_row()), date(2024, 3, 1))])
    with pytest.raises(lake.LakeError):
        run(home, 2023, on=ON, number=2, lists=True)
    assert content(home) == before


def test_no_list_is_issued_where_the_warehouse_is_not_published(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, issued = content(home), os.readlink(home.exports / "latest")
    monkeypatch.setattr(warehouse, "check", lambda _: ["fault: 1"])
    asked = request(home, 2023, on=ON, number=2)
    folder, _ = pipeline.assess_year(home, 2023, asked, quiet)
    with pytest.raises(WarehouseError, match="fault"):
        pipeline.deliver(home, asked, {2023: folder}, quiet)
    assert (content(home), os.readlink(home.exports / "latest")) == (before, issued)
    assert sorted(path.name for path in home.exports.iterdir()) == sorted([issued, "latest"])
    assert read_published(home).run_id == "R0001"


def test_where_the_lists_fail_those_of_the_last_run_stand(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued = os.readlink(home.exports / "latest")

    def full(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(exports, "write_books", full)
    asked = request(home, 2023, on=ON, number=2)
    folder, _ = pipeline.assess_year(home, 2023, asked, quiet)
    with pytest.raises(OSError, match="disk full"):
        pipeline.deliver(home, asked, {2023: folder}, quiet)
    assert os.readlink(home.exports / "latest") == issued
    assert sorted(path.name for path in home.exports.iterdir()) == sorted([issued, "latest"])
    assert read_published(home).run_id == "R0002"


def test_lists_are_made_of_what_the_warehouse_then_holds(home: Home) -> None:
    asked = request(home, 2023, on=ON, number=2)
    folder, _ = pipeline.assess_year(home, 2023, asked, quiet)
    _, results = pipeline.to_publish(home, asked, {2023: folder})
    made_of = tables_of_lists(results)
    pipeline.deliver(home, asked, {2023: folder}, quiet)
    there = published_tables(home.warehouse)
    assert made_of.keys() == there.keys()
    assert not there["person_year"].is_empty()
    for name, frame in there.items():
        if name not in ("latest_year", "change"):
            assert_frame_equal(made_of[name], frame)
    assert dict(made_of["latest_year"].iter_rows()) == dict(there["latest_year"].iter_rows())


def test_as_of_gives_what_was_known_then(home: Home) -> None:
    """Before February's file: S2 still 12,000.50, no refund; A bears 20,000 + 12,000.50."""
    asked = pipeline.Request(
        home.root,
        "backfill",
        2023,
        date(2023, 2, 10),
        ON,
        "R0009",
        request(home, 2023).started_at,
        None,
        date(2023, 2, 10),
    )
    before = content(home)
    folder, _ = pipeline.assess_year(home, 2023, asked, quiet)
    warehouse, exports, _ = pipeline.deliver(home, asked, {2023: folder}, quiet)
    assert warehouse == home.warehouse / "asof" / "R0009" / "fengding.duckdb"
    assert exports.parent == home.exports / "asof"
    assert table(warehouse, "select max(burden_yuan) from mart.person_year").item() == 32_000.50
    assert content(home) == before


def test_a_withdrawn_file_counts_no_more_but_as_of_keeps_it(home: Home) -> None:
    """Without February's file S8 is not refunded and S2 costs 12,000.50: 20,000 + 12,000.50 − 1,000 + 1,000 − 1,000."""
    file_id = next(m.file_id for m in lake.manifests(home) if m.name == "february.csv")
    withdraw(home, file_id, "送错", date(2024, 3, 20))
    run(home, 2023, on=ON, number=2, lists=True)
    burden = table(home.warehouse / "fengding.duckdb", "select max(burden_yuan) from mart.person_year").item()
    assert burden == 31_000.50
    assert file_id in lake.files_in_force(home, date(2024, 3, 19))["file_id"].to_list()


def test_one_run_at_a_time(home: Home) -> None:
    with only_run(home), pytest.raises(HomeIsBusyError), only_run(home):
        pass


@pytest.fixture
def command(tmp_path: Path) -> Iterator[object]:
    def call(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        keep = {name: os.environ[name] for name in ("PATH", "LANG", "SYSTEMROOT") if name in os.environ}
        return subprocess.run(
            [sys.executable, "-m", "flows", *words, "--home", str(tmp_path / "cli")],
            cwd=ROOT,
            env={**keep, "HOME": str(tmp_path), **more},
            check=False,
            capture_output=True,
            text=True,
            timeout=300,
        )

    yield call


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("backfill", "--year", "2023", "--on", "31.3.2024"), "2024-03-31"),
        (("backfill", "--year", "2999"), "晚于运行日期"),
        (("ingest", "/nowhere/at/all"), "找不到文件或文件夹"),
        (("withdraw", "F0000000000000000", "--reason", "x"), "没有编号为"),
    ],
)
def test_a_wrong_call_exits_2_and_says_why(command, words: tuple[str, ...], message: str) -> None:
    done = command(*words)
    assert done.returncode == 2
    assert message in done.stderr


def test_dry_run_changes_nothing(command, tmp_path: Path) -> None:
    path = written(tmp_path, "january.csv", DELIVERY["january.csv"][1], DELIVERY["january.csv"][2])
    done = command("ingest", str(path), "--dry-run", "--json")
    report = json.loads(done.stdout)
    assert report["files"][0]["layout"] == "setl_d" and report["files"][0]["rows"] == 5
    assert not list((tmp_path / "cli").rglob("*.parquet"))


def test_backfill_on_a_real_prefect_server(command, tmp_path: Path) -> None:
    """The command starts a temporary server, which records the flow and its three tasks; then nothing is new."""
    home = Home(tmp_path / "cli").ensure()
    for name, (_, header, rows) in DELIVERY.items():
        written(home.inbox, name, header, rows)
    done = command("backfill", "--year", "2023", "--json")
    assert done.returncode in (0, 1), done.stderr
    report = json.loads(done.stdout)
    assert len(report["ingested"]["files"]) == len(DELIVERY)
    assert not list(home.inbox.iterdir())
    with sqlite3.connect(home.root / "prefect" / "prefect.db") as database:
        flows = database.execute("select state_name from flow_run").fetchall()
        tasks = database.execute("select state_name from task_run").fetchall()
    assert flows == [("Completed",)]
    assert tasks == [("Completed",)] * 3
    again = command("backfill", "--year", "2023")
    assert "没有新的" in again.stdout + again.stderr
    shutil.rmtree(home.root / "prefect")


def night(home: Home, name: str, rows: list[str], header: str = DELIVERY["january.csv"][1]) -> list[int]:
    """The cost years that a night with one more file asks for."""
    path = written(home.root.parent, name, header, rows)
    summary = pipeline.read_inbox(home, date(2024, 3, 30), quiet, [path])
    return years_to_assess(home, summary, request(home, 2024, on=ON))


def test_a_night_asks_for_the_years_that_it_reaches(home: Home) -> None:
    """2023 is published: a new visit of 2024 leaves it alone; a refund, a negative row or a payment of 2024 does not."""
    assert night(home, "visit.csv", [settlement("T1", A, "2024-03-01", "5.00")]) == [2024]
    assert night(home, "refund.csv", [settlement("T2", A, "2024-03-02", "-50.00", init="S1")]) == [2023, 2024]
    assert night(home, "unlinked.csv", [settlement("T3", C, "2024-03-03", "-500.25")]) == [2023, 2024]
    payment = f"L9,{A},S1,惠民保,10.00,2024-03-03,2024,保险公司,"
    assert night(home, "paid.csv", [payment], DELIVERY["paid-03.csv"][1]) == [2023, 2024]
    assert night(home, "correction.csv", [settlement("S10", C, "2023-03-01", "501.00")]) == [2023, 2024]


def test_a_rejected_row_with_a_mistyped_certificate_flags_its_person(tmp_path: Path) -> None:
    """The mistyped number stands in no accepted row; the platform's number says whose it is (one right, one wrong)."""
    right = A[:17] + check_digit(A[:17])
    wrong = A[:17] + ("1" if right[17] != "1" else "2")
    broken = settlement("S2", wrong, "2023-05-02", "50.00").replace(",50.00,0,50.00,", ",50.00,0,49.00,")
    rows = [settlement("S1", right, "2023-05-01", "50.00"), broken]
    home = Home(tmp_path / "home")
    deliver(home, [(written(tmp_path, "may.csv", DELIVERY["january.csv"][1], rows), date(2023, 6, 1))])
    outcome = run(home, 2023, on=ON)
    found = table(outcome.warehouse, "select n_settlements, incomplete from mart.person_year")
    assert found.rows() == [(1, True)]
