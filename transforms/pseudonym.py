"""Keyed pseudonyms: who is who without saying who.

A person, a household number or a name becomes a 64-bit whole number by a keyed one-way function: AES-256 in
CBC-MAC mode over a text padded to one fixed length, cut to 63 bits. A fixed length makes CBC-MAC a sound
pseudo-random function, and AES in hardware turns a million texts in a tenth of a second, where hashing them one by
one would cost ten times as much. Without the secret nobody can rebuild the key of a known certificate number.
"""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl
import pyarrow as pa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

WIDTH = 48
BLOCK = 16
Bytes2D = np.ndarray[tuple[int, int], np.dtype[np.uint8]]
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
TEXT_LENGTH = 13
_LETTERS = np.frombuffer(ALPHABET.encode(), dtype=np.uint8)
_PAIRS = np.stack([np.repeat(_LETTERS, 32), np.tile(_LETTERS, 32)], axis=1).copy().view("<u2").ravel()


def pseudonyms(texts: pl.Series, secret: bytes) -> pl.Series:
    """Keyed 63-bit pseudonym of each text, Int64; null stays null. `secret` is 32 bytes.

    Equal texts give equal numbers on every machine with the same secret. Callers prefix the text with its domain
    (`psn|`, `name|` …), so that equal texts of different kinds stay apart. Certificate numbers of 18 characters
    take `number_pseudonyms`, which is ten times as fast.
    """
    known = texts.drop_nulls().cast(pl.String)
    if known.is_empty():
        return pl.Series(texts.name, [None] * len(texts), dtype=pl.Int64)
    return _scattered(_mac(_fixed_width(known), _subkey(secret, b"text")), texts)


def number_pseudonyms(numbers: pl.Series, secret: bytes) -> pl.Series:
    """Keyed 63-bit pseudonym of each whole number (Int64), as `pseudonyms` for a certificate number as a number."""
    known = numbers.drop_nulls()
    if known.is_empty():
        return pl.Series(numbers.name, [None] * len(numbers), dtype=pl.Int64)
    block = np.zeros((len(known), 2), dtype="<i8")
    block[:, 0] = known.to_numpy()
    return _scattered(_mac(block.view(np.uint8).reshape(-1, BLOCK), _subkey(secret, b"number")), numbers)


def _subkey(secret: bytes, purpose: bytes) -> bytes:
    if len(secret) != 32:
        raise ValueError("the pseudonym secret must be 32 bytes")
    return hashlib.blake2b(purpose, key=secret, digest_size=32).digest()


def _mac(blocks: Bytes2D, key: bytes) -> pl.Series:
    """CBC-MAC of each row of bytes, cut to 63 bits."""
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # CBC-MAC is built from it
    state = np.zeros((len(blocks), BLOCK), dtype=np.uint8)
    for start in range(0, blocks.shape[1], BLOCK):
        state = state ^ blocks[:, start : start + BLOCK]
        state = np.frombuffer(encryptor.update(state.tobytes()), dtype=np.uint8).reshape(-1, BLOCK)
    first = np.ascontiguousarray(state[:, :8]).view("<u8").ravel()
    return pl.Series((first >> np.uint64(1)).astype(np.int64))


def _scattered(found: pl.Series, like: pl.Series) -> pl.Series:
    """`found` put back where `like` is not null."""
    if len(found) == len(like):
        return found.alias(like.name)
    blank = pl.Series(like.name, [None] * len(like), dtype=found.dtype)
    return blank.scatter(like.is_not_null().arg_true(), found) if len(found) else blank


def _fixed_width(texts: pl.Series) -> Bytes2D:
    """UTF-8 bytes of each text, padded with blanks to `WIDTH`; a longer text is first cut to a digest."""
    if (texts.str.len_bytes() > WIDTH).any():
        texts = texts.map_elements(_shortened, return_dtype=pl.String)
    array = texts.to_arrow().cast(pa.large_binary())
    ends = np.frombuffer(array.buffers()[1], dtype=np.int64)[array.offset : array.offset + len(texts) + 1]
    data = np.frombuffer(array.buffers()[2] or b"", dtype=np.uint8)
    width = np.full((len(texts), WIDTH), ord(" "), dtype=np.uint8)
    lengths = np.diff(ends)
    if (lengths == lengths[0]).all():  # numbers of a platform are all of one length
        width[:, : lengths[0]] = data[ends[0] : ends[-1]].reshape(len(texts), lengths[0])
    else:
        width[np.arange(WIDTH) < lengths[:, None]] = data[ends[0] : ends[-1]]
    return width


def _shortened(text: str) -> str:
    raw = text.encode()
    return text if len(raw) <= WIDTH else "#" + hashlib.blake2b(raw, digest_size=20).hexdigest()


def key_texts(numbers: pl.Series, prefix: str) -> pl.Series:
    """Text form of pseudonyms outside the lake: prefix and 13 characters of base 32, never digits only."""
    known = numbers.drop_nulls()
    values, head = known.cast(pl.Int64).to_numpy(), len(prefix)
    texts = np.empty((len(known), head + TEXT_LENGTH), dtype=np.uint8)
    texts[:, :head] = np.frombuffer(prefix.encode("ascii"), dtype=np.uint8)
    texts[:, head] = _LETTERS[values >> 60]
    pairs = texts[:, head + 1 :].view("<u2")  # two letters at a time: 63 bits are 3 and six times 10
    for place in range(6):
        pairs[:, place] = _PAIRS[(values >> (50 - 10 * place)) & 1023]
    ends = np.arange(len(known) + 1, dtype=np.int64) * texts.shape[1]
    array = pa.LargeStringArray.from_buffers(len(known), pa.py_buffer(ends), pa.py_buffer(texts))
    return _scattered(pl.Series(numbers.name, array, dtype=pl.String), numbers)


def key_number(text: str) -> int:
    """The pseudonym behind its text form (`key_texts` the other way round); ValueError if it is none."""
    number = 0
    if len(text) != TEXT_LENGTH + 1:
        raise ValueError(f"not a key: {text!r}")
    for letter in text[1:]:
        number = number * 32 + ALPHABET.index(letter)
    return number


def key_numbers(texts: pl.Series) -> pl.Series:
    """`key_number` of each text; null stays null, ValueError if one is no key."""
    known = texts.drop_nulls()
    if not (known.str.len_bytes() == TEXT_LENGTH + 1).all():
        raise ValueError("not all texts are keys")
    values = np.full(256, -1, dtype=np.int64)
    values[np.frombuffer(ALPHABET.encode(), dtype=np.uint8)] = np.arange(len(ALPHABET))
    letters = np.frombuffer("".join(known).encode(), dtype=np.uint8).reshape(-1, TEXT_LENGTH + 1)
    digits = values[letters[:, 1:]]
    if (digits < 0).any():
        raise ValueError("not all texts are keys")
    shifts = np.arange(TEXT_LENGTH - 1, -1, -1, dtype=np.int64) * 5
    return _scattered(pl.Series((digits << shifts).sum(axis=1), dtype=pl.Int64), texts)
