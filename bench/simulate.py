"""How long ten scenarios take against the backfill whose results they are counted from.

Usage: `python -m bench.simulate HOME --year 2023 [--backfill SECONDS] [--scenario FILE]`. The command is the real
`fengding simulate`, start of the program included. Without `--backfill` the time of the last backfill of that year is
taken from the run records of the home (ingest included). At most a tenth is wanted.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

from stores.home import Home
from stores.state import read_runs

ROOT = Path(__file__).resolve().parents[1]
WANTED = 0.1
CAPS = [
    ["L-04.cap_yuan.DIBAO=25000"], ["L-04.cap_yuan.DIBAO=35000"], ["L-04.cap_yuan.DIBIAN=40000"],
    ["L-04.cap_yuan.TEKUN=3000"], ["A-L02=d"], ["A-L01=d"], ["A-L03=b"], ["A-L06=b"],
    ["L-04.cap_yuan.DIBAO=25000", "A-L02=b"], ["L-04.cap_yuan.DIBIAN=45000", "L-04.cap_yuan.DIBAO=28000", "A-L01=b"],
]  # fmt: skip
VISITS = [
    ["P-16.rate.DIBAO=0.85"], ["P-17.gate_yuan=20000"], ["P-17.limit_yuan=80000"], ["P-24.threshold_yuan.DIBAO=3000"],
    ["P-24.limit_yuan=30000"], ["A-P01=b"], ["A-P06=b"], ["A-P02=a"], ["P-16.limit_yuan=80000", "A-P07=b"],
    ["P-24.rate=0.5", "P-17.gate_yuan=25000", "A-P13=c"],
]  # fmt: skip
"""Ten scenarios of each kind of county: figures, readings, and several of both."""


def scenario_file(folder: Path, rules: set[str]) -> Path:
    """Ten scenarios of the rules that the results know."""
    chosen = CAPS if "L-04" in rules else VISITS
    text = "".join(
        f"[[scenario]]\nname = {json.dumps('，'.join(sets), ensure_ascii=False)}\nset = {json.dumps(sets)}\n"
        for sets in chosen
    )
    path = folder / "ten.toml"
    path.write_text(text, encoding="utf-8")
    return path


def rules_of(home: Home, year: int) -> set[str]:
    """The rules with lines in the newest results of the year."""
    told = [
        json.loads(path.read_text(encoding="utf-8"))
        for path in (home.out / str(year)).glob("*/manifest.json")
    ]
    return {rule["rule_id"] for manifest in told for rule in manifest["facts"].get("rules", [])}


def backfill_seconds(home: Home, year: int) -> float | None:
    """Seconds of the last backfill of the year, from its run record; None where there is none."""
    runs = [run for run in read_runs(home) if run["year"] == year and run.get("finished_at")]
    if not runs:
        return None
    last = max(runs, key=lambda run: str(run["started_at"]))
    start, end = (datetime.fromisoformat(str(last[name])) for name in ("started_at", "finished_at"))
    return (end - start).total_seconds()


def timed(home: Path, year: int, scenarios: Path) -> tuple[float, int]:
    """Seconds of the command and how many results it gave. Raises where it fails."""
    command = [sys.executable, "-m", "flows", "simulate", "--year", str(year), "--home", str(home), "--json",
               "--scenario", str(scenarios)]  # fmt: skip
    started = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return seconds, len(json.loads(done.stdout)["results"])


def main() -> int:
    """Print seconds and ratio; 1 where ten scenarios take more than a tenth of the backfill."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("--year", type=int, default=2023)
    parser.add_argument("--backfill", type=float, help="seconds of the backfill")
    parser.add_argument("--scenario", type=Path, help="a scenario file of your own")
    asked = parser.parse_args()
    home = Home(asked.home.resolve())
    with tempfile.TemporaryDirectory() as folder:
        path = asked.scenario or scenario_file(Path(folder), rules_of(home, asked.year))
        seconds, results = timed(home.root, asked.year, path.resolve())
    backfill = asked.backfill or backfill_seconds(home, asked.year)
    told = {"seconds": round(seconds, 2), "results": results, "backfill_seconds": backfill}
    if backfill:
        told["ratio"] = round(seconds / backfill, 3)
    print(json.dumps(told, ensure_ascii=False))
    return 1 if backfill and seconds > WANTED * backfill else 0


if __name__ == "__main__":
    sys.exit(main())
