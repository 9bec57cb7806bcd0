"""What reading one file gives: counts, findings, rejects, and the parts that its accepted rows become."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from stores import lake
from stores.home import Home

_PART_ROWS = 500_000


@dataclass
class Reading:
    """What one file gave."""

    file_id: str
    title: str
    until_year: int
    """Open-ended facts bear on the years up to this one."""
    table: str | None = None
    layout: str | None = None
    layout_digest: str = ""
    encoding: str | None = None
    n_rows: int = 0
    rejects: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=lake.REJECTS))
    rejected_by_rule: dict[str, int] = field(default_factory=dict)
    control: dict[str, int] = field(default_factory=dict)
    rejected_control: dict[str, int] = field(default_factory=dict)
    parts: list[dict[str, Any]] = field(default_factory=list)
    findings: dict[tuple[str, str], int] = field(default_factory=dict)
    years: list[int] = field(default_factory=list)
    touched: set[tuple[str, int]] = field(default_factory=set)
    vault: dict[str, pl.DataFrame] = field(default_factory=dict)

    def note(self, rule: str, message_zh: str, count: int = 1) -> None:
        if count:
            self.findings[(rule, message_zh)] = self.findings.get((rule, message_zh), 0) + count

    def finding_list(self) -> list[dict[str, Any]]:
        return [{"rule": r, "message_zh": m, "count": n} for (r, m), n in self.findings.items()]


class Writer:
    """Collects accepted rows by (table, region, cost year) and writes parts of a good size."""

    def __init__(self, home: Home, file_id: str, dry_run: bool) -> None:
        self.home, self.file_id, self.dry_run = home, file_id, dry_run
        self.beside = ThreadPoolExecutor(max_workers=1)
        self.writing: list[Future[None]] = []
        self.waiting: dict[tuple[str, str | None, int | None], list[pl.DataFrame]] = {}
        self.numbers: dict[tuple[str, str | None, int | None], int] = {}
        self.parts: list[dict[str, Any]] = []

    def add(self, table: str, frame: pl.DataFrame) -> None:
        if frame.is_empty():
            return
        if table != "setl_d":
            self._wait((table, None, None), frame)
            return
        pairs = frame.select("insu_admdvs", "cost_year").unique().rows()
        if len(pairs) == 1:
            self._wait((table, *pairs[0]), frame)
            return
        # rows of a group keep their order; gathering by place costs two thirds of `partition_by`
        rows = frame.select("insu_admdvs", "cost_year", row=pl.int_range(pl.len(), dtype=pl.UInt32))
        groups = rows.group_by("insu_admdvs", "cost_year").agg("row")
        for number, (region, year) in enumerate(groups.select("insu_admdvs", "cost_year").rows()):
            self._wait((table, region, year), frame[groups["row"][number]])

    def _wait(self, key: tuple[str, str | None, int | None], frame: pl.DataFrame) -> None:
        held = self.waiting.setdefault(key, [])
        held.append(frame)
        if sum(f.height for f in held) >= _PART_ROWS:
            self._flush(key)

    def _flush(self, key: tuple[str, str | None, int | None]) -> None:
        table, region, year = key
        frame = pl.concat(self.waiting.pop(key))
        number = self.numbers[key] = self.numbers.get(key, -1) + 1
        folder = Path("core") / table
        if table == "setl_d":
            folder = folder / _safe(region or "") / str(year)
        name = f"{self.file_id}-{number}.parquet"
        self.parts.append(
            {
                "table": table,
                "path": str(folder / name),
                "rows": frame.height,
                "region": region,
                "cost_year": year,
            }
        )
        if not self.dry_run:
            # the part is written while the next rows are read; no more than one waits, so that memory stays flat
            while len(self.writing) > 1:
                self.writing.pop(0).result()
            path = self.home.lake / folder / name
            self.writing.append(self.beside.submit(lake.write_parquet, frame, path))

    def flush(self) -> None:
        """Begin to write all that waits."""
        for key in sorted(self.waiting, key=str):
            self._flush(key)

    def close(self) -> list[dict[str, Any]]:
        """Write what waits and tell the parts."""
        self.flush()
        for written in self.writing:
            written.result()
        return sorted(self.parts, key=lambda part: part["path"])

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        """No write goes on after the reading has ended, well or not."""
        self.beside.shutdown(wait=True, cancel_futures=True)


def _safe(text: str) -> str:
    """A region as delivered as the name of a folder: nothing in it can lead elsewhere."""
    return "".join(c if c.isalnum() else "_" for c in text)[:40] or "_"


def control(frame: pl.DataFrame, table: str) -> dict[str, int]:
    """Rows and, for settlements, the sums of total, personal payment and cash in fen (as far as readable)."""
    sums = {"rows": frame.height}
    names = {"setl_d": {"tot": "tot_fen", "psn": "psn_fen", "cash": "cash_fen"}, "payment": {"amount": "amount_fen"},
             "paid_ledger": {"amount": "amount_fen"}, "fee_list_d": {"tot": "tot_fen"}}.get(table, {})  # fmt: skip
    return sums | {key: int(frame[column].sum()) for key, column in names.items()}


def added(left: dict[str, int], right: dict[str, int]) -> dict[str, int]:
    return {key: left.get(key, 0) + right.get(key, 0) for key in {**left, **right}}


def touched_pairs(accepted: pl.DataFrame, table: str, until_year: int) -> set[tuple[str, int]]:
    """(region, cost year) pairs that accepted rows bear on by their own dates; region "" where the table has none.

    A fact without an end bears on the years up to `until_year`.
    """
    if table == "setl_d":
        return set(accepted.select("insu_admdvs", "cost_year").unique().rows())
    if "cost_year" in accepted.columns:
        return {("", year) for year in accepted["cost_year"].drop_nulls().unique().to_list()}
    if "valid_from" in accepted.columns:
        spans = accepted.select(pl.col("valid_from").dt.year(), pl.col("valid_to").dt.year()).unique().rows()
        return {
            ("", year)
            for first, last in spans
            for year in range(first, max(first, min(last or until_year, until_year)) + 1)
        }
    return set()
