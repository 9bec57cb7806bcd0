"""What happens to settlements on their way: refunds, corrections, copies, versions, broken rows.

Each event takes rows that were good, marks the truth on them (``t``) and returns the further rows with the number
of months after which they are delivered. The truth is known here, before anything is written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from synth.people import INSIDE
from synth.settle import AMOUNTS, COUNT, FUNDS, HOLE, OUT, PART, PARTS

Delayed = list[tuple[int, pl.DataFrame]]
THREE_DECIMALS, BAD_DATE = 5, 6  # text faults that reject the row
TEXT_STYLES = (1, 2, 3, 4, 7, 8)  # untidy but readable


@dataclass(frozen=True)
class Event:
    """A kind of event: which share of the rows it meets and what it does to them."""

    name: str
    rate: float
    act: Callable[[pl.DataFrame, int], Delayed]
    plain: bool = False
    min_tot: int = 0
    min_psn: int = 0


def truth(df: pl.DataFrame, t: int, **values: object) -> pl.DataFrame:
    """Rows with another truth, and with other constant columns."""
    return df.with_columns(
        pl.lit(t, pl.Int8).alias("t"), *(pl.lit(v, dtype=df.schema[k]).alias(k) for k, v in values.items())
    )


def scaled(df: pl.DataFrame, num: int, den: int) -> pl.DataFrame:
    """Rows at ``num/den`` of the money; identities A, B, C and D hold again."""
    df = df.with_columns(
        pl.col(c) * num // den for c in (*PARTS, *FUNDS, "ded", "acct", "mul", "hosp", "tilt")
    )
    return totals(df)


def totals(df: pl.DataFrame) -> pl.DataFrame:
    """Rows whose sums follow from their parts (account inside the fund total where that is the region's form)."""
    df = df.with_columns(tot=pl.sum_horizontal(PARTS), fund=pl.sum_horizontal(FUNDS))
    df = df.with_columns(psn=pl.col("tot") - pl.col("fund") - pl.col("hosp"))
    inside = pl.when(pl.col("insured") == INSIDE).then("acct").otherwise(0)
    return df.with_columns(cash=pl.col("psn") - pl.col("acct") - pl.col("mul"), fund=pl.col("fund") + inside)


def negative(df: pl.DataFrame) -> pl.DataFrame:
    """Rows with every amount negated."""
    return df.with_columns(-pl.col(c) for c in AMOUNTS)


def renumbered(digit: str) -> pl.Expr:
    """Another settlement number in the same pattern."""
    return pl.col("setl_id").str.slice(0, 12) + digit + pl.col("setl_id").str.slice(13)


def refund(df: pl.DataFrame, t: int, *, days: int, digit: str = "7", linked: bool = True) -> pl.DataFrame:
    """Refund rows of their originals, ``days`` later; their own year unless they are part of the original."""
    link = pl.col("setl_id") if linked else pl.lit("")
    df = negative(df).with_columns(
        init_setl_id=link,
        setl_id=renumbered(digit),
        setl_time=pl.col("setl_time") + pl.duration(days=days, hours=2),
        refd=pl.lit("1" if linked else "0"),
        multi=pl.lit(False),
        ver=pl.lit(0, pl.Int16),
    )
    df = df.with_columns(updt_time=pl.col("setl_time") + pl.duration(days=1))
    if t != PART:
        df = df.with_columns(
            t_year=pl.col("setl_time").dt.year(), t_time=pl.col("setl_time"), t_id=pl.col("setl_id")
        )
    return truth(df, t)


def flagged_later(df: pl.DataFrame, days: int) -> pl.DataFrame:
    """The original as the platform sends it again after its refund."""
    again = df.with_columns(updt_time=pl.col("setl_time") + pl.duration(days=days + 1))
    return truth(again, OUT, refd="1", ver=1, multi=True)


def whole_same_month(df: pl.DataFrame, _: int) -> Delayed:
    """Refunded at once: both rows in one file, linked, the original flagged."""
    return [(0, truth(df, OUT, refd="1")), (0, refund(df, OUT, days=0))]


def whole_later(df: pl.DataFrame, month: int) -> Delayed:
    """Refunded one or more months later; the original is sent again, flagged."""
    late = 1 + month % 3
    return [
        (0, truth(df, OUT, multi=True)),
        (late, refund(df, OUT, days=30 * late)),
        (late, flagged_later(df, 30 * late)),
    ]


def whole_later_silent(df: pl.DataFrame, _: int) -> Delayed:
    """Refunded a month later; the original is never sent again."""
    return [(0, truth(df, OUT)), (1, refund(df, OUT, days=30))]


def whole_next_year(df: pl.DataFrame, month: int) -> Delayed:
    """Refunded in January or February after the year."""
    late = 13 + month % 2 - month if month < 13 else 0
    return [
        (0, truth(df, OUT, multi=True)),
        (late, refund(df, OUT, days=31 * late)),
        (late, flagged_later(df, 31 * late)),
    ]


def partial(df: pl.DataFrame, month: int) -> Delayed:
    """A third comes back later: the original stays, less the refund."""
    return [(0, df), (month % 3, refund(scaled(df, 1, 3), PART, days=20))]


def twice(df: pl.DataFrame, _: int) -> Delayed:
    """Two refunds that together give all of it back."""
    first = scaled(df, 1, 3)
    second = df.with_columns(df[c] - first[c] for c in AMOUNTS)
    return [
        (0, truth(df, OUT, refd="1")),
        (0, refund(first, OUT, days=1)),
        (1, refund(second, OUT, days=15, digit="8")),
    ]


def unlinked(df: pl.DataFrame, month: int) -> Delayed:
    """A negative row without the number of its original; exactly one row fits."""
    return [(0, truth(df, OUT)), (month % 2, refund(df, OUT, days=9, linked=False))]


def positive_refund(df: pl.DataFrame, _: int) -> Delayed:
    """The refund row comes with positive amounts."""
    return [(0, truth(df, OUT, refd="1")), (0, negative(refund(df, OUT, days=1)))]


def refund_first(df: pl.DataFrame, _: int) -> Delayed:
    """The refund arrives a month before its original."""
    return [(1, truth(df, OUT, refd="1")), (0, refund(df, OUT, days=1))]


def half_missing(df: pl.DataFrame, _: int) -> Delayed:
    """The original is flagged, its refund row never comes."""
    return [(0, truth(df, HOLE, refd="1"))]


def orphan(df: pl.DataFrame, _: int) -> Delayed:
    """The refund of a settlement that was never delivered."""
    return [(0, refund(df, HOLE, days=0))]


def larger(df: pl.DataFrame, _: int) -> Delayed:
    """More comes back than was settled: neither counts."""
    return [(0, truth(df, HOLE, refd="1")), (0, refund(scaled(df, 5, 4), HOLE, days=1))]


def lone_negative(df: pl.DataFrame, _: int) -> Delayed:
    """An unlinked negative row that fits nothing; the settlement itself stands."""
    return [(0, df), (0, refund(scaled(df, 4, 5), HOLE, days=1, linked=False))]


def correction(df: pl.DataFrame, month: int) -> Delayed:
    """补充报销: a fifth of the personal payment comes back as medical assistance, as a row of its own."""
    late = month % 2
    paid = pl.col("psn") // 5
    money = {c: pl.lit(0, pl.Int64) for c in AMOUNTS} | {
        "maf": paid,
        "fund": paid,
        "psn": -paid,
        "cash": -paid,
    }
    row = df.with_columns(**money).with_columns(
        setl_id=renumbered("6"),
        setl_time=pl.col("setl_time") + pl.duration(days=25 * late, hours=1),
        setl_type=pl.lit("3"),
        manl=pl.lit("06" if month % 3 else ""),
    )
    row = row.with_columns(
        updt_time=pl.col("setl_time") + pl.duration(days=2),
        t_year=pl.col("setl_time").dt.year(),
        t_time=pl.col("setl_time"),
        t_id=pl.col("setl_id"),
    )
    return [(0, df), (late, row)]


def layer(df: pl.DataFrame, _: int) -> Delayed:
    """The large-sum layer of the same visit as a row of its own: never counted again."""
    some = pl.col("pol") // 10
    money = {c: pl.lit(0, pl.Int64) for c in AMOUNTS}
    money |= {"pol": some, "tot": some, "hifob": some, "fund": some}
    row = truth(df.with_columns(**money).with_columns(setl_id=renumbered("5")), OUT)
    return [(0, df), (0, row.with_columns(insutype=pl.lit(330, pl.Int32)))]


def copy_later(df: pl.DataFrame, _: int) -> Delayed:
    """The same row once more in the next month's file."""
    df = df.with_columns(multi=pl.lit(True))
    return [(0, df), (1, truth(df, OUT))]


def newer_version(df: pl.DataFrame, month: int) -> Delayed:
    """The settlement is delivered again with other amounts, which count."""
    df = df.with_columns(multi=pl.lit(True))
    again = scaled(df, 9, 10).with_columns(updt_time=pl.col("updt_time") + pl.duration(days=30))
    return [(0, truth(df, OUT)), (1 + month % 2, truth(again, COUNT, ver=1))]


def older_version(df: pl.DataFrame, _: int) -> Delayed:
    """An older state of the settlement arrives after the newer one."""
    df = df.with_columns(multi=pl.lit(True))
    old = scaled(df, 9, 10).with_columns(updt_time=pl.col("updt_time") - pl.duration(days=2))
    return [(0, df), (1, truth(old, OUT, ver=2))]


def rejected_version(df: pl.DataFrame, _: int) -> Delayed:
    """The newest version cannot be used: the older one stands, the unit is incomplete."""
    df = df.with_columns(multi=pl.lit(True))
    bad = df.with_columns(updt_time=pl.col("updt_time") + pl.duration(days=30), cash=pl.col("cash") + 12_345)
    return [(0, df), (1, truth(bad, HOLE, rej=True, ver=3))]


def _set(t: int, **values: object) -> Callable[[pl.DataFrame, int], Delayed]:
    return lambda df, _: [(0, truth(df, t, **values))]


def broken_b(df: pl.DataFrame, _: int) -> Delayed:
    """TOT is not FUND + PSN + HOSP."""
    return [(0, truth(df.with_columns(fund=pl.col("fund") + 54_321), HOLE, rej=True))]


def broken_c(df: pl.DataFrame, _: int) -> Delayed:
    """PSN is not ACCT + CASH."""
    return [(0, truth(df.with_columns(cash=pl.col("cash") + 12_345), HOLE, rej=True))]


def broken_a(df: pl.DataFrame, _: int) -> Delayed:
    """TOT is not the sum of its four parts: kept, the policy-range cost is unknown."""
    return [(0, df.with_columns(ooc=pl.col("ooc") + 54_321, pol_ok=pl.lit(False)))]


def untidy(df: pl.DataFrame, month: int) -> Delayed:
    """Readable, but written in another way."""
    styles = pl.Series(
        np.array(TEXT_STYLES, dtype=np.int8)[(np.arange(df.height) + month) % len(TEXT_STYLES)]
    )
    return [(0, df.with_columns(styles.alias("odd")))]


EVENTS = (
    Event("whole_same_month", 0.0040, whole_same_month, True),
    Event("whole_later", 0.0030, whole_later, True),
    Event("whole_later_silent", 0.0008, whole_later_silent, True),
    Event("whole_next_year", 0.0006, whole_next_year, True),
    Event("partial", 0.0020, partial, True, min_psn=20_000),
    Event("unlinked", 0.0012, unlinked, True, min_tot=100_000),
    Event("copy_later", 0.0040, copy_later, True),
    Event("newer_version", 0.0020, newer_version, True),
    Event("twice", 0.0005, twice, min_psn=20_000),
    Event("positive_refund", 0.0006, positive_refund),
    Event("refund_first", 0.0006, refund_first),
    Event("half_missing", 0.00012, half_missing),
    Event("orphan", 0.00012, orphan),
    Event("larger", 0.0001, larger, min_psn=20_000),
    Event("lone_negative", 0.0001, lone_negative, min_tot=100_000),
    Event("correction", 0.0010, correction, min_psn=20_000),
    Event("layer", 0.0010, layer, min_tot=100_000),
    Event("older_version", 0.0010, older_version),
    Event("rejected_version", 0.0001, rejected_version),
    Event("invalid", 0.0010, _set(OUT, vali="0")),
    Event("place_of_treatment", 0.0010, _set(OUT, out_flag="2")),
    Event("care_insurance", 0.0008, _set(OUT, insutype=410)),
    Event("three_decimals", 0.0001, _set(HOLE, odd=THREE_DECIMALS, rej=True)),
    Event("bad_date", 0.00006, _set(HOLE, odd=BAD_DATE, rej=True, t_year=0)),
    Event("broken_b", 0.00012, broken_b),
    Event("broken_c", 0.00012, broken_c),
    Event("broken_a", 0.0006, broken_a),
    Event("no_valid_flag", 0.0020, _set(COUNT, vali="")),
    Event("untidy", 0.0120, untidy),
)


def happen(
    rng: np.random.Generator, df: pl.DataFrame, month: int, *, plain: bool
) -> tuple[Delayed, dict[str, int]]:
    """Lets the events happen to a month's rows: all rows with their delay in months, and how often each came."""
    u = rng.random(df.height)
    tot, psn = df["tot"].to_numpy(), df["psn"].to_numpy()
    left = np.ones(df.height, dtype=bool)
    delayed: Delayed = []
    counts: dict[str, int] = {}
    low = 0.0
    for event in EVENTS:
        met = (u >= low) & (u < low + event.rate) & (tot >= event.min_tot) & (psn >= event.min_psn)
        low += event.rate
        if (plain and not event.plain) or not met.any():
            continue
        left &= ~met
        rows = df.filter(pl.Series(met))
        counts[event.name] = rows.height
        parts = event.act(rows, month)
        delayed += [(late, x if x.columns == df.columns else x.select(df.columns)) for late, x in parts]
    return [(0, df.filter(pl.Series(left))), *delayed], counts
