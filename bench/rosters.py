"""How long rosters take to merge against reading them: `python -m bench.rosters`.

24 monthly 在册 lists with their 新增 and 减少, 2 million rows in all, are ingested into a fresh home (reading: recognised,
typed, keyed, written to the lake). Merging is everything that a run makes of them before money comes in: who is who,
who held what when, who belonged to which household. Each pair starts anew; the median ratio counts. Beside the clock
stand the seconds of all processors, which a busy machine does not change much.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from flows.configuration import load_configuration
from flows.rosters import read_rosters
from stores import lake
from stores.home import Home
from stores.ingest import ingest
from transforms import identity

ROOT = Path(__file__).resolve().parents[1]
MONTHS = 24
LABELS = ("特困人员", "低保对象", "低保边缘家庭成员", "低收入农户")
WEIGHTS = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2])


def numbers(count: int) -> pl.Series:
    """So many certificate numbers with right check digits, of nobody: division 330199 exists no more."""
    at = np.arange(count)
    born = np.datetime64("1940-01-01") + at % 27_000
    day = pl.Series(born).dt.strftime("%Y%m%d")
    first = "330199" + day + pl.Series(at // 27_000 % 1000).cast(pl.String).str.zfill(3)
    digits = np.array([list(text) for text in first], dtype="U1").astype(np.int64)
    return first + pl.Series(np.array(list("10X98765432"))[(digits * WEIGHTS).sum(axis=1) % 11])


def write_lists(folder: Path, rows: int, year: int) -> list[tuple[Path, date]]:
    """The monthly files: one in fifty comes and one in fifty goes each month."""
    size = round(rows / MONTHS / 1.04)
    step = max(size // 50, 1)
    certificate = numbers(size + step * MONTHS)
    at = np.arange(len(certificate))
    head = at - at % 3
    everybody = pl.DataFrame(
        {
            "区划代码": pl.repeat("330112", len(at), eager=True),
            "家庭编号": "J" + pl.Series(at // 3).cast(pl.String),
            "户主身份证号": certificate.gather(head),
            "姓名": pl.Series(np.array(list("赵钱孙李周吴郑王"))[at % 8])
            + pl.Series(np.array(list("一安博晨丹恩方"))[at % 7]),
            "身份证号": certificate,
            "救助身份": pl.Series(np.array(LABELS)[at // 3 % len(LABELS)]),
            "乡镇街道代码": "330112" + pl.Series(100 + at % 18).cast(pl.String),
            "认定部门": pl.repeat("民政", len(at), eager=True),
        }
    )
    folder.mkdir(parents=True)
    files = []
    for month in range(MONTHS):
        y, m = year + month // 12, month % 12 + 1
        since = np.maximum(0, (at - size) // step + 1)  # the month in which each person came
        began = pl.Series([f"{year + s // 12}-{s % 12 + 1:02d}-01" for s in range(MONTHS + 1)]).gather(since)
        shown = everybody.with_columns(生效日期=began, 名单月份=pl.lit(f"{y}{m:02d}"))
        full = shown.slice(month * step, size).with_columns(名单类型=pl.lit("在册"))
        new = shown.slice(month * step + size - step, step).with_columns(名单类型=pl.lit("新增"))
        gone = shown.slice(max(month - 1, 0) * step, step if month else 0).with_columns(
            名单类型=pl.lit("减少")
        )
        path = folder / f"roster_{y}{m:02d}.csv"
        pl.concat([full, *([new, gone] if month else [])]).write_csv(path)
        files.append((path, date(y, m, 4)))
    return files


@dataclass(frozen=True)
class Taken:
    """Seconds by the clock, and of all processors together."""

    clock: float
    processors: float


def now() -> Taken:
    return Taken(time.perf_counter(), time.process_time())


def since(start: Taken) -> Taken:
    return Taken(time.perf_counter() - start.clock, time.process_time() - start.processors)


def read(home: Home, files: list[tuple[Path, date]]) -> Taken:
    """What ingesting the files into a fresh home takes."""
    shutil.rmtree(home.root, ignore_errors=True)
    home.ensure()
    started = now()
    for path, received in files:
        ingest(home, [path], received=received)
    return since(started)


def merge(home: Home, year: int) -> tuple[Taken, dict[str, int]]:
    """What people, certificates and households of the last year take, and how many there are."""
    configuration = load_configuration(home, None)
    started = now()
    files = lake.files_in_force(home)
    people = identity.people(lake.scan(home, "person", files), files, roster=lake.scan(home, "roster", files))
    found = read_rosters(home, files, configuration, people, year)
    taken = since(started)
    counts = {
        "people": people.people.height,
        "certificates": found.certificates.height,
        "memberships": found.held.height,
    }
    return taken, counts


def main() -> None:
    """Print each pair and the median ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--work", type=Path, default=ROOT / "data" / "bench" / "rosters")
    given = parser.parse_args()
    os.environ.setdefault("FENGDING_SECRET", "bench")
    shutil.rmtree(given.work, ignore_errors=True)
    files = write_lists(given.work / "sent", given.rows, 2022)
    print(f"{len(files)} files, {sum(p.stat().st_size for p, _ in files) / 1e6:.0f} MB", flush=True)
    ratios = []
    for pair in range(given.pairs):
        reading = read(Home(given.work / "home"), files)
        merging, counts = merge(Home(given.work / "home"), 2023)
        ratios.append(merging.clock / reading.clock)
        print(
            f"pair {pair + 1}: reading {reading.clock:5.1f} s   merging {merging.clock:5.1f} s   ratio {ratios[-1]:.2f}   "
            f"processors {reading.processors:.1f} and {merging.processors:.1f} s, "
            f"{merging.processors / reading.processors:.2f}   {counts}",
            flush=True,
        )
    print(f"median ratio {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
