"""Stays for which no deposit may be taken (先诊疗后付费，免除住院押金), 彭水府办发〔2023〕52号 二(六).

经基层首诊转诊的特困人员、低保对象在县内定点医疗机构住院: the category on the day of admission, a referral after a first
visit at a basic institution, a designated institution of the county. All amounts in fen.
"""

from __future__ import annotations

import polars as pl

from transforms.referral import referred_visits

NO_REFERRALS = "未提供转诊记录，不能认定是否经基层首诊转诊"
NO_FIRST = "转诊记录未标明是否基层首诊"
NO_KIND = "医疗类别不在代码表中"
NO_PLACE = "就医地不明"
TAKEN = "应免除押金而收取"


def with_chain(visits: pl.DataFrame, referrals: pl.DataFrame, delivered: bool) -> pl.DataFrame:
    """Adds chain to visits: true, false, or null where it is not known whether both facts are there (读法 A-P27).

    visits: as `referral.with_referral` takes them. referrals: core refl_appy_evt_c with person_key. A valid referral
    that covers the stay and says that the first visit was at a basic institution makes it true; one that is silent
    about that leaves it open; no referral at all: false, unless no list of referrals has come or the settlement itself
    says that it was referred.
    """
    silent = referrals.filter(pl.col("first_at_base").is_null())
    both = referred_visits(visits, referrals.filter(pl.col("first_at_base") == "1"))
    half = referred_visits(visits, silent)
    said = (pl.col("refl_stas").str.strip_chars() == "1").fill_null(False)
    listed = referred_visits(visits, referrals)
    chain = (
        pl.when(pl.col("visit_id").is_in(both.implode()))
        .then(pl.lit(True))
        .when(pl.col("visit_id").is_in(half.implode()))
        .then(None)
        .when(pl.col("visit_id").is_in(listed.implode()))
        .then(pl.lit(False))
        .when(said | pl.lit(not delivered))
        .then(None)
        .otherwise(pl.lit(False))
    )
    return visits.with_columns(chain=chain)


def entitled(visits: pl.DataFrame) -> pl.DataFrame:
    """The visits that are waived, or may be: with reason (null: all is known).

    visits: category (on the day of admission, null: none), inpatient, in_county, designated, chain.
    """
    possible = (
        pl.col("category").is_not_null()
        & pl.col("inpatient").fill_null(True)
        & pl.col("in_county").fill_null(True)
        & pl.col("designated").fill_null(True)
        & pl.col("chain").fill_null(True)
    )
    reason = (
        pl.when(pl.col("inpatient").is_null())
        .then(pl.lit(NO_KIND))
        .when(pl.col("in_county").is_null())
        .then(pl.lit(NO_PLACE))
        .when(pl.col("chain").is_null())
        .then(pl.when(pl.col("no_referrals")).then(pl.lit(NO_REFERRALS)).otherwise(pl.lit(NO_FIRST)))
    )
    return visits.with_columns(reason=reason).filter(possible)


def with_deposits(stays: pl.DataFrame, deposits: pl.DataFrame | None) -> pl.DataFrame:
    """Adds deposit_fen and verdict: waived, breach, unknown (no list of deposits), held.

    stays: `entitled`, with visit_id, person_key, mdtrt_id, institution_code, admitted_on, settled_on. deposits:
    person_key, setl_id, mdtrt_id, institution_code, admitted_on, taken_on, amount_fen; None where none were delivered.
    A deposit belongs to the stay that it names, else to that of its person during which it was taken, at its
    institution where it names one. One that was given back was taken all the same.
    """
    if deposits is None:
        taken = stays.with_columns(deposit_fen=pl.lit(None, pl.Int64))
    else:
        taken = stays.join(_by_stay(stays, deposits), on="visit_id", how="left", maintain_order="left")
        taken = taken.with_columns(pl.col("deposit_fen").fill_null(0))
    verdict = (
        pl.when(pl.col("reason").is_not_null())
        .then(pl.lit("held"))
        .when(pl.col("deposit_fen").is_null())
        .then(pl.lit("unknown"))
        .when(pl.col("deposit_fen") > 0)
        .then(pl.lit("breach"))
        .otherwise(pl.lit("waived"))
    )
    reason = pl.when(verdict == "breach").then(pl.lit(TAKEN)).otherwise("reason")
    return taken.with_columns(verdict=verdict, reason=reason)


def _by_stay(stays: pl.DataFrame, deposits: pl.DataFrame) -> pl.DataFrame:
    """visit_id, deposit_fen; each deposit once."""
    rows = deposits.with_row_index("_no")
    named = rows.filter(pl.col("setl_id").is_not_null() | pl.col("mdtrt_id").is_not_null())
    keys = stays.select("visit_id", "person_key", "mdtrt_id")
    by_settlement = named.join(keys.select("visit_id"), left_on="setl_id", right_on="visit_id").select(
        "_no", "amount_fen", visit_id="setl_id"
    )
    by_visit = named.join(keys.drop_nulls("mdtrt_id"), on=["person_key", "mdtrt_id"]).select(
        "_no", "amount_fen", "visit_id"
    )
    day = pl.coalesce("admitted_on", "taken_on")
    loose = rows.join(pl.concat([by_settlement, by_visit]), on="_no", how="anti")
    spans = stays.select(
        "visit_id", "person_key", _at="institution_code", _from="admitted_on", _to="settled_on"
    )
    by_day = (
        loose.with_columns(_day=day)
        .join(spans, on="person_key")
        .filter(pl.col("_day").is_between("_from", "_to"))
        .filter(
            pl.col("institution_code").is_null()
            | (pl.col("institution_code") == pl.col("_at")).fill_null(False)
        )
        .select("_no", "amount_fen", "visit_id")
    )
    return (
        pl.concat([by_settlement, by_visit, by_day])
        .sort("_no", "visit_id")
        .unique("_no", keep="first", maintain_order=True)
        .group_by("visit_id")
        .agg(deposit_fen=pl.col("amount_fen").sum())
    )
