"""Certificate numbers, names and masks of people who do not exist."""

from __future__ import annotations

import numpy as np
import polars as pl

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECKS = "10X98765432"
SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜"
GIVEN = "一安博晨丹恩方广海嘉康兰明宁鹏清荣思婷文欣雅云泽志中竹子松柏江河山川春夏秋冬"
FULL_WIDTH = str.maketrans("0123456789X", "０１２３４５６７８９Ｘ")


def check_digit(body: str) -> str:
    """The 18th character of a certificate number whose first 17 digits are ``body``."""
    return CHECKS[sum(w * int(d) for w, d in zip(WEIGHTS, body, strict=True)) % 11]


def is_valid(number: str) -> bool:
    """Whether an 18-character certificate number carries its right check digit."""
    return len(number) == 18 and number[:17].isdigit() and check_digit(number[:17]) == number[17]


def wrong_digit(number: str) -> str:
    """The number with a check digit that does not fit."""
    return number[:17] + CHECKS[(CHECKS.index(number[17]) + 5) % 11]


def certificate_numbers(area: str, ymd: np.ndarray, seq: np.ndarray) -> pl.Series:
    """18-character numbers of one area from birth dates (yyyymmdd) and sequence numbers (odd: male)."""
    digits = np.empty((len(ymd), 17), dtype=np.int64)
    digits[:, :6] = [int(c) for c in area]
    for k in range(8):
        digits[:, 13 - k] = ymd // 10**k % 10
    for k in range(3):
        digits[:, 16 - k] = seq // 10**k % 10
    check = (digits * np.array(WEIGHTS)).sum(axis=1) % 11
    body = pl.Series("b", int(area) * 10**11 + ymd.astype(np.int64) * 1000 + seq)
    last = pl.Series("c", np.array(list(CHECKS))[check])
    return pl.select(pl.lit(body).cast(pl.String) + pl.lit(last)).to_series().alias("certno")


def names(rng: np.random.Generator, n: int) -> pl.Series:
    """Made-up names of two or three characters."""
    first = np.array(list(SURNAMES))[rng.integers(0, len(SURNAMES), n)]
    second = np.array(list(GIVEN))[rng.integers(0, len(GIVEN), n)]
    third = np.array(["", *GIVEN])[rng.integers(0, len(GIVEN) + 1, n)]
    return pl.Series("name", np.char.add(np.char.add(first, second), third))


def mask_name(name: str) -> str:
    """First character and two stars."""
    return name[:1] + "**" if name else ""


def mask_certno(number: str) -> str:
    """The first six and the last four of an 18-character number."""
    return f"{number[:6]}********{number[-4:]}" if len(number) == 18 else ""
