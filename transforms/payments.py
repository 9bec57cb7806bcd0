"""Which settlement, or which person and year, a supplementary payment (其他保障待遇) helps.

A payment names a settlement, or is a lump (一次性) of its person and cost year, or reduces nothing. What it
is decides `state`:

named         names a counted settlement of its person
followed      names a reversed settlement and follows it to the re-issue of the same visit (mdtrt_id)
lump          a lump of person and year; with a finding where it names a settlement that cannot take it
private       商业保险: shown, reduces nothing
not_medical   临时救助 that neither names a settlement nor says 医疗: reduces nothing
fund          封顶化解, paid by a fund that is filled from these results: reduces nothing
held          waits for a person: wrong person, unknown kind, a payout of the fund in the guise of 慈善
"""

from __future__ import annotations

import polars as pl

SUPPLEMENTARY = ("政策性商业保险", "惠民保")
SUBSIDIES = ("优抚", "医疗互助", "工会", "残联", "慈善", "临时救助")
PRIVATE = "商业保险"
FUND_PAYOUT = "封顶化解"
CHARITY = "慈善"
TEMPORARY_AID = "临时救助"

REISSUED = ("reversed", "half_missing", "refund", "layer")
"""States of a named settlement whose payment moves to another settlement of the same visit."""

NAMED = pl.Schema(
    {
        "setl_id": pl.String(),
        "mdtrt_id": pl.String(),
        "person_key": pl.Int64(),
        "cost_year": pl.Int32(),
        "setl_time": pl.Datetime("us"),
        "state": pl.String(),
    }
)

FINDINGS = {
    "wrong_person": "身份证号与所指结算的参保人不一致，暂不抵扣，请核对",
    "unknown_kind": "待遇类别不在约定范围，暂不抵扣，请更正",
    "charity_names_fund": "慈善款说明或支付单位指向封顶基金，疑为本基金支出，暂不抵扣，请核对",
    "charity_equals_paid": "慈善款与已付台账同户同年同额，疑为本基金支出，暂不抵扣，请核对",
    "fund_without_ledger": "封顶化解款在已付台账中没有对应记录，请补登台账",
    "reversed_without_reissue": "所指结算已冲正且无重新结算，按本人当年一次性待遇处理",
    "unknown_settlement": "所指结算不存在、被拒绝或待核，按本人费用年度的一次性待遇处理",
    "negative_sum": "退回金额大于已付金额，暂不抵扣，请核对",
}


def named_settlements(
    payments: pl.DataFrame, settlements: pl.LazyFrame, near: pl.LazyFrame | None = None
) -> pl.DataFrame:
    """What payments point at, of any year and state: the settlements named and all of the same visit.

    `settlements`: setl_id, mdtrt_id, person_key, cost_year, setl_time, state, one row per setl_id (its
    current row). `near`: those of them among which all named ones are (None: any of them may be).
    """

    def with_value(rows: pl.LazyFrame, column: str, values: pl.Series) -> pl.DataFrame:
        wanted = pl.col(column).is_in(values.drop_nulls().unique().implode())
        return rows.select(list(NAMED)).filter(wanted).collect(engine="streaming")

    direct = with_value(settlements if near is None else near, "setl_id", payments["setl_id"])
    moved = direct.filter(pl.col("state").is_in(REISSUED))["mdtrt_id"].drop_nulls()
    found = direct if moved.is_empty() else pl.concat([direct, with_value(settlements, "mdtrt_id", moved)])
    return found.unique("setl_id", maintain_order=True).cast(NAMED)


def matched(payments: pl.DataFrame, named: pl.DataFrame, paid_people: pl.DataFrame) -> pl.DataFrame:
    """Each payment with where it goes.

    In: core Payment + person_key; `named` as `named_settlements`; `paid_people` person_key, cost_year,
    amount_fen: the lines of the paid ledger of the units that a person belongs to. Out: the payments with
    class (com, sub or null), state, settlement_id (that it reduces), year (the cost year it bears on),
    finding (key of FINDINGS).
    """
    looked_up = _with_target(payments.with_row_index("payment_no"), named)
    reversed_ = pl.col("named_state").is_in(REISSUED)
    own = pl.col("named_person") == pl.col("person_key")
    counted = pl.col("named_state") == "counted"
    target = pl.when(counted).then("setl_id").when(reversed_).then("target_id")
    year = (
        pl.when(own & counted)
        .then("named_year")
        .when(own & reversed_)
        .then(pl.coalesce("target_year", "named_year"))
        .otherwise("cost_year")
    )
    placed = looked_up.with_columns(
        pl.when(pl.col("kind").is_in(SUPPLEMENTARY))
        .then(pl.lit("com"))
        .when(pl.col("kind").is_in(SUBSIDIES))
        .then(pl.lit("sub"))
        .alias("class"),
        target.alias("settlement_id"),
        year.cast(pl.Int32).alias("year"),
        own.alias("own"),
    )
    return (
        placed.join(_as_paid(paid_people), on=["person_key", "year", "amount_fen"], how="left")
        .with_columns(pl.col("in_ledger").fill_null(False))
        .with_columns(_state(counted), _finding(counted, reversed_))
        .with_columns(
            pl.when(pl.col("state").is_in(["named", "followed"])).then("settlement_id").alias("settlement_id")
        )
        .sort("payment_no")
        .drop("payment_no", "own", "in_ledger", "target_id", "target_year", "^named_.*$")
    )


def _with_target(payments: pl.DataFrame, named: pl.DataFrame) -> pl.DataFrame:
    """Payments with the settlement they name (named_*) and, of one that was reversed, its re-issue
    (target_*).

    The re-issue is the first counted settlement of the same visit and person, settled no earlier than the
    reversed one; for a layer (补充层) or a partial refund the settlement that it belongs to, whenever
    settled.
    """
    seen = named.select(
        "setl_id",
        named_state="state",
        named_person="person_key",
        named_year="cost_year",
        named_visit="mdtrt_id",
        named_time="setl_time",
    )
    reissues = named.filter((pl.col("state") == "counted") & pl.col("mdtrt_id").is_not_null()).select(
        named_visit="mdtrt_id",
        named_person="person_key",
        target_id="setl_id",
        target_year="cost_year",
        target_time="setl_time",
    )
    looked_up = payments.join(seen, on="setl_id", how="left")
    targets = (
        looked_up.filter(pl.col("named_state").is_in(REISSUED))
        .select("payment_no", "named_visit", "named_person", "named_time", "named_state")
        .join(reissues, on=["named_visit", "named_person"])
        .filter(
            (pl.col("target_time") >= pl.col("named_time")) | pl.col("named_state").is_in(["layer", "refund"])
        )
        .sort("payment_no", "target_time", "target_id")
        .unique("payment_no", keep="first", maintain_order=True)
        .select("payment_no", "target_id", "target_year")
    )
    return looked_up.join(targets, on="payment_no", how="left")


def _as_paid(paid_people: pl.DataFrame) -> pl.DataFrame:
    return paid_people.select(
        "person_key", pl.col("cost_year").cast(pl.Int32).alias("year"), "amount_fen", in_ledger=pl.lit(True)
    ).unique()


def _state(counted: pl.Expr) -> pl.Expr:
    kind = pl.col("kind")
    charity_of_fund = (kind == CHARITY) & (pl.col("names_fund") | pl.col("in_ledger"))
    not_medical = (kind == TEMPORARY_AID) & pl.col("setl_id").is_null() & ~pl.col("says_medical")
    known_kind = pl.col("class").is_not_null() | kind.is_in([PRIVATE, FUND_PAYOUT])
    return (
        pl.when(~known_kind)
        .then(pl.lit("held"))
        .when(kind == FUND_PAYOUT)
        .then(pl.lit("fund"))
        .when(~pl.col("own"))
        .then(pl.lit("held"))
        .when(kind == PRIVATE)
        .then(pl.lit("private"))
        .when(not_medical)
        .then(pl.lit("not_medical"))
        .when(charity_of_fund)
        .then(pl.lit("held"))
        .when(counted)
        .then(pl.lit("named"))
        .when(pl.col("settlement_id").is_not_null())
        .then(pl.lit("followed"))
        .otherwise(pl.lit("lump"))
        .alias("state")
    )


def _finding(counted: pl.Expr, reversed_: pl.Expr) -> pl.Expr:
    kind = pl.col("kind")
    known_kind = pl.col("class").is_not_null() | kind.is_in([PRIVATE, FUND_PAYOUT])
    names = pl.col("setl_id").is_not_null() & pl.col("class").is_not_null()
    return (
        pl.when(~known_kind)
        .then(pl.lit("unknown_kind"))
        .when((kind == FUND_PAYOUT) & ~pl.col("in_ledger"))
        .then(pl.lit("fund_without_ledger"))
        .when(kind == FUND_PAYOUT)
        .then(None)
        .when(~pl.col("own"))
        .then(pl.lit("wrong_person"))
        .when((kind == CHARITY) & pl.col("names_fund"))
        .then(pl.lit("charity_names_fund"))
        .when((kind == CHARITY) & pl.col("in_ledger"))
        .then(pl.lit("charity_equals_paid"))
        .when(names & reversed_ & pl.col("settlement_id").is_null())
        .then(pl.lit("reversed_without_reissue"))
        .when(names & ~reversed_.fill_null(False) & ~counted.fill_null(False))
        .then(pl.lit("unknown_settlement"))
        .alias("finding")
    )
