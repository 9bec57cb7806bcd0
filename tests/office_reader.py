"""Run by the Python that LibreOffice's own module is made for: open workbooks as an office does, type, print, save.

Arguments: the address of a running office, a JSON file of jobs, a JSON file for what was seen. A job: `book`; `pdf` and
`saved`, where to; `typed`, a list of sheet, row, column (from 0) and text; `password`, to lock what is saved. What was
seen, one a job: `asked` (whatever the office wanted somebody to answer), `opened`, `frozen` (rows that stay in place).
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import uno
import unohelper
from com.sun.star.connection import NoConnectException
from com.sun.star.task import XInteractionHandler

STARTED_WITHIN = 120


class Listener(unohelper.Base, XInteractionHandler):
    """Keeps what the office asks, and answers nothing: a workbook that needs an answer stays closed."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def handle(self, request: Any) -> None:
        try:
            about = request.getRequest()
            self.asked.append(f"{type(about).__name__} {about.Message}".strip())
        except (SystemError, AttributeError):  # some versions of the module cannot hand every question over
            self.asked.append("a question")


def connected(address: str) -> Any:
    """The desktop of the office at an address, which may still be starting."""
    context = uno.getComponentContext()
    resolver = context.ServiceManager.createInstanceWithContext("com.sun.star.bridge.UnoUrlResolver", context)
    until = time.monotonic() + STARTED_WITHIN
    while True:
        try:
            remote = resolver.resolve(f"uno:{address};urp;StarOffice.ComponentContext")
            return remote.ServiceManager.createInstanceWithContext("com.sun.star.frame.Desktop", remote)
        except NoConnectException:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def setting(name: str, value: Any) -> Any:
    one = uno.createUnoStruct("com.sun.star.beans.PropertyValue")
    one.Name, one.Value = name, value
    return one


def done(desktop: Any, job: dict[str, Any]) -> dict[str, Any]:
    """Open, type, print and save one workbook."""
    listener = Listener()
    how = (setting("Hidden", True), setting("InteractionHandler", listener))
    book = desktop.loadComponentFromURL(Path(job["book"]).as_uri(), "_blank", 0, how)
    if book is None:
        return {"asked": listener.asked, "opened": False, "frozen": False}
    seen = {"asked": listener.asked, "opened": True}
    seen["frozen"] = book.CurrentController.hasFrozenPanes()
    for name, row, column, text in job.get("typed", []):
        book.Sheets.getByName(name).getCellByPosition(column, row).setFormula(text)
    locked = (setting("Password", job["password"]),) if "password" in job else ()
    book.storeToURL(Path(job["pdf"]).as_uri(), (setting("FilterName", "calc_pdf_Export"),))
    excel = setting("FilterName", "calc8" if locked else "Calc MS Excel 2007 XML")
    book.storeToURL(Path(job["saved"]).as_uri(), (excel, *locked))
    book.close(True)
    return seen


def main(address: str, jobs: str, seen: str) -> None:
    desktop = connected(address)
    found = [done(desktop, job) for job in json.loads(Path(jobs).read_text())]
    Path(seen).write_text(json.dumps(found, ensure_ascii=False))
    desktop.terminate()


if __name__ == "__main__":
    main(*sys.argv[1:])
