"""What a night costs against the backfill of its year: `make bench-nightly`.

The county of `bench.backfill` is backfilled once; then, night after night, a file with 30 000 new settlements of that
year lies in the inbox and the real nightly run takes it in, recomputes the year and publishes. Times are the flows'
own, from their run records, so Prefect's start-up is apart. The median of the nights counts.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path

import polars as pl

from bench.backfill import ROOT, Measured, backfill, county_of, flow_seconds, watched

NIGHT_ROWS = 30_000


def night_file(month: Path, inbox: Path, night: int) -> Path:
    """New settlements: rows of a month under ids of their own, some hours from where they were that day."""
    rows = pl.scan_csv(month, infer_schema=False).slice(night * NIGHT_ROWS, NIGHT_ROWS).collect()
    own = pl.lit(f"N{night}")
    hour = (pl.col("setl_time").str.slice(11, 2).cast(pl.Int64) + 5 + night) % 24
    fresh = rows.with_columns(
        setl_id=own + pl.col("setl_id"),
        mdtrt_id=own + pl.col("mdtrt_id"),
        init_setl_id=pl.lit(""),
        refd_setl_flag=pl.lit("0"),
        setl_time=pl.format(
            "{} {}{}",
            pl.col("setl_time").str.head(10),
            hour.cast(pl.String).str.zfill(2),
            pl.col("setl_time").str.slice(13),
        ),
    )
    path = inbox / f"setl_d_night_{night}.csv"
    fresh.write_csv(path)
    return path


def nightly(home: Path) -> Measured:
    """One nightly run on what lies in the inbox."""
    output, peak = watched([sys.executable, "-m", "flows", "nightly", "--home", str(home), "--json"])
    return Measured(flow_seconds(home, json.loads(output.strip().splitlines()[-1])["run_id"]), peak)


def main() -> None:
    """Print the backfill, each night, and the median ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--persons", type=int, default=600_000)
    parser.add_argument("--year", type=int, default=2023)
    parser.add_argument("--nights", type=int, default=3)
    parser.add_argument("--work", type=Path, default=ROOT / "data" / "bench")
    given = parser.parse_args()
    county = county_of(given.work, given.persons, given.year)
    home = given.work / "home"
    whole = backfill(county, home, given.year)
    print(f"backfill {whole.seconds:6.1f} s", flush=True)
    month = max((county / "inbox").glob(f"setl_d_{given.year}*.csv"))
    ratios = []
    for night in range(given.nights):
        night_file(month, home / "inbox", night)
        taken = nightly(home)
        ratios.append(taken.seconds / whole.seconds)
        print(
            f"night {night + 1}: {NIGHT_ROWS:,} settlements {taken.seconds:6.1f} s   ratio {ratios[-1]:.2f}   "
            f"resident {taken.resident:5.0f} MiB",
            flush=True,
        )
    print(f"median ratio {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
