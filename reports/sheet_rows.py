"""The data rows of a sheet as its XML, made column by column instead of cell by cell, and put into a workbook.

`xlsxwriter` writes everything else: styles, page, head, totals, drop-downs, and of the data rows only the last one, with
empty cells that show the style of each column. That row is replaced by all of them, and their texts are added to the
texts of the workbook. A cell refers to its text by number: whatever a text looks like, it is taken for nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import polars as pl
from xlsxwriter.utility import xl_col_to_name

LEVEL = 4
"""Half the time of the usual 6, for files larger by a seventh."""
SLICE = 50_000
"""Rows whose XML is held at a time: some tens of MB."""
LONGEST = 32_767
"""Characters that a cell may hold; a longer text is cut."""
DAY_OF_1970 = 25_568
"""1 January 1970 in days since 31 December 1899."""
NOT_A_DAY = 59
"""After it spreadsheets count a 29 February 1900."""
SHARED = "xl/sharedStrings.xml"
_ODD = r"[&<>\x00-\x08\x0b-\x1f\x{FFFE}\x{FFFF}]|_x[0-9a-fA-F]{4}_"
_ESCAPE = re.compile("_(x[0-9a-fA-F]{4}_)")
_UNPRINTED = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]")
_STYLE = re.compile(rb' s="(\d+)"')
_COUNTS = re.compile(rb' count="(\d+)" uniqueCount="(\d+)"')


def text(name: str) -> pl.Expr:
    """A column of texts; empty ones are empty cells."""
    return pl.col(name).cast(pl.String).str.head(LONGEST).replace("", None)


def yuan(name: str) -> pl.Expr:
    """Whole fen as yuan."""
    fen = pl.col(name).cast(pl.Int64)
    cents = pl.when(fen % 100 != 0).then(pl.format(".{}", (fen.abs() % 100).cast(pl.String).str.zfill(2)))
    sign = pl.when(fen < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    return sign + (fen.abs() // 100).cast(pl.String) + cents.fill_null("")


def number(name: str) -> pl.Expr:
    """Numbers as they are, whole ones without a decimal point."""
    return pl.col(name).cast(pl.String).str.strip_suffix(".0")


def day(name: str) -> pl.Expr:
    """Dates as the days of spreadsheets."""
    days = pl.col(name).cast(pl.Date).to_physical() + DAY_OF_1970
    return (days + (days > NOT_A_DAY)).cast(pl.String)


@dataclass(frozen=True)
class Cells:
    """The data cells of a sheet: a column of `contents` for each of its own, as made by `text`, `yuan`, `number` or `day`,
    null where a cell is empty; `texts` names those that hold texts. `heights` of the rows in points, none: as usual.
    """

    contents: pl.DataFrame
    texts: Sequence[str]
    heights: Sequence[float] = ()


def fill(skeleton: BytesIO, path: Path, sheets: Mapping[int, Cells]) -> None:
    """Write `skeleton`, a workbook, to `path` with the data rows of some sheets (counted from 1) put in.

    Each of these sheets holds its last data row already, and no other: one cell a column, of the style of its column.
    """
    with ZipFile(skeleton) as made, ZipFile(path, "w", ZIP_DEFLATED, compresslevel=LEVEL) as book:
        parts: dict[str, Iterator[bytes]] = {}
        if sheets:
            own, strings = _shared(made.read(SHARED), sheets)
            parts = {SHARED: iter([strings])}
            parts |= {n: _with_rows(made.read(n), cells) for n, cells in own.items()}
        for name in made.namelist():
            with book.open(name, "w") as stream:
                for piece in parts.get(name) or [made.read(name)]:
                    stream.write(piece)


def _shared(strings: bytes, sheets: Mapping[int, Cells]) -> tuple[dict[str, Cells], bytes]:
    """The sheets by their parts, with the numbers of their texts instead of these; the workbook's texts with theirs."""
    head = _COUNTS.search(strings)
    assert head is not None, "the workbook has no texts"
    uses, different = int(head[1]), int(head[2])
    columns = [cells.contents[name].alias("text") for cells in sheets.values() for name in cells.texts]
    texts = pl.concat([pl.Series("text", dtype=pl.String), *columns])
    pool = texts.drop_nulls().unique(maintain_order=True)
    numbered = (
        pool.to_frame()
        .with_row_index("number", offset=different)
        .with_columns(pl.col("number").cast(pl.String))
    )
    numbers = texts.to_frame().join(numbered, on="text", how="left", maintain_order="left")["number"]
    found, at = {}, 0
    for sheet, cells in sheets.items():
        height = cells.contents.height
        own = [numbers.slice(at + n * height, height).alias(name) for n, name in enumerate(cells.texts)]
        found[f"xl/worksheets/sheet{sheet}.xml"] = replace(cells, contents=cells.contents.with_columns(own))
        at += len(own) * height
    counts = f' count="{uses + len(texts) - texts.null_count()}" uniqueCount="{different + len(pool)}"'
    opening, closing = (
        strings[: head.start()] + counts.encode(),
        strings[head.end() :].removesuffix(b"</sst>"),
    )
    return found, b"".join((opening, closing, strings_xml(pool), b"</sst>"))


def strings_xml(texts: pl.Series) -> bytes:
    """Texts as the workbook holds them; what XML cannot hold, and what looks like the mark for it, as `_xHHHH_`."""
    odd = texts.filter(texts.str.contains(_ODD))
    texts = texts.replace(odd, pl.Series([_escaped(text) for text in odd], dtype=pl.String))
    spaces = pl.col(texts.name).str.contains(r"^\s|\s$")
    opening = pl.when(spaces).then(pl.lit('<si><t xml:space="preserve">')).otherwise(pl.lit("<si><t>"))
    whole = pl.concat_str(opening, texts.name, pl.lit("</t></si>")).str.join("").cast(pl.Binary)
    return bytes(texts.to_frame().select(whole).item())


def _escaped(text: str) -> str:
    marked = _UNPRINTED.sub(lambda found: f"_x{ord(found[0]):04X}_", _ESCAPE.sub(r"_x005F_\1", text))
    return marked.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _with_rows(sheet: bytes, cells: Cells) -> Iterator[bytes]:
    """The XML of a sheet with all its data rows instead of the one that it has."""
    model = re.search(rb'<row r="%d"[^>]*>.*?</row>' % (cells.contents.height + 1), sheet)
    assert model is not None, "the sheet has no row that shows its styles"
    yield sheet[: model.start()]
    yield from rows_xml(cells, [style.decode() for style in _STYLE.findall(model[0])])
    yield sheet[model.end() :]


def rows_xml(cells: Cells, styles: Sequence[str]) -> Iterator[bytes]:
    """The rows from the sheet's second on, `styles` being the numbers of the columns' cell styles."""
    row = pl.col("row").cast(pl.String)
    parts, frame = [pl.lit('<row r="'), row, pl.lit('">')], cells.contents
    if cells.heights:
        heights = pl.Series(cells.heights, dtype=pl.Float64).cast(pl.String).str.strip_suffix(".0")
        frame = frame.with_columns(height=heights)
        parts[2:] = [pl.lit('" ht="'), pl.col("height"), pl.lit('" customHeight="1">')]
    for at, (name, style) in enumerate(zip(cells.contents.columns, styles, strict=True)):
        kind = ' t="s"' if name in cells.texts else ""
        content = pl.concat_str(pl.lit(f"{kind}><v>"), name, pl.lit("</v></c>")).fill_null("/>")
        parts += [pl.lit(f'<c r="{xl_col_to_name(at)}'), row, pl.lit(f'" s="{style}"'), content]
    whole = pl.concat_str(*parts, pl.lit("</row>")).str.join("").cast(pl.Binary)
    for part in frame.with_row_index("row", offset=2).iter_slices(SLICE):
        yield part.select(whole).item()
