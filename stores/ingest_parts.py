"""What reading one file gives: counts, findings, rejects, and the parts that its accepted rows become."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import polars as pl

from stores import lake
from stores.home import Home
from transforms.normalise_settlement import form_counts

_REPEATED = {
    "person": ("file_id", "sheet", "psn_region", "name_masked", "certno_masked", "sex", "place_kind", "township_codes",
               "village")
}  # fmt: skip
"""Columns that say the same again and again, of the tables that have a row for each of many people."""
_PART_ROWS = 200_000
"""A batch of so many rows is a part by itself: putting batches together would copy them."""


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
        if frame.height:
            self._wait((table, None, None), frame)

    def add_settlements(self, frame: pl.DataFrame, good: pl.Series | None) -> Iterator[pl.DataFrame]:
        """Rows of `good` (all, if None) by region and year, each copied once; gives the groups as they are taken in."""
        places = (
            pl.select(pl.int_range(frame.height, dtype=pl.UInt32)).to_series()
            if good is None
            else good.arg_true()
        )
        for region, year, rows in _groups(frame, places, good is None):
            group = frame if rows is None else _taken(frame, rows)
            self._wait(("setl_d", region, year), group)
            yield group

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
                **({"forms": form_counts(frame)} if table == "setl_d" else {}),
            }
        )
        if not self.dry_run:
            # the part is written while the next rows are read; no more than one waits, so that memory stays flat
            while len(self.writing) > 1:
                self.writing.pop(0).result()
            path = self.home.lake / folder / name
            self.writing.append(self.beside.submit(lake.write_parquet, frame, path, _REPEATED.get(table, ())))

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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """No write goes on after the reading has ended, well or not."""
        self.beside.shutdown(wait=True, cancel_futures=True)


def _groups(
    frame: pl.DataFrame, places: pl.Series, everything: bool
) -> Iterator[tuple[str, int, pl.Series | None]]:
    """Region, cost year and places (in order) of each group; no places where one group is the whole frame."""
    keys = frame.select("insu_admdvs", "cost_year")
    keys = (keys if everything else keys[places]).with_columns(row=places)
    for year in keys["cost_year"].unique().sort().to_list():
        of_year = keys.filter(pl.col("cost_year") == year) if keys["cost_year"].n_unique() > 1 else keys
        # grouped by one column at a time: a pair would be encoded row by row
        grouped = of_year.group_by("insu_admdvs").agg("row").sort("insu_admdvs")
        for number, region in enumerate(grouped["insu_admdvs"].to_list()):
            rows = grouped["row"][number]
            yield region, year, (None if len(rows) == frame.height else rows)


def _taken(frame: pl.DataFrame, rows: pl.Series) -> pl.DataFrame:
    """The rows at these places, in order: most of a frame of many chunks is taken quicker by a mask."""
    if len(rows) * 4 < frame.height:
        return frame[rows]
    return frame.filter(pl.repeat(False, frame.height, eager=True).scatter(rows, True))


def _safe(text: str) -> str:
    """A region as delivered as the name of a folder: nothing in it can lead elsewhere."""
    return "".join(c if c.isalnum() else "_" for c in text)[:40] or "_"


def control(frame: pl.DataFrame, table: str) -> dict[str, int]:
    """Rows and, for settlements, the sums of total, personal payment and cash in fen (as far as readable).

    What is not of settlements is named `<table>.<measure>`, so that the sheets of one workbook stay apart.
    """
    names = {"setl_d": {"tot": "tot_fen", "psn": "psn_fen", "cash": "cash_fen"}, "payment": {"amount": "amount_fen"},
             "paid_ledger": {"amount": "amount_fen"}, "fee_list_d": {"tot": "tot_fen"}}.get(table, {})  # fmt: skip
    sums = {"rows": frame.height} | {key: int(frame[column].sum()) for key, column in names.items()}
    return sums if table == "setl_d" else {f"{table}.{key}": value for key, value in sums.items()}


def added(left: dict[str, int], right: dict[str, int]) -> dict[str, int]:
    return {key: left.get(key, 0) + right.get(key, 0) for key in {**left, **right}}


OWN_YEARS: dict[str, tuple[str, str | None]] = {
    "psn_insu_d": ("crt_insu_date", "paus_insu_date"),
    "rsdt_psn_clct_detl_d": ("accrym_begn", "accrym_end"),
    "subsidy_ledger": ("insurance_year", "insurance_year"),
    "supplementary_cover": ("cover_year", "cover_year"),
    "waiting_rejection": ("rejected_on", "rejected_on"),
    "consent": ("agreed_on", None),
    "application": ("applied_on", "applied_on"),
    "deposit": ("admitted_on", None),
    "deceased": ("died_on", None),
    "refl_appy_evt_c": ("begndate", "enddate"),
    "out_appy_d": ("begndate", "enddate"),
    "opsp_reg": ("begndate", "enddate"),
    "opening_balance": ("year", "year"),
    "fund_ledger": ("year", "year"),
    "psn_info_b": ("die_date", None),
}
"""Tables whose first and last year stand under names of their own; no last one: up to the running year."""


def _own_years(accepted: pl.DataFrame, begin: str, end: str | None, until_year: int) -> set[tuple[str, int]]:
    """The years between two columns (dates, or years as numbers); without a beginning the row bears on its end only."""
    first, last = (
        (pl.col(name).dt.year() if accepted.schema[name] == pl.Date else pl.col(name))
        if name
        else pl.lit(None, pl.Int32)
        for name in (begin, end)
    )
    spans = (
        accepted.select(first=pl.coalesce(first, last), last=last.fill_null(until_year))
        .unique()
        .drop_nulls()
        .rows()
    )
    return {
        ("", year) for begins, ends in spans for year in range(begins, max(begins, min(ends, until_year)) + 1)
    }


def touched_pairs(accepted: pl.DataFrame, table: str, until_year: int) -> set[tuple[str, int]]:
    """(region, cost year) pairs that accepted rows bear on by their own dates; region "" where the table has none.

    A fact without an end bears on the years up to `until_year`.
    """
    if table == "setl_d":
        return set(accepted.select("insu_admdvs", "cost_year").unique().rows())
    if table in OWN_YEARS:
        own = _own_years(accepted, *OWN_YEARS[table], until_year)
        if own or "valid_from" not in accepted.columns:
            return own
    if "cost_year" in accepted.columns:
        return {("", year) for year in accepted["cost_year"].drop_nulls().unique().to_list()}
    if "valid_from" in accepted.columns:
        held = accepted.select(pl.col("valid_from").dt.year(), pl.col("valid_to").dt.year())
        spans = held.drop_nulls("valid_from").unique().rows()
        return {
            ("", year)
            for first, last in spans
            for year in range(first, max(first, min(last or until_year, until_year)) + 1)
        }
    return set()
