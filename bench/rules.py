"""What all rules add to a backfill that knows the household cap only: `make bench-rules`.

The same county is backfilled with every rule family and with none but the caps, alternating in one run; the median of
the ratios counts. The cap-only run is the same program without assistance and without the later families.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

from bench.backfill import ROOT, backfill, county_of

CAPS_ONLY = """
import sys
from flows import assess, assistance, families
families.FAMILIES = ()
assess.assistance.assess = lambda *_, **__: assistance.Relief()
from flows.cli import main
sys.argv = ["fengding", *sys.argv[1:]]
main()
"""


def main() -> None:
    """Print each pair and the median of what all rules add."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--persons", type=int, default=600_000)
    parser.add_argument("--year", type=int, default=2023)
    parser.add_argument("--region", default="330112")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--work", type=Path, default=ROOT / "data" / "bench")
    given = parser.parse_args()
    county = county_of(given.work, given.persons, given.year, given.region)
    added = []
    for pair in range(given.pairs):
        every = backfill(county, given.work / "home", given.year)
        caps = backfill(county, given.work / "home", given.year, [sys.executable, "-c", CAPS_ONLY])
        added.append(every.seconds / caps.seconds - 1)
        print(
            f"pair {pair + 1}: all rules {every.seconds:6.1f} s   caps only {caps.seconds:6.1f} s   "
            f"added {added[-1]:+.0%}",
            flush=True,
        )
    print(f"median added {statistics.median(added):+.0%}")


if __name__ == "__main__":
    main()
