"""The archive: every received file unchanged, once, under its content hash."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from pathlib import Path

from stores.home import Home
from stores.lake import temporary


def content_hash(path: Path) -> str:
    """sha256 of a file, hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def archive_path(home: Home, digest: str, suffix: str) -> Path:
    return home.archive / digest[:2] / f"{digest}{suffix.lower()}"


def stamp(path: Path) -> tuple[int, int, int]:
    """What changes when the bytes of a file do: inode, size, time."""
    state = path.stat()
    return state.st_ino, state.st_size, state.st_mtime_ns


def may_link(home: Home, path: Path) -> bool:
    """Whether a file is about to leave the inbox and is ours alone: then a second name spares a copy."""
    state = path.lstat()
    ours = stat.S_ISREG(state.st_mode) and state.st_nlink == 1 and state.st_uid == os.getuid()
    return ours and path.resolve().is_relative_to(home.inbox.resolve())


def keep(home: Home, path: Path, digest: str, link: bool = False) -> str:
    """Put the bytes of `path` into the archive, durably; the name below the archive. The file itself stays.

    With `link` they get a second name where the disk allows, instead of a copy.
    """
    target = archive_path(home, digest, "".join(path.suffixes[-2:])[-12:])
    if not (target.is_file() and target.stat().st_size == path.stat().st_size):
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = temporary(target)
        try:
            if not (link and _linked(path, fresh)):
                shutil.copyfile(path, fresh)
            with fresh.open("rb+") as stream:
                os.fsync(stream.fileno())
            fresh.chmod(0o600)
            os.replace(fresh, target)
        finally:
            fresh.unlink(missing_ok=True)
    return str(target.relative_to(home.archive))


def drop_unless(home: Home, name: str, digest: str) -> None:
    """Take a file out of the archive whose bytes are not what its name says."""
    path = home.archive / name
    if path.is_file() and content_hash(path) != digest:
        path.unlink()


def _linked(path: Path, target: Path) -> bool:
    try:
        os.link(path, target)
    except OSError:
        return False
    return True
