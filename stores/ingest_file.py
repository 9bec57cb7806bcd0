"""One plain file → what is known of it: parts written, rejects, people, counts. The caller makes it official."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Literal

import polars as pl

from schemas.layouts import Layout, Match
from stores import lake
from stores.home import Home
from stores.ingest_checks import SCHEMAS, SETTLEMENT, validate
from stores.ingest_header import find_header, goes_on, looks_like_table, why_unknown
from stores.ingest_parts import Reading, Writer, added, control, touched_pairs
from stores.readers import Refused, Sheet, Wanted, sheets
from stores.readers_text import REPLACED, Restart, TextSheet
from transforms import normalise_ledgers, normalise_roster, normalise_settlement
from transforms.normalise import scientific
from transforms.normalise_people import (
    Keyring,
    merged,
    person_rows,
    psn_domain,
    psn_keys,
    sightings,
    vault_people,
    with_keys,
)
from transforms.normalise_people import people as people_of
from transforms.normalise_roster import Senders
from transforms.normalise_table import Typed, typed
from transforms.place_names import Townships

_NOTE = (
    r"^[\s(（]*(?:合\s*计|总\s*计|小\s*计|共\s*计|(?:注|备\s*注|说\s*明|日\s*期|附\s*注)\s*[:：]|填\s*表|制\s*表|审\s*核|复\s*核|经\s*办"
    r"|负责人|单位负责人|打印|导出时间)"
)
_NOTE_WORDS = re.compile(_NOTE)
_NO_PERSON = {
    "paid_ledger",
    "fixmedins_b",
    "fee_list_d",
    "setl_diag_list_d",
    "feedback",
    "decision",
    "payee",
    "fund_ledger",
    "roster",
}
_NOT_KEPT = {
    "emp_no",
    "sp_psn_type",
    "dise_name",
    "certificate_no",
    "pric",
    "psn_insu_rlts_id",
    "item_name_zh",
}
"""Fields that layouts know and no table keeps: they are recognised, and not read."""
_PERSON_NAME = {
    "setl_d": "psn_name",
    "psn_info_b": "psn_name",
    "roster": "name",
    "payment": "name",
    "declaration": "name",
}


_PERSON_COLUMNS = {
    "setl_d": normalise_settlement.person_columns,
    "roster": normalise_roster.person_columns,
    "psn_info_b": normalise_ledgers.info_columns,
}
Way = Literal["typed", "text", "slow", "none"]
"""How a text file is read: amounts and codes typed by the reader, all as text, row by row; and nothing left to try."""
_MANY_PEOPLE = 1_000_000
"""People of a file that wait unmerged, at most: a file of many batches shows the same ones again."""


@dataclass(frozen=True)
class Tools:
    """What reading needs beside the file."""

    layouts: Sequence[Layout]
    ring: Keyring
    townships: Townships
    senders: Senders | None = None
    leftovers: frozenset[str] = frozenset()
    """Ids of files of which parts lay on disk when reading began: an interrupted reading may have left them."""
    _claims: dict[str, Lock] = field(default_factory=dict)
    _claiming: Lock = field(default_factory=Lock)

    def one_at_a_time(self, digest: str) -> Lock:
        """The lock of a content: the same content under two names is read once, whoever comes second finds it."""
        with self._claiming:
            return self._claims.setdefault(digest, Lock())


def read_member(
    home: Home, path: Path, file_id: str, digest: str, title: str, workspace: Path, tools: Tools, dry_run: bool,
    until_year: int,
) -> Reading:  # fmt: skip
    """Recognise and read a plain file. Raises Refused with a message for the operator."""
    way: Way = "typed"
    while way != "none":
        reading = Reading(file_id, title, until_year)
        with Writer(home, file_id, dry_run) as writer:
            try:
                _read_sheets(path, digest, workspace, tools, reading, writer, way)
            except Restart as restart:
                way = "text" if restart.as_text else "slow" if way != "slow" else "none"
                continue
            reading.parts = writer.close()
            return reading
    raise Refused("文件读不出，请重新导出")


def _read_sheets(
    path: Path, digest: str, workspace: Path, tools: Tools, reading: Reading, writer: Writer, way: Way
) -> None:
    found = [(sheet, *find_header(sheet, tools.layouts)) for sheet in sheets(path, workspace)]
    filled = [(s, r, h) for s, r, h in found if any(any(c.strip() for c in row) for row in s.head)]
    if not filled:
        raise Refused("文件里没有数据，请重新导出")
    read = [(s, r.match, h) for s, r, h in filled if r.match is not None]
    for sheet, recognition, _ in filled:
        if recognition.match is None and (not read or recognition.rivals or looks_like_table(recognition)):
            raise Refused(why_unknown(sheet, recognition))
        if recognition.match is None and goes_on(sheet):
            raise Refused(
                f"工作表「{sheet.name}」没有表头，但有多行身份证号，像是名单的续表。请补上表头，或并入前一张工作表"
            )
        if recognition.match is None:
            reading.note("sheet", f"工作表「{sheet.name}」不是数据表，没有读")
    people: list[pl.DataFrame] = []
    rejects: list[pl.DataFrame] = []
    payees: list[pl.DataFrame] = []
    tables, layouts, digests = [], [], []
    for sheet, match, header_row in read:
        if match.doubled:
            raise Refused(f"表头「{match.doubled[0]}」出现两次，分不清用哪一列。请删去一列后重新导出")
        job = SheetJob(sheet, match, header_row, digest, tools, reading, writer, people, rejects, payees)
        job.run(way)
        tables.append(match.layout.table)
        layouts.append(match.layout.name)
        digests.append(match.layout.digest)
        reading.encoding = sheet.encoding
    reading.table = "|".join(dict.fromkeys(tables))
    reading.layout = "|".join(dict.fromkeys(layouts))
    reading.layout_digest = "-".join(dict.fromkeys(digests))
    _finish(reading, writer, people, rejects, payees, tools)


def _finish(
    reading: Reading, writer: Writer, people: list[pl.DataFrame], rejects: list[pl.DataFrame],
    payees: list[pl.DataFrame], tools: Tools,
) -> None:  # fmt: skip
    if rejects:
        reading.rejects = pl.concat(rejects)
        counts = reading.rejects.group_by("rule").len().sort("rule")
        reading.rejected_by_rule = dict(counts.iter_rows())
    writer.flush()
    if people:
        found = people_of(pl.concat(people), tools.ring.secret)
        persons = person_rows(found, reading.file_id, tools.townships, tools.ring.secret)
        wrong = persons.filter(~pl.col("check_ok"))["id_key"].n_unique()
        reading.note("check_digit", "身份证号校验位不符的人员（照常计入，请核对号码）", wrong)
        writer.add("person", persons)
        reading.vault["person"] = vault_people(found)
    if payees:
        reading.vault["payee"] = pl.concat(payees)
    reading.years = sorted({year for _, year in reading.touched})


@dataclass
class SheetJob:
    """The reading of one sheet by one layout."""

    sheet: Sheet
    match: Match
    header_row: int
    digest: str
    tools: Tools
    reading: Reading
    writer: Writer
    people: list[pl.DataFrame]
    rejects: list[pl.DataFrame]
    payees: list[pl.DataFrame]
    columns: list[str] = field(default_factory=list)

    def run(self, way: Way) -> None:
        layout, headers = self.match.layout, self.sheet.head[self.header_row]
        kinds = {target: layout.kind(target) for target in self.match.columns}
        needed = {target: place for target, place in self.match.columns.items() if target not in _NOT_KEPT}
        wanted = Wanted(needed, kinds, headers, self.header_row, as_text=way != "typed")
        self.columns = list(needed)
        if self.match.unused:
            self.reading.note("unused_columns", f"没有用到的列：{'、'.join(self.match.unused[:30])}")
        if not self.sheet.visible:
            self.reading.note("hidden", f"工作表「{self.sheet.name}」是隐藏的，已照常读入")
        for what, unit in (("hidden_rows", "行"), ("hidden_columns", "列")):
            hidden = getattr(self.sheet, what, 0)
            self.reading.note("hidden", f"工作表「{self.sheet.name}」有隐藏的{unit}，已照常读入", hidden)
        source = (
            self.sheet.slowly(wanted)
            if way == "slow" and isinstance(self.sheet, TextSheet)
            else self.sheet.batches(wanted)
        )
        for raw in self._without_tail(source, wanted):
            self._batch(raw.with_columns(sheet=pl.lit(self.sheet.name, dtype=pl.String)), wanted)
        for message, count in wanted.notes.items():
            self.reading.note("encoding" if message == REPLACED else "day_numbers", message, count)

    def _without_tail(self, source: Iterator[pl.DataFrame], wanted: Wanted) -> Iterator[pl.DataFrame]:
        """Batches that end with a row of data; what follows the last one is notes, or rows to be rejected."""
        waiting: pl.DataFrame | None = None
        for batch in source:
            if batch.is_empty():
                continue
            whole = batch if waiting is None else pl.concat([waiting, batch])
            last = self._last_data_row(whole)
            waiting = whole.slice(last + 1) if last + 1 < whole.height else None
            if last >= 0:
                yield whole.slice(0, last + 1)
        if waiting is not None:
            rest = self._below_table(waiting)
            if rest.height:
                yield rest

    def _last_data_row(self, frame: pl.DataFrame) -> int:
        values = self._value_columns()
        near = frame.tail(64).select(pl.col(self.columns).cast(pl.String))
        places = [near.columns.index(c) for c in values]
        for back, row in enumerate(reversed(near.rows())):
            filled = sum(bool((row[place] or "").strip()) for place in places)
            noted = filled and any(cell and _NOTE_WORDS.match(cell) for cell in row)
            if filled and (not noted or filled * 2 > len(values)):
                return frame.height - 1 - back
        with_values = frame.select(
            pl.any_horizontal(pl.col(values).cast(pl.String).str.strip_chars().fill_null("") != "")
        ).to_series()
        words = pl.col(self.columns).cast(pl.String)
        note = frame.select(pl.any_horizontal(words.str.contains(_NOTE).fill_null(False)))
        data = (with_values & ~(note.to_series() & ~self._person_shown(frame))).arg_true()
        return int(data[-1]) if len(data) else -1

    def _person_shown(self, frame: pl.DataFrame) -> pl.Series:
        """Whether a row fills most of what a row must fill: then it is data whatever word it begins with."""
        values = self._value_columns()
        filled = frame.select(
            pl.sum_horizontal(
                (pl.col(c).cast(pl.String).fill_null("").str.strip_chars() != "") for c in values
            )
        )
        return filled.to_series() * 2 > len(values)

    def _value_columns(self) -> list[str]:
        targets = {t for group in self.match.layout.values for t in group if t in self.match.columns}
        return sorted(targets) or list(self.match.columns)

    def _below_table(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows below the last row of data: empty ones and notes go, all others are rows."""
        texts = [pl.col(c).cast(pl.String).str.strip_chars().fill_null("") for c in self.columns]
        empty = rows.select(pl.all_horizontal(t == "" for t in texts)).to_series() & ~rows["ragged"]
        note = rows.select(pl.any_horizontal(t.str.contains(_NOTE) for t in texts)).to_series()
        if note.any():
            self.reading.note("notes", "表格下方的合计或说明行，没有读", int(note.sum()))
        # whatever follows a note is part of the notes unless it fills most required values
        data = ~empty & ~note
        return rows.filter(data) if data.any() else rows.clear()

    def _batch(self, raw: pl.DataFrame, wanted: Wanted) -> None:
        layout = self.match.layout
        self._refuse_lost_digits(raw, wanted)
        raw = self._without_blank_forms(raw)
        if raw.is_empty():
            return
        batch = typed(raw, layout, self.digest)
        height = raw.height
        self.reading.n_rows += height
        batch.frame = batch.frame.with_columns(file_id=pl.lit(self.reading.file_id))
        self._odd_rows(raw, batch, wanted)
        with_keys(batch, layout, self.tools.ring, needs_person=layout.table not in _NO_PERSON)
        if layout.table == "setl_d":
            normalise_settlement.shape(batch, layout)
        elif layout.table == "roster":
            normalise_roster.shape(batch, layout, self.tools.ring, self.tools.senders)
        else:
            normalise_ledgers.shape(batch, layout, self.tools.ring)
        good: pl.Series | None = None
        if batch.faults.found:
            good = ~batch.faults.any()
            self._reject(batch, batch.faults.first())
            if layout.table == "roster":
                self._refused_roster_rows(batch)
        if layout.table == "setl_d":
            self._accept_settlements(batch, good)
        else:
            self._accept(batch.frame if good is None else batch.frame.filter(good))
        for (rule, message), count in batch.findings.items():
            self.reading.note(rule, message, count)

    def _refuse_lost_digits(self, raw: pl.DataFrame, wanted: Wanted) -> None:
        if wanted.plain_numbers:
            return
        ids = [target for target in wanted.columns if wanted.kinds[target] in ("id", "cert")]
        texts = pl.col(ids).cast(pl.String)
        suspects = raw.select(texts.str.contains("+", literal=True).any()) if ids else raw.clear()
        for target in ids:
            if suspects[target].item():
                lost = scientific(raw[target].cast(pl.String))
                if lost.any():
                    row = raw["source_row"].gather(lost.arg_true()[:1]).item()
                    sheet = f"工作表「{self.sheet.name}」" if self.sheet.name else ""
                    header = wanted.headers[wanted.columns[target]]
                    raise Refused(
                        f"{sheet}第 {row} 行「{header}」成了科学计数法（如 3.30E+17)，号码的末几位已经丢失。"
                        "请把该列设为文本格式后从系统重新导出"
                    )

    def _without_blank_forms(self, raw: pl.DataFrame) -> pl.DataFrame:
        """Rows of a form that nobody has filled in are no answers."""
        answers = [t for t in self.match.layout.blank_rows_without if t in self.match.columns]
        if not answers:
            return raw
        texts = [pl.col(t).cast(pl.String) for t in answers]
        open_rows = pl.all_horizontal(text.fill_null("").str.strip_chars() == "" for text in texts)
        left = raw.filter(~open_rows)
        self.reading.note("not_filled_in", "还没有填写的行，没有读", raw.height - left.height)
        return left

    def _odd_rows(self, raw: pl.DataFrame, batch: Typed, wanted: Wanted) -> None:
        """Headers repeated among the data, empty rows between data rows, rows with more cells than the header."""
        names = self.columns
        key = min(self._value_columns(), key=lambda t: raw[t].null_count(), default=names[0])
        repeats = raw[key].dtype != pl.Float64 and (raw[key] == wanted.headers[wanted.columns[key]]).any()
        if repeats:  # a header among parsed numbers cannot be
            count = pl.sum_horizontal(
                (pl.col(t).cast(pl.String).str.strip_chars() == wanted.headers[wanted.columns[t]].strip())
                for t in names
            )
            repeated = raw.select((count * 2 > len(names)).fill_null(False)).to_series()
            batch.faults.add(
                "header", wanted.headers[wanted.columns[key]], "数据中间重复出现表头,请删去这一行", repeated
            )
        batch.faults.add(
            "header",
            "",
            "这一行的列数多于表头(可能有多余的分隔符或未成对的引号)，请更正后重新导出",
            raw["ragged"],
        )
        if raw[key].null_count() or (raw[key].dtype != pl.Float64 and (raw[key] == "").any()):
            blank = pl.all_horizontal(
                pl.col(t).is_null() | (pl.col(t).cast(pl.String).str.strip_chars() == "") for t in names
            )
            batch.faults.add(
                "empty_row", "", "数据中间的空行，请删去，或补齐这一行", raw.select(blank).to_series()
            )

    def _reject(self, batch: Typed, first: pl.DataFrame) -> None:
        frame = batch.frame[first["row"]]
        where = f"{self.reading.title}" + (f" 工作表「{self.sheet.name}」" if self.sheet.name else "")
        optional: dict[str, pl.DataType] = {
            "setl_id": pl.String(), "id_key": pl.Int64(), "init_setl_id": pl.String(), "cost_year": pl.Int32(),
            "updt_time": pl.Datetime("us"),
        }  # fmt: skip
        shown = frame.select(
            "file_id",
            "sheet",
            "source_row",
            *(
                pl.col(c) if c in frame.columns else pl.lit(None, dtype=t).alias(c)
                for c, t in optional.items()
            ),
        )
        column = (
            pl.when(pl.col("column_name") == "")
            .then(pl.lit(""))
            .otherwise("「" + pl.col("column_name") + "」")
        )
        rejects = pl.concat([shown, first.drop("row")], how="horizontal").with_columns(
            table=pl.lit(self.match.layout.table),
            message_zh=pl.lit(f"{where} 第 ")
            + pl.col("source_row").cast(pl.String)
            + " 行"
            + column
            + ":"
            + pl.col("what_zh"),
        )
        self.rejects.append(rejects.select(pl.col(c).cast(t) for c, t in lake.REJECTS.items()))
        self.reading.rejected_control = added(
            self.reading.rejected_control, control(frame, self.match.layout.table)
        )
        if self.match.layout.table == "setl_d":
            # a rejected row may be tied to its person by the number of the platform alone: none or another
            # certificate on it, seen nowhere else
            seen = frame.filter(pl.col("id_key").is_not_null())
            if seen.height:
                self._sighted(seen.select(c for c in frame.columns if c in normalise_settlement.PERSON))

    def _refused_roster_rows(self, batch: Typed) -> None:
        """What rejected roster rows still show; those of a list bear on the years from its month on."""
        shown = _with_schema(normalise_roster.refused(batch), "roster_refused")
        validate("roster_refused", shown)
        self.writer.add("roster_refused", shown)
        first = shown["list_month"].min()
        if isinstance(first, int):
            years = range(first // 100, max(first // 100, self.reading.until_year) + 1)
            self.reading.touched |= {("", year) for year in years}

    def _accept_settlements(self, batch: Typed, good: pl.Series | None) -> None:
        """As `_accept`, but a wide row is copied once only: each reader below picks the columns it needs."""
        frame, reading = batch.frame, self.reading

        def picked(columns: list[str]) -> pl.DataFrame:
            few = frame.select(columns)
            return few if good is None else few.filter(good)

        core = frame.select(pl.col(n).cast(t) for n, t in SETTLEMENT.items())
        for group in self.writer.add_settlements(core, good):
            validate("setl_d", group)
            reading.control = added(reading.control, control(group, "setl_d"))
            reading.touched |= touched_pairs(group[:1], "setl_d", reading.until_year)
        if good is not None and not good.any():
            reading.control = added(reading.control, control(core.clear(), "setl_d"))
            return
        normalise_settlement.note_identities(batch, picked(normalise_settlement.FORMS))
        names = normalise_settlement.institution_names(picked(normalise_settlement.INSTITUTION))
        self.writer.add("institution_name", _with_schema(names, "institution_name"))
        self._sighted(picked([c for c in frame.columns if c in normalise_settlement.PERSON]))

    def _accept(self, accepted: pl.DataFrame) -> None:
        layout, reading = self.match.layout, self.reading
        reading.control = added(reading.control, control(accepted, layout.table))
        if accepted.is_empty():
            return
        if layout.table in ("psn_info_b", "psn_insu_d"):
            accepted = accepted.with_columns(
                psn_key=psn_keys(accepted["psn_no"], layout, self.tools.ring.secret)
            )
        core = _with_schema(accepted, layout.table)
        validate(layout.table, core)
        self.writer.add(layout.table, core)
        reading.touched |= touched_pairs(accepted, layout.table, reading.until_year)
        if layout.table == "payee":
            self.payees.append(_payees(accepted))
        elif layout.table == "decision":
            held = [reading.vault["decision"]] if "decision" in reading.vault else []
            words = accepted.select("sheet", "source_row", "reason", "decided_by")
            reading.vault["decision"] = pl.concat([*held, words])
        elif "id_key" in accepted.columns and (layout.table not in _NO_PERSON or layout.table == "roster"):
            self._sighted(accepted)

    def _sighted(self, accepted: pl.DataFrame) -> None:
        """Note the people of accepted rows."""
        table = self.match.layout.table
        columns = _PERSON_COLUMNS.get(table, dict)()
        name = _PERSON_NAME.get(table)
        frame = accepted if name else accepted.with_columns(name=pl.lit(None, dtype=pl.String))
        domain = pl.lit(psn_domain(self.match.layout))
        self.people.append(sightings(frame, name or "name", domain=domain, **columns))
        if table == "psn_info_b":
            both = frame.filter(pl.col("live_addr").is_not_null() & pl.col("hsreg_addr").is_not_null())
            registered = normalise_ledgers.registered_columns()
            self.people.append(sightings(both, name or "name", domain=domain, **registered))
        if len(self.people) > 1 and sum(seen.height for seen in self.people) > _MANY_PEOPLE:
            self.people[:] = [merged(pl.concat(self.people))]


def _with_schema(frame: pl.DataFrame, table: str) -> pl.DataFrame:
    return frame.select(pl.col(n).cast(t) for n, t in SCHEMAS[table].items())


def _payees(accepted: pl.DataFrame) -> pl.DataFrame:
    return accepted.select(
        "household_id", "id_key", "certno", "holder_name", "holder_certno", "bank", "account", "valid_from", "valid_to",
        "relation", "source_row",
    )  # fmt: skip
