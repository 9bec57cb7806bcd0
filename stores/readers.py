"""What kind of file lies before us, by its first bytes; packed files unpacked; each readable member as sheets.

A `Sheet` shows its first rows as text, so that a header can be found, and then gives the chosen columns as text
batches. Everything that cannot be read raises `Refused` with a Chinese message that says what to do.
"""

from __future__ import annotations

import gzip
import shutil
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Protocol

import polars as pl

MAX_UNPACKED = 64 * 2**30
MAX_RATIO = 1_000
MAX_MEMBERS = 2_000
HEAD_ROWS = 20
_JUNK = ("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini")


class Refused(Exception):
    """A file that cannot be read; the text is for the operator."""


@dataclass(frozen=True)
class Member:
    """One readable file: the received file itself, or a member of an archive, unpacked under `path`."""

    name: str
    path: Path
    member: str | None = None
    refused: str | None = None


@dataclass
class Wanted:
    """Columns to read: field → position, and the kinds that decide how cells become text."""

    columns: Mapping[str, int]
    kinds: Mapping[str, str]
    headers: Sequence[str]
    header_row: int
    """Position of the header among the rows of `Sheet.head`."""
    notes: dict[str, int] = field(default_factory=dict)
    """Findings of the reader: message → count."""
    as_text: bool = False
    """Every cell as text; else a reader may give amounts as Float64 and codes as Categorical (see `TextSheet`)."""
    plain_numbers: bool = False
    """Set by a reader that has seen that no number of the file is written with an exponent."""


class Sheet(Protocol):
    """A table of text within a file."""

    name: str | None
    visible: bool
    head: list[list[str]]
    encoding: str

    def batches(self, wanted: Wanted) -> Iterator[pl.DataFrame]:
        """Raw rows below the header: the wanted fields as String (see `Wanted.as_text`), `source_row`, and `ragged`
        (too many cells)."""
        ...


def kind_of(path: Path) -> str:
    """`gz`, `zip`, `xlsx`, `ods`, `ole`, `parquet`, `html`, `empty`, `binary` or `text`."""
    with path.open("rb") as stream:
        start = stream.read(4096)
    if not start.strip(b"\x00\r\n\t "):
        return "empty"
    if start[:2] == b"\x1f\x8b":
        return "gz"
    if start[:4] in (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"):
        return _kind_of_zip(path)
    if start[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        return "ole"
    if start[:4] == b"PAR1":
        return "parquet"
    if start[:4] == b"Rar!" or start[:6] == b"7z\xbc\xaf\x27\x1c":
        return "rar"
    if start[:4] == b"%PDF":
        return "pdf"
    if start.lstrip(b"\xef\xbb\xbf\r\n\t ")[:1] == b"<":
        return "html"
    wide = start[:2] in (b"\xff\xfe", b"\xfe\xff") or start.count(b"\x00") > len(start) // 4
    return "binary" if b"\x00" in start and not wide else "text"


def _kind_of_zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return "broken"
    if any(name == "[Content_Types].xml" or name.startswith("xl/") for name in names):
        return "xlsx"
    return "ods" if "content.xml" in names else "zip"


def members(path: Path, workspace: Path) -> list[Member]:
    """The readable files within a received file; packed ones are unpacked below `workspace`, within bounds."""
    kind = kind_of(path)
    if kind == "gz":
        inner = path.name[:-3] if path.name.lower().endswith(".gz") else path.name
        target = workspace / "gz"
        _unpack(lambda: gzip.open(path, "rb"), target, path.stat().st_size)  # noqa: SIM115  # closed in _unpack
        if kind_of(target) in ("gz", "zip"):
            return [
                Member(m.name, m.path, m.member or inner, m.refused)
                for m in _nested(target, inner, workspace)
            ]
        return [Member(path.name, target)]
    if kind == "zip":
        return _zip_members(path, path.name, workspace)
    if kind == "broken":
        raise Refused("压缩包或工作簿不完整（可能没有传完），请重新复制或重新导出")
    return [Member(path.name, path)]


def _nested(path: Path, name: str, workspace: Path) -> list[Member]:
    if kind_of(path) == "zip":
        return _zip_members(path, name, workspace)
    raise Refused("压缩包里还是压缩包，请解开后再放入")


def _zip_members(path: Path, name: str, workspace: Path) -> list[Member]:
    found: list[Member] = []
    try:
        with zipfile.ZipFile(path) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
            if len(infos) > MAX_MEMBERS or sum(info.file_size for info in infos) > MAX_UNPACKED:
                raise Refused("压缩包里的文件过多或过大，请分开后再放入")
            for number, info in enumerate(infos):
                inner = _zip_name(info)
                parts = [part for part in PurePosixPath(inner).parts if part != ".."]
                if any(part in _JUNK or part.startswith((".", "~$")) for part in parts):
                    continue
                if info.flag_bits & 1:
                    raise Refused("压缩包有密码，请去掉密码后重新压缩")
                target = workspace / f"zip{number}{PurePosixPath(inner).suffix[:8]}"
                _unpack(
                    lambda archive=archive, info=info: archive.open(info), target, max(info.compress_size, 1)
                )
                refused = (
                    "压缩包里还是压缩包,请解开后再放入" if kind_of(target) in ("gz", "zip", "rar") else None
                )
                found.append(Member(name, target, inner, refused))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, zlib.error) as error:
        raise Refused("压缩包损坏或压缩方式不支持，请重新压缩为普通 zip") from error
    if not found:
        raise Refused("压缩包里没有文件")
    return found


def _zip_name(info: zipfile.ZipInfo) -> str:
    """Names that Chinese Windows wrote without the UTF-8 mark are GB18030."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("gb18030")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return info.filename


def _unpack(opened: object, target: Path, packed: int) -> None:
    """Unpack a stream to `target`, stopping at a bomb."""
    limit = min(MAX_UNPACKED, max(packed * MAX_RATIO, 100 * 2**20))
    free = shutil.disk_usage(target.parent).free
    total = 0
    try:
        with opened() as stream, target.open("wb") as out:  # type: ignore[operator]  # one of two openers with unlike signatures
            while chunk := stream.read(2**22):
                total += len(chunk)
                if total > limit or total > free:
                    raise Refused("压缩包解开后大得不合理或磁盘放不下，请检查后重新压缩")
                out.write(chunk)
    except (EOFError, OSError, zlib.error) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        raise Refused("压缩文件不完整（可能没有传完），请重新复制") from error


def sheets(path: Path, workspace: Path) -> list[Sheet]:
    """The sheets of a plain file (one for text and Parquet)."""
    from stores.readers_excel import excel_sheets
    from stores.readers_text import ParquetSheet, text_sheet

    kind = kind_of(path)
    if kind in ("xlsx", "ole", "ods"):
        return list(excel_sheets(path, kind))
    if kind == "parquet":
        return [ParquetSheet(path)]
    if kind == "text":
        return [text_sheet(path, workspace)]
    raise Refused(
        {
            "empty": "文件是空的，请重新导出",
            "html": "这是网页文件，不是表格（常见于系统导出的“假 xls”)。请用 Excel 或 WPS 打开后另存为 xlsx 再放入",
            "broken": "工作簿不完整（可能没有传完），请重新复制或重新导出",
            "rar": "rar、7z 压缩包不能读,请解开或改用 zip",
            "pdf": "PDF 不能读，请导出为 CSV 或 xlsx",
        }.get(kind, "不是可读的表格文件，请导出为 CSV 或 xlsx")
    )
