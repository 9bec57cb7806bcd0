"""From stored results to the warehouse and the lists: which frames go where. Nothing is computed here but counts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from flows import issuing, pushing
from flows.configuration import load_configuration
from flows.department_lists import department_lists
from schemas.assistance import PAYING
from stores import exports, lake, warehouse
from stores.home import Home
from stores.state import Published, read_runs, write_published
from stores.vault import Vault
from transforms.change import changes
from transforms.pseudonym import key_numbers

if TYPE_CHECKING:
    from flows.pipeline import Request

REGIONAL = (
    "person_year", "household_year", "cap_gap", "benefit_line", "assistance_audit", "premium_subsidy", "warning",
    "risk_register", "enrolment_gap", "roster_delivery", "lead", "indicator", "layer_waterfall", "fund_position",
    "critical_illness", "deposit_waiver", "application", "aid_register", "high_cost",
    "cost_structure", "provider_sheet", "item_ranking", "disease_trend",
)  # fmt: skip
"""Result tables with a region of their own."""
BY_BENEFIT = ("benefit_item", "review_case")
"""Result tables that follow their benefit line."""
WHOLE = ("area_burden", "payment", "roster_finding", "reconciliation", "decision")
"""Result tables that always come from the run of the whole year."""
NAMING = ("benefit_line", "risk_register", "assistance_audit", "premium_subsidy")
"""Mart tables of which the lists tell something about each person, beside the units of `cap_gap`."""
OF_LISTS = [name for name in exports.USED if name != "person_year"]
"""Mart tables that the lists are made of, whole; of `person_year` some people."""


def mart_tables(home: Home, request: Request, published: Published) -> dict[str, pl.LazyFrame]:
    """All tables of a publish, also those that say what has changed since the one before it."""
    tables = result_tables(home, published)
    before = None if request.aside else warehouse.read(home.warehouse / warehouse.NAME, "cap_gap")
    if "cap_gap" in tables:
        tables["change"] = changes(before, tables["cap_gap"].collect()).lazy()
    files = lake.files_in_force(home, request.as_of)
    tables["source_file"] = source_files(home, request, published).lazy()
    tables["rejected_row"] = lake.rejected(home, files)
    tables["run"] = run_rows(home, request).lazy()
    asked_twice = [name for name in OF_LISTS if name in tables]  # by the warehouse and by the lists
    collected = pl.collect_all([tables[name] for name in asked_twice], engine="streaming")
    return tables | {name: rows.lazy() for name, rows in zip(asked_twice, collected, strict=True)}


def publish_results(
    home: Home, request: Request, published: Published, tables: dict[str, pl.LazyFrame]
) -> Path:
    """Build and swap in the warehouse; record what it holds. Raises WarehouseError, and then nothing has changed."""
    folder = home.warehouse / "asof" / request.run_id if request.aside else None
    path = warehouse.publish(
        home.root, tables, run_id=request.run_id, links=links(home, published), folder=folder
    )
    if not request.aside:
        write_published(home, published)
    return path


def result_tables(home: Home, published: Published) -> dict[str, pl.LazyFrame]:
    """Each result table over all published years; a region assessed by itself replaces its rows of the year."""
    found: dict[str, list[pl.LazyFrame]] = {}
    for year, result in sorted(published.years.items() | _years_of_regions_only(published)):
        regions = published.regions.get(year, {})
        if result:
            others = ~pl.col("region_code").is_in(list(regions)).fill_null(False)
            _add(found, home.out / result, others if regions else None)
        for region, own in sorted(regions.items()):
            _add(found, home.out / own, pl.col("region_code") == region, whole=not result)
    tables = {name: pl.concat(frames, how="diagonal_relaxed") for name, frames in found.items()}
    tables |= _of_all_times(home, published)
    if "payment" in tables:
        tables["payment"] = paid_once(tables["payment"])
    tables |= {"decision": once(tables["decision"])} if "decision" in tables else {}
    return tables | ({"risk_register": latest(tables["risk_register"])} if "risk_register" in tables else {})


def latest(register: pl.LazyFrame) -> pl.LazyFrame:
    """Episodes that reach over several years once: as the last of these years knows them."""
    key = ["region_code", "person_key", "class", "entered_on", "reason"]
    return register.unique(key, keep="last", maintain_order=True)


def once(decisions: pl.LazyFrame) -> pl.LazyFrame:
    """Decisions without a cost year, which every year's result names, once: as the year has them that they bear on."""
    row = ["file_id", "sheet", "source_row"]
    bears = pl.col("cost_year").is_not_null()
    return decisions.filter(bears | ~bears.any().over(row)).unique(
        [*row, "benefit_id"], keep="first", maintain_order=True
    )


def paid_once(payments: pl.LazyFrame) -> pl.LazyFrame:
    """Ledger rows without a cost year, which every year's result lists as unmatched, once; not at all where a year
    has the line that they were paid on.
    """
    row = ["file_id", "source_row"]
    yearless = (pl.col("finding") == "unmatched_paid").fill_null(False) & pl.col("cost_year").is_null()
    matched = (~yearless).any().over(row)
    first = pl.int_range(pl.len()).over(row) == 0
    return payments.filter(~yearless | (~matched & first))


def _years_of_regions_only(published: Published) -> set[tuple[int, str]]:
    return {(year, "") for year in published.regions if year not in published.years}


def _add(
    found: dict[str, list[pl.LazyFrame]], folder: Path, rows: pl.Expr | None, whole: bool = True
) -> None:
    """Add the tables of a result: of those with regions the `rows` asked for (None: all)."""
    names = (*REGIONAL, *BY_BENEFIT, *WHOLE)
    paths = {name: folder / f"{name}.parquet" for name in names}
    tables = {name: pl.scan_parquet(path) for name, path in paths.items() if path.exists()}
    run_id = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["run_id"]
    if "benefit_line" in tables:
        tables["benefit_line"] = tables["benefit_line"].with_columns(run_id=pl.lit(run_id))
    for name, table in tables.items():
        if rows is None:
            found.setdefault(name, []).append(table)
        elif name in REGIONAL:
            found.setdefault(name, []).append(table.filter(rows))
        elif name in BY_BENEFIT:
            lines = tables["benefit_line"].filter(rows).select("benefit_id")
            found.setdefault(name, []).append(table.join(lines, on="benefit_id", how="semi"))
        elif whole:
            found.setdefault(name, []).append(table)


OF_ALL_TIMES = ("certificate_span", "membership_span")
"""Result tables that every year's result holds whole: those of the latest year stand."""


def _of_all_times(home: Home, published: Published) -> dict[str, pl.LazyFrame]:
    latest_first = [home.out / result for result in reversed(list(_results(published)))]
    found = {name: [f / f"{name}.parquet" for f in latest_first] for name in OF_ALL_TIMES}
    return {
        name: pl.scan_parquet(there[0])
        for name, paths in found.items()
        if (there := [path for path in paths if path.exists()])
    }


def links(home: Home, published: Published) -> pl.DataFrame:
    """Keys that belong to one person, as the latest result knows them."""
    frames = [pl.read_parquet(home.out / result / "link.parquet") for result in _results(published)]
    return pl.concat(frames).unique("id_key", keep="last", maintain_order=True) if frames else _no_links()


def taken_over(home: Home, published: Published) -> pl.DataFrame:
    """household_id → year_household_id: numbers that another one took over in a year with results."""
    paths = [home.out / result / "household_alias.parquet" for result in _results(published)]
    nothing = pl.DataFrame(schema={"household_id": pl.String, "year_household_id": pl.String})
    return pl.concat([nothing, *(pl.read_parquet(path) for path in paths if path.exists())]).unique(
        maintain_order=True
    )


def _no_links() -> pl.DataFrame:
    return pl.DataFrame(schema={"id_key": pl.Int64, "person_key": pl.Int64})


def _results(published: Published) -> Iterable[str]:
    """Folders of all published results, the oldest year first."""
    for year in sorted({*published.years, *published.regions}):
        yield from [published.years[year]] if year in published.years else []
        yield from published.regions.get(year, {}).values()


def source_files(home: Home, request: Request, published: Published) -> pl.DataFrame:
    """`mart.source_file`: every received file with its rows accepted, rejected and duplicate."""
    counts = pl.DataFrame(schema={"file_id": pl.String, "n_duplicate": pl.Int64})
    for result in _results(published):
        counts = pl.read_parquet(home.out / result / "file_count.parquet")
    held = [m for m in lake.manifests(home) if request.as_of is None or m.received_on <= request.as_of]
    rows = [
        {
            "file_id": m.file_id,
            "name": m.name,
            "table_name": m.table,
            "layout": m.layout,
            "encoding": m.encoding,
            "n_rows": m.n_rows,
            "n_rejected": m.n_rejected,
            "received_on": m.received_on,
            "status": m.status,
            "message_zh": m.message_zh or m.withdrawn_reason,
        }
        for m in held
    ]
    schema = {
        "file_id": pl.String, "name": pl.String, "table_name": pl.String, "layout": pl.String, "encoding": pl.String,
        "n_rows": pl.Int64, "n_rejected": pl.Int64, "received_on": pl.Date, "status": pl.String,
        "message_zh": pl.String,
    }  # fmt: skip
    return (
        pl.DataFrame(rows, schema=schema)
        .join(counts, on="file_id", how="left", maintain_order="left")
        .with_columns(pl.col("n_duplicate").fill_null(0))
        .with_columns(n_accepted=pl.col("n_rows") - pl.col("n_rejected") - pl.col("n_duplicate"))
    )


def run_rows(home: Home, request: Request) -> pl.DataFrame:
    """`mart.run`: all runs so far; the one that publishes ends with its publish."""
    rows = []
    for run in read_runs(home):
        current = run["run_id"] == request.run_id
        finished = datetime.now().isoformat() if current else run["finished_at"]
        rows.append({**run, "finished_at": finished, "status": "done" if current else run["status"]})
    names = (
        "run_id", "kind", "year", "as_of", "on_date", "started_at", "finished_at", "status", "code_version",
        "policy_hash", "input_hash", "region_code",
    )  # fmt: skip
    texts = {name: pl.String for name in names if name != "year"}
    frame = pl.DataFrame(
        [{name: run.get(name) for name in names} for run in rows], schema={**texts, "year": pl.Int32}
    )
    return frame.with_columns(
        pl.col("as_of", "on_date").str.to_date(), pl.col("started_at", "finished_at").str.to_datetime()
    )


def export_results(
    home: Home,
    request: Request,
    published: Published,
    results: dict[str, pl.LazyFrame],
    publishing: Callable[[], object],
) -> tuple[Path, int]:
    """Write the lists of a run from the tables of its publish; returns their folder and how many things need a person.

    They are put in their place once `publishing` has returned; where it raises, no list is issued.
    """
    folder = home.exports / "asof" / request.run_id if request.aside else None
    tables = tables_of_lists(results)
    known = who_and_where(home, tables, published, request.as_of)
    extra = issued_lists(home, request, published, tables, known)
    extra = [*extra, *lists_for_departments(home, request, published, tables, known)]
    path = exports.export(
        home.root,
        request.run_id,
        tables,
        **known,
        on=request.on,
        folder=folder,
        extra=extra,
        first=publishing,
    )
    return path, read_attention(path)


def issued_lists(
    home: Home, request: Request, published: Published, tables: dict[str, pl.DataFrame], known: dict[str, Any]
) -> issuing.Books:
    """The lists that leave the house: full ones but on a night that is no day of issue."""
    files, linked = lake.files_in_force(home, request.as_of), links(home, published)
    configuration = load_configuration(home, request.as_of)
    full = request.push or request.kind != "nightly"
    listed = [tables[name].select("person_key", "region_code") for name in ("warning", "risk_register")]
    issue = issuing.issue_for(home, configuration, files, linked, pl.concat(listed), request.on, full)
    people = issuing.with_texts(known["people"])
    books = issuing.township_lists(home, tables, people, known, issue)
    return books + pushing.push_books(home, configuration, files, linked, tables, people, known, issue)


def lists_for_departments(
    home: Home, request: Request, published: Published, tables: dict[str, pl.DataFrame], known: dict[str, Any]
) -> issuing.Books:
    """What each department gets back about its rosters."""
    files = lake.files_in_force(home, request.as_of)
    names = load_configuration(home, request.as_of).reference["category"].select("code", "name_zh")
    people = issuing.with_texts(known["people"])
    return department_lists(
        home, files, tables, known["regions"], dict(names.iter_rows()), request.on, people
    )


def published_tables(where: Path) -> dict[str, pl.DataFrame]:
    """The published mart tables that the lists are made of: of `person_year` the people whom another one names.

    `latest_year` beside them: region_code, cost_year of the latest year in which the region has anybody's costs.
    """
    path = where / warehouse.NAME
    tables = warehouse.read_all(path, OF_LISTS)
    return tables | (warehouse.read_people(path, people_of_lists(tables)) if tables else {})


def tables_of_lists(results: dict[str, pl.LazyFrame]) -> dict[str, pl.DataFrame]:
    """As `published_tables`, of tables that are being published."""
    tables = warehouse.as_read(results, OF_LISTS)
    persons = results.get("person_year")
    if persons is None:
        persons = pl.LazyFrame(schema={"region_code": pl.String, "cost_year": pl.Int32})
        return tables | warehouse.as_read({}, ["person_year"]) | {"latest_year": persons.collect()}
    wanted = key_numbers(people_of_lists(tables))
    own = persons.filter(pl.col("person_key").is_in(wanted.implode()))
    latest = persons.group_by("region_code").agg(pl.col("cost_year").max()).collect(engine="streaming")
    return tables | warehouse.as_read({"person_year": own}, ["person_year"]) | {"latest_year": latest}


def people_of_lists(tables: dict[str, pl.DataFrame]) -> pl.Series:
    """The people about whom the lists say something, keys as texts, each once."""
    about = [tables[name]["person_key"] for name in NAMING] + [
        tables["cap_gap"].filter(unit_type="person")["unit_id"],
        tables["cap_gap"]["head_person_key"],
    ]
    return pl.concat(about).drop_nulls().unique()


def who_and_where(
    home: Home, tables: dict[str, pl.DataFrame], published: Published, as_of: date | None
) -> dict[str, Any]:
    """Names, accounts, places and documents for the lists, as `stores.exports.export` takes them."""
    personal = tables["benefit_line"]["person_key"]
    named = ("warning", "risk_register", "roster_finding")
    watched = [tables[name]["person_key"] for name in named if name in tables]
    heads = pl.concat([tables["cap_gap"]["head_person_key"], personal, *watched]).drop_nulls().unique()
    configuration = load_configuration(home, as_of)
    regions = configuration.reference["regions"]
    names = {
        level: dict(rows.select("code", "name_zh").iter_rows())
        for (level,), rows in regions.group_by("level")
    }
    files = lake.files_in_force(home, as_of)
    return {
        "people": people_of(home, files, heads, links(home, published)),
        "payees": payees(home, files, links(home, published), taken_over(home, published)),
        "townships": names.get("township", {}),
        "regions": {
            code: name
            for level, found in names.items()
            if level != "township"
            for code, name in found.items()
        },
        "documents": {policy.id: policy.document for policy in configuration.policies.policies},
        "titles": {
            rule_id: bound.rule.title
            for rule_id, bound in configuration.policies.rules.items()
            if bound.rule.kind in PAYING
        },
    }


def read_attention(folder: Path) -> int:
    """How many things of an export need a person; 0 where there is none."""
    manifest = folder / "manifest.json"
    if not manifest.exists():
        return 0
    return int(json.loads(manifest.read_text(encoding="utf-8"))["attention"])


def people_of(home: Home, files: pl.DataFrame, keys: pl.Series, linked: pl.DataFrame) -> pl.DataFrame:
    """Names, numbers, telephones and addresses of some people: person_key (number), the latest file's word first."""
    wanted = key_numbers(keys).implode()
    sealed = Vault(home).scan("person", files.sort("received_on", "content_hash"))
    there = sealed.collect_schema().names()
    if "id_key" not in there or keys.is_empty():
        return pl.DataFrame(schema={"person_key": pl.Int64})
    columns = [name for name in ("name", "certno", "phone", "address") if name in there]
    theirs = linked.filter(pl.col("person_key").is_in(wanted))["id_key"].implode()
    named = pl.col("id_key").is_in(wanted) | pl.col("id_key").is_in(theirs)
    rows = sealed.filter(named).select("id_key", *columns).collect()  # in the order of the files
    return (
        with_person(rows, linked)
        .filter(pl.col("person_key").is_in(wanted))
        .group_by("person_key", maintain_order=True)
        .agg(pl.col(name).last(ignore_nulls=True) for name in columns)
    )


def payees(home: Home, files: pl.DataFrame, linked: pl.DataFrame, aliases: pl.DataFrame) -> pl.DataFrame:
    """Accounts to pay to, by household or person; that of a number taken over stands under the later number too."""
    sealed = Vault(home).read("payee", files)
    if sealed.is_empty():
        return sealed
    later = sealed.join(aliases, on="household_id").with_columns(household_id="year_household_id")
    sealed = pl.concat([sealed, later.select(sealed.columns)])
    return with_person(sealed, linked) if "id_key" in sealed.columns else sealed


def with_person(frame: pl.DataFrame, linked: pl.DataFrame) -> pl.DataFrame:
    """The same rows with the published key of the person in `id_key`."""
    return frame.join(linked, on="id_key", how="left", maintain_order="left").with_columns(
        pl.coalesce("person_key", "id_key").alias("person_key")
    )
