"""Who is insured on a day (psn_insu_d): spells of cover by scheme and place, and what they come to for each person.

Only the main schemes count as cover: 310 (职工), 390, 380, 391 (居民), 340, 350, 360, 399; layers and care insurance do
not. A row that is suspended or terminated covers to the day before its 暂停参保日期; without that date it covers nothing.
"""

from __future__ import annotations

from datetime import date

import polars as pl
from polars.datatypes import DataType, DataTypeClass

from transforms import places
from transforms.spans import FAR

EMPLOYEE = ("310",)
RESIDENT = ("390", "380", "391")
MAIN = (*EMPLOYEE, *RESIDENT, "340", "350", "360", "399")
ACTIVE, ENDED = ("1",), ("2", "4")
LONG_AGO = date(1900, 1, 1)
SPELLS = pl.Schema(
    {
        "person_key": pl.Int64, "insutype": pl.String, "county_code": pl.String, "valid_from": pl.Date,
        "valid_to": pl.Date, "ended_undated": pl.Boolean,
    }
)  # fmt: skip
_STATUS: dict[str, DataType | DataTypeClass] = {
    "person_key": pl.Int64, "known": pl.Boolean, "insured": pl.Boolean, "employee": pl.Boolean,
    "resident": pl.Boolean, "n_active": pl.Int64, "counties": pl.List(pl.String), "schemes": pl.List(pl.String),
    "active_since": pl.Date, "second_since": pl.Date, "lapsed_on": pl.Date, "gap_from": pl.Date, "gap_to": pl.Date,
}  # fmt: skip
STATUS = pl.Schema(_STATUS)


def spells(rows: pl.DataFrame, alias: pl.DataFrame) -> pl.DataFrame:
    """SPELLS of cover of current enrolment rows with person_key; one that covers no day stays, with an end before it.

    valid_to inclusive, null: open. ended_undated: it has ended, nobody says when. `alias`: region_alias.csv.
    """
    scheme, state = pl.col("insutype"), pl.col("psn_insu_stas")
    begin = pl.coalesce("crt_insu_date", "psn_insu_date", pl.lit(LONG_AGO))
    nothing = begin.dt.offset_by("-1d")
    end = (
        pl.when(state.is_in(ACTIVE))
        .then(pl.lit(None, pl.Date))
        .when(state.is_in(ENDED) & pl.col("paus_insu_date").is_not_null())
        .then(pl.col("paus_insu_date").dt.offset_by("-1d"))
        .otherwise(nothing)
    )
    county = places.county_of(pl.col("insu_admdvs"), alias, "insured")
    return (
        rows.filter(scheme.is_in(MAIN) & state.is_in([*ACTIVE, *ENDED]))
        .select(
            "person_key",
            "insutype",
            county_code=county,
            valid_from=begin,
            valid_to=end,
            ended_undated=state.is_in(ENDED) & pl.col("paus_insu_date").is_null(),
        )
        .cast(SPELLS)
        .sort("person_key", "valid_from", "insutype", "county_code")
    )


def status_on(held: pl.DataFrame, people: pl.DataFrame, day: date) -> pl.DataFrame:
    """STATUS of these people on a day, one row each; nobody whom no row names is `known`.

    insured: any spell covers the day. n_active: distinct scheme and county that do. lapsed_on: first day without cover
    since the last spell ended, where none covers the day and the day of the end is known. gap_from, gap_to: the last
    closed gap between two spells that began in the year of the day or reaches into it.
    """
    here = held.join(people.select("person_key"), on="person_key", how="semi")
    last = pl.col("valid_to").fill_null(FAR)
    covering = here.filter((pl.col("valid_from") <= day) & (last >= day))
    active = (
        covering.sort("person_key", "valid_from", "insutype", "county_code")
        .unique(["person_key", "insutype", "county_code"], keep="first", maintain_order=True)
        .group_by("person_key", maintain_order=True)
        .agg(
            n_active=pl.len().cast(pl.Int64),
            counties=pl.col("county_code").unique().sort(),
            schemes=pl.col("insutype").unique().sort(),
            employee=pl.col("insutype").is_in(EMPLOYEE).any(),
            resident=pl.col("insutype").is_in(RESIDENT).any(),
            active_since=pl.col("valid_from").first(),
            second_since=pl.col("valid_from").get(1, null_on_oob=True),
        )
    )
    before = here.filter((pl.col("valid_to") < day) & (pl.col("valid_to") >= pl.col("valid_from")))
    lapsed = before.group_by("person_key").agg(lapsed_on=pl.col("valid_to").max().dt.offset_by("1d"))
    seen = here.select("person_key").unique().with_columns(known=pl.lit(True))
    insured = pl.col("n_active").is_not_null()
    return (
        people.select("person_key")
        .join(seen, on="person_key", how="left", maintain_order="left")
        .join(active, on="person_key", how="left", maintain_order="left")
        .join(lapsed, on="person_key", how="left", maintain_order="left")
        .join(_gaps(here, day), on="person_key", how="left", maintain_order="left")
        .with_columns(pl.col("known", "employee", "resident").fill_null(False), insured=insured)
        .with_columns(lapsed_on=pl.when(~insured).then("lapsed_on"), n_active=pl.col("n_active").fill_null(0))
        .select(STATUS.names())
        .cast(STATUS)
    )


def _gaps(held: pl.DataFrame, day: date) -> pl.DataFrame:
    """person_key, gap_from, gap_to: the last days without cover between two spells, of the year of `day` up to it."""
    first = date(day.year, 1, 1)
    ordered = held.filter(
        (pl.col("valid_to").fill_null(FAR) >= pl.col("valid_from")) & (pl.col("valid_from") <= day)
    ).sort("person_key", "valid_from", "valid_to", nulls_last=True)
    reached = pl.col("valid_to").fill_null(FAR).cum_max().shift(1).over("person_key")
    return (
        ordered.with_columns(_until=reached)
        .filter(pl.col("valid_from").dt.offset_by("-1d") > pl.col("_until"))
        .with_columns(
            gap_from=pl.col("_until").dt.offset_by("1d"), gap_to=pl.col("valid_from").dt.offset_by("-1d")
        )
        .filter(pl.col("gap_to") >= first)
        .sort("person_key", "gap_from")
        .unique("person_key", keep="last", maintain_order=True)
        .select("person_key", "gap_from", "gap_to")
    )


def premium_state(lines: pl.DataFrame, year: int, day: date) -> pl.DataFrame:
    """What the premium lines of the insurance year say: person_key, paid, unpaid, paid_from (first day that is paid for).

    `lines`: `rules.premium_lines.standing`. paid: a paid line covers the day; unpaid: there is a line with flag 0 and no
    paid one.
    """
    own = lines.filter(pl.col("insurance_year") == year)
    covers = pl.col("accrym_begn").le(day) & pl.col("accrym_end").ge(day)
    paid = pl.col("paid").fill_null(False)
    return (
        own.group_by("person_key")
        .agg(
            paid=(paid & covers).any(),
            any_paid=paid.any(),
            any_unpaid=(~pl.col("paid")).fill_null(False).any(),
            paid_from=pl.col("accrym_begn").filter(paid & covers).min(),
            unpaid_from=pl.col("accrym_begn").filter((~pl.col("paid")).fill_null(False)).min(),
        )
        .select(
            "person_key",
            "paid",
            "any_paid",
            "paid_from",
            "unpaid_from",
            unpaid=pl.col("any_unpaid") & ~pl.col("any_paid"),
        )
        .sort("person_key")
    )
