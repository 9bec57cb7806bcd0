"""The home folder: where everything of a run lives, which zones are closed, and the secret behind the pseudonyms."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

from stores.errors import OperatorError


class SecretError(OperatorError):
    """The configured secret cannot be used; the message says what to do."""


class Home:
    """Paths below one home folder. `root` need not exist before `ensure()`."""

    CLOSED = ("inbox", "archive", "vault", "exports")
    OPEN = ("lake", "lake/core", "lake/out", "lake/files", "rejects", "warehouse", "reference")

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root).absolute()
        self.inbox = self.root / "inbox"
        self.archive = self.root / "archive"
        self.lake = self.root / "lake"
        self.core = self.lake / "core"
        self.out = self.lake / "out"
        self.files = self.lake / "files"
        self.rejects = self.root / "rejects"
        self.warehouse = self.root / "warehouse"
        self.exports = self.root / "exports"
        self.vault = self.root / "vault"
        self.reference = self.root / "reference"
        self.layouts = self.root / "layouts"
        self.secret_was_made = False
        self._secret: bytes | None = None

    def ensure(self) -> Home:
        """Make all zones; closed ones are for the owner only."""
        self.root.mkdir(parents=True, exist_ok=True)
        for zone in self.OPEN:
            (self.root / zone).mkdir(parents=True, exist_ok=True)
        for zone in self.CLOSED:
            folder = self.root / zone
            folder.mkdir(mode=0o700, exist_ok=True)
            if folder.stat().st_mode & 0o077:
                folder.chmod(0o700)
        return self

    def secret(self) -> bytes:
        """32 bytes: of FENGDING_SECRET, else of the file FENGDING_SECRET_FILE, else of vault/secret.key (made once)."""
        if self._secret is None:
            self._secret = self._found_secret()
        return self._secret

    def trial_secret(self) -> bytes:
        """The secret of this home; where it has none yet, one for this process only. Leaves no trace on disk."""
        configured = any(
            os.environ.get(name, "").strip() for name in ("FENGDING_SECRET", "FENGDING_SECRET_FILE")
        )
        if self._secret is None and not configured and not (self.vault / "secret.key").exists():
            self._secret = secrets.token_bytes(32)
        return self.secret()

    def _found_secret(self) -> bytes:
        if text := os.environ.get("FENGDING_SECRET", "").strip():
            return _digest(text)
        if name := os.environ.get("FENGDING_SECRET_FILE", "").strip():
            try:
                text = Path(name).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise SecretError(
                    f"密钥文件读不出：{name}。请检查 FENGDING_SECRET_FILE 的路径与权限"
                ) from error
            if not text:
                raise SecretError(f"密钥文件是空的：{name}。请放入密钥，或去掉 FENGDING_SECRET_FILE 的设置")
            return _digest(text)
        return _digest(self._own_key())

    def _own_key(self) -> str:
        """The key file of this home; made once, complete or not at all, even if two runs start at once."""
        path = self.vault / "secret.key"
        if not path.exists():
            self.vault.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh = self.vault / f".secret-{secrets.token_hex(8)}"
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as stream:
                stream.write(secrets.token_hex(32) + "\n")
                stream.flush()
                os.fsync(stream.fileno())
            try:
                os.link(fresh, path)
                self.secret_was_made = True
            except FileExistsError:
                pass
            finally:
                fresh.unlink()
        text = path.read_text(encoding="utf-8").strip()
        if not text:
            raise SecretError(
                f"密钥文件是空的：{path}。请从备份恢复，不要新建：换了密钥，以前的人员编号就对不上"
            )
        return text


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8"), digest_size=32).digest()
