"""Compare a published warehouse with the answer key of a synthetic county, cell by cell."""

from __future__ import annotations

from pathlib import Path

import duckdb
import polars as pl

from stores.home import Home
from transforms.pseudonym import key_texts, number_pseudonyms, pseudonyms

UNASSERTED = "?"
SEX = {"男": "男", "女": "女", "1": "男", "2": "女"}


def key_table(county: Path, name: str) -> pl.DataFrame:
    """A table of the answer key, all text, empty cells null."""
    frame = pl.read_csv(county / "answer_key" / f"{name}.csv", infer_schema=False)
    return frame.with_columns(pl.all().replace("", None))


def published(warehouse: Path, name: str) -> pl.DataFrame:
    """A mart table, all text as the key writes it."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        frame = connection.sql(f"select * from mart.{name}").pl()
    return frame.with_columns(
        pl.when(pl.col(name)).then(pl.lit("true")).otherwise(pl.lit("false")).alias(name)
        if dtype == pl.Boolean
        else pl.col(name).cast(pl.String)
        for name, dtype in frame.schema.items()
    )


def person_keys(home: Home, persons: pl.DataFrame, region: str) -> pl.Series:
    """The published key of each person of the key: of the certificate, else of region and psn_no, as linked."""
    secret = home.secret()
    newborn = (
        persons["newborn"]
        if "newborn" in persons.columns
        else pl.Series([None] * persons.height, dtype=pl.String)
    )
    certno = persons["certno"]
    plain = certno.str.contains(r"^\d{17}[\dX]$").fill_null(False)
    digits = certno.str.head(17).cast(pl.Int64, strict=False) * 11 + (
        certno.str.tail(1).replace("X", "10").cast(pl.Int64, strict=False)
    )
    found = pl.DataFrame(
        {
            "number": number_pseudonyms(digits.set(~plain, None), secret),
            "other": pseudonyms("08|" + certno.set(plain, None), secret),
            "psn": pseudonyms(
                "psn|" + persons["region_code"].fill_null(region) + "|" + persons["psn_no"], secret
            ),
            "newborn": pseudonyms("newborn|" + newborn, secret),
        }
    )
    results = sorted((home.out).glob("*/*/link.parquet"))
    links = pl.read_parquet(results[-1])
    keyed = found.select(id_key=pl.coalesce("number", "other", "psn", "newborn"))
    linked = keyed.join(links, on="id_key", how="left", maintain_order="left")
    return key_texts(linked.select(pl.coalesce("person_key", "id_key")).to_series(), "P")


def household_texts(home: Home, ids: pl.Series) -> pl.Series:
    """Household ids of the key as published: one that is only known by its head has a pseudonym."""
    heads = ids.str.strip_prefix("户主:").set(~ids.str.starts_with("户主:").fill_null(False), None)
    coded = key_texts(pseudonyms("head|" + heads, home.secret()), "H")
    return pl.select(pl.coalesce(coded, ids)).to_series()


def differences(expected: pl.DataFrame, found: pl.DataFrame, on: list[str]) -> pl.DataFrame:
    """Cells that differ: the keys, column, expected and found; a missing or surplus row is a difference of `row`."""
    columns = [name for name in expected.columns if name in found.columns and name not in on]
    both = expected.join(found, on=on, how="full", suffix="_found", coalesce=True, nulls_equal=True)
    there = expected.select(*on, _e=pl.lit(True)).join(
        found.select(*on, _f=pl.lit(True)), on=on, how="full", coalesce=True
    )
    rows = there.filter(pl.col("_e").is_null() | pl.col("_f").is_null()).select(
        *on,
        column=pl.lit("row"),
        expected=pl.col("_e").cast(pl.String),
        found=pl.col("_f").cast(pl.String),
    )
    present = both.join(there.drop_nulls(["_e", "_f"]), on=on, how="semi")
    cells = [
        present.filter(
            pl.col(name).ne_missing(pl.col(f"{name}_found")) & pl.col(name).ne_missing(UNASSERTED)
        ).select(*on, column=pl.lit(name), expected=name, found=f"{name}_found")
        for name in columns
    ]
    return pl.concat([rows, *cells])


def review_cases(warehouse: Path) -> pl.DataFrame:
    """The published amounts under other readings, by unit, all text."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.sql(
            "select b.unit_id, r.reading_key, r.reading, r.amount_yuan::varchar as amount_yuan "
            "from mart.review_case r join mart.benefit_line b using (benefit_id) where b.rule_id = 'L-04'"
        ).pl()


def all_differences(home: Home, county: Path, warehouse: Path, region: str) -> dict[str, pl.DataFrame]:
    """Differences of person_year, household_year, cap_gap, review_case and source_file."""
    persons = key_table(county, "person_year")
    persons = persons.with_columns(person_keys(home, persons, region).alias("person_key")).drop(
        "certno", "psn_no", "newborn"
    )
    year = persons["cost_year"][0]
    found_persons = (
        published(warehouse, "person_year").with_columns(pl.col("sex").replace(SEX)).filter(cost_year=year)
    )
    persons = persons.with_columns(household_texts(home, persons["household_id"]).alias("household_id"))
    households, gaps, reviews = (
        frame.with_columns(household_texts(home, frame[name]).alias(name) for name in names)
        for frame, names in (
            (key_table(county, "household_year"), ["household_id"]),
            (key_table(county, "cap_gap"), ["household_id", "unit_id"]),
            (key_table(county, "review_case"), ["unit_id"]),
        )
    )
    files = key_table(county, "files").with_columns(
        pl.concat_str(pl.lit("F"), pl.col("content_hash").str.head(16)).alias("file_id")
    )
    counts = ["file_id", "n_rows", "n_accepted", "n_rejected", "n_duplicate"]
    return {
        "person_year": differences(persons, found_persons, ["person_key"]),
        "household_year": differences(households, published(warehouse, "household_year"), ["household_id"]),
        "cap_gap": differences(gaps, published(warehouse, "cap_gap"), ["unit_id"]),
        "review_case": differences(reviews, review_cases(warehouse), ["unit_id", "reading_key", "reading"]),
        "source_file": differences(
            files.select(counts), published(warehouse, "source_file").select(counts), ["file_id"]
        ),
    }
