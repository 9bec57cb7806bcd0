"""Amounts in yuan as text → whole fen, exactly; what cannot be read exactly is said to be bad, never rounded.

The fast way goes through Float64 and asks whether the value times 100 is a whole number up to the rounding of the
two float operations: with at most 13 significant digits no amount with a third decimal passes. What does not pass
(`¥1,234.50`, full-width digits …) is cleaned as text and asked again; what then fails is bad.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import polars as pl

BOUND_FEN = 10**11
"""A milliard yuan: beyond it an amount is a slip, and sums over a year could overflow."""
_EPSILON = 4.5e-16
_ZERO = "0.00"
_MANY = 20_000
_PLAIN = r"^[+-]?(?:\d+(?:\.\d*)?|\.\d+)$"


def fen(frame: pl.DataFrame, columns: Sequence[str]) -> tuple[pl.DataFrame, dict[str, pl.Series]]:
    """Replace the String columns by Int64 fen; the second value holds a mask of bad values where there are any.

    Missing text stays null and is not bad.
    """
    columns = list(columns)
    if not columns or frame.is_empty():
        return frame.with_columns(pl.col(columns).cast(pl.Int64, strict=False)), {}
    raw = frame.select(columns)
    if frame.height < _MANY:
        read = _parsed(raw)
    else:
        with ThreadPoolExecutor(max_workers=2) as pool:
            read = dict(zip(columns, pool.map(lambda name: _sparse(raw[name]), columns), strict=True))
    bad = {name: wrong for name, (_, wrong) in read.items() if wrong is not None}
    return frame.with_columns(values for values, _ in read.values()), bad


Read = tuple[pl.Series, pl.Series | None]
"""Values in fen and the mask of bad ones, if any."""


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
    value = pl.col(columns)
    tested = raw.with_columns(value.cast(pl.Float64, strict=False) * 100).select(
        *((exact(name) & (pl.col(name).abs() < BOUND_FEN)).fill_null(False).alias(f"{name}?") for name in columns),
        value.round().cast(pl.Int64, strict=False),
    )
    good = tested.select(pl.col(f"{name}?").sum().alias(name) for name in columns).row(0, named=True)
    read: dict[str, Read] = {}
    for name in columns:
        texts, values = raw[name], tested[name]
        if good[name] < len(texts) - texts.null_count() or _may_hold_exponent(texts):
            values, wrong = _carefully(texts, values, tested[f"{name}?"])
            read[name] = values, (wrong if wrong.any() else None)
        else:
            read[name] = values, None
    return read


def _may_hold_exponent(texts: pl.Series) -> bool:
    """Whether the bytes of the texts hold an e: `1e3` is no amount, though a float parser takes it."""
    data = texts.to_arrow(compat_level=pl.CompatLevel.oldest()).buffers()[2]
    found = bytes(data) if data is not None else b""
    return b"e" in found or b"E" in found


def exact(name: str) -> pl.Expr:
    """Whether the scaled amount is a whole number of fen up to float rounding."""
    value = pl.col(name)
    return (value - value.round()).abs() <= value.abs() * _EPSILON


def _carefully(raw: pl.Series, values: pl.Series, good: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The exact way for the rows that the fast one did not take (all with an exponent sign among them)."""
    open_rows = raw.is_not_null() & (raw != "") & (~good | raw.str.contains("[eE]").fill_null(False))
    places = open_rows.arg_true()
    amounts, wrong = exact_fen(raw.gather(places))
    mask = pl.repeat(False, len(raw), eager=True).scatter(places, wrong)
    return values.clone().scatter(places, amounts), mask


def exact_fen(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Fen and the mask of bad values, digit by digit, no float involved."""
    plain = texts.str.normalize("NFKC").str.replace_all(r"[\s'\"¥￥元\u200b-\u200f\ufeff]|人民币|CNY|RMB", "")
    plain = plain.str.replace_all("[，、]", ",").str.replace_all("[−–]", "-")
    missing = plain.is_null() | plain.is_in(
        ["", "-", "--", "—", "——", "无", "暂无", "空", "null", "NULL", "***", "/"]
    )
    grouped = plain.str.contains(r"^[+-]?\d{1,3}(?:,\d{3})+(?:\.\d*)?$")
    plain = plain.str.replace_all(",", "").zip_with(grouped.fill_null(False), plain)
    fits = plain.str.contains(_PLAIN).fill_null(False)
    parts = plain.str.extract_groups(r"^([+-]?)(\d*)\.?(\d*)$").struct.unnest()
    fraction = parts["3"].fill_null("").str.strip_chars_end("0")
    whole = parts["2"].fill_null("").str.strip_chars_start("0")
    fits = fits & (fraction.str.len_bytes() <= 2) & (whole.str.len_bytes() <= 9)
    number = (whole + fraction.str.pad_end(2, "0")).cast(pl.Int64, strict=False)
    number = (-number).zip_with((parts["1"] == "-").fill_null(False), number)
    bad = ~missing & ~(fits & number.is_not_null())
    return number.set(missing | bad, None), bad
