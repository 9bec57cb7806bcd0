"""What a workbook says beside its values: hidden rows and columns, formulas without a result, errors, its epoch.

The library that reads the values tells nothing of these. They are looked for in the bytes of the workbook itself:
the XML of xlsx and ods, the records of xls (and of .et, which is the same).
"""

from __future__ import annotations

import posixpath
import re
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

Cell = tuple[int, int]
"""Row and column, from 0."""
_CHUNK = 2**22
_ROW = re.compile(rb"<row\b[^>]*\bhidden=\"(?:1|true)\"")
_COL = re.compile(rb"<col\b[^>]*>")
_ERROR = re.compile(
    rb"<c\b(?=[^>]*\bt=\"e\")[^>]*\br=\"([A-Z]{1,3})(\d+)\"[^>]*>.*?<v>(#[^<]*)</v>", re.DOTALL
)
_OPEN = re.compile(
    rb"<c\b[^>]*\br=\"([A-Z]{1,3})(\d+)\"[^>]*>\s*<f\b(?:[^>]*/>|[^>]*>[^<]*</f>)\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>"
)
_FIRST = re.compile(rb"\bmin=\"(\d+)\"")
_LAST = re.compile(rb"\bmax=\"(\d+)\"")
_HIDDEN = re.compile(rb"\bhidden=\"(?:1|true)\"")
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_ERROR_WORDS = {0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!", 0x2A: "#N/A"}  # fmt: skip


@dataclass
class SheetFacts:
    """Of one worksheet. `hidden_columns`: spans of columns, both ends included. `merged`: first and last cell."""

    hidden_rows: int = 0
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)
    open_formulas: set[Cell] = field(default_factory=set)
    errors: dict[Cell, str] = field(default_factory=dict)
    merged: list[tuple[Cell, Cell]] = field(default_factory=list)

    def columns_hidden_within(self, width: int) -> int:
        """How many of the first `width` columns are hidden."""
        return len({c for first, last in self.hidden_columns for c in range(first, min(last + 1, width))})


@dataclass
class WorkbookFacts:
    """Sheets by name, and whether day 0 of its dates is 1904-01-01 (else 1899-12-30)."""

    sheets: dict[str, SheetFacts] = field(default_factory=dict)
    since_1904: bool = False
    encrypted: bool = False


def workbook_facts(path: Path, kind: str) -> WorkbookFacts:
    """What a workbook of this kind (`xlsx`, `ods`, `ole`) says; what cannot be found out is not there.

    Never raises for a damaged file: whoever reads the values says that it cannot be opened.
    """
    try:
        if kind == "xlsx":
            return _xlsx(path)
        return _ods(path) if kind == "ods" else _xls(path)
    except (
        zipfile.BadZipFile,
        ElementTree.ParseError,
        KeyError,
        ValueError,
        IndexError,
        struct.error,
        OSError,
    ):
        return WorkbookFacts()


def _xlsx(path: Path) -> WorkbookFacts:
    facts = WorkbookFacts()
    with zipfile.ZipFile(path) as archive:
        book = ElementTree.fromstring(archive.read("xl/workbook.xml"))
        targets = {
            link.get("Id"): link.get("Target", "")
            for link in ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
        }
        for element in book.iter():
            tag = element.tag.rpartition("}")[2]
            if tag == "workbookPr":
                facts.since_1904 = element.get("date1904") in ("1", "true")
            elif tag == "sheet":
                link = next((v for k, v in element.attrib.items() if k.endswith("}id")), None)
                target = targets.get(link, "")
                inner = target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"xl/{target}")
                if inner in archive.namelist():
                    facts.sheets[element.get("name", "")] = _sheet_xml(archive, inner)
    return facts


def _sheet_xml(archive: zipfile.ZipFile, name: str) -> SheetFacts:
    facts = SheetFacts()
    with archive.open(name) as stream:
        for block in _whole_rows(stream):
            facts.hidden_rows += len(_ROW.findall(block))
            for column in _COL.findall(block) if b"<col" in block else []:
                first, last = _FIRST.search(column), _LAST.search(column)
                if first and last and _HIDDEN.search(column):
                    facts.hidden_columns.append((int(first[1]) - 1, int(last[1]) - 1))
            if b't="e"' in block:
                facts.errors |= {_cell(c, r): word.decode() for c, r, word in _ERROR.findall(block)}
            if b"<f" in block:
                facts.open_formulas |= {_cell(c, r) for c, r in _OPEN.findall(block)}
    return facts


def _whole_rows(stream: object) -> Iterator[bytes]:
    """The XML of a sheet in blocks that end before a row begins."""
    rest = b""
    while chunk := stream.read(_CHUNK):  # type: ignore[attr-defined]  # zipfile's own stream class is private
        block = rest + chunk
        cut = block.rfind(b"<row")
        if cut > 0:
            yield block[:cut]
            rest = block[cut:]
        else:
            rest = block
    yield rest


def _cell(letters: bytes, row: bytes) -> Cell:
    column = 0
    for letter in letters:
        column = column * 26 + letter - 64
    return int(row) - 1, column - 1


def _ods(path: Path) -> WorkbookFacts:
    """Hidden and merged of an OpenDocument sheet; dates are written out there."""
    facts = WorkbookFacts()
    with zipfile.ZipFile(path) as archive:
        manifest = (
            archive.read("META-INF/manifest.xml") if "META-INF/manifest.xml" in archive.namelist() else b""
        )
        facts.encrypted = b"encryption-data" in manifest
        if facts.encrypted:
            return facts
        with archive.open("content.xml") as stream:
            sheet, row, column, place = SheetFacts(), 0, 0, 0
            for event, element in ElementTree.iterparse(stream, ("start", "end")):
                tag = element.tag.removeprefix(_TABLE)
                if event == "start" and tag == "table":
                    sheet = facts.sheets.setdefault(element.get(f"{_TABLE}name", ""), SheetFacts())
                    row = column = 0
                elif event == "start" and tag == "table-row":
                    place = 0
                elif event == "start" and tag == "table-column":
                    times = int(element.get(f"{_TABLE}number-columns-repeated", 1))
                    if _collapsed(element):
                        sheet.hidden_columns.append((column, column + times - 1))
                    column += times
                elif event == "start" and tag in ("table-cell", "covered-table-cell"):
                    down, right = (
                        int(element.get(f"{_TABLE}number-{of}-spanned", 1)) for of in ("rows", "columns")
                    )
                    if down > 1 or right > 1:
                        sheet.merged.append(((row, place), (row + down - 1, place + right - 1)))
                    place += int(element.get(f"{_TABLE}number-columns-repeated", 1))
                elif event == "end" and tag == "table-row":
                    times = int(element.get(f"{_TABLE}number-rows-repeated", 1))
                    sheet.hidden_rows += times if _collapsed(element) else 0
                    row += times
                    element.clear()
    return facts


def _collapsed(element: ElementTree.Element) -> bool:
    return element.get(f"{_TABLE}visibility") in ("collapse", "filter")


_BOUNDSHEET, _ROW_RECORD, _COLINFO, _BOOLERR, _DATEMODE, _FILEPASS, _EOF, _FORMULA = (
    0x85, 0x208, 0x7D, 0x205, 0x22, 0x2F, 0x0A, 0x06,
)  # fmt: skip


def _xls(path: Path) -> WorkbookFacts:
    """Hidden rows and columns, errors and epoch from the records of an old workbook (BIFF8)."""
    facts = WorkbookFacts()
    raw = path.read_bytes()
    facts.encrypted = "EncryptedPackage".encode("utf-16-le") in raw
    book = b"" if facts.encrypted else ole_stream(raw, ("Workbook", "Book"))
    places: list[tuple[int, str]] = []
    for kind, body in _records(book, 0):
        if kind == _FILEPASS:
            facts.encrypted = True
            return facts
        if kind == _DATEMODE:
            facts.since_1904 = bool(struct.unpack_from("<H", body)[0])
        elif kind == _BOUNDSHEET:
            offset, count, wide = struct.unpack_from("<I", body)[0], body[6], body[7] & 1
            text = body[8 : 8 + count * (2 if wide else 1)]
            places.append((offset, text.decode("utf-16-le" if wide else "latin-1")))
    for offset, name in places:
        facts.sheets[name] = _sheet_records(book, offset)
    return facts


def _sheet_records(book: bytes, offset: int) -> SheetFacts:
    facts = SheetFacts()
    for kind, body in _records(book, offset):
        if kind == _ROW_RECORD and body[12] & 0x20:
            facts.hidden_rows += 1
        elif kind == _COLINFO and body[8] & 1:
            facts.hidden_columns.append(struct.unpack_from("<HH", body))
        elif kind == _BOOLERR and body[7]:
            facts.errors[struct.unpack_from("<HH", body)] = _ERROR_WORDS.get(body[6], "#N/A")
        elif kind == _FORMULA and body[12:14] == b"\xff\xff" and body[6] == 2:
            facts.errors[struct.unpack_from("<HH", body)] = _ERROR_WORDS.get(body[8], "#N/A")
    return facts


def _records(book: bytes, offset: int) -> Iterator[tuple[int, bytes]]:
    """Records from `offset` to the end of the part of the workbook that begins there."""
    while offset + 4 <= len(book):
        kind, size = struct.unpack_from("<HH", book, offset)
        yield kind, book[offset + 4 : offset + 4 + size]
        if kind == _EOF:
            return
        offset += 4 + size


def ole_stream(raw: bytes, names: tuple[str, ...]) -> bytes:
    """A stream of a compound file (MS-CFB) by its name; empty where there is none."""
    size, small_size = 1 << struct.unpack_from("<H", raw, 30)[0], 1 << struct.unpack_from("<H", raw, 32)[0]
    directory, cutoff, small_start = struct.unpack_from("<I", raw, 48)[0], *struct.unpack_from("<II", raw, 56)

    def sector(number: int) -> bytes:
        return raw[(number + 1) * size : (number + 2) * size]

    tables = [n for n in struct.unpack_from("<109I", raw, 76) if n < 0xFFFFFFFA]
    further, seen = struct.unpack_from("<I", raw, 68)[0], 0
    while further < 0xFFFFFFFA and seen < len(raw) // size:
        *more, further = struct.unpack(f"<{size // 4}I", sector(further))
        tables += [n for n in more if n < 0xFFFFFFFA]
        seen += 1
    fat = [n for table in tables for n in struct.unpack(f"<{size // 4}I", sector(table))]

    def chain(start: int, links: list[int]) -> Iterator[int]:
        for _ in range(len(links) + 1):
            if start >= 0xFFFFFFFA:
                return
            yield start
            start = links[start]

    entries = b"".join(sector(n) for n in chain(directory, fat))
    root = entries[:128]
    for at in range(0, len(entries) - 127, 128):
        entry = entries[at : at + 128]
        length = struct.unpack_from("<H", entry, 64)[0]
        if entry[66] == 2 and entry[: max(length - 2, 0)].decode("utf-16-le", "replace") in names:
            start, total = struct.unpack_from("<II", entry, 116)
            if total >= cutoff:
                return b"".join(sector(n) for n in chain(start, fat))[:total]
            small = [n for t in chain(small_start, fat) for n in struct.unpack(f"<{size // 4}I", sector(t))]
            holder = b"".join(sector(n) for n in chain(struct.unpack_from("<I", root, 116)[0], fat))
            parts = (holder[n * small_size : (n + 1) * small_size] for n in chain(start, small))
            return b"".join(parts)[:total]
    return b""
