"""Refunds and reversals (semantics: what counts as a settlement; X-04 冲正视同未发生).

`decide` gets the few rows that can have to do with a reversal and says of each what it is. It knows no years: a
refund of January takes the settlement of last December with it.

States: `reversed` (the pair never happened), `refund` (taken off its original, which stays), `listed` (counts nowhere,
a person must look), `half_missing` (flagged as refunded, the refund is not there), `counted`; for refunds of rows
that are out of scope, the state of these.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, time
from typing import Any, NamedTuple

import polars as pl

from schemas.core import AMOUNTS
from transforms import scope

MONEY = tuple(AMOUNTS)
NEVER_TAKEN_AS_ZERO = ("tot_fen", "psn_fen", "cash_fen", "fund_fen", "pol_fen")
VERDICTS = pl.Schema(
    {
        "setl_id": pl.String,
        "state": pl.String,
        "reason": pl.String,
        "partner_id": pl.String,
        "partner_year": pl.Int32,
    }
)
REASONS_ZH = {
    "full_refund": "已全额退费，原结算与退费均视同未发生",
    "unlinked_pair": "无原结算ID的负数行与原结算配对，均视同未发生",
    "partial_refund": "部分退费，已从原结算中扣减",
    "refund_of_uncounted": "所退的结算不计算，退费也不计算",
    "refund_without_original": "退费行的原结算尚未收到",
    "refund_of_refund": "退费行所指的又是退费行",
    "refund_larger_than_original": "退费合计大于原结算",
    "refund_of_negative": "退费行所指的原结算为负数且金额不等",
    "negative_without_original": "负数行找不到可配对的原结算",
    "negative_ambiguous": "负数行有多笔可配对的原结算且内容不同",
    "refund_row_missing": "标记为已退费，但退费行未收到",
}


class Decision(NamedTuple):
    """`verdicts`: one row per given row; `netting`: what partial refunds add to their originals (fen, signed)."""

    verdicts: pl.DataFrame
    netting: pl.DataFrame


def decide(rows: pl.DataFrame) -> Decision:
    """State of each current settlement row given, over all years at once.

    `rows` are core settlement columns + `person_key`, one row per setl_id: every special row (`scope.special`), the
    originals that refunds name, and the positive rows that unlinked negatives may reverse.
    """
    rows = rows.with_columns(
        scope.state().alias("_scope"),
        scope.reason().alias("_scope_reason"),
        scope.negative().alias("_negative"),
        scope.correction().alias("_correction"),
        scope.flagged().alias("_flagged"),
    )
    refunds = linked(rows)
    by_original = refunds.filter(pl.col("state").is_null())
    originals, refund_states, netting = balanced(rows, by_original)
    named = originals["setl_id"].implode()
    unlinked = (
        pl.col("_scope").is_null()
        & pl.col("init_setl_id").is_null()
        & pl.col("_negative")
        & ~pl.col("_correction")
        & ~pl.col("setl_id").is_in(named)
    )
    candidate = (
        pl.col("_scope").is_null()
        & pl.col("init_setl_id").is_null()
        & ~pl.col("_negative")
        & ((pl.col("tot_fen") > 0) | (pl.col("psn_fen") > 0))
        & ~pl.col("setl_id").is_in(named)
    )
    pairs = paired(rows.filter(unlinked), rows.filter(candidate))
    settled = pl.concat(
        [_verdicts(refunds.filter(pl.col("state").is_not_null())), refund_states, originals, pairs]
    )
    rest = rows.join(settled, on="setl_id", how="anti").select(
        "setl_id",
        state=pl.coalesce(
            "_scope",
            pl.when(pl.col("_flagged")).then(pl.lit("half_missing")),
            pl.lit("counted"),
        ),
        reason=pl.coalesce("_scope_reason", pl.when(pl.col("_flagged")).then(pl.lit("refund_row_missing"))),
        partner_id=pl.lit(None, pl.String),
        partner_year=pl.lit(None, pl.Int32),
    )
    return Decision(pl.concat([settled, rest]).sort("setl_id"), netting)


def _verdicts(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(VERDICTS.names()).cast(VERDICTS)


def linked(rows: pl.DataFrame) -> pl.DataFrame:
    """Refund rows (原结算ID filled) with their original; `state` is set where it cannot be a plain refund."""
    original = rows.select(
        pl.col("setl_id").alias("partner_id"),
        pl.col("cost_year").alias("partner_year"),
        pl.col("tot_fen").alias("original_tot"),
        pl.col("_scope").alias("original_scope"),
        pl.col("init_setl_id").is_not_null().alias("original_is_refund"),
    )
    refunds = rows.filter(pl.col("_scope").is_null() & pl.col("init_setl_id").is_not_null())
    refunds = refunds.join(
        original, left_on="init_setl_id", right_on="partner_id", how="left", coalesce=False
    )
    why = (
        pl.when(pl.col("partner_id").is_null())
        .then(pl.lit("refund_without_original"))
        .when(pl.col("original_scope").is_not_null())
        .then(pl.lit("refund_of_uncounted"))
        .when(pl.col("original_is_refund"))
        .then(pl.lit("refund_of_refund"))
    )
    return refunds.with_columns(why.alias("reason")).with_columns(
        pl.when(pl.col("reason") == "refund_of_uncounted")
        .then("original_scope")
        .when(pl.col("reason").is_not_null())
        .then(pl.lit("listed"))
        .alias("state")
    )


def signed(column: str) -> pl.Expr:
    """An amount of a refund row as it changes the original: a positive refund row is negated as a whole."""
    positive = (pl.col("tot_fen") > 0) | ((pl.col("tot_fen") == 0) & (pl.col("psn_fen") > 0))
    amount = pl.col(column)
    if column not in NEVER_TAKEN_AS_ZERO:
        amount = pl.when(amount.is_null() & (pl.col("form_d") == "ok")).then(0).otherwise(amount)
    return pl.when(positive).then(-amount).otherwise(amount)


def balanced(rows: pl.DataFrame, refunds: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Refunds of one original added up and held against it: (verdicts of originals, of refunds, netting)."""
    added = (
        refunds.select(
            pl.col("init_setl_id").alias("setl_id"),
            pl.col("original_tot"),
            pl.col("cost_year").alias("refund_year"),
            pl.col("setl_id").alias("refund_id"),
            *(signed(name).alias(name) for name in MONEY),
        )
        .group_by("setl_id")
        .agg(
            pl.col("original_tot").first(),
            pl.col("refund_id").min(),
            pl.col("refund_year").first(),
            *(sum_known(name) for name in MONEY),
        )
        .with_columns(
            pl.when(pl.col("tot_fen").abs() == pl.col("original_tot").abs())
            .then(pl.lit("full_refund"))
            .when(pl.col("original_tot") < 0)
            .then(pl.lit("refund_of_negative"))
            .when(pl.col("tot_fen").abs() < pl.col("original_tot"))
            .then(pl.lit("partial_refund"))
            .otherwise(pl.lit("refund_larger_than_original"))
            .alias("reason")
        )
    )
    full, partial = pl.col("reason") == "full_refund", pl.col("reason") == "partial_refund"
    of_original = (
        pl.when(full)
        .then(pl.lit("reversed"))
        .when(partial)
        .then(pl.lit("counted"))
        .otherwise(pl.lit("listed"))
    )
    of_refund = (
        pl.when(full)
        .then(pl.lit("reversed"))
        .when(partial)
        .then(pl.lit("refund"))
        .otherwise(pl.lit("listed"))
    )
    originals = added.with_columns(
        of_original.alias("state"),
        pl.col("refund_id").alias("partner_id"),
        pl.col("refund_year").alias("partner_year"),
    )
    states = (
        refunds.drop("reason", "state")
        .join(added.select("setl_id", "reason"), left_on="init_setl_id", right_on="setl_id", how="left")
        .with_columns(of_refund.alias("state"))
    )
    return _verdicts(originals), _verdicts(states), added.filter(partial).select("setl_id", *MONEY)


def sum_known(name: str) -> pl.Expr:
    """Sum that is null when any term is null: unknown is never zero."""
    return pl.when(pl.col(name).is_not_null().all()).then(pl.col(name).sum())


def paired(negatives: pl.DataFrame, candidates: pl.DataFrame) -> pl.DataFrame:
    """Verdicts on unlinked negative rows and on the positive rows that they reverse.

    In the order of time each negative row takes the only candidate (same person, institution and absolute total,
    settled no later), or the latest of several that agree in cost year and every amount; else it is listed.
    """
    if negatives.is_empty():
        return VERDICTS.to_frame()
    place = ["person_key", "institution_code", "_size"]
    negatives = negatives.with_columns(pl.col("tot_fen").abs().alias("_size"))
    candidates = candidates.with_columns(pl.col("tot_fen").abs().alias("_size"))
    same = pl.concat_str(pl.col("cost_year", *MONEY).cast(pl.String).fill_null("?"), separator="|").alias(
        "_content"
    )
    wanted = candidates.join(negatives.select(place).unique(), on=place, how="semi")
    offers: dict[tuple[Any, ...], list[tuple[datetime, str, int, str]]] = defaultdict(list)
    for *key, at, setl_id, year, content in (
        wanted.sort("setl_time", "setl_id")
        .select(*place, "setl_time", "setl_id", "cost_year", same)
        .iter_rows()
    ):
        offers[tuple(key)].append((at, setl_id, year, content))
    out: list[tuple[str, str, str, str | None, int | None]] = []
    for *key, at, setl_id, year in (
        negatives.sort("setl_time", "setl_id").select(*place, "setl_time", "setl_id", "cost_year").iter_rows()
    ):
        open_offers = offers[tuple(key)]
        fitting = [offer for offer in open_offers if no_later(offer[0], at)]
        if not fitting or len({offer[3] for offer in fitting}) > 1:
            why = "negative_ambiguous" if fitting else "negative_without_original"
            out.append((setl_id, "listed", why, None, None))
            continue
        taken = fitting[-1]
        open_offers.remove(taken)
        out.append((setl_id, "reversed", "unlinked_pair", taken[1], taken[2]))
        out.append((taken[1], "reversed", "unlinked_pair", setl_id, year))
    return pl.DataFrame(out, schema=VERDICTS, orient="row")


def no_later(first: datetime, second: datetime) -> bool:
    """Settled no later: by the time where both have one (midnight is a bare date), else by the date."""
    if first.time() == time.min or second.time() == time.min:
        return first.date() <= second.date()
    return first <= second
