"""Files that cannot be read say why and what to do; packed files are unpacked within bounds."""

from __future__ import annotations

import gzip
import zipfile
from datetime import date
from pathlib import Path

import pytest
from ingest_samples import ROSTER, SETTLEMENT, csv_text, rows, table_rows, write_csv, write_xlsx

from stores import readers
from stores.home import Home
from stores.ingest import ingest
from stores.readers import Refused, kind_of, members


def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes) -> str:
    monkeypatch.setenv("FENGDING_SECRET", "for tests only")
    home = Home(tmp_path / "home").ensure()
    (home.inbox / name).write_bytes(content)
    (file,) = ingest(home, received=date(2024, 1, 1)).files
    assert file.status == "refused" and (home.inbox / name).exists()
    return file.message or ""


def workbook(tmp_path: Path) -> bytes:
    return write_xlsx(tmp_path / "w.xlsx", {"名册": table_rows(rows(ROSTER, {}))}).read_bytes()


def encrypted_ole() -> bytes:
    """The start of a password-protected workbook: an OLE file that names its encrypted stream."""
    return (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
        + b"\x00" * 504
        + "EncryptedPackage".encode("utf-16-le")
        + b"\x00" * 480
    )


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("空.csv", b"", "空"),
        ("空.xlsx", b"", "空"),
        ("空白.csv", b"\r\n \r\n", "空"),
        ("网页.xls", b"<html><table><tr><td>1</td></tr></table></html>", "网页"),
        ("加密.xlsx", encrypted_ole(), "密码"),
        ("坏.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x01" * 600, "打不开"),
        ("坏.zip", b"PK\x03\x04" + b"\x00" * 100, "不完整"),
        ("坏.csv.gz", gzip.compress(b"a,b\n1,2\n" * 1000, mtime=0)[:30], "不完整"),
        ("图.png", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "不是可读的表格"),
        ("表.pdf", b"%PDF-1.7\n", "PDF"),
        ("包.rar", b"Rar!\x1a\x07\x00", "rar"),
        ("坏.parquet", b"PAR1" + b"\x00" * 50, "Parquet"),
        ("说明.txt", "本月无数据".encode(), "表头"),
        ("别的.csv", "甲,乙,丙\n1,2,3\n".encode(), "表头"),
    ],
)
def test_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes, word: str
) -> None:
    assert word in refused(tmp_path, monkeypatch, name, content)


def test_truncated_and_empty_workbooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = workbook(tmp_path)
    assert "不完整" in refused(tmp_path, monkeypatch, "a.xlsx", whole[: len(whole) // 2])
    empty = write_xlsx(tmp_path / "e.xlsx", {"Sheet1": []}).read_bytes()
    monkeypatch.setenv("FENGDING_SECRET", "for tests only")
    home = Home(tmp_path / "home2").ensure()
    (home.inbox / "e.xlsx").write_bytes(empty)
    (file,) = ingest(home, received=date(2024, 1, 1)).files
    assert file.status == "refused" and "没有数据" in (file.message or "")


def test_a_csv_named_xlsx_and_a_workbook_named_csv_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FENGDING_SECRET", "for tests only")
    home = Home(tmp_path / "home").ensure()
    write_csv(home.inbox / "a.xlsx", rows(SETTLEMENT, {}))
    (home.inbox / "b.csv").write_bytes(workbook(tmp_path))
    assert [f.status for f in ingest(home, received=date(2024, 1, 1)).files] == ["read", "read"]


def test_a_data_sheet_with_a_wrong_header_refuses_the_workbook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = table_rows(rows(ROSTER, {}))
    wrong = [["姓名", "身份证号", "救助身份", "生效"], ["张三", "1", "低保", "2023-01-01"]]
    book = write_xlsx(tmp_path / "w.xlsx", {"一": body, "二": wrong}).read_bytes()
    message = refused(tmp_path, monkeypatch, "w.xlsx", book)
    assert "工作表「二」" in message and "区划代码" in message


def test_a_file_without_rows_is_read_with_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FENGDING_SECRET", "for tests only")
    home = Home(tmp_path / "home").ensure()
    (home.inbox / "a.csv").write_text(csv_text(rows(SETTLEMENT, {})).splitlines()[0] + "\n", encoding="utf-8")
    (file,) = ingest(home, received=date(2024, 1, 1)).files
    assert (file.status, file.rows) == ("read", 0)


def test_a_bomb_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "MAX_UNPACKED", 1_000_000)
    bomb = tmp_path / "b.csv.gz"
    bomb.write_bytes(gzip.compress(b"0" * 5_000_000))
    with pytest.raises(Refused, match="不合理"):
        members(bomb, tmp_path)
    packed = tmp_path / "b.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", b"0" * 5_000_000)
    with pytest.raises(Refused, match="过大"):
        members(packed, tmp_path)


def test_member_names_cannot_leave_the_workspace(tmp_path: Path) -> None:
    packed = tmp_path / "in" / "b.zip"
    packed.parent.mkdir()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("../../evil.csv", "a,b\n1,2\n")
    work = tmp_path / "work"
    work.mkdir()
    for member in members(packed, work):
        assert member.path.resolve().is_relative_to(work.resolve())


def test_a_file_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(workbook(tmp_path))
    assert kind_of(tmp_path / "a") == "xlsx"
    (tmp_path / "b").write_bytes("姓名,金额\n".encode("utf-16"))
    assert kind_of(tmp_path / "b") == "text"
