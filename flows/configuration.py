"""The configuration of a run: policies, reference tables, layouts; as they stand, or as they stood on a day.

Every publish keeps a copy of what it used in `archive/configuration/<hash>/`, so that `--as-of` can use the policies
and reference tables of that day.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

from schemas.policy import Policies, load_policies, policy_hash
from schemas.reference import Reference, load_reference, reference_hash
from stores.errors import OperatorError
from stores.home import Home
from stores.state import CODE_ROOT, write_json

DATA = CODE_ROOT / "data"


@dataclass(frozen=True)
class Configuration:
    """Policies and reference tables of one moment, with their hashes."""

    policies: Policies
    reference: Reference
    policy_hash: str
    reference_hash: str


@lru_cache(maxsize=4)
def _loaded(policies: Path, shipped: Path, local: Path | None, _stamp: str) -> Configuration:
    try:
        reference = load_reference(shipped, local)
        known = frozenset(reference["category"]["code"])
        return Configuration(
            load_policies(policies, categories=known), reference, policy_hash(policies), _stamp
        )
    except ValueError as error:
        raise OperatorError(f"配置有错误：{error}") from error


def _from(policies: Path, shipped: Path, local: Path) -> Configuration:
    here = local if local.is_dir() else None
    return _loaded(policies, shipped, here, reference_hash(shipped, here))


def load_configuration(home: Home, as_of: date | None) -> Configuration:
    """Policies and reference tables of today, or of the last publish on or before `as_of` where one was kept."""
    kept = _kept_on(home, as_of) if as_of else None
    if kept:
        return _from(kept / "policies", kept / "reference", kept / "local")
    return _from(DATA / "policies", DATA / "reference", home.reference)


def remember(home: Home, today: date) -> None:
    """Keep a copy of the configuration in force, where it is not kept yet."""
    configuration = load_configuration(home, None)
    name = f"{configuration.policy_hash[:12]}-{configuration.reference_hash[:12]}"
    log_file = home.archive / "configuration" / "log.json"
    log: dict[str, str] = json.loads(log_file.read_text(encoding="utf-8")) if log_file.exists() else {}
    folder = log_file.parent / name
    if not folder.exists():
        temporary = folder.with_name(f".{name}.{os.getpid()}")
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.copytree(DATA / "policies", temporary / "policies")
        shutil.copytree(DATA / "reference", temporary / "reference")
        if home.reference.is_dir():
            shutil.copytree(home.reference, temporary / "local")
        os.replace(temporary, folder)
    if not log or log[max(log)] != name:
        write_json(log_file, {**log, today.isoformat(): name})


def _kept_on(home: Home, as_of: date) -> Path | None:
    log_file = home.archive / "configuration" / "log.json"
    if not log_file.exists():
        return None
    log: dict[str, str] = json.loads(log_file.read_text(encoding="utf-8"))
    days = [day for day in log if day <= as_of.isoformat()]
    return log_file.parent / log[max(days)] if days else None
