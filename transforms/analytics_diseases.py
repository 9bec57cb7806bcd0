"""Trends of diseases (多维度分析高发疾病走势, 浙政办发〔2022〕42号 二(二)): by disease, month, area, category and age band.

The disease of a settlement is the 病种编码 that it shows, else the main diagnosis of its visit; neither: it stands
without one, so that every table of these people adds up to the same. All amounts in whole fen.
"""

from __future__ import annotations

import polars as pl

DISCHARGE = "2"
AGES = ((0, "0-6"), (7, "7-17"), (18, "18-44"), (45, "45-59"), (60, "60-74"), (75, "75+"))
"""First year of age of each band; age is the year less the year of birth."""
UNKNOWN = "未知"
TREND = pl.Schema(
    {
        "region_code": pl.String, "area_code": pl.String, "area_level": pl.String, "month": pl.Int32,
        "disease_code": pl.String, "disease_name": pl.String, "category": pl.String, "age_band": pl.String,
        "n_persons": pl.Int64, "n_settlements": pl.Int64, "tot_fen": pl.Int64, "burden_fen": pl.Int64,
    }
)  # fmt: skip


def main_diagnoses(diagnoses: pl.DataFrame) -> pl.DataFrame:
    """mdtrt_id, diag_code of the visits whose diagnoses agree on a main one.

    `diagnoses`: core setl_diag_list_d, current. Those at discharge go before those at admission, those flagged main
    before the others, the smallest 诊断序号 first; where several are left that differ, none is known.
    """
    leaving = pl.col("inout_type").fill_null(DISCHARGE) == DISCHARGE
    main = (pl.col("main_flag") == "1").fill_null(False)
    place = pl.col("diag_no").fill_null(2**31 - 1)
    best = diagnoses.with_columns(order=pl.struct(~leaving, ~main, place).rank("dense").over("mdtrt_id"))
    return (
        best.filter(pl.col("order") == 1)
        .group_by("mdtrt_id")
        .agg(code=pl.col("diag_code").unique())
        .filter(pl.col("code").list.len() == 1)
        .select("mdtrt_id", diag_code=pl.col("code").list.first())
    )


def names_of(named: pl.DataFrame) -> pl.DataFrame:
    """disease_code, disease_name of `named` (code, name): the commonest name; of several the first in their order."""
    return (
        named.filter(pl.col("name").is_not_null() & (pl.col("name") != ""))
        .group_by(disease_code="code", disease_name="name")
        .agg(n=pl.len())
        .sort("disease_code", "n", "disease_name", descending=[False, True, False])
        .unique("disease_code", keep="first", maintain_order=True)
        .select("disease_code", "disease_name")
    )


def age_band(year: int) -> pl.Expr:
    """Band of the age reached in the year, from birth_year; null where that is not known."""
    age = (year - pl.col("birth_year")).clip(0)
    found = pl.lit(None, pl.String)
    for first, name in AGES:
        found = pl.when(age >= first).then(pl.lit(name)).otherwise(found)
    return found


def disease_trend(
    dated: pl.DataFrame,
    persons: pl.DataFrame,
    diagnoses: pl.DataFrame,
    names: pl.DataFrame,
    year: int,
) -> pl.DataFrame:
    """Rows of mart.disease_trend: TREND, by county and by township, of people with a category on the day.

    `dated`: person_key, setl_time, mdtrt_id, dise_no, tot_fen, burden_fen, category, routed_code
    (`indicators_costs.routed`); `persons`: mart.person_year; `diagnoses`: `main_diagnoses`; `names`: `names_of`. The township is that of the year where it lies in the county of the day, else 未知.
    """
    mine = pl.col("person_key").is_in(dated["person_key"].unique().implode())
    known = persons.select("person_key", "township_code", "region_code", "birth_year").filter(mine)
    where = known.select("person_key", "township_code", home="region_code", age_band=age_band(year))
    county = pl.col("region_code")
    inside = (pl.col("home") == county) & pl.col("township_code").is_not_null()
    rows = (
        dated.lazy().filter(pl.col("category").is_not_null() & pl.col("routed_code").is_not_null())
        .select(
            "person_key", "tot_fen", "burden_fen", "category", "mdtrt_id", shown=_filled("dise_no"),
            region_code="routed_code", month=pl.col("setl_time").dt.month().cast(pl.Int32) + year * 100,
        )
        .collect()
        .join(diagnoses, on="mdtrt_id", how="left")
        .join(where, on="person_key", how="left")
        .with_columns(
            disease_code=pl.coalesce("shown", "diag_code"),
            township=pl.when(inside).then("township_code"),
        )
    )  # fmt: skip
    towns = _by_township(rows)
    return (
        pl.concat([_by_county(towns), towns])
        .join(names, on="disease_code", how="left")
        .select(list(TREND))
        .cast(TREND)
        .sort(
            "region_code",
            "area_level",
            "area_code",
            "month",
            "disease_code",
            "category",
            "age_band",
            nulls_last=True,
        )
    )


def _filled(name: str) -> pl.Expr:
    """A text; null where it is blank."""
    text = pl.col(name).str.strip_chars()
    return pl.when(text != "").then(text)


CELL = ("region_code", "month", "disease_code", "category", "age_band")


def _by_township(rows: pl.DataFrame) -> pl.DataFrame:
    """Counts and sums by township."""
    found = rows.group_by(*CELL, area_code="township").agg(
        pl.col("tot_fen", "burden_fen").sum(),
        n_persons=pl.col("person_key").n_unique().cast(pl.Int64),
        n_settlements=pl.len().cast(pl.Int64),
    )
    unknown = pl.format("{}/{}", "region_code", pl.lit(UNKNOWN))
    return found.with_columns(
        pl.coalesce("area_code", unknown).alias("area_code"), area_level=pl.lit("township")
    )


def _by_county(towns: pl.DataFrame) -> pl.DataFrame:
    """The townships of each county summed up: nobody stands in two townships of a county in one year."""
    sums = towns.group_by(CELL).agg(pl.col("tot_fen", "burden_fen", "n_persons", "n_settlements").sum())
    found = sums.with_columns(area_code="region_code", area_level=pl.lit("county"))
    return found.select(towns.columns)
