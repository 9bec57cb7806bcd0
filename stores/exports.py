"""Lists and sheets of a run: built under a temporary name, renamed whole, `latest` pointed at them.

A closed zone: folders are open to their owner only (0700), files likewise (0600). Names, certificate numbers and
accounts come from the vault and go nowhere else.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from reports.morning_sheet import morning_rows, morning_sheets
from reports.payment_list import ASSESSED, PAY, payment_rows, payment_sheets, public_sheets, township_name
from reports.scorecard import BOOK, scorecard_sheets
from reports.workbook import Sheet
from schemas.mart import KEY_PREFIX, MONEY, RESULT_NAMES, TABLES
from stores.books import Book, write_books
from transforms.pseudonym import key_numbers, key_texts

MORNING = "今日须办.xlsx"
CASE_BY_CASE = "P-39"
TITLES = {CASE_BY_CASE: "一事一议医疗救助"}
"""What the lists of a rule are about, where it is not the cap."""
USED = (
    "cap_gap",
    "benefit_line",
    "review_case",
    "person_year",
    "source_file",
    "rejected_row",
    "reconciliation",
    "roster_finding",
    "payment",
    "decision",
    "change",
    "warning",
    "assistance_audit",
    "premium_subsidy",
    "risk_register",
    "roster_delivery",
    "indicator",
    "fund_position",
)
"""The mart tables that the lists are made of; of `person_year` only what is known of heads of households."""
DTYPES: dict[str, type[pl.DataType] | pl.DataType] = {
    "TEXT": pl.String,
    "BIGINT": pl.Int64,
    "INTEGER": pl.Int64,
    "DATE": pl.Date,
    "BOOLEAN": pl.Boolean,
    MONEY: pl.Decimal(18, 2),
    "DECIMAL(9,6)": pl.Float64,
    "DOUBLE": pl.Float64,
    "TIMESTAMP": pl.Datetime("us"),
}
PEOPLE = {
    "person_key": pl.String,
    "name": pl.String,
    "certno": pl.String,
    "phone": pl.String,
    "address": pl.String,
}
BORN_AND_DIED = {
    "person_key": pl.String,
    "deceased_on": pl.Date,
    "deceased": pl.Boolean,
    "birth_year": pl.Int64,
}
PAYEES = {
    "household_id": pl.String,
    "person_key": pl.String,
    "holder_name": pl.String,
    "bank": pl.String,
    "account": pl.String,
    "valid_from": pl.Date,
    "valid_to": pl.Date,
}
Source = Sequence[Path] | pl.DataFrame | pl.LazyFrame


def export(
    home: Path,
    run_id: str,
    tables: Mapping[str, Source],
    *,
    people: pl.DataFrame,
    payees: pl.DataFrame,
    townships: Mapping[str, str],
    regions: Mapping[str, str],
    on: date,
    documents: Mapping[str, str] | None = None,
    titles: Mapping[str, str] | None = None,
    folder: Path | None = None,
    extra: Sequence[tuple[str, Sequence[Sheet]]] = (),
    first: Callable[[], object] = lambda: None,
) -> Path:
    """Write the workbooks of a run and return their folder.

    `tables` are mart tables (columns of the dictionary, money as `*_fen`, keys as numbers or texts); those left out are
    empty. `people` (PEOPLE) and `payees` (PAYEES) come from the vault; `townships`, `regions` and `documents`
    (policy id → document number) name the codes, `titles` (rule → what its list is about) the rules of single visits.
    `extra` are further workbooks: their path below the folder, and their sheets.
    `folder` is where the lists go instead of `<home>/exports/<run_id>` (an as-of run); `latest` then stays as it is.
    `first` is called when all is written, before the lists are put in their place: where it raises, they are not.
    """
    target = folder or home / "exports" / run_id
    books, attention = _books(tables, people, payees, townships, regions, on, documents or {}, titles or {})
    books += [Book(path, sheets) for path, sheets in extra]
    _closed(home / "exports", target.parent)
    building = target.parent / f".{target.name}.building"
    shutil.rmtree(building, ignore_errors=True)
    try:
        building.mkdir(mode=0o700)
        counts = write_books(building, books, on)
        _manifest(building, run_id, on, counts, attention)
        first()
        _swap(building, target)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    if folder is None:
        _point_latest(home / "exports", target.name)
    return target


def freeze(
    folder: Path,
    tables: Mapping[str, Source],
    rule: str,
    year: int,
    *,
    people: pl.DataFrame,
    payees: pl.DataFrame,
    townships: Mapping[str, str],
    regions: Mapping[str, str],
    on: date,
    documents: Mapping[str, str],
    titles: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """Write the confirmed payment list of a rule and year into `folder`, once; returns its lines (benefit_id, fen).

    Arguments as for `export`. Nothing is written where no line is confirmed. Raises FileExistsError where the list
    is frozen already.
    """
    if folder.exists():
        raise FileExistsError(str(folder))
    *_, payable = _rows(tables, people, payees, townships, on, documents)
    own = payable.filter(
        (pl.col("rule_id") == rule) & (pl.col("cost_year") == year) & (pl.col("sheet") == PAY)
    )
    if own.is_empty():
        return []
    books = _list_books(own, regions, titles or {})
    _closed(folder.parents[1], folder.parent)
    building = folder.parent / f".{folder.name}.building"
    shutil.rmtree(building, ignore_errors=True)
    try:
        building.mkdir(mode=0o700)
        _manifest(building, folder.name, on, write_books(building, books, on), 0)
        os.replace(building, folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    lines = own.sort("benefit_id").select("benefit_id", "region_code", "amount_fen", "paid_fen", "due_fen")
    return lines.to_dicts()


def _list_books(payable: pl.DataFrame, regions: Mapping[str, str], titles: Mapping[str, str]) -> list[Book]:
    """The frozen workbooks: the sheet 给付名单 of each region."""
    books = []
    for (rule, region, year), rows in payable.sort("rule_id", "region_code", "cost_year").group_by(
        ["rule_id", "region_code", "cost_year"], maintain_order=True
    ):
        sheets = payment_sheets(rows, _title(str(rule), str(region), int(str(year)), regions, titles))
        books.append(
            Book(f"{rule}_{region}_{year}_给付名单.xlsx", [sheet for sheet in sheets if sheet.name == PAY])
        )
    return books


def _title(rule: str, region: str, year: int, regions: Mapping[str, str], titles: Mapping[str, str]) -> str:
    about = TITLES.get(rule) or titles.get(rule, "医疗费用负担封顶化解")
    return f"{regions.get(region, region)}{year}年度{about}"


def _books(
    tables: Mapping[str, Source],
    people: pl.DataFrame,
    payees: pl.DataFrame,
    townships: Mapping[str, str],
    regions: Mapping[str, str],
    on: date,
    documents: Mapping[str, str],
    titles: Mapping[str, str],
) -> tuple[list[Book], int]:
    """All workbooks of the run, and how many things wait for a person."""
    marts, units, _, payable = _rows(tables, people, payees, townships, on, documents)
    under_caps = units.filter((pl.col("rule_id") != CASE_BY_CASE) & pl.col("visit_id").is_null())
    matters = morning_rows(marts | {"cap_gap": under_caps}, payable)
    books = [Book(MORNING, morning_sheets(matters, marts["change"], township_name(townships)))]
    key = ["rule_id", "region_code", "cost_year"]
    whole = units.filter(pl.col("status").is_in(ASSESSED) & pl.col("visit_id").is_null())
    lists = pl.concat([whole.select(key), payable.select(key)]).unique()
    for rule, region, year in lists.sort("rule_id", "region_code", "cost_year").iter_rows():
        rows = payable.filter(*(pl.col(n) == v for n, v in zip(key, (rule, region, year), strict=True)))
        title = _title(rule, region, year, regions, titles)
        books.append(Book(f"{rule}_{region}_{year}_给付名单.xlsx", payment_sheets(rows, title)))
        books.append(Book(f"{rule}_{region}_{year}_公示.xlsx", public_sheets(rows, title)))
    scored = scorecard_sheets(marts, regions, documents)
    books.extend([Book(BOOK, scored)] if scored else [])
    return books, matters.height


def _rows(
    tables: Mapping[str, Source],
    people: pl.DataFrame,
    payees: pl.DataFrame,
    townships: Mapping[str, str],
    on: date,
    documents: Mapping[str, str],
) -> tuple[dict[str, pl.DataFrame], pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """(mart tables, units, what is known of heads, rows of the payment lists)."""
    marts = {name: _mart(name, tables.get(name, [])) for name in USED if name != "person_year"}
    units = pl.concat(
        [
            _units(marts["cap_gap"], marts["benefit_line"]),
            _manual_units(marts["benefit_line"], marts["payment"], tables.get("person_year", [])),
            _visit_units(marts["benefit_line"], tables.get("person_year", [])),
        ],
        how="diagonal_relaxed",
    )
    persons = _persons(people, tables.get("person_year", []), units["head_person_key"])
    payable = payment_rows(
        units,
        marts["benefit_line"],
        marts["review_case"],
        persons,
        _typed(payees, PAYEES),
        townships,
        on,
        documents,
    )
    return marts, units, persons, payable


def _mart(name: str, source: Source) -> pl.DataFrame:
    """A mart table with all columns of the dictionary: money as `*_fen`, keys as texts; what is missing is null."""
    frame = _lazy(source).collect()
    for name_here, other in RESULT_NAMES.items():
        if other in frame.columns and name_here not in frame.columns:
            frame = frame.with_columns(pl.col(other).alias(name_here))
    columns: dict[str, type[pl.DataType] | pl.DataType] = {}
    for column in TABLES[name].columns:
        if column.name.endswith("_yuan"):
            columns[column.name.removesuffix("_yuan") + "_fen"] = pl.Int64
        else:
            columns[column.name] = DTYPES[column.type]
    return _typed(frame, columns)


def _typed(frame: pl.DataFrame, columns: Mapping[str, pl.DataType | type[pl.DataType]]) -> pl.DataFrame:
    """Just these columns with these types; keys that come as numbers become texts, missing columns are null."""
    return pl.DataFrame(
        [
            _column(frame[name], kind)
            if name in frame.columns
            else pl.Series(name, [None] * frame.height, dtype=kind)
            for name, kind in columns.items()
        ]
    )


def _column(values: pl.Series, kind: pl.DataType | type[pl.DataType]) -> pl.Series:
    if kind == pl.String and values.dtype.is_integer():
        return key_texts(values.cast(pl.Int64), KEY_PREFIX[values.name])
    if kind == pl.String and values.dtype == pl.List:
        return values.list.join(",")
    return values.cast(kind)


def _units(cap_gap: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """`cap_gap` with the id of each unit's benefit line and the pseudonym of its head, or of the person it is."""
    key = ["rule_id", "region_code", "cost_year", "unit_id"]
    found = lines.filter(pl.col("adjustment_of").is_null()).select(
        *key, pl.col("benefit_id").alias("line_id")
    )
    alone = pl.when(pl.col("unit_type") == "person").then(pl.col("unit_id"))
    return (
        cap_gap.join(found.unique(key), on=key, how="left", nulls_equal=True)
        .with_columns(
            pl.coalesce("benefit_id", "line_id").alias("benefit_id"),
            pl.coalesce("head_person_key", alone).alias("head_person_key"),
        )
        .drop("line_id")
        .sort(key)
    )


def _manual_units(lines: pl.DataFrame, payments: pl.DataFrame, person_year: Source) -> pl.DataFrame:
    """Benefits that a decision made case by case, as units with an amount and neither burden nor cap."""
    found = lines.filter((pl.col("rule_id") == CASE_BY_CASE) & pl.col("adjustment_of").is_null())
    ledger = payments.filter(pl.col("source_table") == "paid_ledger")
    paid = ledger.group_by("benefit_id").agg(paid_fen=pl.col("amount_fen").sum())
    where = _whereabouts(person_year, found["person_key"])
    return (
        found.drop("paid_fen")
        .join(paid, on="benefit_id", how="left")
        .join(where, on="person_key", how="left")
        .select(
            *(
                "rule_id",
                "region_code",
                "township_code",
                "village",
                "unit_type",
                "unit_id",
                "cost_year",
                "category",
            ),
            *("amount_fen", "status", "needs_review", "benefit_id", "decision"),
            paid_fen=pl.col("paid_fen").fill_null(0),
            household_id=pl.when(pl.col("unit_type") == "household").then("unit_id"),
            head_name_masked="name_masked",
            head_person_key="person_key",
            confirmed=pl.lit(True),
        )
    )


def _visit_units(lines: pl.DataFrame, person_year: Source) -> pl.DataFrame:
    """Lines of single visits (医疗救助, 倾斜救助) as units: a row a visit, what was given at its settlement taken off."""
    found = lines.filter(
        pl.col("settlement_id").is_not_null()
        & pl.col("adjustment_of").is_null()
        & (pl.col("unit_type") == "person")
    )
    amount, ledger = pl.col("amount_fen"), pl.col("paid_fen").fill_null(0)
    filled = pl.min_horizontal(amount, ledger + pl.col("recorded_fen").fill_null(0))
    return found.join(_whereabouts(person_year, found["person_key"]), on="person_key", how="left").select(
        *(
            "rule_id",
            "region_code",
            "township_code",
            "village",
            "unit_type",
            "unit_id",
            "cost_year",
            "category",
        ),
        *("amount_fen", "status", "needs_review", "benefit_id", "decision", "confirmed", "closed_fen"),
        burden_fen="base_fen",
        cap_fen="threshold_fen",
        paid_fen=pl.when(ledger < amount).then(filled).otherwise(ledger),
        visit_id="settlement_id",
        household_id="home_id",
        head_name_masked="name_masked",
        head_person_key="person_key",
    )


def _whereabouts(person_year: Source, people: pl.Series) -> pl.DataFrame:
    """person_key, township_code, village, name_masked, home_id of these people: one row each."""
    names = ("person_key", "township_code", "village", "name_masked", "household_id")
    rows = _typed(_of(_lazy(person_year), people), {name: DTYPES["TEXT"] for name in names})
    return rows.unique("person_key", keep="last", maintain_order=True).rename({"household_id": "home_id"})


def _persons(people: pl.DataFrame, person_year: Source, heads: pl.Series) -> pl.DataFrame:
    """Names and numbers of the heads, with death and year of birth where known: one row per person."""
    named = _typed(_of(people.lazy(), heads), PEOPLE).unique("person_key", keep="last", maintain_order=True)
    known = (
        _typed(_of(_lazy(person_year), heads), BORN_AND_DIED)
        .group_by("person_key")
        .agg(pl.col("deceased_on").min(), pl.col("deceased").max(), pl.col("birth_year").max())
    )
    return named.join(known, on="person_key", how="full", coalesce=True)


def _of(frame: pl.LazyFrame, heads: pl.Series) -> pl.DataFrame:
    """The rows of these persons (keys as texts), whichever way the frame writes its keys."""
    schema = frame.collect_schema()
    if "person_key" not in schema:
        return pl.DataFrame()
    known = heads.drop_nulls().unique()
    keys = key_numbers(known) if schema["person_key"].is_integer() else known
    return frame.filter(pl.col("person_key").is_in(keys.implode())).collect()


def _lazy(source: Source) -> pl.LazyFrame:
    """A source as a lazy frame; no parts are no columns."""
    if isinstance(source, pl.LazyFrame):
        return source
    if isinstance(source, pl.DataFrame):
        return source.lazy()
    paths = sorted(source)
    return (
        pl.concat([pl.scan_parquet(path) for path in paths], how="diagonal_relaxed")
        if paths
        else pl.LazyFrame()
    )


def _manifest(
    folder: Path, run_id: str, on: date, counts: Mapping[str, dict[str, int]], attention: int
) -> None:
    """`manifest.json`: hash and row counts of each file."""
    files = [
        {"path": path, "sha256": hashlib.sha256((folder / path).read_bytes()).hexdigest(), "rows": rows}
        for path, rows in sorted(counts.items())
    ]
    content = {"run_id": run_id, "on": on.isoformat(), "attention": attention, "files": files}
    path = folder / "manifest.json"
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
    path.chmod(0o600)


def _closed(*folders: Path) -> None:
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)


def _swap(building: Path, target: Path) -> None:
    """Put a finished folder in its place; one that a run of the same id left there goes."""
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        os.replace(target, old)
    os.replace(building, target)
    shutil.rmtree(old, ignore_errors=True)


def _point_latest(exports: Path, name: str) -> None:
    """Point `exports/latest` at a folder beside it, in one step."""
    link = exports / ".latest"
    link.unlink(missing_ok=True)
    link.symlink_to(name)
    os.replace(link, exports / "latest")
