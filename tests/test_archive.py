"""The archive: bytes as received, by a second name where the file leaves the inbox, never changed afterwards."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from ingest_samples import SETTLEMENT, csv_text, rows

from stores import archive, ingest_file
from stores.home import Home
from stores.ingest import ingest

DAY = date(2024, 1, 5)
TEXT = csv_text(rows(SETTLEMENT, {}))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("FENGDING_SECRET", "for tests only")
    return Home(tmp_path / "home").ensure()


def archived(home: Home) -> list[bytes]:
    return [path.read_bytes() for path in home.archive.rglob("*.csv")]


def test_a_file_of_the_inbox_moves_into_the_archive(home: Home) -> None:
    path = home.inbox / "a.csv"
    path.write_text(TEXT, encoding="utf-8")
    inode = path.stat().st_ino
    ingest(home, received=DAY)
    assert not path.exists()
    assert archived(home) == [TEXT.encode()]
    kept = next(home.archive.rglob("*.csv"))
    assert (kept.stat().st_ino, kept.stat().st_mode & 0o777) == (inode, 0o600)


def test_a_file_from_elsewhere_is_copied(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(TEXT, encoding="utf-8")
    ingest(home, [path], received=DAY)
    path.write_text("other", encoding="utf-8")
    assert archived(home) == [TEXT.encode()]


def test_a_refused_file_stays_and_its_copy_is_apart(home: Home) -> None:
    path = home.inbox / "a.csv"
    path.write_text("不,认识\n1,2\n", encoding="utf-8")
    before = path.read_bytes()
    ingest(home, received=DAY)
    path.write_text("mended in place", encoding="utf-8")
    assert archived(home) == [before]


def test_a_file_that_grows_while_it_is_read_is_refused(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    path = home.inbox / "a.csv"
    path.write_text(TEXT, encoding="utf-8")
    typed = ingest_file.typed

    def while_somebody_writes(*given: object) -> object:
        with path.open("a", encoding="utf-8") as stream:
            stream.write(TEXT.splitlines()[1].replace("S1", "S2") + "\n")
        return typed(*given)  # type: ignore[arg-type]  # passes on what it was given

    monkeypatch.setattr(ingest_file, "typed", while_somebody_writes)
    summary = ingest(home, received=DAY)
    assert [file.status for file in summary.files] == ["refused"]
    assert "被改动" in (summary.files[0].message or "")
    assert path.exists()
    for kept in home.archive.rglob("*.csv"):
        assert archive.content_hash(kept) == kept.stem
    monkeypatch.undo()
    monkeypatch.setenv("FENGDING_SECRET", "for tests only")
    assert [file.status for file in ingest(home, received=DAY).files] == ["read"]
