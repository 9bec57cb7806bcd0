"""Burden by area (医保立体防贫地图, 浙政办发〔2022〕42号 二(二)): province, city, county, township, village by category.

Everybody of mart.person_year stands in the area of the yardstick date; a category left empty is people in no category.
All amounts in fen.
"""

from __future__ import annotations

import polars as pl

UNKNOWN = "未知"
"""Stands behind the code of the area above where a township or village is not known."""
LEVELS = ("province", "city", "county", "township", "village")
PLACE = ("region_code", "township_code", "village")
WITHDRAWN = "withdrawn"
SCHEMA = pl.Schema(
    {
        "area_code": pl.String, "area_level": pl.String, "year": pl.Int32, "category": pl.String,
        "n_persons": pl.Int64, "n_households": pl.Int64, "tot_fen": pl.Int64, "burden_fen": pl.Int64,
        "over_fen": pl.Int64, "n_warned": pl.Int64,
    }
)  # fmt: skip


def area_burden(
    persons: pl.DataFrame,
    cap_gap: pl.DataFrame | None,
    warnings: pl.DataFrame | None,
    regions: pl.DataFrame,
    year: int,
) -> pl.DataFrame:
    """Rows of mart.area_burden: SCHEMA.

    `persons`: mart.person_year in fen. `cap_gap`: units under a cap, whose gap stands in their area and category; None
    or empty: over_fen is not known. `warnings`: mart.warning; None: n_warned is not known. `regions`: regions.csv.
    """
    told = persons if warnings is None else persons.join(_warned(warnings, year), on="person_key", how="left")
    people = with_areas(by_place(told, warned=warnings is not None), regions)
    listed = (
        persons.select(*PLACE, "category", "household_id")
        .filter(pl.col("household_id").is_not_null())
        .unique()
    )
    households = with_areas(listed, regions)
    over = None if cap_gap is None or cap_gap.is_empty() else with_areas(cap_gap, regions)
    order = pl.col("area_level").replace_strict({name: n for n, name in enumerate(LEVELS)})
    found = pl.concat([_level(level, people, households, over) for level in LEVELS])
    rows = found.with_columns(year=pl.lit(year, pl.Int32)).select(list(SCHEMA)).cast(SCHEMA)
    return rows.sort(order, "area_code", "category")


def by_place(persons: pl.DataFrame, *, warned: bool) -> pl.DataFrame:
    """Sums of persons by place and category: few rows, so that no code of an area is made for each person."""
    is_warned = pl.col("is_warned").fill_null(False).sum() if warned else pl.lit(None)
    sums = (
        persons.lazy()
        .group_by(*PLACE, "category")
        .agg(
            n_persons=pl.len().cast(pl.Int64),
            tot_fen=pl.col("tot_fen").sum(),
            burden_fen=pl.col("burden_fen").sum(),
            n_warned=is_warned.cast(pl.Int64),
        )
    )
    return sums.collect(engine="streaming")


def with_areas(rows: pl.DataFrame, regions: pl.DataFrame) -> pl.DataFrame:
    """Rows with region_code, township_code and village, and the code of each area level that they lie in.

    A village is named below its township, as it has no code; an unknown township or village stands as 未知. A county
    that regions.csv does not know lies in the city and province of its digits, a code below a county in the county.
    """
    parents = dict(
        regions.filter(pl.col("parent_code").is_not_null()).select("code", "parent_code").iter_rows()
    )
    cities = set(regions.filter(pl.col("level") == "city")["code"])
    county = pl.col("region_code").str.slice(0, 6)
    city = county.replace_strict(parents, default=None, return_dtype=pl.String)
    known = pl.when(city.is_in(sorted(cities))).then(city)
    return rows.filter(county.is_not_null()).with_columns(
        province=county.str.slice(0, 2) + "0000",
        city=pl.coalesce(known, county.str.slice(0, 4) + "00"),
        county=county,
        township=pl.coalesce("township_code", pl.format("{}/{}", county, pl.lit(UNKNOWN))),
    ).with_columns(village=pl.format("{}/{}", "township", pl.col("village").fill_null(UNKNOWN)))  # fmt: skip


def _warned(warnings: pl.DataFrame, year: int) -> pl.DataFrame:
    """person_key of everybody with a warning of the year that stands."""
    standing = (pl.col("year") == year) & (pl.col("status") != WITHDRAWN)
    return warnings.filter(standing).select("person_key", is_warned=pl.lit(True)).unique("person_key")


def _level(
    level: str, people: pl.DataFrame, households: pl.DataFrame, over: pl.DataFrame | None
) -> pl.DataFrame:
    """Rows of one level; `people`: `by_place`, `households`: each household once a place and category."""
    keys = [pl.col(level).alias("area_code"), "category"]
    on = ["area_code", "category"]
    known = pl.col("n_warned").null_count() == 0
    found = people.group_by(keys).agg(
        pl.col("n_persons", "tot_fen", "burden_fen").sum(),
        n_warned=pl.when(known).then(pl.col("n_warned").sum()),
    )
    homes = households.group_by(keys).agg(n_households=pl.col("household_id").n_unique().cast(pl.Int64))
    found = found.join(homes, on=on, how="left", nulls_equal=True)
    if over is None:
        gaps = found.select(*on, over_fen=pl.lit(None, pl.Int64))
    else:
        gaps = over.group_by(keys).agg(over_fen=pl.col("gap_fen").sum())
    told = found["n_warned"].null_count() < found.height
    counts = ["n_persons", "n_households", "tot_fen", "burden_fen"]
    counts += ["over_fen"] if over is not None else []
    counts += ["n_warned"] if told else []
    return found.join(gaps, on=on, how="full", coalesce=True, nulls_equal=True).with_columns(
        pl.col(counts).fill_null(0), area_level=pl.lit(level)
    )
