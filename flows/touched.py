"""Which cost years a night bears on: more than the years in the dates of its rows.

A refund of January may undo a settlement of last year, a payment may name one, a corrected list reaches back. A year
that nothing new bears on keeps its results; the running year is asked for each night, since its yardstick is the day.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from flows.configuration import load_configuration
from flows.persons import who_is_who
from flows.pipeline import Request, read_manifest
from stores import lake
from stores.home import Home
from stores.ingest import IngestSummary
from stores.state import code_version, read_published
from transforms import cases, decisions, scope
from transforms.identity import with_person
from transforms.looked import tied


def years_to_assess(home: Home, ingested: IngestSummary, request: Request) -> list[int]:
    """Cost years to assess, the earliest first: not yet published ones that have settlements only if touched."""
    held = set(read_published(home).years)
    touched = {year for _, year in ingested.touched}
    files = lake.files_in_force(home, request.as_of)
    present = settled_years(home, files)
    stale = {year for year in held if outdated(home, year, request)}
    new = [file.file_id for file in ingested.files if file.status == "read" and file.file_id]
    reached = reached_years(home, files, new, held - touched - stale) | answered_years(home, files, new)
    reached |= due_years(home, files, held, request.on)
    running = {request.on.year} & (present | held)
    asked = ((touched | reached) & (held | present)) | stale | running
    # a year looks back at the ones before it: base years of indicators, the forecast, costs carried on
    later = {year for year in held if year > min(asked | touched, default=request.on.year)}
    return sorted(year for year in asked | later if year <= request.on.year)


def due_years(home: Home, files: pl.DataFrame, held: set[int], on: date) -> set[int]:
    """Of the published years `held`, those for which a decision begins or ceases to count by the date of the night: its
    决定日期 or 撤销日期 has come since the year was assessed.
    """
    dates = pl.concat_list("decided_on", "revoked_on").list.drop_nulls().alias("day")
    year = pl.when(~decisions.bears_on_any_year()).then("cost_year")
    rows = (
        lake.scan(home, "decision", files).select(dates, year.alias("year")).explode("day").unique().collect()
    )
    last = rows.filter(pl.col("day") <= on)
    made = {
        each: date.fromisoformat(read_manifest(home.out / read_published(home).years[each])["on"])
        for each in held
    }
    return {
        each
        for each, done in made.items()
        if not last.filter(
            pl.col("day") > done, pl.col("year").is_null() | (pl.col("year") == each)
        ).is_empty()
    }


def answered_years(home: Home, files: pl.DataFrame, new: list[str]) -> set[int]:
    """Years of the warnings that new visit feedback answers (of unknown numbers: of the visits), and of declarations."""
    fresh = files.filter(pl.col("file_id").is_in(new))
    rows = lake.scan(home, "feedback", fresh).select("warning_id", pl.col("visited_on").dt.year()).unique()
    answered = {
        cases.year_of(cases.number_of(text)) or visited for text, visited in rows.collect().iter_rows()
    }
    declared = (
        lake.scan(home, "declaration", fresh).select(pl.col("declared_on").dt.year()).unique().collect()
    )
    return {year for year in (*answered, *declared["declared_on"]) if year is not None}


def settled_years(home: Home, files: pl.DataFrame) -> set[int]:
    """Cost years in which the files in force have settlements."""
    wanted = set(files["file_id"])
    return {
        part["cost_year"]
        for manifest in lake.manifests(home)
        if manifest.file_id in wanted
        for part in manifest.parts
        if part["table"] == "setl_d" and part["cost_year"] is not None
    }


def outdated(home: Home, year: int, request: Request) -> bool:
    """Whether the published results of a year were made by other code, policies or reference tables."""
    made = read_manifest(home.out / read_published(home).years[year])
    now = load_configuration(home, request.as_of)
    told = (made["policy_hash"], made["reference_hash"], made["code_version"])
    return told != (now.policy_hash, now.reference_hash, code_version())


def reached_years(home: Home, files: pl.DataFrame, new: list[str], years: set[int]) -> set[int]:
    """Of `years`, those whose settlements or people something new reaches: a refund, a later or a rejected version, a
    payment, an item, a diagnosis or a referral of one of their settlements, or another link between two keys.

    A decision on a settlement or a list, or one without a year, may bear on any; so may a ledger row without a year.
    """
    if not new or not years:
        return set()
    fresh = files.filter(pl.col("file_id").is_in(new))
    if lake.scan(home, "decision", fresh).select(decisions.bears_on_any_year().any()).collect().item():
        return years
    if lake.scan(home, "paid_ledger", fresh).select(pl.col("cost_year").is_null().any()).collect().item():
        return years
    relinked = relinked_keys(home, files, years)
    listed = lake.scan(home, "roster", files).filter(pl.col("id_key").is_in(relinked.implode()))
    if not relinked.is_empty() and not listed.head(1).collect().is_empty():
        return years
    rejects = lake.rejected(home, fresh).filter(pl.col("table") == "setl_d").collect()
    lost = rejects.filter(pl.col("cost_year").is_null())["id_key"].drop_nulls()
    ids, visits = bearing_on(home, files, fresh)
    ids = pl.concat([ids, rejects["setl_id"], rejects["init_setl_id"]]).drop_nulls().unique()
    keys = pl.concat([relinked, lost]).unique()
    old = lake.scan(home, "setl_d", files).filter(pl.col("cost_year").is_in(sorted(years)))
    wanted = (
        pl.col("setl_id").is_in(ids.implode())
        | pl.col("mdtrt_id").is_in(visits.implode())
        | pl.col("id_key").is_in(keys.implode())
    )
    by_id = old.filter(wanted).select("cost_year").unique()
    sizes = reversible(home, fresh, links_of(home, years)).lazy()
    by_sum = old.join(sizes, on=["id_key", "institution_code", "tot_fen"], how="semi")
    found = pl.concat(pl.collect_all([by_id, by_sum.select("cost_year").unique()], engine="streaming"))
    return {*found["cost_year"], *rejects["cost_year"].drop_nulls()} & years


def bearing_on(home: Home, files: pl.DataFrame, fresh: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """Ids of settlements and of visits that rows of the fresh files name, or are later versions of."""
    settled, paid, billed, visits, referred = pl.collect_all(
        [
            lake.scan(home, "setl_d", fresh).select("setl_id", "init_setl_id", "mdtrt_id"),
            lake.scan(home, "payment", fresh).select("setl_id"),
            lake.scan(home, "fee_list_d", fresh).select("setl_id").unique(),
            lake.scan(home, "setl_diag_list_d", fresh).select("mdtrt_id").unique(),
            lake.scan(home, "refl_appy_evt_c", fresh).select("setl_id", "mdtrt_id"),
        ],
        engine="streaming",
    )
    # a payment of a reversed settlement follows it to the one of the same visit, of whatever year
    named = pl.col("setl_id").is_in(paid["setl_id"].drop_nulls().implode())
    followed = lake.scan(home, "setl_d", files).filter(named).select("mdtrt_id").collect(engine="streaming")
    ids = [
        settled["setl_id"],
        settled["init_setl_id"],
        *(rows["setl_id"] for rows in (paid, billed, referred)),
    ]
    visited = [rows["mdtrt_id"] for rows in (settled, visits, referred, followed)]
    return pl.concat(ids).drop_nulls().unique(), pl.concat(visited).drop_nulls().unique()


def reversible(home: Home, fresh: pl.DataFrame, links: pl.DataFrame) -> pl.DataFrame:
    """id_key, institution_code, tot_fen of the settlements that new negative rows without an original may reverse."""
    special = lake.scan(home, "setl_d", fresh).filter(scope.special() & scope.settled())
    return tied(with_person(special, links).collect(), lake.rejected(home, fresh.clear()).collect(), links)[1]


def links_of(home: Home, years: set[int]) -> pl.DataFrame:
    """id_key, person_key as the published results of these years link them."""
    published = read_published(home).years
    found = [pl.read_parquet(home.out / published[year] / "link.parquet") for year in sorted(years)]
    return pl.concat(found).unique("id_key", keep="last", maintain_order=True)


def relinked_keys(home: Home, files: pl.DataFrame, years: set[int]) -> pl.Series:
    """Keys that the published result of one of the years links otherwise than the files in force do now."""
    now = who_is_who(home, files, derive=True).people.links.select("id_key", "person_key")
    keys = [pl.Series("id_key", [], dtype=pl.Int64)]
    for year in sorted(years):
        then = links_of(home, {year}).select(now.columns)
        other = pl.concat(
            [now.join(then, on=now.columns, how="anti"), then.join(now, on=now.columns, how="anti")]
        )
        keys += [other["id_key"], other["person_key"].rename("id_key")]
    return pl.concat(keys).unique()
