"""How long a backfill takes against a bare read-and-write of the same files: `make bench`.

The floor is polars reading every column as text and writing Parquet (`scan_csv` → `sink_parquet`), one settlement
file after the other. The backfill is the real command with its real Prefect flow on a fresh home; its time is the
flow's own, from its run record, so Prefect's start-up is apart. Pairs alternate in one run; the median ratio counts.
Memory is the largest sum over all processes of the run, sampled ten times a second.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
FENGDING = (sys.executable, "-m", "flows")
FLOOR = """
import sys, time, polars as pl
started = time.perf_counter()
for number, path in enumerate(sys.argv[2:]):
    pl.scan_csv(path, infer_schema=False).sink_parquet(f"{sys.argv[1]}/{number}.parquet")
print(time.perf_counter() - started)
"""


@dataclass(frozen=True)
class Measured:
    """Seconds and the largest resident memory of all processes together, in MiB."""

    seconds: float
    resident: float


def resident_of_all(process: psutil.Process) -> float:
    """Resident memory of a process and all it started, MiB."""
    total = 0.0
    for member in [process, *process.children(recursive=True)]:
        try:
            total += member.memory_info().rss / 2**20
        except psutil.NoSuchProcess:
            continue
    return total


def watched(command: list[str]) -> tuple[str, float]:
    """Output of a command and its largest resident memory. Raises where it fails (exit status over 1)."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as running:
        peak = [0.0]
        done = threading.Event()

        def sample() -> None:
            watched_process = psutil.Process(running.pid)
            while not done.wait(0.1):
                try:
                    peak[0] = max(peak[0], resident_of_all(watched_process))
                except psutil.NoSuchProcess:
                    return

        sampler = threading.Thread(target=sample)
        sampler.start()
        output = running.communicate()[0]
        done.set()
        sampler.join()
    if running.returncode not in (0, 1):
        raise RuntimeError(f"{command[:3]} failed with {running.returncode}")
    return output, peak[0]


def floor(files: list[Path], scratch: Path) -> Measured:
    """The bare read-and-write."""
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    output, peak = watched([sys.executable, "-c", FLOOR, str(scratch), *map(str, files)])
    shutil.rmtree(scratch)
    return Measured(float(output.strip().splitlines()[-1]), peak)


def backfill(county: Path, home: Path, year: int, program: Sequence[str] = FENGDING) -> Measured:
    """The whole run on a fresh home, its files in the inbox."""
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(county / "inbox", home / "inbox")
    output, peak = watched([*program, "backfill", "--year", str(year), "--home", str(home), "--json"])
    return Measured(flow_seconds(home, json.loads(output.strip().splitlines()[-1])["run_id"]), peak)


def flow_seconds(home: Path, run_id: str) -> float:
    """How long a run took by its own record."""
    record = json.loads((home / "lake" / "runs" / f"{run_id}.json").read_text(encoding="utf-8"))
    taken = datetime.fromisoformat(record["finished_at"]) - datetime.fromisoformat(record["started_at"])
    return taken.total_seconds()


def county_of(work: Path, persons: int, year: int, region: str = "330112") -> Path:
    """The plain synthetic county of that size, written where it is not there yet."""
    county = work / (f"county-{persons}" if region == "330112" else f"county-{region}-{persons}")
    if not (county / "answer_key").exists():
        wanted = ["--persons", str(persons), "--year", str(year), "--region", region]
        started = time.perf_counter()
        _, peak = watched([*FENGDING, "synth", *wanted, "--seed", "1", "--plain", "--out", str(county)])
        print(
            f"synthetic county written in {time.perf_counter() - started:.0f} s, {peak:.0f} MiB", flush=True
        )
    return county


def main() -> None:
    """Print each pair, the median ratio and the largest memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--persons", type=int, default=600_000)
    parser.add_argument("--year", type=int, default=2023)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--work", type=Path, default=ROOT / "data" / "bench")
    given = parser.parse_args()
    county = county_of(given.work, given.persons, given.year)
    files = sorted((county / "inbox").glob("setl_d*.csv"))
    size = sum(path.stat().st_size for path in files) / 1e9
    print(f"{len(files)} settlement files, {size:.2f} GB", flush=True)
    ratios, peaks = [], []
    for pair in range(given.pairs):
        bare = floor(files, given.work / "floor")
        whole = backfill(county, given.work / "home", given.year)
        ratios.append(whole.seconds / bare.seconds)
        peaks.append(whole.resident)
        print(
            f"pair {pair + 1}: floor {bare.seconds:6.1f} s   backfill {whole.seconds:6.1f} s   "
            f"ratio {ratios[-1]:.2f}   resident {whole.resident:5.0f} MiB",
            flush=True,
        )
    print(f"median ratio {statistics.median(ratios):.2f}   largest resident {max(peaks):.0f} MiB")


if __name__ == "__main__":
    main()
