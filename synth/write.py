"""Files as departments deliver them, and what is known about each: rows, rejected rows, date of receipt, hash."""

from __future__ import annotations

import gzip
import hashlib
import io
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

import polars as pl
import xlsxwriter

EPOCH = datetime(2020, 1, 1)


@dataclass(frozen=True)
class Style:
    """How a delimited file is written."""

    encoding: str = "utf-8"
    separator: str = ","
    upper: bool = False
    interface: bool = False
    pack: str = ""
    ending: str = "csv"


@dataclass
class Delivered:
    """One delivered file. ``keyed``: (key, order, version, row) of rows whose key occurs more than once."""

    name: str
    table: str
    received_on: date
    encoding: str
    rows: int
    rejected: int
    content_hash: str = ""
    keyed: list[tuple[str, str, str, int]] = field(default_factory=list)
    duplicates: int = 0

    @property
    def accepted(self) -> int:
        return self.rows - self.rejected - self.duplicates


PLAIN = Style()
STYLES = (
    Style("gb18030"), Style("utf-8", upper=True, pack="zip"), Style("gb18030", "\t", True, ending="txt"),
    Style("utf-8-sig", pack="gz"), Style("gb18030", pack="gz"), Style("utf-8", ";"), Style("gb18030", "|"),
    Style("utf-8-sig", interface=True), Style("gb18030", interface=True, upper=True, pack="zip"),
    Style("utf-8", pack="zip"), Style("gb18030", ";", True, pack="zip"), Style("utf-8", "\t", ending="txt", pack="gz"),
)  # fmt: skip


class Inbox:
    """The folder of delivered files of one county."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: list[Delivered] = []
        folder.mkdir(parents=True, exist_ok=True)

    def put(self, record: Delivered, content: bytes, *, inner: str = "", pack: str = "") -> Delivered:
        """Writes one file; its hash is that of the content before packing."""
        record.content_hash = hashlib.sha256(content).hexdigest()
        path = self.folder / record.name
        if pack == "gz":
            with path.open("wb") as f, gzip.GzipFile("", "wb", 6, f, mtime=0) as z:
                z.write(content)
        elif pack == "zip":
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
                z.writestr(zipfile.ZipInfo(inner, (2020, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
        else:
            path.write_bytes(content)
        self.files.append(record)
        return record

    def text(
        self,
        stem: str,
        table: str,
        received: date,
        parts: Sequence[pl.DataFrame],
        style: Style,
        rejected: int = 0,
    ) -> Delivered:
        """Frames of the same columns as one delimited file (floats are written with two decimals)."""
        buffer = io.BytesIO()
        names = [c.upper() if style.upper else c for c in parts[0].columns]
        header = style.separator.join(names) + "\n"
        buffer.write(header.encode("utf-8"))
        for part in parts:
            part.write_csv(
                buffer,
                include_header=False,
                separator=style.separator,
                float_precision=2,
                date_format="%Y-%m-%d",
                datetime_format="%Y-%m-%d %H:%M:%S",
            )
        content = buffer.getvalue()
        if style.encoding == "gb18030":
            content = content.decode("utf-8").encode("gb18030")
        elif style.encoding == "utf-8-sig":
            content = b"\xef\xbb\xbf" + content
        elif style.encoding == "utf-16":
            content = b"\xff\xfe" + content.decode("utf-8").encode("utf-16-le")
        inner = f"{stem}.{style.ending}"
        name = {"gz": f"{inner}.gz", "zip": f"{stem}.zip"}.get(style.pack, inner)
        record = Delivered(name, table, received, style.encoding, sum(p.height for p in parts), rejected)
        return self.put(record, content, inner=inner, pack=style.pack)

    def sheet(
        self,
        stem: str,
        table: str,
        received: date,
        header: Sequence[str],
        rows: Iterable[Sequence[object]],
        *,
        title: str = "",
        note: str = "",
        gap: bool = False,
    ) -> Delivered:
        """One workbook with one sheet: an optional merged title above the header, an optional note below.

        ``gap``: an empty row among the rows (one rejected row). Title and note are no rows of the list.
        """
        buffer = io.BytesIO()
        book = xlsxwriter.Workbook(
            buffer,
            {
                "in_memory": True,
                "strings_to_formulas": False,
                "strings_to_numbers": False,
                "strings_to_urls": False,
            },
        )
        book.set_properties({"created": EPOCH, "title": "合成数据"})
        sheet = book.add_worksheet("Sheet1")
        at = 0
        if title:
            sheet.merge_range(0, 0, 0, len(header) - 1, title)
            at = 1
        sheet.write_row(at, 0, header)
        n = 0
        for row in rows:
            n += 2 if gap and n == 1 else 1
            for j, value in enumerate(row):
                if isinstance(value, str):
                    if value:
                        sheet.write_string(at + n, j, value)
                else:
                    sheet.write_number(at + n, j, value)
        if note:
            sheet.write_string(at + n + 1, 0, note)
        book.close()
        record = Delivered(f"{stem}.xlsx", table, received, "xlsx", n, int(gap and n > 1))
        return self.put(record, buffer.getvalue())


def mark_duplicates(files: list[Delivered]) -> None:
    """Counts duplicate rows: exact copies of the row then current, or older versions of it."""
    current: dict[tuple[str, str], tuple[str, str]] = {}
    for f in sorted(files, key=lambda f: (f.received_on, f.content_hash)):
        if not f.keyed:
            continue
        f.duplicates = 0
        for key, order, version, _ in sorted(f.keyed, key=lambda k: k[3]):
            now = current.get((f.table, key))
            if now is not None and ((order, version) == now or order < now[0]):
                f.duplicates += 1
            else:
                current[(f.table, key)] = (order, version)
