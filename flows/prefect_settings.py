"""Prefect's settings, set before it is imported: it keeps to the home folder and says nothing to the outside."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from stores.home import Home

TEMPLATE = Path(sys.prefix) / "prefect-template" / "prefect.db"


def prepare(home: Home) -> None:
    """Point Prefect at the home folder, unless the bureau has configured a server of its own.

    A new home gets a copy of the database that set-up has prepared: preparing one takes longer than most runs.
    """
    folder = home.root / "prefect"
    os.environ.setdefault("PREFECT_HOME", str(folder))
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "180")
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("PREFECT_CLI_PROMPT", "false")
    database = Path(os.environ["PREFECT_HOME"]) / "prefect.db"
    if TEMPLATE.exists() and not database.exists():
        database.parent.mkdir(parents=True, exist_ok=True)
        partial = database.with_name(f".prefect.db.{os.getpid()}")
        shutil.copyfile(TEMPLATE, partial)
        os.replace(partial, database)
