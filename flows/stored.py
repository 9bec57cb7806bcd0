"""What is published of a cost year, read back: for `explain` and `simulate`, which compute no new results."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from stores.errors import OperatorError
from stores.home import Home
from stores.state import read_published


@dataclass(frozen=True)
class Source:
    """The results of a year in one folder; `rows`: which of its regions are published from it."""

    folder: Path
    rows: pl.Expr
    manifest: dict[str, Any]

    @property
    def on(self) -> date:
        """The date that the run pretended to be."""
        return date.fromisoformat(self.manifest["on"])

    def has(self, name: str) -> bool:
        """Whether the run wrote this table."""
        return (self.folder / f"{name}.parquet").exists()

    def scan(self, name: str) -> pl.LazyFrame:
        """A table of the run, all regions; OperatorError where an older program wrote none."""
        if not self.has(name):
            raise OperatorError("这一年度的结果是旧版本程序算的，缺少明细。请重新运行 backfill 后再试。")
        return pl.scan_parquet(self.folder / f"{name}.parquet")

    def regional(self, name: str) -> pl.LazyFrame:
        """A table with a region_code of its own, only the rows that are published from here."""
        return self.scan(name).filter(self.rows)


def sources(home: Home, year: int) -> list[Source]:
    """Where the published results of a cost year stand; OperatorError where there are none."""
    published = read_published(home)
    regions = published.regions.get(year, {})
    found = []
    if year in published.years:
        rows = ~pl.col("region_code").is_in(list(regions)).fill_null(False)
        found.append(_source(home.out / published.years[year], rows))
    found += [
        _source(home.out / folder, pl.col("region_code") == code) for code, folder in sorted(regions.items())
    ]
    if not found:
        years = "、".join(str(y) for y in sorted({*published.years, *published.regions}))
        held = f"已发布的年度：{years}。" if years else "这个数据目录还没有发布过任何年度。"
        raise OperatorError(f"{year} 年度没有已发布的结果。{held}请先运行 fengding backfill --year {year}")
    return found


def _source(folder: Path, rows: pl.Expr) -> Source:
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return Source(folder, rows, manifest)
