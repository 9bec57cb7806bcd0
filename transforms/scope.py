"""Which settlement rows are settlements at all (semantics: what counts as a settlement)."""

from __future__ import annotations

import polars as pl

EMPLOYEE = ("310",)
RESIDENT = ("390", "380", "391")
OTHER_SCHEMES = ("340", "350", "360", "399")
KNOWN = (*EMPLOYEE, *RESIDENT, *OTHER_SCHEMES)
OUT_SCHEMES = ("410", "510")
LAYERS = ("320", "330", "370")
LAYER_PREFIXES = ("392", "610")
CORRECTION_REASONS = ("06", "08", "09", "10")

REASONS_ZH = {
    "invalid": "有效标志不为1",
    "seen_from_treatment_place": "就医地视角的异地结算行",
    "scheme_out_of_scope": "长期照护或生育保险，不在范围内",
    "layer_of_another": "补充保障层次的结算行，随基本医保结算，不重复计算",
}


def layer() -> pl.Expr:
    """The row is a layer (大病, 大额, 公务员, 企业补充, 医疗救助) of another settlement, attached by mdtrt_id."""
    code = pl.col("insutype")
    by_prefix = pl.any_horizontal(code.str.starts_with(prefix) for prefix in LAYER_PREFIXES)
    return code.is_in(LAYERS) | by_prefix


def reason() -> pl.Expr:
    """Why the row is no settlement of ours; null for one that is. The first that applies."""
    return (
        pl.when((pl.col("vali_flag") != "1").fill_null(False))
        .then(pl.lit("invalid"))
        .when((pl.col("out_flag") == "2").fill_null(False))
        .then(pl.lit("seen_from_treatment_place"))
        .when(pl.col("insutype").is_in(OUT_SCHEMES))
        .then(pl.lit("scheme_out_of_scope"))
        .when(layer())
        .then(pl.lit("layer_of_another"))
    )


def state() -> pl.Expr:
    """`out_of_scope`, `layer`, or null for a row that is a settlement (or its reversal)."""
    why = reason()
    return (
        pl.when(why == "layer_of_another")
        .then(pl.lit("layer"))
        .when(why.is_not_null())
        .then(pl.lit("out_of_scope"))
    )


def settled() -> pl.Expr:
    """The row is a settlement (or its reversal): `state` is null, said with whole columns and without texts."""
    elsewhere = (pl.col("vali_flag") != "1").fill_null(False) | (pl.col("out_flag") == "2").fill_null(False)
    other = (pl.col("insutype").is_in(OUT_SCHEMES) | layer()).fill_null(False)
    return ~(elsewhere | other)


def unknown_scheme() -> pl.Expr:
    """The insutype is in no list: the row counts, and a finding asks."""
    return ~(pl.col("insutype").is_in((*KNOWN, *OUT_SCHEMES)) | layer())


def negative() -> pl.Expr:
    """The row has a negative total or personal payment."""
    return (pl.col("tot_fen") < 0) | (pl.col("psn_fen") < 0)


def correction() -> pl.Expr:
    """A supplementary reimbursement (补充报销): lowers what was paid, counts with its sign, reverses nothing."""
    by_type = (pl.col("setl_type") == "3").fill_null(False)
    by_reason = pl.col("manl_reim_rea").is_in(CORRECTION_REASONS).fill_null(False)
    return (by_type | by_reason) & (pl.col("psn_fen") < 0) & pl.col("init_setl_id").is_null()


def flagged() -> pl.Expr:
    """The platform says that the row was refunded (or is a refund)."""
    return pl.col("refd_flag").is_in(("1", "2")).fill_null(False)


def special() -> pl.Expr:
    """The row may be part of a reversal: looked at one by one; all others are the mass."""
    return pl.col("init_setl_id").is_not_null() | negative() | flagged()
