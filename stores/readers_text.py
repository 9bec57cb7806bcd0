"""CSV, TXT and Parquet as sheets of text. The fast way is polars' own reader; a file that it cannot read exactly
(stray quotes, rows with too many cells, stray bytes) is read once more row by row, so that no row is lost."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from stores.readers import HEAD_ROWS, Refused, Wanted

BATCH_BYTES = 160 * 2**20
MIN_ROWS, MAX_ROWS = 20_000, 1_000_000
OF_FEW_VALUES = ("fixmedins_code", "dise_no", "med_list_codg")
"""Ids of which a file shows the same few again and again."""
DAYS = ("begndate", "enddate")
"""Dates that are days: a file of a month shows some dozens. Where its first rows do, they are read as categories."""
_FIRST_ROWS = 2_000
TYPED_FROM = 2**23
"""Files of so many bytes are read with amounts as numbers and codes as categories: a third less work than as text."""
SEPARATORS = (",", "\t", ";", "|")
Schema = dict[str, type[pl.DataType]]
_CHUNK = 2**24
_LETTERS = 2**20
"""Bytes looked at together for an e: so few that the second look finds them in the cache of the processor."""
_HEAD_BYTES = 2**18
REPLACED = "文件里有无法解码的字节，已用替代符号保留该行"
csv.field_size_limit(2**27)


class TextSheet:
    """A text file, already UTF-8 or to be made so on first use."""

    name: str | None = None
    visible = True

    def __init__(
        self,
        path: Path,
        encoding: str,
        workspace: Path,
        separator: str,
        head: list[list[str]],
        lines: list[int],
    ):
        self.path, self.encoding, self.workspace = path, encoding, workspace
        self.separator, self.head, self._lines = separator, head, lines

    def others(self) -> Iterator[TextSheet]:
        """The same file cut at other separators or read in the other usual encoding: the header decides."""
        second = {"utf-8": "gb18030", "gb18030": "big5"}.get(self.encoding)
        for encoding in (self.encoding, second):
            for separator in SEPARATORS:
                if encoding and (encoding, separator) != (self.encoding, self.separator):
                    head, lines = _head(_head_text(self.path, encoding), separator)
                    yield TextSheet(self.path, encoding, self.workspace, separator, head, lines)

    def batches(self, wanted: Wanted) -> Iterator[pl.DataFrame]:
        """Fast batches; on the first sign of trouble all of it again, slowly (`Restart` tells the caller)."""
        source = self.path
        if self.encoding not in ("utf-8", "utf-8-sig"):
            source = _as_utf8(self.path, self.encoding, self.workspace, wanted)
        yield from self._fast(source, wanted)

    def _fast(self, source: Path, wanted: Wanted) -> Iterator[pl.DataFrame]:
        typed = not wanted.as_text and source.stat().st_size >= TYPED_FROM
        wanted.plain_numbers = typed and not holds_exponents(source, self._lines[wanted.header_row])
        schema: Schema = {f"c{i}": pl.String for i in range(len(wanted.headers))}
        rows = _rows_a_batch(source)
        try:
            if typed:
                schema |= _types(wanted) | self._repeated_days(self._scan(source, wanted, schema), wanted)
            yield from self._batches(self._scan(source, wanted, schema), wanted, rows)
        except pl.exceptions.NoDataError:
            return
        except pl.exceptions.PolarsError as error:
            raise Restart(as_text=typed) from error

    def _scan(self, source: Path, wanted: Wanted, schema: Schema) -> pl.LazyFrame:
        """The rows below the header, columns by position."""
        return pl.scan_csv(
            source,
            has_header=False,
            separator=self.separator,
            skip_lines=self._lines[wanted.header_row],
            schema=schema,
            infer_schema=False,
            row_index_name="source_row",
            row_index_offset=wanted.header_row + 2,
        )

    def _repeated_days(self, texts: pl.LazyFrame, wanted: Wanted) -> Schema:
        """Types of the columns of `DAYS` that say the same few days in the first rows."""
        places = [f"c{wanted.columns[name]}" for name in DAYS if name in wanted.columns]
        if not places:
            return {}
        first = texts.select(places).head(_FIRST_ROWS).collect()
        return {place: pl.Categorical for place in places if first[place].n_unique() * 20 < first.height}

    def _batches(self, frame: pl.LazyFrame, wanted: Wanted, rows: int) -> Iterator[pl.DataFrame]:
        picked = frame.select(
            pl.col("source_row").cast(pl.Int64),
            *(pl.col(f"c{position}").alias(name) for name, position in wanted.columns.items()),
        )
        for batch in picked.collect_batches(chunk_size=rows, maintain_order=True):
            yield batch.with_columns(ragged=pl.lit(False))

    def slowly(self, wanted: Wanted) -> Iterator[pl.DataFrame]:
        """Row by row with Python's reader: takes stray bytes, stray quotes and rows of any length."""
        encoding = self.encoding
        if encoding == "utf-8" and not _decodes(self.path, "utf-8"):
            encoding = "gb18030" if _decodes(self.path, "gb18030") else encoding
        if encoding in ("utf-8", "utf-8-sig") and not _decodes(self.path, encoding):
            wanted.notes[REPLACED] = wanted.notes.get(REPLACED, 0) + 1
        quoting: Literal[0, 3] = 3 if self._open_quote(encoding) else 0  # QUOTE_NONE, QUOTE_MINIMAL
        with self.path.open("r", encoding=encoding, errors="replace", newline="") as stream:
            reader = csv.reader(
                (line.replace("\x00", "") for line in stream), delimiter=self.separator, quoting=quoting
            )
            rows = itertools.islice(enumerate(reader, start=1), wanted.header_row + 1, None)
            while chunk := list(itertools.islice(rows, 100_000)):
                yield _chunk_frame(chunk, wanted)

    def _open_quote(self, encoding: str) -> bool:
        """Whether a quote that is never closed swallows lines: then quotes are letters like any other."""
        with self.path.open("r", encoding=encoding, errors="replace", newline="") as stream:
            reader = csv.reader((line.replace("\x00", "") for line in stream), delimiter=self.separator)
            return any(any(cell.count("\n") > 5 for cell in row) for row in reader)


class Restart(Exception):
    """The reader met something that it cannot read exactly: read again as text, or where that failed with `slowly`."""

    def __init__(self, as_text: bool) -> None:
        super().__init__()
        self.as_text = as_text


def _types(wanted: Wanted) -> Schema:
    """Types to read columns as: an amount as Float64, which keeps two decimals exactly (`normalise_amounts`) and fails
    on every other way of writing it; a code as Categorical. Exponents would pass unseen, so with them amounts are text.
    """
    kinds: Schema = {"code": pl.Categorical}
    if wanted.plain_numbers:
        kinds["amount"] = pl.Float64
    by_name: Schema = dict.fromkeys(OF_FEW_VALUES, pl.Categorical)
    found = {p: by_name.get(n) or kinds.get(wanted.kinds[n]) for n, p in wanted.columns.items()}
    return {f"c{position}": dtype for position, dtype in found.items() if dtype}


def holds_exponents(path: Path, lines: int) -> bool:
    """Whether anything like `1e3` or `3.30E+17` stands in a file below its first lines."""
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        start = 0
        for _ in range(lines):
            start = data.find(b"\n", start) + 1
        return any(
            _exponent_in(np.frombuffer(data[begin : begin + _LETTERS + 2], dtype=np.uint8))
            for begin in range(start, len(data), _LETTERS)
            if data.find(b"e", begin, begin + _LETTERS + 2) >= 0
            or data.find(b"E", begin, begin + _LETTERS + 2) >= 0
        )


def _exponent_in(data: np.ndarray[tuple[int], np.dtype[np.uint8]]) -> bool:
    """Whether a digit or point, an e and a digit or sign follow each other."""
    digit = (data >= ord("0")) & (data <= ord("9"))
    places = np.flatnonzero((data[1:-1] | 32) == ord("e")) + 1
    before = digit[places - 1] | (data[places - 1] == ord("."))
    after = digit[places + 1] | (data[places + 1] == ord("+")) | (data[places + 1] == ord("-"))
    return bool((before & after).any())


def _chunk_frame(chunk: list[tuple[int, list[str]]], wanted: Wanted) -> pl.DataFrame:
    width = len(wanted.headers)
    columns = {
        name: pl.Series(
            name, [row[p] if p < len(row) and row[p] != "" else None for _, row in chunk], dtype=pl.String
        )
        for name, p in wanted.columns.items()
    }
    ragged = [any(cell.strip() for cell in row[width:]) for _, row in chunk]
    return pl.DataFrame(
        {"source_row": pl.Series([n for n, _ in chunk], dtype=pl.Int64), **columns, "ragged": ragged}
    )


def _rows_a_batch(path: Path) -> int:
    """Rows to a batch, by bytes: a batch of text and its typed copy stay within bounds."""
    with path.open("rb") as stream:
        sample = stream.read(2**20)
    width = len(sample) / max(sample.count(b"\n"), 1)
    return int(min(max(BATCH_BYTES / max(width, 1), MIN_ROWS), MAX_ROWS))


def text_sheet(path: Path, workspace: Path) -> TextSheet:
    """Open a text file; encoding from its bytes, the separator that cuts its head most evenly."""
    encoding = encoding_of(path)
    text = _head_text(path, encoding)
    heads = {separator: _head(text, separator) for separator in SEPARATORS}
    best = max(SEPARATORS, key=lambda s: max((len(row) for row in heads[s][0]), default=0))
    head, lines = heads[best]
    if not any(any(cell.strip() for cell in row) for row in head):
        raise Refused("文件是空的，请重新导出")
    return TextSheet(path, encoding, workspace, best, head, lines)


def _head(text: str, separator: str) -> tuple[list[list[str]], list[int]]:
    """The first rows, and after how many physical lines each of them ends."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        for row in itertools.islice(reader, HEAD_ROWS + 1):
            rows.append(row)
            lines.append(reader.line_num)
    except csv.Error as error:
        raise Refused("不是可读的文本表格，请导出为 CSV 或 xlsx") from error
    return rows, lines


def _head_text(path: Path, encoding: str) -> str:
    with path.open("rb") as stream:
        raw = stream.read(_HEAD_BYTES)
    text = codecs.getincrementaldecoder(encoding)("replace").decode(raw, len(raw) < _HEAD_BYTES)
    return text.lstrip("\ufeff")


def encoding_of(path: Path) -> str:
    """`utf-8`, `utf-8-sig`, `utf-16`, `utf-16-le`, `utf-16-be` or `gb18030`, from the first bytes.

    A head that is plain ASCII counts as UTF-8; if the rest is not, the reader finds out and starts again.
    """
    with path.open("rb") as stream:
        raw = stream.read(_HEAD_BYTES)
    if raw.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if raw[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "utf-16"
    if raw.count(b"\x00") > len(raw) // 4:
        return "utf-16-le" if raw[1::2].count(b"\x00") >= raw[::2].count(b"\x00") else "utf-16-be"
    return "utf-8" if _starts_well(raw, "utf-8") else "gb18030"


def _starts_well(raw: bytes, encoding: str) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)("strict").decode(raw, False)
    except UnicodeDecodeError:
        return False
    return True


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                decoder.decode(chunk)
        decoder.decode(b"", True)
    except UnicodeDecodeError:
        return False
    return True


def _as_utf8(path: Path, encoding: str, workspace: Path, wanted: Wanted) -> Path:
    """A UTF-8 copy below `workspace`; bytes that cannot be decoded are replaced and counted."""
    target = workspace / f"{path.name}.utf8"
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    lost = 0
    with path.open("rb") as stream, target.open("wb") as out:
        while chunk := stream.read(_CHUNK):
            text = decoder.decode(chunk)
            lost += text.count("\ufffd")
            out.write(text.encode("utf-8"))
        text = decoder.decode(b"", True)
        lost += text.count("\ufffd")
        out.write(text.encode("utf-8"))
    if lost:
        wanted.notes[REPLACED] = wanted.notes.get(REPLACED, 0) + lost
    return target


class ParquetSheet:
    """A Parquet file; its columns are read as text, numbers in their shortest form."""

    name: str | None = None
    visible = True
    encoding = "parquet"

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._schema = pl.read_parquet_schema(path)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise Refused("Parquet 文件不完整，请重新导出") from error
        self.head = [list(self._schema)]

    def batches(self, wanted: Wanted) -> Iterator[pl.DataFrame]:
        """As text; a number in an id column has lost digits or may have, so it is refused."""
        names = list(self._schema)
        picked = []
        for target, position in wanted.columns.items():
            dtype = self._schema[names[position]]
            if wanted.kinds.get(target) in ("id", "cert") and dtype.is_float():
                raise Refused(f"「{names[position]}」列是小数，号码可能已失真。请把该列按文本重新导出")
            picked.append(_as_text(pl.col(names[position]), dtype).alias(target))
        frame = pl.scan_parquet(self.path).with_row_index("source_row", offset=1)
        lazy = frame.select(pl.col("source_row").cast(pl.Int64), *picked)
        try:
            for batch in lazy.collect_batches(chunk_size=250_000, maintain_order=True):
                yield batch.with_columns(ragged=pl.lit(False))
        except (pl.exceptions.PolarsError, OSError) as error:
            raise Refused("Parquet 文件不完整，请重新导出") from error


def _as_text(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if isinstance(dtype, pl.Datetime):
        return column.dt.to_string("%Y-%m-%d %H:%M:%S")
    if dtype == pl.Boolean:
        return column.cast(pl.Int8).cast(pl.String)
    return column.cast(pl.String)
