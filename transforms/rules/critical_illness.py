"""Better terms of the resident critical-illness insurance (大病保险倾斜), 彭水府办发〔2023〕52号 二(二)2, computed again.

特困人员、低保对象和返贫致贫人口大病保险起付线降低50%，报销比例提高5个百分点，不设封顶线. Compared with what the extract
shows; it never takes the place of that, and no benefit follows from it. All amounts in fen.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import polars as pl

RESIDENT = ("390", "380", "391")
"""Schemes of the resident medical insurance, the only ones with these terms."""
NO_TERMS = "未提供大病保险的起付线、分段和比例，不能重算"
UNKNOWN = "有结算的政策范围内费用、统筹支付或大病保险支付不明"
HELD = "有结算待核对，按已知结算计算"


@dataclass(frozen=True)
class Terms:
    """The terms of one region and year: where each band begins and its share, lowest first; the yearly limit."""

    bands: tuple[tuple[int, Fraction], ...]
    cap_fen: int | None

    @property
    def threshold_fen(self) -> int:
        return self.bands[0][0]


@dataclass(frozen=True)
class Better:
    """What the document changes of them for its categories, from its first day on."""

    categories: tuple[str, ...]
    factor: Fraction
    added: Fraction
    capped: bool


def improved(terms: Terms, better: Better) -> Terms:
    """The terms with the lower threshold (half-up to the fen), each band's share raised to at most 100 %, no limit."""
    low = terms.threshold_fen * better.factor
    first = int((2 * low.numerator + low.denominator) // (2 * low.denominator))
    shares = [(start, min(Fraction(1), share + better.added)) for start, share in terms.bands]
    bands = ((first, shares[0][1]), *shares[1:])
    return Terms(bands, terms.cap_fen if better.capped else None)


def paid_up_to(terms: Terms, amount: pl.Expr) -> pl.Expr:
    """What the insurance pays of self-paid costs that add up to `amount`, in parts of a fen (`parts_of`), a whole
    number."""
    whole = parts_of(terms)
    ends = [start for start, _ in terms.bands[1:]] + [None]
    sums = []
    for (start, share), end in zip(terms.bands, ends, strict=True):
        width = (amount - start).clip(lower_bound=0)
        inside = width if end is None else width.clip(upper_bound=end - start)
        sums.append(inside * int(share * whole))
    total = pl.sum_horizontal(sums)
    return total if terms.cap_fen is None else total.clip(upper_bound=terms.cap_fen * whole)


def parts_of(terms: Terms) -> int:
    """Into how many parts a fen is cut so that every share of it is a whole number."""
    whole = 1
    for _, share in terms.bands:
        whole = whole * share.denominator // _common(whole, share.denominator)
    return whole


def _common(left: int, right: int) -> int:
    while right:
        left, right = right, left % right
    return left


def recomputed(costs: pl.DataFrame, terms: Terms | None, better: Better) -> pl.DataFrame:
    """One row a person: person_key, category, n_settlements, base_fen, threshold_fen, due_fen, actual_fen,
    difference_fen, verdict, reason.

    costs: the year's resident settlements of people who held one of the categories, with person_key, setl_id,
    setl_time, category (of the settlement date, null: none), in_force (the document holds on it), pol_fen, bas_fen,
    cii_fen, incomplete. The costs add up over the year in the order of settlement; each settlement is paid under the
    terms of its own day. A difference of at most a fen a settlement is the rounding of the platform.
    """
    known = pl.col("pol_fen").is_not_null() & pl.col("bas_fen").is_not_null()
    own = (pl.col("pol_fen") - pl.col("bas_fen")).clip(lower_bound=0)
    ordered = costs.sort("person_key", "setl_time", "setl_id").with_columns(own=own, known=known)
    reached = pl.col("own").fill_null(0).cum_sum().over("person_key")
    rows = ordered.with_columns(reached=reached).with_columns(
        before=pl.col("reached") - pl.col("own").fill_null(0)
    )
    better_now = pl.col("in_force") & pl.col("category").is_not_null()
    if terms is None:
        rows = rows.with_columns(due_parts=pl.lit(None, pl.Int64))
        whole, low = 1, None
    else:
        rows, whole, low = _with_due(rows, terms, better, better_now)
    due = (2 * pl.col("due_parts").sum() + whole) // (2 * whole)
    sums = rows.group_by("person_key", maintain_order=True).agg(
        pl.col("category").drop_nulls().last(),
        n_settlements=pl.len().cast(pl.Int64),
        complete=pl.col("known").all() & pl.col("cii_fen").is_not_null().all(),
        incomplete=pl.col("incomplete").any(),
        base_fen=pl.when(pl.col("known").all()).then(pl.col("own").sum()),
        due_fen=pl.when(pl.col("known").all() & pl.col("due_parts").is_not_null().all()).then(due),
        actual_fen=pl.when(pl.col("cii_fen").is_not_null().all()).then(pl.col("cii_fen").sum()),
    )
    return _judged(sums.with_columns(threshold_fen=pl.lit(low, pl.Int64)), terms is not None)


def _with_due(
    rows: pl.DataFrame, terms: Terms, better: Better, better_now: pl.Expr
) -> tuple[pl.DataFrame, int, int]:
    """The rows with due_parts of each settlement, how many parts make a fen, and the lower threshold."""
    other = improved(terms, better)
    plain, raised = parts_of(terms), parts_of(other)
    whole = plain * raised // _common(plain, raised)
    steps = {
        name: (paid_up_to(each, pl.col("reached")) - paid_up_to(each, pl.col("before"))) * (whole // parts)
        for name, each, parts in (("plain", terms, plain), ("raised", other, raised))
    }
    due = pl.when(better_now).then(steps["raised"]).otherwise(steps["plain"])
    return rows.with_columns(due_parts=due), whole, other.threshold_fen


def _judged(sums: pl.DataFrame, has_terms: bool) -> pl.DataFrame:
    difference = pl.col("due_fen") - pl.col("actual_fen")
    near = difference.abs() <= pl.col("n_settlements")
    verdict = (
        pl.when(pl.lit(not has_terms))
        .then(pl.lit("not_determined"))
        .when(~pl.col("complete") | pl.col("incomplete"))
        .then(pl.lit("held"))
        .when(near)
        .then(pl.lit("match"))
        .when(difference > 0)
        .then(pl.lit("under"))
        .otherwise(pl.lit("over"))
    )
    reason = (
        pl.when(pl.lit(not has_terms))
        .then(pl.lit(NO_TERMS))
        .when(~pl.col("complete"))
        .then(pl.lit(UNKNOWN))
        .when(pl.col("incomplete"))
        .then(pl.lit(HELD))
    )
    return sums.with_columns(difference_fen=difference, verdict=verdict, reason=reason).drop(
        "complete", "incomplete"
    )
