"""The number of an issue (期号) as it stands on each row of a township list: which issue, which row of how many, and a
check of the reason, so that a list that comes back tells what was left out or changed.

`20240506-003/027-7QK2`: issue of 6 May 2024, row 3 of 27.
"""

from __future__ import annotations

import re

from transforms.pseudonym import ALPHABET

_FORM = re.compile(r"^\s*([0-9A-Z]+)-(\d+)/(\d+)-([0-9A-Z]{4})\s*$")


def issue_of(issue: str, place: int, total: int, why_key: int) -> str:
    """The text of one row; `why_key` is the keyed hash of its reason."""
    return f"{issue or '0'}-{place:03d}/{total:03d}-{_check(why_key)}"


def _check(why_key: int) -> str:
    """The last four letters of the key as text (`transforms.pseudonym.key_texts`)."""
    return "".join(ALPHABET[(why_key >> shift) & 31] for shift in (15, 10, 5, 0))


def parts_of(text: str) -> tuple[str, int, int] | None:
    """(issue, row, rows) of a number as it came back; None where it has another form."""
    found = _FORM.match(text)
    return (found.group(1), int(found.group(2)), int(found.group(3))) if found else None


def check_of(text: str) -> str:
    """The check of the reason; empty where the number has another form."""
    found = _FORM.match(text)
    return found.group(4) if found else ""
