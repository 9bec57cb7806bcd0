"""How far applications for assistance (依申请救助) have come, and how long they have waited (彭水府办发〔2023〕52号 二(四)2).

The document sets no deadline, so an application is never late here; it has an age.
"""

from __future__ import annotations

from datetime import date

import polars as pl

STAGES = {
    "applied": "已申请，未受理",
    "accepted": "已受理，未审核",
    "reviewed": "已审核，未审批",
    "decided": "已审批，未给付",
    "refused": "不予救助",
    "paid": "已给付",
}
"""The steps of an application: the last one that has been done."""
OPEN = ("applied", "accepted", "reviewed")
REFUSED = r"不予|不符|不通过|未通过|退回|驳回|不同意|拒绝|不属"
"""Wordings of an outcome that refuses."""


def with_stage(applications: pl.DataFrame, on: date) -> pl.DataFrame:
    """Adds stage and n_days to applications as received.

    In: applied_on, accepted_on, reviewed_on, decided_on, paid_on, outcome. A step dated after `on` has not been done
    yet. n_days: from the application to its decision, or to `on` while there is none.
    """
    steps = ["accepted_on", "reviewed_on", "decided_on", "paid_on"]
    done = {name: (pl.col(name) <= on).fill_null(False) for name in steps}
    refused = pl.col("outcome").str.contains(REFUSED).fill_null(False)
    answered = done["decided_on"] | (done["reviewed_on"] & refused)
    stage = (
        pl.when(done["paid_on"])
        .then(pl.lit("paid"))
        .when(answered & refused)
        .then(pl.lit("refused"))
        .when(done["decided_on"])
        .then(pl.lit("decided"))
        .when(done["reviewed_on"])
        .then(pl.lit("reviewed"))
        .when(done["accepted_on"])
        .then(pl.lit("accepted"))
        .otherwise(pl.lit("applied"))
    )
    last = pl.coalesce("decided_on", pl.when(refused).then("reviewed_on"), "paid_on")
    until = pl.min_horizontal(last, pl.lit(on))
    return applications.with_columns(
        stage=stage, n_days=(until - pl.col("applied_on")).dt.total_days().clip(lower_bound=0)
    )


def waiting(rows: pl.DataFrame) -> pl.DataFrame:
    """rule_id, region_code, stage, n_rows, longest: the applications without a decision, by how far they have come."""
    return (
        rows.filter(pl.col("stage").is_in(list(OPEN)))
        .group_by("rule_id", "region_code", "stage")
        .agg(n_rows=pl.len().cast(pl.Int64), longest=pl.col("n_days").max())
        .sort("rule_id", "region_code", "stage")
    )
