"""Amounts in yuan as text → whole fen, exactly; what cannot be read exactly is said to be bad, never rounded.

The fast way goes through Float64 and asks whether the value times 100 is a whole number up to the rounding of the
two float operations: with at most 13 significant digits no amount with a third decimal passes. What does not pass
(`¥1,234.50`, full-width digits …) is cleaned as text and asked again; what then fails is bad.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

BOUND_FEN = 10**11
"""A milliard yuan: beyond it an amount is a slip, and sums over a year could overflow."""
_EPSILON = 4.5e-16
_PLAIN = r"^[+-]?(?:\d+(?:\.\d*)?|\.\d+)$"


def fen(frame: pl.DataFrame, columns: Sequence[str]) -> tuple[pl.DataFrame, dict[str, pl.Series]]:
    """Replace the String columns by Int64 fen; the second value holds a mask of bad values where there are any.

    Missing text stays null and is not bad.
    """
    columns = list(columns)
    if not columns or frame.is_empty():
        return frame.with_columns(pl.col(columns).cast(pl.Int64, strict=False)), {}
    raw = frame.select(columns)
    scaled = raw.with_columns(pl.col(columns).cast(pl.Float64, strict=False) * 100)
    tested = scaled.with_columns(
        *((exact(name) & (pl.col(name).abs() < BOUND_FEN)).alias(f"{name}?") for name in columns),
        *(pl.col(name).round().cast(pl.Int64, strict=False).alias(f"{name}!") for name in columns),
    )
    summary = raw.select(
        *(pl.col(name).str.contains("[eE]").any().alias(f"e {name}") for name in columns),
        *(pl.col(name).null_count().alias(f"n {name}") for name in columns),
    ).row(0, named=True)
    good = tested.select((pl.col(f"{name}?").fill_null(False).sum()).alias(name) for name in columns).row(
        0, named=True
    )
    result: dict[str, pl.Series] = {}
    bad: dict[str, pl.Series] = {}
    for name in columns:
        values = tested[f"{name}!"].alias(name)
        if summary[f"e {name}"] or good[name] + summary[f"n {name}"] < frame.height:
            values, wrong = _carefully(raw[name], values, tested[f"{name}?"].fill_null(False))
            if wrong.any():
                bad[name] = wrong
        result[name] = values
    return frame.with_columns(result.values()), bad


def exact(name: str) -> pl.Expr:
    """Whether the scaled amount is a whole number of fen up to float rounding."""
    value = pl.col(name)
    return (value - value.round()).abs() <= value.abs() * _EPSILON


def _carefully(raw: pl.Series, values: pl.Series, good: pl.Series) -> tuple[pl.Series, pl.Series]:
    """The exact way for the rows that the fast one did not take (all with an exponent sign among them)."""
    open_rows = raw.is_not_null() & (~good | raw.str.contains("[eE]").fill_null(False))
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
