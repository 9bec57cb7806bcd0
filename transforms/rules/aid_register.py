"""Who on a monitored roster received which help (帮扶登记), and whom only one department lists (温政办〔2023〕90号 三(六)).

全面归集帮扶政策; 加强信息共享和数据比对. Lists and sums only: nothing is decided by them. All amounts in fen.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from transforms.spans import overlapping

RECEIVED = pl.Schema(
    {
        "person_key": pl.Int64, "household_id": pl.String, "aid_kind": pl.String, "source": pl.String,
        "amount_fen": pl.Int64, "received_on": pl.Date,
    }
)  # fmt: skip
"""Help received: by a person, or by a household (then person_key is null)."""
LAYERS = {
    "大病保险": "cii_fen",
    "医疗救助": "maf_fen",
    "倾斜救助": "tilt_fen",
    "补充保险(一站结算)": "com_fen",
    "扶贫济困(一站结算)": "aid_fen",
}
"""Help that a settlement itself shows."""


def of_settlements(settlements: pl.DataFrame) -> pl.DataFrame:
    """RECEIVED at settlement: one row a settlement and layer that paid."""
    parts = [
        settlements.filter(pl.col(column) != 0).select(
            "person_key",
            household_id=pl.lit(None, pl.String),
            aid_kind=pl.lit(kind),
            source=pl.lit("结算"),
            amount_fen=column,
            received_on=pl.col("setl_time").dt.date(),
        )
        for kind, column in LAYERS.items()
        if column in settlements.columns
    ]
    return pl.concat([RECEIVED.to_frame(), *parts]).cast(RECEIVED)


def register(received: pl.DataFrame, members: pl.DataFrame, held: pl.DataFrame) -> pl.DataFrame:
    """One row a person or household, kind of help and source: n_payments, amount_fen, last_on, category, region_code.

    members: person_key, household_id of the year; held: person_key, category, region_code of the monitored. Help of a
    household counts for the households with a monitored member.
    """
    homes = held.join(members.unique("person_key"), on="person_key", how="left", maintain_order="left")
    by_person = (
        received.filter(pl.col("person_key").is_not_null()).drop("household_id").join(homes, on="person_key")
    )
    heads = homes.drop_nulls("household_id").sort("household_id", "person_key")
    heads = heads.unique("household_id", keep="first", maintain_order=True).drop("person_key")
    by_household = received.filter(pl.col("person_key").is_null()).join(heads, on="household_id")
    return (
        pl.concat([by_person, by_household], how="diagonal_relaxed")
        .group_by("region_code", "household_id", "person_key", "category", "aid_kind", "source")
        .agg(
            n_payments=pl.len().cast(pl.Int64),
            amount_fen=pl.col("amount_fen").sum(),
            last_on=pl.col("received_on").max(),
        )
        .sort("region_code", "household_id", "person_key", "aid_kind", "source", nulls_last=True)
    )


def listed_elsewhere(
    certificates: pl.DataFrame, members: pl.DataFrame, codes: list[str], first: date, last: date
) -> pl.DataFrame:
    """region_code, department, n_rows: people whom another department lists, living in a household of these
    categories of which they are not listed as members with them.

    certificates: person_key, county_code, code, department, valid_from, valid_to. members: person_key, household_id.
    """
    now = overlapping(certificates, first, last)
    own = now.filter(pl.col("code").is_in(codes)).select("person_key", "county_code").unique()
    homes = members.join(own, on="person_key").select("household_id", "county_code").unique()
    inside = members.join(homes, on="household_id").join(
        own.select("person_key"), on="person_key", how="anti"
    )
    others = now.filter(~pl.col("code").is_in(codes)).select("person_key", "department").unique()
    return (
        inside.join(others, on="person_key")
        .group_by(region_code="county_code", department=pl.col("department").fill_null("部门不详"))
        .agg(n_rows=pl.col("person_key").n_unique().cast(pl.Int64))
        .sort("region_code", "department")
    )
