"""One row a person and cost year: what was settled, who paid, what is left to the person (mart.person_year).

Totals of everybody come from one streaming pass over the counted settlements; only people with payments,
negative amounts or a roster row are joined with more. Amounts in fen.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from transforms.spans import FAR, last_day_held, only, overlapping, ranked

SUMS = ("tot", "pol", "fund", "psn", "acct", "cash")
COLUMNS = [
    "person_key",
    "name_masked",
    "certno_masked",
    "birth_year",
    "sex",
    "deceased_on",
    "region_code",
    "township_code",
    "township_source",
    "village",
    "household_id",
    "cost_year",
    "category",
    "identities",
    "insutype",
    "n_settlements",
    "n_inpatient",
    "tot_fen",
    "pol_fen",
    "fund_fen",
    "psn_fen",
    "acct_fen",
    "cash_fen",
    "com_fen",
    "sub_fen",
    "neg_fen",
    "unused_fen",
    "private_fen",
    "burden_fen",
    "incomplete",
    "deceased",
    "floor_fen",
    "cash_known_fen",
]
"""Columns of the result. floor_fen: what the floor at 0 added to the burden. cash_known_fen: Σ CASH where
known."""


def is_inpatient(med_types: pl.DataFrame) -> pl.Expr:
    """Whether a settlement is an inpatient one, by the table of medical types (province, code, group).

    A province code (its first two digits count) limits a code to settlements insured there; `*` holds
    everywhere. Four-digit codes beginning 21 are inpatient in every province.
    """
    rows = med_types.filter(pl.col("group") == "inpatient").select(
        "code", place=pl.col("province").fill_null("").str.slice(0, 2).replace({"00": "", "*": ""})
    )
    test = pl.col("med_type").str.starts_with("21") & (pl.col("med_type").str.len_bytes() == 4)
    for (place,), codes in rows.group_by("place", maintain_order=True):
        listed = pl.col("med_type").is_in(codes["code"].to_list())
        test = test | (listed & pl.col("county_code").str.starts_with(str(place)) if place else listed)
    return test.fill_null(False)


def totals(counted: pl.LazyFrame, inpatient: pl.Expr) -> pl.DataFrame:
    """Sums of each person's counted settlements and the scheme and insured region of the latest one.

    A sum with one unknown part is null; cash_known_fen adds what is known. Two schemes or regions in one year are
    rare: only those people's latest settlement (setl_time, setl_id) is looked up.
    """
    sums: list[pl.Expr] = [pl.col(f"{name}_fen").sum() for name in SUMS]
    unknown = [pl.col(f"{name}_fen").null_count().alias(f"{name}_unknown") for name in SUMS]
    number = pl.col("scheme_number")
    found = (
        counted.with_columns(inpatient=inpatient, scheme_number=_scheme_number())
        .group_by("person_key")
        .agg(
            *sums,
            *unknown,
            n_settlements=pl.len(),
            n_inpatient=pl.col("inpatient").sum(),
            scheme_first=number.min(),
            scheme_last=number.max(),
            scheme_none=number.null_count(),
        )
        .collect(engine="streaming")
    )
    known = [
        pl.when(pl.col(f"{name}_unknown") == 0).then(f"{name}_fen").alias(f"{name}_fen") for name in SUMS
    ]
    return (
        found.with_columns(pl.col("cash_fen").alias("cash_known_fen"))
        .with_columns(known)
        .with_columns(pl.col("n_settlements", "n_inpatient").cast(pl.Int64))
        .join(_latest_scheme(counted, found), on="person_key", how="left")
        .drop("^.*_unknown$", "^scheme_.*$")
    )


def _scheme_number() -> pl.Expr:
    """Insured region and scheme as one number, 330112 and 390 → 330112390; null where they have another form.

    Whole numbers are compared ten times as fast as texts, and nearly everybody has one scheme all year.
    """
    scheme, region = pl.col("insutype"), pl.col("county_code")
    usual = (scheme.str.len_bytes() == 3) & (region.str.len_bytes() == 6)
    parts = (scheme.cast(pl.Int64, strict=False), region.cast(pl.Int64, strict=False))
    return pl.when(usual).then(parts[1] * 1000 + parts[0])


def _latest_scheme(counted: pl.LazyFrame, found: pl.DataFrame) -> pl.DataFrame:
    """person_key, insutype, county_code of the latest settlement: read off where all agree, else looked up."""
    same = (pl.col("scheme_none") == 0) & (pl.col("scheme_first") == pl.col("scheme_last"))
    first = pl.col("scheme_first")
    county = (first // 1000).cast(pl.String).str.zfill(6)
    constant = found.filter(same).select(
        "person_key",
        insutype=(first % 1000).cast(pl.String).str.zfill(3),
        county_code=county,
    )
    changed = found.filter(~same)["person_key"]
    if changed.is_empty():
        return constant
    latest = (
        counted.select("person_key", "setl_time", "setl_id", "insutype", "county_code")
        .filter(pl.col("person_key").is_in(changed.implode()))
        .collect(engine="streaming")
        .sort("setl_time", "setl_id")
        .group_by("person_key")
        .agg(pl.col("insutype", "county_code").last())
    )
    return pl.concat([constant, latest])


def identities(
    certificates: pl.DataFrame, ranks: Sequence[str], cost_year: int, yardstick: date
) -> pl.DataFrame:
    """person_key, category, identities (by rank, joined by comma) on the yardstick date, or last held.

    An identity outside `ranks` is no category.
    """
    year = overlapping(certificates, date(cost_year, 1, 1), date(cost_year, 12, 31))
    known = year.filter(pl.col("code").is_not_null())
    held = known.join(last_day_held(known, yardstick), on="person_key").filter(
        pl.col("day").is_between("valid_from", "valid_to")
    )
    return (
        held.select("person_key", "code", place=ranked(ranks))
        .unique()
        .sort("person_key", "place", "code")
        .group_by("person_key", maintain_order=True)
        .agg(category=pl.col("code").first(), identities=pl.col("code").str.join(","))
        .with_columns(category=only(ranks, "category"))
    )


def household_held(members: pl.DataFrame, yardstick: date) -> pl.DataFrame:
    """person_key, household_id on the yardstick date, else the last one held; latest begun first on one day."""
    return (
        members.join(last_day_held(members, yardstick), on="person_key")
        .filter(pl.col("day").is_between("valid_from", pl.col("valid_to").fill_null(FAR)))
        .sort("person_key", "valid_from", "household_id", descending=[False, True, False])
        .unique("person_key", keep="first", maintain_order=True)
        .select("person_key", "household_id")
    )


def troubled(troubles: pl.DataFrame, cost_year: int) -> pl.DataFrame:
    """The troubles that bear on a cost year (their own, or of no readable date) and on a known person.

    With setl_date, the day of the settlement where it is known, else null.
    """
    year = pl.col("cost_year")
    found = troubles.filter(pl.col("person_key").is_not_null() & (year.is_null() | (year == cost_year)))
    dated = "setl_date" in troubles.columns
    return found if dated else found.with_columns(setl_date=pl.lit(None, pl.Date))


def troubled_households(troubles: pl.DataFrame, members: pl.DataFrame, cost_year: int) -> pl.DataFrame:
    """`troubled` with each household_id that it makes incomplete: of its day, else all of the person's year."""
    day = pl.col("setl_date")
    joined = troubled(troubles, cost_year).join(
        members.select("person_key", "household_id", "valid_from", "valid_to"), on="person_key"
    )
    there = day.is_null() | day.is_between("valid_from", pl.col("valid_to").fill_null(FAR))
    return joined.filter(there).drop("valid_from", "valid_to").unique(maintain_order=True)


def on_roster(certificates: pl.DataFrame, members: pl.DataFrame, cost_year: int) -> pl.DataFrame:
    """person_key of everybody with a roster row or a membership in the year."""
    first, last = date(cost_year, 1, 1), date(cost_year, 12, 31)
    return pl.concat(
        [overlapping(frame, first, last).select("person_key") for frame in (certificates, members)]
    ).unique()


def person_year(
    sums: pl.DataFrame,
    burden_people: pl.DataFrame,
    people: pl.DataFrame,
    places: pl.DataFrame,
    certificates: pl.DataFrame,
    members: pl.DataFrame,
    troubles: pl.DataFrame,
    ranks: Sequence[str],
    cost_year: int,
    yardstick: date,
) -> pl.DataFrame:
    """Everybody with a counted settlement or on a roster in the year, exactly one row: COLUMNS, by
    person_key.

    `sums`: `totals`; `burden_people` is Burdens.people; `places` holds township_code, township_source, village and region_code
    on the yardstick date, keyed by person. com_fen and sub_fen include what no settlement could use, so that
    psn − com − sub − neg + unused = burden unless the floor at 0 bit (floor_fen).
    """
    listed = on_roster(certificates, members, cost_year)
    unsettled = listed.join(sums, on="person_key", how="anti")
    joined = pl.concat([sums, unsettled], how="diagonal").sort("person_key")
    attributes = (
        burden_people,
        people.select(
            "person_key",
            "name_masked",
            "certno_masked",
            "birth_year",
            "sex",
            "deceased_on",
            deceased=pl.col("dead").fill_null(False) | pl.col("deceased_on").is_not_null(),
        ),
        places.select("person_key", "township_code", "township_source", "village", "region_code"),
        household_held(members, yardstick),
        identities(certificates, ranks, cost_year, yardstick),
        troubled(troubles, cost_year).select("person_key", incomplete=pl.lit(True)).unique(),
    )
    for frame in attributes:
        joined = joined.join(frame, on="person_key", how="left", maintain_order="left")
    return _finished(joined, cost_year).select(COLUMNS)


def _finished(joined: pl.DataFrame, cost_year: int) -> pl.DataFrame:
    settled = pl.col("n_settlements").is_not_null()
    none_settled = [
        pl.when(settled).then(f"{name}_fen").otherwise(0).alias(f"{name}_fen")
        for name in (*SUMS, "cash_known")
    ]
    used = pl.col("com_used_fen") + pl.col("sub_used_fen")
    raw = pl.col("psn_fen") - used - pl.col("neg_fen")
    amounts = ["com_used_fen", "sub_used_fen", "com_unused_fen", "sub_unused_fen", "neg_fen", "private_fen"]
    return (
        joined.with_columns(none_settled)
        .with_columns(
            pl.col(*amounts, "n_settlements", "n_inpatient").fill_null(0),
            pl.col("incomplete", "deceased").fill_null(False),
            pl.coalesce("region_code", "county_code").alias("region_code"),
            pl.col("township_source").fill_null("unknown"),
            cost_year=pl.lit(cost_year, pl.Int32),
        )
        .with_columns(
            com_fen=pl.col("com_used_fen") + pl.col("com_unused_fen"),
            sub_fen=pl.col("sub_used_fen") + pl.col("sub_unused_fen"),
            unused_fen=pl.col("com_unused_fen") + pl.col("sub_unused_fen"),
            burden_fen=raw.clip(lower_bound=0),
            floor_fen=(-raw).clip(lower_bound=0),
        )
    )
