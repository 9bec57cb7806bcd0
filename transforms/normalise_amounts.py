"""Amounts in yuan as text → whole fen, exactly; what cannot be read exactly is said to be bad, never rounded.

The fast way goes through Float64 and asks whether the value is the very float that the whole number of fen over 100
gives: then its shortest decimal text has two decimals at most. What does not pass (`¥1,234.50`, full-width digits …)
is cleaned as text and asked again; what then fails is bad.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl

BOUND_FEN = 10**11
"""A milliard yuan: beyond it an amount is a slip, and sums over a year could overflow."""
_GROUPED = r"^[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?$"
_NOTHING = ["", "-", "--", "—", "——", "无", "暂无", "空", "null", "NULL", "***", "/"]
_ZERO = "0.00"
_MANY = 20_000
_BLOCK = 32_768
"""Amounts looked at together: so few that all that is worked out of them stays in the cache of the processor."""
_PLAIN = r"^[+-]?(?:\d+(?:\.\d*)?|\.\d+)$"


def fen(frame: pl.DataFrame, columns: Sequence[str]) -> tuple[pl.DataFrame, dict[str, pl.Series]]:
    """Replace the columns by Int64 fen; the second value holds a mask of bad values where there are any.

    Columns are String, or Float64 where the reader has parsed plain decimal text. Missing text stays null and is not
    bad.
    """
    columns = list(columns)
    if not columns or frame.is_empty():
        return frame.with_columns(pl.col(columns).cast(pl.Int64, strict=False)), {}
    numbers = [name for name in columns if frame[name].dtype == pl.Float64]
    raw = frame.select(name for name in columns if name not in numbers)
    read = _numbers(frame.select(numbers)) if numbers else {}
    if frame.height < _MANY:
        read |= _parsed(raw)
    else:
        with ThreadPoolExecutor(max_workers=2) as pool:
            read |= zip(raw.columns, pool.map(lambda name: _sparse(raw[name]), raw.columns), strict=True)
    bad = {name: wrong for name, (_, wrong) in read.items() if wrong is not None}
    return frame.with_columns(values for values, _ in read.values()), bad


Floats = np.ndarray[tuple[int], np.dtype[np.float64]]
Read = tuple[pl.Series, pl.Series | None]
"""Values in fen and the mask of bad ones, if any."""


def _numbers(given: pl.DataFrame) -> dict[str, Read]:
    """All columns of parsed amounts: each must be the very float that a text of two decimals gives."""
    # one room for all: the system hands out large rooms in large pages
    room = np.empty((given.width, given.height), dtype=np.int64)
    found: dict[str, Read] = {}
    for yuan, fen in zip(given, room, strict=True):
        missing = yuan.is_null() if yuan.null_count() else None
        known = yuan if missing is None else yuan.fill_null(0.0)
        if _write_fen(known.to_numpy(), fen):
            values = pl.Series(yuan.name, fen)
            found[yuan.name] = (values if missing is None else values.set(missing, None)), None
        else:
            rounded = (yuan * 100).round()
            good = exact(yuan, rounded)
            values = rounded.cast(pl.Int64, strict=False)
            found[yuan.name] = (values, None) if good is None else (values.set(~good, None), ~good)
    return found


def _write_fen(yuan: Floats, fen: np.ndarray[tuple[int], np.dtype[np.int64]]) -> bool:
    """Write amounts as fen into `fen` (same length); whether all of them are `exact`, else `fen` says nothing."""
    hundredfold, back = np.empty(_BLOCK), np.empty(_BLOCK)
    for start in range(0, len(yuan), _BLOCK):
        block = yuan[start : start + _BLOCK]
        whole, again = hundredfold[: len(block)], back[: len(block)]
        if block.any():
            np.rint(np.multiply(block, 100, out=whole), out=whole)
            np.divide(whole, 100, out=again)
            if not (again == block).all() or whole.max() >= BOUND_FEN or whole.min() <= -BOUND_FEN:
                return False
        else:
            whole[:] = 0  # of most kinds of payment whole blocks say 0.00
        fen[start : start + len(block)] = whole
    return True


def _sparse(texts: pl.Series) -> Read:
    """Most amounts of a platform extract are 0.00: where they are, only the others are parsed."""
    zero = (texts == _ZERO).fill_null(False)
    if int(zero.sum()) * 3 < len(texts):
        return _parsed(texts.to_frame())[texts.name]
    places = (~zero).arg_true()
    values, wrong = _parsed(texts.gather(places).to_frame())[texts.name]
    spread = pl.repeat(0, len(texts), dtype=pl.Int64, eager=True).scatter(places, values)
    if wrong is not None:
        wrong = pl.repeat(False, len(texts), eager=True).scatter(places, wrong)
    return spread.alias(texts.name), wrong


def _parsed(raw: pl.DataFrame) -> dict[str, Read]:
    """All columns of text read as amounts, in one pass where they are well written."""
    columns = raw.columns
    given = raw.select(pl.col(columns).cast(pl.Float64, strict=False))
    rounded = given.select((pl.all() * 100).round())
    values = rounded.select(pl.all().cast(pl.Int64, strict=False))
    read: dict[str, Read] = {}
    for name in columns:
        texts = raw[name]
        good = exact(given[name], rounded[name])
        unread = given[name].null_count() > texts.null_count()
        if good is None and not unread and not _may_hold_exponent(texts):
            read[name] = values[name], None
        else:
            fits = given[name].is_not_null() if good is None else good & given[name].is_not_null()
            read[name] = _carefully(texts, values[name].set(~fits, None), fits)
    return read


def _may_hold_exponent(texts: pl.Series) -> bool:
    """Whether the bytes of the texts hold an e: `1e3` is no amount, though a float parser takes it."""
    data = texts.to_arrow(compat_level=pl.CompatLevel.oldest()).buffers()[2]
    found = bytes(data) if data is not None else b""
    return b"e" in found or b"E" in found


def exact(yuan: pl.Series, fen: pl.Series) -> pl.Series | None:
    """Which amounts are the very floats that a text of two decimals gives (0.1 + 0.2 is not) and within bounds; None
    for all of them. Missing ones are. `fen`: the amounts times 100, rounded.
    """
    # numpy divides; polars would multiply by the reciprocal, which gives another float for one in ten
    amounts, hundredfold = yuan.to_numpy(), fen.to_numpy()
    fits = (hundredfold / 100 == amounts) & (np.abs(hundredfold) < BOUND_FEN)
    if fits.all():
        return None
    good = pl.Series(yuan.name, fits) | yuan.is_null()
    return None if good.all() else good


def _carefully(raw: pl.Series, values: pl.Series, good: pl.Series) -> Read:
    """The exact way for the rows that the fast one did not take (all with an exponent sign among them)."""
    open_rows = raw.is_not_null() & (raw != "") & (~good | raw.str.contains("[eE]").fill_null(False))
    places = open_rows.arg_true()
    if not len(places):
        return values, None
    amounts, wrong = exact_fen(raw.gather(places))
    mask = pl.repeat(False, len(raw), eager=True).scatter(places, wrong) if wrong.any() else None
    return values.clone().scatter(places, amounts), mask


def exact_fen(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Fen and the mask of bad values, digit by digit, no float involved."""
    plain, whole, fraction = pl.col("plain"), pl.col("whole"), pl.col("fraction")
    groups = plain.str.extract_groups(r"^([+-]?)(\d*)\.?(\d*)$").struct
    number = (whole + fraction.str.pad_end(2, "0")).cast(pl.Int64, strict=False)
    read = (
        texts.alias("plain")
        .to_frame()
        .lazy()
        .select(
            plain.str.normalize("NFKC")
            .str.replace_all(r"[\s'\"¥￥元\u200b-\u200f\ufeff]|人民币|CNY|RMB", "")
            .str.replace_all("[，、]", ",")
            .str.replace_all("[−–]", "-")
        )
        .with_columns(
            pl.when(plain.str.contains(_GROUPED)).then(plain.str.replace_all(",", "")).otherwise(plain),
            missing=plain.is_null() | plain.is_in(_NOTHING),
        )
        .with_columns(
            fits=plain.str.contains(_PLAIN).fill_null(False),
            negative=groups.field("1") == "-",
            whole=groups.field("2").fill_null("").str.strip_chars_start("0"),
            fraction=groups.field("3").fill_null("").str.strip_chars_end("0"),
        )
        .with_columns(
            pl.col("fits") & (fraction.str.len_bytes() <= 2) & (whole.str.len_bytes() <= 9),
            number=pl.when("negative").then(-number).otherwise(number),
        )
        .select(
            "missing", "number", bad=~pl.col("missing") & ~(pl.col("fits") & pl.col("number").is_not_null())
        )
        .select("bad", number=pl.when(~(pl.col("missing") | pl.col("bad"))).then("number"))
        .collect()
    )
    return read["number"].alias(texts.name), read["bad"].alias(texts.name)
