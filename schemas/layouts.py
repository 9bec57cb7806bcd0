"""Layouts: which header stands for which field of which table. A layout is a TOML file; a new export needs no code.

A file is recognised by its header, never by its name. Headers are compared after NFKC, case-folding and without
blanks, zero-width characters, required-marks and bracket variants.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from schemas.sources import SOURCES

_NOISE = re.compile(r"[\s\u200b-\u200f\u202a-\u202e\u2060\ufeff\u00ad*'\"`]+")
_BRACKETS = str.maketrans(
    {"【": "(", "】": ")", "[": "(", "]": ")", "〔": "(", "〕": ")", "<": "(", ">": ")"}
)
_UNIT = re.compile(r"\((?:元|人民币元|单位:?元)\)$")
_KNOWN_KEYS = {
    "table", "family", "title_zh", "source", "required", "values", "columns", "names", "constants", "labels",
    "derive", "opaque_psn_no", "blank_rows_without", "without",
}  # fmt: skip


class LayoutError(ValueError):
    """A layout file that cannot be meant."""


@cache
def header_key(text: str) -> str:
    """A header in the form in which headers are compared."""
    plain = unicodedata.normalize("NFKC", text).translate(_BRACKETS).casefold()
    return _NOISE.sub("", plain)


@dataclass(frozen=True)
class Layout:
    """One way of writing one table."""

    name: str
    table: str
    family: str
    title_zh: str
    names: dict[str, tuple[str, ...]]
    """Field → accepted headers, best first."""
    required: tuple[tuple[str, ...], ...]
    values: tuple[tuple[str, ...], ...]
    constants: dict[str, str] = field(default_factory=dict)
    labels: dict[str, dict[str, str]] = field(default_factory=dict)
    derive: dict[str, str] = field(default_factory=dict)
    opaque_psn_no: bool = False
    blank_rows_without: tuple[str, ...] = ()
    """A row in which all of these are empty is a form that was not filled in: skipped, not rejected."""
    without: tuple[str, ...] = ()
    """Headers of which each one marks another table."""
    digest: str = ""

    def kind(self, target: str) -> str:
        """Kind of a field; a column outside the table is open text."""
        return SOURCES[self.table].fields.get(target, "text")

    def header_of(self, target: str) -> str:
        """The header by which operators know a field; of a derived one those that it is made of."""
        if target in self.names:
            return self.names[target][0]
        parts = [self.names[part][0] for part in self.derive.get(target, "").split() if part in self.names]
        return "、".join(parts) or target


@dataclass(frozen=True)
class Match:
    """How a header fits a layout: position of each field's column, what is missing, what is not used."""

    layout: Layout
    columns: dict[str, int]
    missing: tuple[str, ...]
    foreign: tuple[str, ...]
    """Headers that mark another table."""
    unused: tuple[str, ...]
    doubled: tuple[str, ...]

    @property
    def fits(self) -> bool:
        return not self.missing and not self.foreign

    @property
    def explained(self) -> frozenset[int]:
        return frozenset(self.columns.values())


@dataclass(frozen=True)
class Recognition:
    """Outcome for one header: the match where exactly one layout fits, else why not."""

    match: Match | None
    rivals: tuple[Match, ...] = ()
    closest: Match | None = None


def load_layouts(folders: Path | Iterable[Path]) -> list[Layout]:
    """All layouts of the folder or folders, by name; a later one wins. LayoutError names the file and the fault."""
    found: dict[str, Layout] = {}
    for folder in [folders] if isinstance(folders, Path) else folders:
        for path in sorted(folder.glob("*.toml")):
            found[path.stem] = _layout(path, path.read_bytes())
    return list(found.values())


@lru_cache(maxsize=500)
def _layout(path: Path, raw: bytes) -> Layout:
    """The layout that a file of this content describes: each ingest asks for all of them again."""
    try:
        spec: dict[str, Any] = tomllib.loads(raw.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LayoutError(f"{path.name}: {error}") from error
    if unknown := set(spec) - _KNOWN_KEYS:
        raise LayoutError(f"{path.name}: unknown keys {sorted(unknown)}")
    if spec.get("table") not in SOURCES:
        raise LayoutError(f"{path.name}: unknown table {spec.get('table')!r}")
    source = SOURCES[spec["table"]]
    names: dict[str, tuple[str, ...]] = {target: (target,) for target in spec.get("columns", [])}
    names |= {target: tuple(accepted) for target, accepted in spec.get("names", {}).items()}
    filled = set(names) | set(spec.get("constants", {})) | set(spec.get("derive", {}))
    for target in {*spec.get("constants", {}), *spec.get("labels", {}), *spec.get("derive", {})}:
        if target not in source.fields:
            raise LayoutError(f"{path.name}: {target} is no field of {source.name}")
    required = tuple(tuple(item.split("|")) for item in spec["required"])
    optional = source.open_in_counter if spec.get("family") == "counter" else ()
    own = [item for item in source.values if item not in optional]
    values = dict.fromkeys(tuple(item.split("|")) for item in (*own, *spec.get("values", [])))
    for group in (*required, *values):
        if not any(target in filled for target in group):
            raise LayoutError(f"{path.name}: nothing yields {'|'.join(group)}")
    return Layout(
        name=path.stem,
        table=spec["table"],
        family=spec["family"],
        title_zh=spec["title_zh"],
        names=names,
        required=required,
        values=tuple(values),
        constants=dict(spec.get("constants", {})),
        labels={target: dict(mapping) for target, mapping in spec.get("labels", {}).items()},
        derive=dict(spec.get("derive", {})),
        opaque_psn_no=bool(spec.get("opaque_psn_no", False)),
        blank_rows_without=tuple(spec.get("blank_rows_without", ())),
        without=tuple(spec.get("without", ())),
        digest=hashlib.sha256(raw).hexdigest()[:12],
    )


def match_layout(layout: Layout, headers: Sequence[str]) -> Match:
    """Fit one layout to one header row."""
    keys = [header_key(header) for header in headers]
    positions: dict[str, list[int]] = {}
    for position, key in enumerate(keys):
        if key:
            positions.setdefault(key, []).append(position)
            if (bare := _UNIT.sub("", key)) != key:
                positions.setdefault(bare, []).append(position)
    columns: dict[str, int] = {}
    doubled: list[str] = []
    for target, accepted in layout.names.items():
        for name in accepted:
            if places := positions.get(header_key(name)):
                columns[target] = places[0]
                if len(places) > 1:
                    doubled.append(headers[places[1]])
                break
    missing = tuple(
        "或".join(layout.header_of(target) for target in group)
        for group in layout.required
        if not any(target in columns for target in group)
    )
    used = set(columns.values())
    foreign = tuple(name for name in layout.without if header_key(name) in positions)
    unused = tuple(headers[i] for i, key in enumerate(keys) if key and i not in used)
    return Match(layout, columns, missing, foreign, unused, tuple(doubled))


def recognise(headers: Sequence[str], layouts: Sequence[Layout]) -> Recognition:
    """The one layout that fits a header row.

    A fit gives way to another one that explains all of its columns and more (the columns of a person table are
    among those of a settlement table). Two that remain: nobody can tell, and the file is refused.
    """
    matches = [match_layout(layout, headers) for layout in layouts]
    fits = [match for match in matches if match.fits]
    best = [m for m in fits if not any(m.explained < other.explained for other in fits)]
    if len(best) == 1:
        return Recognition(best[0])
    if best:
        return Recognition(None, rivals=tuple(best))
    closest = max(matches, key=_likeness, default=None)
    return Recognition(None, closest=closest if closest is not None and closest.columns else None)


def _likeness(match: Match) -> tuple[float, int]:
    """Share of the required headers that are there, then the number of headers explained."""
    needed = len(match.layout.required)
    return (0.0 if match.foreign else (needed - len(match.missing)) / needed, len(match.explained))
