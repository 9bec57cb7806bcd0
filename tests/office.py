"""An office program (LibreOffice) as townships use it: opens workbooks, prints them on paper, saves what was typed."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import openpyxl
from openpyxl.workbook import Workbook

PYTHON = "/usr/bin/python3"
"""The Python that the system's packages are made for, whichever one runs the tests."""
READER = Path(__file__).with_name("office_reader.py")
PACKAGES = "libreoffice-calc-nogui python3-uno poppler-utils"
Typed = tuple[str, int, int, str]
"""Sheet, row and column (from 0), and the text."""


@dataclass(frozen=True)
class Seen:
    """A workbook in the office: what it asked, whether it opened, and where print and saved copy are."""

    book: Path
    printed: Path
    saved: Path
    asked: list[str]
    opened: bool
    frozen: bool


def lacking() -> bool:
    """Whether the machine has no office program, or no way to speak with it or to read what it prints."""
    if not all(shutil.which(name) for name in ("soffice", "pdftotext", "pdfinfo", PYTHON)):
        return True
    return (
        subprocess.run([PYTHON, "-I", "-c", "import uno"], capture_output=True, check=False).returncode != 0
    )


def in_office(
    folder: Path, books: Sequence[Path], typed: Sequence[Typed] = (), password: str | None = None
) -> list[Seen]:
    """Open, print and save each workbook in one run of the office; `typed` goes into each of them."""
    folder.mkdir(parents=True)
    places = [(folder / f"{at}.pdf", folder / str(at) / book.name) for at, book in enumerate(books)]
    for _, saved in places:
        saved.parent.mkdir()
    locked = {"password": password} if password else {}
    jobs = [
        {"book": str(book), "pdf": str(pdf), "saved": str(saved), "typed": list(typed)} | locked
        for book, (pdf, saved) in zip(books, places, strict=True)
    ]
    asked, seen = folder / "jobs.json", folder / "seen.json"
    asked.write_text(json.dumps(jobs), encoding="utf-8")
    address = f"pipe,name=fengding{uuid4().hex}"
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    office = subprocess.Popen(
        ["soffice", profile, "--headless", "--norestore", "--nologo", f"--accept={address};urp;"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        subprocess.run(
            [PYTHON, "-I", str(READER), address, str(asked), str(seen)],
            capture_output=True, text=True, timeout=400, check=True,
        )  # fmt: skip
        said = "".join(office.communicate(timeout=60))
    except subprocess.CalledProcessError as error:
        raise AssertionError(error.stderr) from error
    finally:
        if office.poll() is None:  # the command is a shell script: what it started goes with it
            os.killpg(office.pid, signal.SIGKILL)
            office.communicate()
    assert office.returncode == 0, said
    found = json.loads(seen.read_text(encoding="utf-8"))
    return [Seen(book, *place, **facts) for book, place, facts in zip(books, places, found, strict=True)]


def sizes(printed: Path) -> list[tuple[float, float]]:
    """Width and height of each page in points."""
    said = subprocess.run(
        ["pdfinfo", "-f", "1", "-l", "9999", str(printed)], capture_output=True, text=True, check=True
    ).stdout
    found = re.findall(r"^Page\s+\d+ size:\s+([\d.]+) x ([\d.]+) pts", said, re.MULTILINE)
    return [(float(width), float(height)) for width, height in found]


def pages(printed: Path) -> list[str]:
    """The text of each page without blanks."""
    said = subprocess.run(
        ["pdftotext", "-layout", str(printed), "-"], capture_output=True, text=True, check=True
    ).stdout
    return ["".join(page.split()) for page in said.split("\f")[:-1]]


def differences(book: Path, saved: Path) -> list[str]:
    """What a saved copy shows otherwise than the workbook: sheets, cells, formats, drop-downs, how it prints."""
    if not saved.is_file():
        return ["nothing was saved"]
    ours, theirs = openpyxl.load_workbook(book), openpyxl.load_workbook(saved)
    if ours.sheetnames != theirs.sheetnames:
        return [f"{ours.sheetnames} / {theirs.sheetnames}"]
    ours_shown, theirs_shown = _shown(ours), _shown(theirs)
    places = sorted(ours_shown.keys() | theirs_shown.keys())
    return [
        f"{at}: {ours_shown.get(at)!r} / {theirs_shown.get(at)!r}"
        for at in places
        if ours_shown.get(at) != theirs_shown.get(at)
    ]


def _shown(book: Workbook) -> dict[str, object]:
    """Everything that a person sees or that restricts what is typed, by its place."""
    found: dict[str, object] = {}
    for sheet in book.worksheets:
        page = sheet.page_setup
        found[f"{sheet.title}!page"] = (
            page.orientation, int(page.paperSize), sheet.sheet_properties.pageSetUpPr.fitToPage, page.fitToHeight,
            sheet.print_title_rows, sheet.auto_filter.ref,
        )  # fmt: skip
        found[f"{sheet.title}!title"] = sheet.oddHeader.center.text
        for rule in sheet.data_validations.dataValidation:
            found[f"{sheet.title}!choice {rule.sqref}"] = (
                rule.type, rule.formula1, rule.errorStyle or "stop", rule.showErrorMessage,
            )  # fmt: skip
        for row in sheet.iter_rows():
            for cell in row:
                if cell.value is not None or cell.has_style:
                    shown = (cell.value, cell.data_type, cell.number_format.replace("\\", ""))
                    found[f"{sheet.title}!{cell.coordinate}"] = shown
    return found
