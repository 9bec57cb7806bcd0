"""The vault: names, certificate numbers, phones, addresses and accounts, encrypted, for exports and nobody else.

Each write is one file: a Parquet image sealed with AES-256-GCM under a key derived from the home's secret. The
name of the file is authenticated too, so that nobody can pass one file off as another.
"""

from __future__ import annotations

import hashlib
import io
import os
import secrets

import polars as pl
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from stores.errors import RunError
from stores.home import Home
from stores.lake import temporary

_MAGIC = b"FDV1"


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
        frame.write_parquet(image, compression="lz4")
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
        folder = self.root / kind
        wanted = None if files is None else files["file_id"].to_list()
        names = sorted(p.stem for p in folder.glob("F*.sealed")) if wanted is None else wanted
        frames = [
            self._open(kind, n).with_columns(file_id=pl.lit(n))
            for n in names
            if (folder / f"{n}.sealed").is_file()
        ]
        return pl.concat(frames, how="diagonal") if frames else pl.DataFrame(schema={"file_id": pl.String})

    def _open(self, kind: str, file_id: str) -> pl.DataFrame:
        raw = (self.root / kind / f"{file_id}.sealed").read_bytes()
        try:
            if raw[:4] != _MAGIC:
                raise InvalidTag
            image = AESGCM(self._key).decrypt(raw[4:16], raw[16:], f"{kind}/{file_id}".encode())
        except InvalidTag as error:
            raise VaultError(
                f"保险库文件打不开：{kind}/{file_id}。密钥不对，或文件被改动过；请检查密钥，或从备份恢复"
            ) from error
        return pl.read_parquet(io.BytesIO(image))
