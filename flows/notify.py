"""A failed run says so: a short text for the bureau's own message command, and the reason without what stood in a file.

`FENGDING_NOTIFY` names a command (with its arguments, no shell). It gets the text on standard input.
"""

from __future__ import annotations

import errno
import os
import shlex
import sqlite3
import subprocess
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from stores.errors import OperatorError, RunError

COMMAND = "FENGDING_NOTIFY"
SECONDS = 60
CLOSED = ("FENGDING_SECRET", "FENGDING_SECRET_FILE")
"""What the message command has no need of."""
LASTING = (FileNotFoundError, FileExistsError, NotADirectoryError, IsADirectoryError, PermissionError)
LASTING_NUMBERS = {errno.ENAMETOOLONG, errno.EINVAL, errno.EROFS, errno.ENOTEMPTY, errno.ELOOP}
KINDS = {"nightly": "每晚的运行", "backfill": "年度重算", "serve": "定时服务"}


class UnforeseenError(RunError):
    """Something that the program does not foresee; the text tells its kind and place, not what stood in a file."""


class PassingError(UnforeseenError):
    """A fault of the machine that may be gone in a minute: a share that does not answer, a file held by a reader."""


def reason(error: BaseException) -> str:
    """Why a run failed, for the operator: the text of our own errors; of any other only its kind and place."""
    if isinstance(error, OperatorError | RunError):
        return str(error)
    places = [
        f"{Path(frame.filename).name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)
    ]
    where = " < ".join(reversed(places[-4:]))
    return f"运行失败，已发布的结果没有改变。{type(error).__name__} @ {where}"


def passing(error: BaseException) -> bool:
    """Whether trying again may help. Never for our own errors: a sum that does not balance will not balance later."""
    if isinstance(error, OperatorError | RunError):
        return isinstance(error, PassingError)
    if isinstance(error, OSError):
        return not isinstance(error, LASTING) and error.errno not in LASTING_NUMBERS
    return isinstance(error, duckdb.IOException | sqlite3.OperationalError)


@contextmanager
def told_plainly() -> Iterator[None]:
    """Turn an unforeseen error into one whose text holds no data: Prefect keeps the text of every error and cause."""
    try:
        yield
    except (OperatorError, RunError) as error:
        raise error from None  # its text is ours, that of its cause is not
    except Exception as error:  # noqa: BLE001  # whatever it is, its text may hold what stood in a file
        kind = PassingError if passing(error) else UnforeseenError
        raise kind(reason(error)) from None


def failure_text(kind: str, home: Path, run_id: str, why: str) -> str:
    """What the message command is told of a failure."""
    lines = [
        f"封顶 fengding：{KINDS.get(kind, kind)}失败，需要有人处理",
        f"运行编号：{run_id or '（没有开始）'}",
        f"原因：{why}",
        f"数据目录：{home}",
    ]
    return "\n".join(lines) + "\n"


def notify(text: str, say: Callable[[str], None]) -> bool:
    """Give a text to the configured message command. Returns whether it took it; never raises."""
    command = os.environ.get(COMMAND, "").strip()
    if not command:
        return False
    try:
        done = subprocess.run(
            shlex.split(command),
            input=text.encode("utf-8"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={name: value for name, value in os.environ.items() if name not in CLOSED},
            timeout=SECONDS,
            check=False,
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        say(f"通知命令没有成功（{type(error).__name__}），请检查 {COMMAND} 的设置")
        return False
    if done.returncode:
        say(f"通知命令没有成功（退出码 {done.returncode}），请检查 {COMMAND} 的设置")
    return done.returncode == 0
