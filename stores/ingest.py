"""Ingest: from received files to archive, typed core parts, rejects, people and manifests.

Order of effects for one file: bytes into the archive, parts, rejects, vault, and last the manifest, which alone
makes the file official; only then does a file of the inbox leave it. A killed run leaves nothing that counts.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from schemas.layouts import Layout, load_layouts
from schemas.reference import load_reference
from stores import archive, lake
from stores.errors import OperatorError
from stores.home import Home
from stores.ingest_file import Tools, read_member
from stores.ingest_parts import Reading
from stores.readers import Member, Refused, members
from stores.vault import Vault
from transforms.normalise_people import Keyring
from transforms.normalise_roster import Senders
from transforms.place_names import Townships

DATA = Path(__file__).resolve().parent.parent / "data"
FILES_AT_ONCE = 2
"""While one file waits for the disk or for Python, the other keeps both cores busy."""
READER_VERSION = "2"
_SKIPPED_NAMES = ("thumbs.db", "desktop.ini")
_STATUS_ZH = {
    "read": "已读入", "refused": "未读入", "known": "以前收到过", "withdrawn": "已撤回", "would_read": "可读入",
}  # fmt: skip


class Tables(Protocol):
    """Reference tables by name (`schemas.reference.Reference`)."""

    def __getitem__(self, name: str) -> pl.DataFrame: ...


@dataclass
class FileSummary:
    """What became of one file (or member of an archive)."""

    name: str
    status: str
    file_id: str | None = None
    table: str | None = None
    layout: str | None = None
    encoding: str | None = None
    rows: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    years: list[int] = field(default_factory=list)
    message: str | None = None
    findings: list[dict[str, Any]] = field(default_factory=list)

    @property
    def n_rejected(self) -> int:
        return sum(self.rejected.values())

    @property
    def needs_a_person(self) -> bool:
        serious = any(finding["rule"] in ("encoding", "hidden", "sheet") for finding in self.findings)
        return self.status == "refused" or self.n_rejected > 0 or serious

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"n_rejected": self.n_rejected, "accepted": self.rows - self.n_rejected}

    def line(self) -> str:
        """One line for the operator."""
        text = f"{self.name}:{_STATUS_ZH.get(self.status, self.status)}"
        if self.status in ("read", "would_read"):
            text += f"，识别为{self.layout}，{self.rows:,} 行，退回 {self.n_rejected:,} 行"
            if self.years:
                text += f"，涉及年度 {'、'.join(str(year) for year in self.years)}"
        if self.message:
            text += f"。{self.message}"
        return text


@dataclass
class IngestSummary:
    """What an ingest did. `touched`: (region, cost year) pairs that new facts bear on; region "" where unknown."""

    files: list[FileSummary] = field(default_factory=list)
    touched: set[tuple[str, int]] = field(default_factory=set)
    dry_run: bool = False
    secret_was_made: bool = False

    def count(self, status: str) -> int:
        return sum(file.status == status for file in self.files)

    @property
    def rejected(self) -> int:
        return sum(file.n_rejected for file in self.files)

    @property
    def attention(self) -> int:
        """How many files need a person: refused ones, ones with rejected rows, and ones that hid something."""
        return sum(f.needs_a_person for f in self.files)


def ingest(
    home: Home,
    paths: Sequence[Path] | None = None,
    *,
    received: date,
    dry_run: bool = False,
    progress: Callable[[str], None] | None = None,
    layouts: Sequence[Layout] | None = None,
    reference: Tables | None = None,
    senders: Senders | None = None,
) -> IngestSummary:
    """Read the files of `paths` (default: the inbox) that have not been read before.

    Explicit paths are copied, never moved; a file of the inbox leaves it when all of it has been read. With
    `dry_run` nothing changes on disk. Raises OperatorError for a path that does not exist.
    """
    if not dry_run:
        home.ensure()
        clear_workspace(home)
    say = progress or (lambda _: None)
    tools = _tools(home, layouts, reference, senders, dry_run)
    summary = IngestSummary(dry_run=dry_run)
    from_inbox = paths is None

    def read(path: Path) -> list[Outcome]:
        say(f"正在读 {path.name}")
        with tempfile.TemporaryDirectory(
            prefix="fengding-", dir=None if dry_run else _workspace(home)
        ) as folder:
            return _one(home, path, Path(folder), tools, received, dry_run)

    found = list(_files([home.inbox] if paths is None else list(paths), must_exist=not from_inbox))
    with ThreadPoolExecutor(max_workers=FILES_AT_ONCE) as pool:
        for path, outcomes in zip(found, pool.map(read, found), strict=True):
            for outcome, touched in outcomes:
                summary.files.append(outcome)
                summary.touched |= touched
                say(outcome.line())
            if from_inbox and not dry_run and all(outcome.status != "refused" for outcome, _ in outcomes):
                path.unlink()
    if from_inbox and not dry_run:
        _remove_empty_folders(home.inbox)
    summary.secret_was_made = home.secret_was_made
    return summary


def withdraw(home: Home, file_id: str, reason: str, on: date) -> None:
    """Take a file out of all results from `on`; archive, parts and `--as-of` keep it. OperatorError if unknown."""
    manifest = lake.read_manifest(home, file_id)
    if manifest is None:
        raise OperatorError(f"没有编号为 {file_id} 的文件。编号见 mart.source_file 的 file_id 列")
    if manifest.status != "read":
        state = "已经撤回" if manifest.status == "withdrawn" else "没有读入"
        raise OperatorError(f"文件 {file_id} {state}，不需要撤回")
    if not reason.strip():
        raise OperatorError("请用 --reason 写明撤回原因")
    manifest.status, manifest.withdrawn_on, manifest.withdrawn_reason = "withdrawn", on, reason.strip()
    lake.write_manifest(home, manifest)


def _tools(
    home: Home,
    layouts: Sequence[Layout] | None,
    reference: Tables | None,
    senders: Senders | None,
    dry_run: bool,
) -> Tools:
    folders = [DATA / "layouts", *([home.layouts] if home.layouts.is_dir() else [])]
    tables = reference or load_reference(
        DATA / "reference", home.reference if home.reference.is_dir() else None
    )
    aliases = tables["region_alias"].filter(pl.col("use") == "insured")
    return Tools(
        layouts=list(layouts) if layouts is not None else load_layouts(folders),
        ring=Keyring(
            home.trial_secret() if dry_run else home.secret(),
            dict(zip(aliases["code"], aliases["stands_for"], strict=True)),
        ),
        townships=Townships(tables["regions"]),
        senders=senders,
        leftovers=lake.ids_with_parts(home),
    )


def _workspace(home: Home) -> Path:
    """Unpacked files are as confidential as the archive: they lie in a closed zone until they are read."""
    folder = home.archive / ".work"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _files(paths: Sequence[Path], must_exist: bool) -> Iterator[Path]:
    """All files of the paths and below them, in a fixed order; hidden ones and lock files of office programs not."""
    for path in paths:
        if path.is_dir():
            for below in sorted(path.rglob("*")):
                inner = below.relative_to(path).parts
                hidden = (
                    any(part.startswith((".", "~$")) for part in inner)
                    or below.name.lower() in _SKIPPED_NAMES
                )
                if below.is_file() and not hidden:
                    yield below
        elif path.is_file():
            yield path
        elif must_exist:
            raise OperatorError(f"没有这个文件或文件夹：{path}")


def _remove_empty_folders(inbox: Path) -> None:
    for folder in sorted((p for p in inbox.rglob("*") if p.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()


Outcome = tuple[FileSummary, set[tuple[str, int]]]


def _one(
    home: Home, path: Path, workspace: Path, tools: Tools, received: date, dry_run: bool
) -> list[Outcome]:
    """Read one received file with all its members."""
    try:
        found = members(path, workspace)
    except Refused as refusal:
        return [_refused(home, Member(path.name, path), str(refusal), received, dry_run)]
    except OSError as error:
        return [
            _refused(
                home,
                None,
                f"文件读不出（{error.strerror}），请检查磁盘或重新复制",
                received,
                dry_run,
                path.name,
            )
        ]
    seen, digest = archive.stamp(path), archive.content_hash(path)
    linked = not dry_run and [member.path for member in found] == [path] and archive.may_link(home, path)
    outcomes = []
    with ThreadPoolExecutor(max_workers=1) as beside:
        # a copy into the archive goes on while the file is read; a manifest is written only after it
        copying = None if dry_run or linked else beside.submit(archive.keep, home, path, digest)

        def kept() -> str:
            name = copying.result() if copying else archive.keep(home, path, digest, link=True)
            if archive.stamp(path) != seen:
                archive.drop_unless(home, name, digest)
                raise Refused("文件在读入过程中被改动，请等文件写完后重新放入收件箱")
            return name

        for member in found:
            if member.refused:
                outcomes.append(_refused(home, member, member.refused, received, dry_run))
            else:
                own = digest if member.path == path else archive.content_hash(member.path)
                with tools.one_at_a_time(own):
                    outcomes.append(_member(home, member, own, kept, workspace, tools, received, dry_run))
    if linked and outcomes[0][0].status == "refused" and archive.stamp(path) == seen:
        archive.keep(home, path, digest)  # a copy: the file stays in the inbox, where somebody will mend it
    return outcomes


def _title(member: Member) -> str:
    return f"{member.name}/{member.member}" if member.member else member.name


def _member(
    home: Home,
    member: Member,
    digest: str,
    kept: Callable[[], str],
    workspace: Path,
    tools: Tools,
    received: date,
    dry_run: bool,
) -> Outcome:
    file_id = "F" + digest[:16]
    known = lake.read_manifest(home, file_id)
    if known is not None and known.content_hash != digest:
        raise lake.LakeError(f"两个不同的文件有同一个编号 {file_id}，请联系维护人员")
    if known is not None and known.status in ("read", "withdrawn"):
        return _seen_before(home, known, _title(member), received, dry_run)
    if not dry_run and file_id in tools.leftovers:
        lake.remove_parts(home, file_id)
    try:
        reading = read_member(
            home, member.path, file_id, digest, _title(member), workspace, tools, dry_run, received.year
        )
        if not dry_run:
            _make_official(home, reading, member, digest, kept(), received, known)
    except Refused as refusal:
        if not dry_run:
            lake.remove_parts(home, file_id)
        return _refused(home, member, str(refusal), received, dry_run)
    summary = FileSummary(
        name=_title(member),
        status="would_read" if dry_run else "read",
        file_id=file_id,
        table=reading.table,
        layout=reading.layout,
        encoding=reading.encoding,
        rows=reading.n_rows,
        rejected=reading.rejected_by_rule,
        years=reading.years,
        findings=reading.finding_list(),
    )
    return summary, reading.touched


def _make_official(
    home: Home,
    reading: Reading,
    member: Member,
    digest: str,
    kept: str,
    received: date,
    earlier: lake.Manifest | None,
) -> None:
    """Rejects, vault, and last the manifest."""
    if reading.rejects.height:
        lake.write_parquet(reading.rejects, home.rejects / f"{reading.file_id}.parquet")
    else:
        (home.rejects / f"{reading.file_id}.parquet").unlink(missing_ok=True)
    if reading.vault:
        vault = Vault(home)
        for kind, frame in reading.vault.items():
            vault.write(reading.file_id, kind, frame)
    lake.write_manifest(
        home,
        lake.Manifest(
            file_id=reading.file_id,
            name=_title(member),
            content_hash=digest,
            archive_name=kept,
            member=member.member,
            table=reading.table,
            layout=reading.layout,
            encoding=reading.encoding,
            reader_key=f"{READER_VERSION}-{reading.layout_digest}",
            received_on=received,
            first_seen=min(received, earlier.first_seen) if earlier else received,
            n_rows=reading.n_rows,
            n_rejected=reading.rejects.height,
            rejected_control=reading.rejected_control,
            control=reading.control,
            parts=reading.parts,
            status="read",
            findings=reading.finding_list(),
            rejected_by_rule=reading.rejected_by_rule,
            years=reading.years,
        ),
    )


def _seen_before(home: Home, known: lake.Manifest, title: str, received: date, dry_run: bool) -> Outcome:
    """The same content again: one file, with the earliest date of receipt."""
    message = f"内容与 {known.name} 相同（{known.received_on} 收到），不重复读入"
    if known.status == "withdrawn":
        message = f"内容与已撤回的 {known.name} 相同（{known.withdrawn_on} 撤回），不再读入"
    touched: set[tuple[str, int]] = set()
    if received < known.received_on and not dry_run:
        known.received_on = received
        lake.write_manifest(home, known)
        touched = {(part["region"] or "", part["cost_year"]) for part in known.parts if part["cost_year"]}
        touched |= {("", year) for year in known.years}
    summary = FileSummary(
        title,
        "known",
        known.file_id,
        known.table,
        known.layout,
        known.encoding,
        known.n_rows,
        {},
        known.years,
        message,
    )
    return summary, touched


def _refused(
    home: Home, member: Member | None, message: str, received: date, dry_run: bool, name: str = ""
) -> Outcome:
    """A file that was not read: it stays where it is, and a manifest says why."""
    title = _title(member) if member else name
    if member is None:
        return FileSummary(title, "refused", message=message), set()
    digest = archive.content_hash(member.path)
    file_id = "F" + digest[:16]
    if not dry_run:
        known = lake.read_manifest(home, file_id)
        lake.write_manifest(
            home,
            lake.Manifest(
                file_id=file_id,
                name=title,
                content_hash=digest,
                archive_name=None,
                member=member.member,
                table=None,
                layout=None,
                encoding=None,
                reader_key=READER_VERSION,
                received_on=min(received, known.received_on) if known else received,
                first_seen=min(received, known.first_seen) if known else received,
                status="refused",
                message_zh=message,
            ),
        )
    return FileSummary(title, "refused", file_id, message=message), set()


def clear_workspace(home: Home) -> None:
    """Remove what a killed run left unpacked."""
    shutil.rmtree(home.archive / ".work", ignore_errors=True)


__all__ = ["FileSummary", "IngestSummary", "clear_workspace", "ingest", "withdraw"]
