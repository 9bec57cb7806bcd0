"""The vault: names, certificate numbers, phones, addresses and accounts, encrypted, for exports and nobody else.

Each write is one file: a Parquet image sealed with AES-256-GCM under a key derived from the home's secret. The
name of the file is authenticated too, so that nobody can pass one file off as another.
"""

from __future__ import annotations

import hashlib
import io
import os
import secrets
from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pyarrow.parquet as pq
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from stores.errors import RunError
from stores.home import Home
from stores.lake import temporary

_MAGIC = b"FDV1"
AT_ONCE = 2
"""Files that are opened at a time: a year of settlements has 150 MB of names."""


class VaultError(RunError):
    """A vault file does not open under this secret, or was changed."""


class Vault:
    """Encrypted frames by kind (`person`, `payee` …) and source file."""

    def __init__(self, home: Home) -> None:
        self.root = home.vault
        self._key = hashlib.blake2b(b"vault", key=home.secret(), digest_size=32).digest()

    def write(self, file_id: str, kind: str, frame: pl.DataFrame) -> None:
        """Seal a frame; an earlier one of the same file and kind is replaced."""
        folder = self.root / kind
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / f"{file_id}.sealed"
        image = io.BytesIO()
        # numbers and names differ from row to row: no dictionary is tried on them, and nobody looks for them by range
        table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
        pq.write_table(
            table, image, compression="lz4", use_dictionary=False, write_statistics=False, store_schema=False
        )
        nonce = secrets.token_bytes(12)
        sealed = AESGCM(self._key).encrypt(nonce, image.getbuffer(), f"{kind}/{file_id}".encode())
        fresh = temporary(path)
        try:
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(_MAGIC + nonce + sealed)
            os.replace(fresh, path)
        finally:
            fresh.unlink(missing_ok=True)

    def read(self, kind: str, files: pl.DataFrame | None = None) -> pl.DataFrame:
        """All rows of a kind with their `file_id`, of the named files (`file_id` column) or of all."""
        return self.scan(kind, files).collect()

    def scan(self, kind: str, files: pl.DataFrame | None = None) -> pl.LazyFrame:
        """As `read`, to take some rows and columns of; files are opened here, so that VaultError comes at once."""
        folder = self.root / kind
        wanted = None if files is None else files["file_id"].to_list()
        names = sorted(p.stem for p in folder.glob("F*.sealed")) if wanted is None else wanted
        there = [name for name in names if (folder / f"{name}.sealed").is_file()]
        with ThreadPoolExecutor(AT_ONCE) as threads:
            opened = list(threads.map(lambda name: self._open(kind, name), there))
        frames = [frame.with_columns(file_id=pl.lit(n)) for frame, n in zip(opened, there, strict=True)]
        return pl.concat(frames, how="diagonal") if frames else pl.LazyFrame(schema={"file_id": pl.String})

    def _open(self, kind: str, file_id: str) -> pl.LazyFrame:
        raw = memoryview((self.root / kind / f"{file_id}.sealed").read_bytes())
        try:
            if raw[:4] != _MAGIC:
                raise InvalidTag
            image = AESGCM(self._key).decrypt(raw[4:16], raw[16:], f"{kind}/{file_id}".encode())
        except InvalidTag as error:
            raise VaultError(
                f"保险库文件打不开：{kind}/{file_id}。密钥不对，或文件被改动过；请检查密钥，或从备份恢复"
            ) from error
        return pl.scan_parquet(io.BytesIO(image))
