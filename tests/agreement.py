"""Compare a published warehouse with the answer key of a synthetic county, cell by cell."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from schemas.reference import load_reference
from stores.home import Home
from transforms.pseudonym import key_texts, number_pseudonyms, pseudonyms

UNASSERTED = "?"
REFERENCE = Path(__file__).resolve().parents[1] / "data" / "reference"
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
    """The published amounts of units under other readings, all text."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.sql(
            "select b.unit_id, r.reading_key, r.reading, r.amount_yuan::varchar as amount_yuan "
            "from mart.review_case r join mart.benefit_line b using (benefit_id) where b.unit_type = 'household'"
        ).pl()


def line_review_cases(warehouse: Path) -> pl.DataFrame:
    """The published amounts of lines of a visit under other readings, all text."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.sql(
            "select b.rule_id, b.settlement_id, r.reading_key, r.reading, r.amount_yuan::varchar as amount_yuan "
            "from mart.review_case r join mart.benefit_line b using (benefit_id) where b.settlement_id is not null"
        ).pl()


def items_off_base(warehouse: Path) -> list[tuple[object, ...]]:
    """Benefit lines whose counted items do not sum to their base, 0 at least."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.sql(
            "select b.benefit_id, b.rule_id, b.base_yuan, i.total from mart.benefit_line b left join (select benefit_id, "
            "sum(base_yuan) as total from mart.benefit_item where counted group by 1) i using (benefit_id) "
            "where b.base_yuan is not null and b.base_yuan <> greatest(0, coalesce(i.total, 0))"
        ).fetchall()


def keyed(home: Home, table: pl.DataFrame, region: str) -> pl.DataFrame:
    """A table of the key with person_key in place of the certificate number."""
    persons = table.select("certno", psn_no=pl.lit(None, pl.String), region_code=pl.lit(region))
    return table.with_columns(person_keys(home, persons, region).alias("person_key")).drop("certno")


def assistance_differences(
    home: Home, county: Path, warehouse: Path, region: str, year: str
) -> dict[str, pl.DataFrame]:
    """Differences of the lines of visits, their other readings and the audit, and of who was what when."""
    found = roster_differences(home, county, region, int(year))
    if not (county / "answer_key" / "benefit_line.csv").exists():
        return found
    lines = keyed(home, key_table(county, "benefit_line"), region).with_columns(unit_id="person_key")
    audit = keyed(home, key_table(county, "assistance_audit"), region)
    return found | {
        "benefit_line": differences(
            lines,
            published(warehouse, "benefit_line").filter(pl.col("settlement_id").is_not_null()),
            ["rule_id", "settlement_id"],
        ),
        "line_review_case": differences(
            key_table(county, "line_review_case"),
            line_review_cases(warehouse),
            ["rule_id", "settlement_id", "reading_key", "reading"],
        ),
        "assistance_audit": differences(audit, published(warehouse, "assistance_audit"), ["settlement_id"]),
    }


def roster_differences(home: Home, county: Path, region: str, year: int) -> dict[str, pl.DataFrame]:
    """Identities by span, memberships, and unique category with all identities on the key's days.

    Of the people of the key only; rows that one side alone has.
    """
    (folder,) = {path.parent for path in home.out.glob(f"{year}/*/certificate.parquet")}
    expected = {
        name: keyed(home, key_table(county, name), region)
        for name in ("certificate", "membership", "category_on_day")
    }
    people = expected["membership"].select("person_key").unique()
    held = in_year(pl.read_parquet(folder / "certificate.parquet"), year)
    lived = in_year(pl.read_parquet(folder / "membership.parquet"), year)
    days = expected["category_on_day"].select(pl.col("day").str.to_date()).unique()
    living = expected["membership"]
    found = {
        "certificate": unbroken(held, ["person_key", "county_code", "code"]),
        "membership": unbroken(lived, ["person_key", "household_id"]),
        "category_on_day": categories_on(held, days),
    }
    expected["membership"] = living.with_columns(household_id=household_texts(home, living["household_id"]))
    return {
        name: one_sided(expected[name], frame.join(people, on="person_key", how="semi"))
        for name, frame in found.items()
    }


def in_year(spans: pl.DataFrame, year: int) -> pl.DataFrame:
    """Spans cut to the year, people by their text."""
    first, last = date(year, 1, 1), date(year, 12, 31)
    return (
        spans.with_columns(pl.col("valid_to").fill_null(last), key_texts(spans["person_key"], "P"))
        .filter((pl.col("valid_from") <= last) & (pl.col("valid_to") >= first))
        .with_columns(pl.col("valid_from").clip(lower_bound=first), pl.col("valid_to").clip(upper_bound=last))
    )


def categories_on(held: pl.DataFrame, days: pl.DataFrame) -> pl.DataFrame:
    """person_key, day, category (the best that picks a rate), identities: all held on the day, best first."""
    ranks = load_reference(REFERENCE, None)["category"]["code"].to_list()
    order = {code: place for place, code in enumerate(ranks)}
    on_days = held.join_where(
        days, pl.col("valid_from") <= pl.col("day"), pl.col("valid_to") >= pl.col("day")
    ).select("person_key", pl.col("day").cast(pl.String), "code")
    place = pl.col("code").replace_strict(order, return_dtype=pl.Int32)
    best = pl.col("code").filter(pl.col("code") != "KUNNAN_ZG").first()
    return (
        on_days.unique()
        .sort(place)
        .group_by("person_key", "day", maintain_order=True)
        .agg(category=best, identities=pl.col("code").str.join(","))
    )


def one_sided(expected: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """Rows that only the key or only the results have, in the columns of the key."""
    columns = expected.columns
    sides = [expected, found.select(columns)]
    return pl.concat(
        [
            one.join(other, on=columns, how="anti", nulls_equal=True).with_columns(side=pl.lit(name))
            for name, one, other in (("key", *sides), ("results", *reversed(sides)))
        ]
    )


def unbroken(spans: pl.DataFrame, who: list[str]) -> pl.DataFrame:
    """Spans that touch or overlap as one, dates as text."""
    ordered = spans.sort(*who, "valid_from", "valid_to")
    reach = pl.col("valid_to").cum_max().shift(1).over(who)
    begins = (pl.col("valid_from") > reach + pl.duration(days=1)).fill_null(True)
    return (
        ordered.with_columns(run=begins.cum_sum())
        .group_by(*who, "run", maintain_order=True)
        .agg(pl.col("valid_from").min().cast(pl.String), pl.col("valid_to").max().cast(pl.String))
        .drop("run")
    )


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
    more = assistance_differences(home, county, warehouse, region, year)
    files = key_table(county, "files").with_columns(
        pl.concat_str(pl.lit("F"), pl.col("content_hash").str.head(16)).alias("file_id")
    )
    counts = ["file_id", "n_rows", "n_accepted", "n_rejected", "n_duplicate"]
    return more | {
        "person_year": differences(persons, found_persons, ["person_key"]),
        "household_year": differences(households, published(warehouse, "household_year"), ["household_id"]),
        "cap_gap": differences(gaps, published(warehouse, "cap_gap").filter(region_code=region), ["unit_id"]),
        "review_case": differences(reviews, review_cases(warehouse), ["unit_id", "reading_key", "reading"]),
        "source_file": differences(
            files.select(counts), published(warehouse, "source_file").select(counts), ["file_id"]
        ),
    }
