"""Tilt relief (倾斜救助, 彭水府办发〔2023〕52号 二(三)3): on what assistance leaves of one visit's policy-range cost.

For properly referred visits inside the municipality (规范转诊且在市内就医): R1 = R0 − assistance at or above the
threshold of the category gives its share of the whole of R1, within an annual account of its own. Amounts in fen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from schemas.assistance import Assistance

NO_KIND = "医疗类别不在代码表中"
NO_R0 = "政策范围内费用或基金支付不明"
NO_REFERRAL = "转诊情况不明"
NO_PLACE = "就医地不明"
NOT_REFERRED = "未按规定转诊，不予倾斜救助"
OUTSIDE = "不在市内就医，不予倾斜救助"


def with_tilt(visits: pl.DataFrame, assistance: Assistance, readings: dict[str, str]) -> pl.DataFrame:
    """Adds what the walk over the accounts needs: tilt_open (all but the threshold is met), tilt_reason (why held).

    visits: as `assistance.with_assistance` gives them.
    """
    rule = assistance.rules.get("tilt")
    named = pl.col("eligible") & pl.col("tilt_numerator").is_not_null()
    denied = (pl.col("referral") == "not_referred") | (~pl.col("inside")).fill_null(False)
    reason = (
        pl.when(pl.col("ma_reason").is_not_null())
        .then("ma_reason")
        .when(denied)
        .then(None)
        .when(pl.col("inpatient").is_null())
        .then(pl.lit(NO_KIND))
        .when(pl.col("referral") == "unknown")
        .then(pl.lit(NO_REFERRAL))
        .when(pl.col("inside").is_null())
        .then(pl.lit(NO_PLACE))
        .when(pl.col("r0_fen").is_null())
        .then(pl.lit(NO_R0))
    )
    rows = visits.with_columns(
        tilt_named=named.fill_null(False),
        tilt_denied=denied.fill_null(False),
        tilt_reason=reason,
        is_inpatient=pl.col("inpatient").fill_null(False),
        tilt_inclusive=pl.lit(rule is not None and rule.inclusive),
    )
    held = pl.col("tilt_named") & pl.col("tilt_reason").is_not_null()
    return rows.with_columns(
        tilt_open=pl.col("tilt_named") & ~pl.col("tilt_denied") & pl.col("tilt_reason").is_null(),
        tilt_possible_fen=pl.when(held)
        .then(pl.col("upper_fen") * pl.col("tilt_numerator") // pl.col("tilt_denominator") + 1)
        .otherwise(0),
        known_r0_fen="r0_fen",
    ).with_columns(
        pl.col(
            "r0_fen", "limit_special_fen", "limit_inpatient_fen", "limit_tilt_fen", "deductible_fen"
        ).fill_null(0),
        pl.col("tilt_threshold_fen", "tilt_numerator").fill_null(0),
        pl.col("tilt_denominator").fill_null(1),
    )


def with_tilt_result(walked: pl.DataFrame, assistance: Assistance) -> pl.DataFrame:
    """After the walk: tilt_line (the visit has a line) and tilt_fen (null: held)."""
    threshold = pl.col("tilt_threshold_fen")
    known = pl.col("ma_known") & pl.col("known_r0_fen").is_not_null()
    could = (
        pl.when("tilt_inclusive")
        .then(pl.col("upper_fen") >= threshold)
        .otherwise(pl.col("upper_fen") > threshold)
    )
    reached = pl.when(known).then(pl.col("tilt_met")).otherwise(could)
    held = pl.col("tilt_reason").is_not_null()
    return walked.with_columns(r0_fen="known_r0_fen", tilt_line=pl.col("tilt_named") & reached).with_columns(
        tilt_fen=pl.when(~(pl.col("tilt_line") & held)).then("tilt_fen"),
        tilt_after_fen=pl.when(~(pl.col("tilt_line") & held)).then("tilt_after_fen"),
    )
