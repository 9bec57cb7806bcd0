"""Units above the local standard, open until what lies above it is paid (高额医疗费用动态清零, 浙政办发〔2022〕42号 二(三)).

The local standard is a household cap or the threshold of a relief (读法 A-Z04). All amounts in fen.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from transforms.indicators_people import APPROVED

ELSEWHERE = ("not_pilot", "not_in_force")
"""States of a unit for which the standard is not in place."""


def high_cost(gaps: pl.DataFrame, self_paid: pl.DataFrame, cost_year: int, on: date) -> pl.DataFrame:
    """One row a unit with a burden above its standard: what aid covers of the excess, and what is left of it.

    gaps: rows of mart.cap_gap. self_paid: benefit_id, pol_fen, self_pay_fen (null: unknown). residual_fen: the
    excess less what was paid. state (读法 A-Z05): cleared where that is nothing, approved where aid for the whole of
    the excess is approved, else open. n_days: since the end of the cost year, null while it runs.
    """
    excess, paid = pl.col("gap_fen"), pl.col("paid_fen").fill_null(0)
    granted = pl.col("status").is_in(list(APPROVED)) | pl.col("confirmed").fill_null(False)
    approved = granted & (pl.col("amount_fen") >= excess).fill_null(False)
    state = (
        pl.when(paid >= excess)
        .then(pl.lit("cleared"))
        .when(approved)
        .then(pl.lit("approved"))
        .otherwise(pl.lit("open"))
    )
    days = (on - date(cost_year, 12, 31)).days
    return (
        gaps.filter((excess > 0) & ~pl.col("status").is_in(list(ELSEWHERE)))
        .join(self_paid, on="benefit_id", how="left", maintain_order="left")
        .select(
            "region_code",
            "township_code",
            "village",
            "unit_type",
            "unit_id",
            "household_id",
            "cost_year",
            "category",
            "burden_fen",
            "pol_fen",
            "self_pay_fen",
            benefit_rule_id="rule_id",
            standard_fen="cap_fen",
            excess_fen=excess,
            aid_fen="amount_fen",
            paid_fen=paid,
            residual_fen=(excess - paid).clip(lower_bound=0),
            state=state,
            n_days=pl.lit(days if days > 0 else None, pl.Int64),
        )
        .sort(
            "benefit_rule_id",
            "region_code",
            "residual_fen",
            "unit_id",
            descending=[False, False, True, False],
        )
    )


def self_paid(items: pl.DataFrame, settlements: pl.DataFrame) -> pl.DataFrame:
    """benefit_id, pol_fen, self_pay_fen of the counted costs: policy-range costs, and what the three systems left.

    items: mart.benefit_item; settlements: Burdens.settlements. One unknown part leaves the sum unknown; a payment of
    assistance or tilt relief that the extract does not show is none.
    """
    left = (
        pl.col("pol_fen")
        - pl.sum_horizontal("bas_fen", "cii_fen", "lrg_fen", ignore_nulls=False)
        - pl.col("maf_fen").fill_null(0)
        - pl.col("tilt_fen").fill_null(0)
    ).clip(lower_bound=0)
    theirs = items.select("person_key", "benefit_id", "settlement_id", "counted").filter("counted")
    counted = theirs.select("benefit_id", "settlement_id").unique()
    # few people of all, and a number is looked up faster than a text
    own = settlements.lazy().filter(pl.col("person_key").is_in(theirs["person_key"].unique().implode()))
    costs = own.select(settlement_id="setl_id", pol_fen="pol_fen", left_fen=left).collect()
    costs = costs.join(counted, on="settlement_id", how="semi").unique("settlement_id")
    whole = [
        pl.when(pl.col(name).null_count() == 0).then(pl.col(name).sum()).alias(new)
        for name, new in (("pol_fen", "pol_fen"), ("left_fen", "self_pay_fen"))
    ]
    return (
        counted.join(costs, on="settlement_id", how="left")
        .group_by("benefit_id")
        .agg(whole)
        .sort("benefit_id")
    )
