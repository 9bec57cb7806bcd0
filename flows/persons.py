"""Who is who among the people of the files in force: from all rows, or for a night from what was known before it.

The people are of all cost years; what is known of them is handed on once for all (`lake/carried/people/`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from stores import carried, lake
from stores.home import Home
from stores.state import code_version
from transforms import identity
from transforms.identity import Known, People
from transforms.identity_nights import grown
from transforms.newborns import Newborns

NAME = "people"
WORTH_KEEPING = 20_000
"""So many new rows make it worth while to hand on anew: who is looked at again grows with them."""


@dataclass(frozen=True)
class Persons:
    """The people of the files in force. worth_keeping: whether the next night is much quicker with what is known."""

    home: Home
    files: pl.DataFrame
    known: Known
    worth_keeping: bool

    @property
    def people(self) -> People:
        return self.known.found

    def written_down(self) -> Path | None:
        """Write what the next night builds on, for `hand_on`; None: not anew for a quiet night."""
        if not self.worth_keeping:
            return None
        found, ties, born = self.known
        frames = {**found._asdict(), "ties": ties, **born._asdict()}
        return carried.write(self.home, NAME, ingredients(self.home, self.files), frames)

    def hand_on(self, written: Path | None) -> None:
        """From now on nights build on what was written down."""
        if written is not None:
            carried.put_in_place(self.home, NAME, written)


def who_is_who(home: Home, files: pl.DataFrame, derive: bool) -> Persons:
    """The people of the files; `derive`: from what was handed on, where that can be had."""
    person, roster = lake.scan(home, "person", files), lake.scan(home, "roster", files)
    handed = handed_on(home, files) if derive else None
    if handed is not None:
        before, held = handed
        new = lake.scan(home, "person", files.filter(~pl.col("file_id").is_in(held)))
        found = grown(before, person, new, files, roster)
        if found is not None:
            n_new = new.select(pl.len()).collect().item()
            return Persons(home, files, found, n_new >= WORTH_KEEPING)
    return Persons(home, files, identity.known(person, files, roster=roster), True)


def ingredients(home: Home, files: pl.DataFrame) -> dict[str, Any]:
    """What is known of people depends on: each file as it was read, and all else as one hash."""
    secret = hashlib.sha256(home.secret()).hexdigest()
    return {"files": carried.as_read(home, files), "rest": carried.digest([code_version(), secret])}


def handed_on(home: Home, files: pl.DataFrame) -> tuple[Known, list[str]] | None:
    """What was known, and of which files, where they have only become more since."""
    kept = carried.read(home, NAME)
    if kept is None:
        return None
    made_of, frames = kept
    now = ingredients(home, files)
    if not carried.fits(made_of, now):
        return None
    found = People(*(frames[name] for name in People._fields))
    born = Newborns(*(frames[name] for name in Newborns._fields))
    return Known(found, frames["ties"], born), list(made_of["files"])
