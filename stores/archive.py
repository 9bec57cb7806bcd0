"""The archive: every received file unchanged, once, under its content hash."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from stores.home import Home
from stores.lake import temporary


def content_hash(path: Path) -> str:
    """sha256 of a file, hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def archive_path(home: Home, digest: str, suffix: str) -> Path:
    return home.archive / digest[:2] / f"{digest}{suffix.lower()}"


def keep(home: Home, path: Path, digest: str) -> str:
    """Copy the bytes of `path` into the archive, durably; the name below the archive. The file itself stays."""
    target = archive_path(home, digest, "".join(path.suffixes[-2:])[-12:])
    if not (target.is_file() and target.stat().st_size == path.stat().st_size):
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = temporary(target)
        try:
            shutil.copyfile(path, fresh)
            with fresh.open("rb+") as stream:
                os.fsync(stream.fileno())
            fresh.chmod(0o600)
            os.replace(fresh, target)
        finally:
            fresh.unlink(missing_ok=True)
    return str(target.relative_to(home.archive))
