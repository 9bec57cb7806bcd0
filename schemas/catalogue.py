"""The catalogue of rules (规则目录): every rule, indicator and register entry with its state, its place and its proof.

`data/catalogue.csv` holds what is known of each; `docs/catalogue.md` is this module printed: `python -m schemas.catalogue`
writes it. A row that is missing, or names a module, a table or a test that is not there, is a fault.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

from schemas.mart import TABLES
from schemas.policy import Policies, load_policies

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "data" / "catalogue.csv"
DOCUMENT = ROOT / "docs" / "catalogue.md"

SECTIONS = {
    "X": "共同口径 Conventions",
    "Z": "浙政办发〔2022〕42号 Zhejiang",
    "L": "临政办〔2024〕1号 Lin'an",
    "W": "温政办〔2023〕90号 Wenzhou",
    "P": "彭水府办发〔2023〕52号 Pengshui",
    "IND": "指标 Indicators",
    "A": "歧义登记 Register of readings",
}
NUMBERS: dict[str, int] = {"X": 10, "Z": 29, "L": 28, "W": 21, "P": 40}
"""Rules of each section: 01 to this number."""
INDICATORS = 9
REGISTER: dict[str, int] = {"X": 4, "P": 32, "L": 22, "W": 15, "Z": 11}
"""Register entries of each document: A-<letter>01 to this number."""
STATES = {
    "built": "已建 built",
    "off": "已建，默认不启用 configured off",
    "input": "已建，待资料 built, waits for an input",
    "none": "不可计算 not computable",
    "default": "只按默认读法 default reading only",
    "open": "未建 not built",
}
WHY = frozenset({"off", "input", "none", "default", "open"})
"""States whose row must say why."""


@dataclass(frozen=True)
class Row:
    """One entry; `code`, `tables`, `proofs` are lists. Titles of register entries stand in the policy files."""

    id: str
    article: str
    title_zh: str
    title_en: str
    says_zh: str
    state: str
    note_zh: str
    code: tuple[str, ...]
    tables: tuple[str, ...]
    proofs: tuple[str, ...]

    @property
    def section(self) -> str:
        return self.id.split("-")[0]


def expected_ids() -> tuple[str, ...]:
    """Every id of the catalogue, in order."""
    rules = [f"{code}-{n:02}" for code, last in NUMBERS.items() for n in range(1, last + 1)]
    indicators = [f"IND-{n}" for n in range(1, INDICATORS + 1)]
    register = [f"A-{code}{n:02}" for code, last in REGISTER.items() for n in range(1, last + 1)]
    return (*rules, *indicators, *register)


def rows(path: Path = DATA) -> list[Row]:
    """The entries in the order of the file. ValueError for a header or a row of another width."""
    names = [field.name for field in fields(Row)]
    with path.open(encoding="utf-8", newline="") as handle:
        header, *lines = list(csv.reader(handle))
    if header != names or any(len(line) != len(names) for line in lines):
        raise ValueError(f"{path.name}：列应为 {'、'.join(names)}")
    return [_row(dict(zip(names, line, strict=True))) for line in lines]


def _row(cells: dict[str, str]) -> Row:
    def parts(name: str) -> tuple[str, ...]:
        return tuple(part for part in cells[name].split(";") if part)

    return Row(
        cells["id"], cells["article"], cells["title_zh"], cells["title_en"], cells["says_zh"], cells["state"],
        cells["note_zh"], parts("code"), parts("tables"), parts("proofs"),
    )  # fmt: skip


def faults(entries: Iterable[Row], policies: Policies, root: Path = ROOT) -> list[str]:
    """What is wrong with the catalogue, one sentence each; nothing: empty."""
    entries = list(entries)
    count = Counter(entry.id for entry in entries)
    wrong = [f"目录缺 {name}" for name in expected_ids() if name not in count]
    wrong += [f"目录没有 {name} 这一编号" for name in count if name not in expected_ids()]
    wrong += [f"{name} 重复" for name, n in count.items() if n > 1]
    for entry in entries:
        wrong += [f"{entry.id}：{what}" for what in _faults(entry, policies, root)]
    return wrong


def _faults(entry: Row, policies: Policies, root: Path) -> Iterator[str]:
    if entry.state not in STATES:
        yield f"不认识状态 {entry.state}"
    if entry.state in WHY and not entry.note_zh:
        yield "须写明原因"
    if entry.section == "A":
        if entry.id not in policies.readings:
            yield "政策文件没有登记此读法"
    elif not (entry.article and entry.title_zh and entry.title_en and entry.says_zh):
        yield "条款、名称、内容不能为空"
    if entry.state in ("built", "input") and not (entry.code and entry.proofs):
        yield "已建的须写明程序和证明"
    for name in entry.code:
        if not (root / name).is_file():
            yield f"没有 {name}"
    for name in entry.tables:
        if name not in TABLES:
            yield f"没有 mart.{name}"
    for name in entry.proofs:
        if not proof_exists(name, root):
            yield f"没有 {name}"
    rule = policies.rules.get(entry.id)
    if rule is not None and not set(_articles(rule.rule.article)) & set(_articles(entry.article)):
        yield f"条款 {entry.article} 与政策文件的 {rule.rule.article} 不同"


def _articles(text: str) -> list[str]:
    """The articles that a cell names, without the numbers of their paragraphs: “二(一)、二(三)1” → 二(一), 二(三)."""
    return re.findall(r"[一二三四五六](?:\([一二三四五六七八]\))?", text)


def proof_exists(name: str, root: Path = ROOT) -> bool:
    """Whether a test file, a test in it (`tests/test_x.py::test_y`) or a folder with worked cases is there."""
    path, _, test = name.partition("::")
    place = root / path
    if place.is_dir():
        return any(place.rglob("*.toml"))
    return place.is_file() and (not test or f"def {test}(" in place.read_text(encoding="utf-8"))


def document_text(entries: Iterable[Row], policies: Policies) -> str:
    """The catalogue as Markdown: how many of each state, then one table a section."""
    entries = list(entries)
    lines = [
        "# 规则目录 Catalogue of rules",
        "",
        "每条规则、指标和歧义登记的状态、所在程序和结果表、证明它的测试。",
        "Every rule, indicator and register entry: its state, where it lives, which tests and worked cases prove it.",
        "Written by `python -m schemas.catalogue` from `data/catalogue.csv` and the policy files; do not edit.",
        "",
        *_summary(entries),
    ]
    for code, title in SECTIONS.items():
        own = [entry for entry in entries if entry.section == code]
        lines += ["", f"## {title}", ""]
        lines += _register(own, policies) if code == "A" else _rules(own)
    return "\n".join(lines) + "\n"


def _summary(entries: list[Row]) -> list[str]:
    used = [state for state in STATES if any(entry.state == state for entry in entries)]
    lines = [
        f"| | {' | '.join(STATES[state] for state in used)} | 合计 |",
        f"|---|{'---:|' * (len(used) + 1)}",
    ]
    for code, title in SECTIONS.items():
        count = Counter(entry.state for entry in entries if entry.section == code)
        cells = [str(count[state]) if count[state] else "" for state in used]
        lines.append(f"| {title} | {' | '.join(cells)} | {count.total()} |")
    return lines


def _rules(entries: list[Row]) -> list[str]:
    head = [
        "| 编号 | 条款 | 规则 Rule | 内容 | 状态 State | 程序 Code | 结果表 Tables | 证明 Proofs |",
        f"|{'---|' * 8}",
    ]
    return head + [
        f"| {e.id} | {e.article} | {e.title_zh} {e.title_en} | {e.says_zh} | {_state(e)} | {_code(e.code)} "
        f"| {_code(e.tables, 'mart.')} | {_code(e.proofs)} |"
        for e in entries
    ]


def _register(entries: list[Row], policies: Policies) -> list[str]:
    head = [
        "| 编号 | 问题 | 读法（默认加粗） Readings | 状态 State | 程序 Code | 证明 Proofs |",
        f"|{'---|' * 6}",
    ]
    lines = []
    for entry in entries:
        reading = policies.readings[entry.id]
        options = "<br>".join(
            f"**{letter} {text}**" if letter == reading.default else f"{letter} {text}"
            for letter, text in reading.options.items()
        )
        lines.append(
            f"| {entry.id} | {reading.question} | {options} | {_state(entry)} | {_code(entry.code)} | {_code(entry.proofs)} |"
        )
    return head + lines


def _state(entry: Row) -> str:
    return STATES[entry.state] + (f"：{entry.note_zh}" if entry.note_zh else "")


def _code(names: tuple[str, ...], prefix: str = "") -> str:
    return "<br>".join(f"`{prefix}{name}`" for name in names)


if __name__ == "__main__":
    DOCUMENT.write_text(document_text(rows(), load_policies(ROOT / "data" / "policies")), encoding="utf-8")
