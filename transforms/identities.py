"""Accounting identities of one settlement row (semantics §3): which of them hold, in which form, and what follows.

A: TOT = OOC + OVL + PRE + POL; B: TOT = FUND + PSN + HOSP, or with the account inside the fund total
TOT = FUND − ACCT + PSN + HOSP; C: PSN = ACCT + CASH, or with MUL; D: the fund parts sum to FUND, or to FUND − ACCT
where B held so. Tolerance one fen. All amounts are fen, Int64; null is unknown and leaves an identity untested.
"""

from __future__ import annotations

import polars as pl

from schemas.core import FUND_PARTS

TOLERANCE_FEN = 1


def _sum_known(names: tuple[str, ...]) -> pl.Expr:
    return pl.sum_horizontal(pl.col(names))


def _holds(left: pl.Expr, right: pl.Expr) -> pl.Expr:
    return (left - right).abs() <= TOLERANCE_FEN


def fill_optional(frame: pl.DataFrame) -> pl.DataFrame:
    """Absent or empty optional amounts are 0 where an identity holds without them, else they stay unknown.

    Fund parts, hospital share, account and mutual account: 0 where the fund parts present sum to the fund total
    (D), or to the total less the account. The three parts of A (全自费, 超限价, 先行自付): 0 where A holds so.
    """
    optional = [n for n in (*FUND_PARTS, "hosp_fen", "acct_fen", "mul_fen") if frame[n].null_count()]
    parts_of_a = [n for n in ("ooc_fen", "ovl_fen", "pre_fen") if frame[n].null_count()]
    if not optional and not parts_of_a:
        return frame
    zero = pl.lit(0, dtype=pl.Int64)
    fund_less_account = pl.col("fund_fen") - pl.col("acct_fen").fill_null(0)
    staged = frame.with_columns(
        __parts=_sum_known(FUND_PARTS), __any=pl.any_horizontal(pl.col(FUND_PARTS).is_not_null())
    )
    account_inside = _holds(
        pl.col("tot_fen"), fund_less_account + pl.col("psn_fen") + pl.col("hosp_fen").fill_null(0)
    )
    holds_d = pl.col("__any") & (
        _holds(pl.col("__parts"), pl.col("fund_fen"))
        | (account_inside & _holds(pl.col("__parts"), fund_less_account))
    )
    known_a = pl.sum_horizontal("ooc_fen", "ovl_fen", "pre_fen", "pol_fen")
    holds_a = pl.col("pol_fen").is_not_null() & _holds(known_a, pl.col("tot_fen"))
    staged = staged.with_columns(__d=holds_d.fill_null(False), __a=holds_a.fill_null(False))
    return staged.with_columns(
        *(
            pl.when(pl.col(n).is_null() & pl.col("__d")).then(zero).otherwise(pl.col(n)).alias(n)
            for n in optional
        ),
        *(
            pl.when(pl.col(n).is_null() & pl.col("__a")).then(zero).otherwise(pl.col(n)).alias(n)
            for n in parts_of_a
        ),
    ).drop("__parts", "__any", "__d", "__a")


def with_identities(frame: pl.DataFrame) -> pl.DataFrame:
    """Add `form_a` … `form_d` and the masks `broken_b`, `broken_c`; a broken A makes `pol_fen` unknown.

    A hospital share that is unknown leaves B untested unless B holds without it; likewise the mutual account in C.
    """
    tot, fund, psn = pl.col("tot_fen"), pl.col("fund_fen"), pl.col("psn_fen")
    hosp, acct, cash, mul = (pl.col(n) for n in ("hosp_fen", "acct_fen", "cash_fen", "mul_fen"))
    a = _holds(tot, pl.col("ooc_fen") + pl.col("ovl_fen") + pl.col("pre_fen") + pl.col("pol_fen"))
    with_hospital = fund + psn + hosp.fill_null(0)
    b_plain, b_account = _holds(tot, with_hospital), _holds(tot, with_hospital - acct)
    c_plain, c_mul = _holds(psn, acct + cash), _holds(psn, acct + cash + mul)
    c_no_account = acct.is_null() & _holds(psn, cash)
    staged = frame.with_columns(
        form_a=pl.when(a).then(pl.lit("ok")).when(a.is_not_null()).then(pl.lit("broken")),
        form_b=pl.when(b_plain).then(pl.lit("plain")).when(b_account).then(pl.lit("acct_in_fund")),
        form_c=pl.when(c_plain | c_no_account).then(pl.lit("plain")).when(c_mul).then(pl.lit("mul")),
        broken_b=(hosp.is_not_null() & ~b_plain & ~b_account.fill_null(False)).fill_null(False),
        broken_c=(~c_plain & mul.is_not_null() & ~c_mul).fill_null(False),
        __parts=_sum_known(FUND_PARTS),
        __known=pl.all_horizontal(pl.col(FUND_PARTS).is_not_null()) & fund.is_not_null(),
    )
    in_fund = pl.col("form_b") == "acct_in_fund"
    expected = pl.when(in_fund).then(fund - acct).otherwise(fund)
    d = _holds(pl.col("__parts"), expected)
    return staged.with_columns(
        pol_fen=pl.when(pl.col("form_a") == "broken").then(None).otherwise(pl.col("pol_fen")),
        form_d=pl.when(~pl.col("__known")).then(None).when(d).then(pl.lit("ok")).otherwise(pl.lit("broken")),
    ).drop("__parts", "__known")
