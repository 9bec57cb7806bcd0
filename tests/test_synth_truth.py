"""The answer key of the mass follows from the delivered files: a plain reading of the rows, person by person."""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from synth import write_county
from synth.ids import is_valid
from synth.render import INTERFACE

YEAR = "2023"
BACK = {v: k for k, v in INTERFACE.items()}


def text_of(path: Path) -> str:
    """Content of a delimited file, whatever its packing and encoding."""
    if path.suffix == ".gz":
        content = gzip.decompress(path.read_bytes())
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path) as z:
            content = z.read(z.namelist()[0])
    else:
        content = path.read_bytes()
    if content[:2] == b"\xff\xfe":
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("gb18030")


def records(path: Path) -> list[dict[str, str]]:
    """Rows of a platform file under the lower-case table names."""
    text = text_of(path)
    head = text.split("\n", 1)[0]
    sep = max(",;\t|", key=head.count)
    rows = csv.DictReader(io.StringIO(text), delimiter=sep)
    return [{BACK.get(k.lower(), k.lower()): v for k, v in r.items()} for r in rows]


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("truth") / "county"
    write_county(out, persons=1500, year=2023, region="330112", seed=11)
    return out


@pytest.fixture(scope="module")
def settlements(county: Path) -> list[dict[str, str]]:
    with (county / "received.csv").open(encoding="utf-8") as f:
        order = [r["file"] for r in csv.DictReader(f) if r["file"].startswith("setl_d")]
    return [r for name in order for r in records(county / "inbox" / name)]


def yuan(text: str) -> Decimal:
    for bad in ("¥", ",", " "):
        text = text.replace(bad, "")
    text = text.translate(str.maketrans("０１２３４５６７８９．", "0123456789."))
    return Decimal(0) if text in ("", "--") else Decimal(text)


def usable(r: dict[str, str]) -> bool:
    """The row-local tests: dates, decimals, identities B and C."""
    tot, fund, psn = yuan(r["medfee_sumamt"]), yuan(r["fund_pay_sumamt"]), yuan(r["psn_pay"])
    acct, cash, mul = yuan(r["acct_pay"]), yuan(r["cash_payamt"]), yuan(r["acct_mulaid_pay"])
    if "-02-30" in r["setl_time"] or tot != tot.quantize(Decimal("0.01")):
        return False
    hosp = yuan(r["ownpay_hosp_part"])
    return tot in (fund + psn + hosp, fund - acct + psn + hosp) and psn in (acct + cash, acct + cash + mul)


def counted(rows: list[dict[str, str]]) -> dict[str, list[dict[str, str]]]:
    """Current, unreversed settlements of the year by person number (refund rows net into their original)."""
    current: dict[str, dict[str, str]] = {}
    for r in rows:
        old = current.get(r["setl_id"])
        if usable(r) and (old is None or r["updt_time"] >= old["updt_time"]):
            current[r["setl_id"]] = r
    scope = {
        k: r
        for k, r in current.items()
        if r["vali_flag"] in ("", "1")
        and r["out_flag"] != "2"
        and r["insutype"] in ("310", "390", "380", "340")
    }
    refunds = defaultdict(list)
    for r in scope.values():
        if r["init_setl_id"]:
            refunds[r["init_setl_id"]].append(r)
    standing: dict[str, dict[str, str]] = {}
    negatives = []
    for k, r in scope.items():
        if r["init_setl_id"]:
            continue
        if yuan(r["medfee_sumamt"]) < 0:
            negatives.append(r)
            continue
        back = sum(abs(yuan(x["medfee_sumamt"])) for x in refunds[k])
        if back >= yuan(r["medfee_sumamt"]) and refunds[k]:
            continue
        if r["refd_setl_flag"] in ("1", "2") and not refunds[k]:
            continue
        for c in ("medfee_sumamt", "psn_pay"):
            r = {**r, c: str(yuan(r[c]) - sum(abs(yuan(x[c])) for x in refunds[k]))}
        standing[k] = r
    for bad in negatives:
        fits = [
            k
            for k, r in standing.items()
            if (r["psn_no"].strip(), r["fixmedins_code"], yuan(r["medfee_sumamt"]))
            == (bad["psn_no"].strip(), bad["fixmedins_code"], -yuan(bad["medfee_sumamt"]))
        ]
        same = {(standing[k]["psn_pay"], standing[k]["fund_pay_sumamt"]) for k in fits}
        if len(same) == 1:
            del standing[max(fits, key=lambda k: standing[k]["setl_time"])]
    found = defaultdict(list)
    for r in standing.values():
        if r["setl_time"].startswith(YEAR):
            found[r["psn_no"].strip()].append(r)
    return found


def test_person_years_follow_from_the_files(county: Path, settlements: list[dict[str, str]]) -> None:
    found = counted(settlements)
    counter = set()
    import openpyxl

    for path in (county / "inbox").glob("中心结算明细*.xlsx"):
        sheet = openpyxl.load_workbook(path, read_only=True).active
        for line in sheet.iter_rows(values_only=True):
            counter.add(str(line[2]))
    with (county / "answer_key" / "person_year.csv").open(encoding="utf-8") as f:
        key = [r for r in csv.DictReader(f) if r["psn_no"] and r["psn_no"] not in counter]
    assert len(key) > 1000
    for r in key:
        mine = found.get(r["psn_no"], [])
        assert len(mine) == int(r["n_settlements"]), r["psn_no"]
        assert sum(yuan(x["psn_pay"]) for x in mine) == Decimal(r["psn_yuan"]), r["psn_no"]
        assert sum(yuan(x["medfee_sumamt"]) for x in mine) == Decimal(r["tot_yuan"]), r["psn_no"]
    extra = set(found) - {r["psn_no"] for r in key} - counter
    assert not extra


def test_burden_balances(county: Path) -> None:
    with (county / "answer_key" / "person_year.csv").open(encoding="utf-8") as f:
        for r in csv.DictReader(f):
            rest = (
                Decimal(r["psn_yuan"])
                - Decimal(r["com_yuan"])
                - Decimal(r["sub_yuan"])
                + Decimal(r["unused_yuan"])
            )
            assert max(Decimal(0), rest) == Decimal(r["burden_yuan"]), r["psn_no"]


def test_rows_of_every_settlement_file_add_up(county: Path) -> None:
    with (county / "answer_key" / "files.csv").open(encoding="utf-8") as f:
        key = {r["file"]: r for r in csv.DictReader(f)}
    for name, r in key.items():
        parts = [int(r[k]) for k in ("n_accepted", "n_rejected", "n_duplicate")]
        assert sum(parts) == int(r["n_rows"]) and min(parts) >= 0, name
        if name.startswith("setl_d"):
            rows = records(county / "inbox" / name)
            assert len(rows) == int(r["n_rows"]), name
            assert sum(not usable(x) for x in rows) == int(r["n_rejected"]), name
    assert sum(int(r["n_duplicate"]) for r in key.values() if r["table_name"] == "setl_d") > 20


def test_skewed_costs_and_valid_numbers(county: Path) -> None:
    with (county / "answer_key" / "person_year.csv").open(encoding="utf-8") as f:
        key = list(csv.DictReader(f))
    costs = sorted((Decimal(r["tot_yuan"]) for r in key), reverse=True)
    share = sum(costs[: len(costs) // 20]) / sum(costs)
    assert Decimal("0.35") < share < Decimal("0.85"), share
    numbers = [r["certno"] for r in key if len(r["certno"]) == 18]
    assert all(n[4:6] in ("98", "99") for n in numbers)
    assert sum(not is_valid(n) for n in numbers) < len(numbers) * 0.02
    assert len(set(numbers)) == len(numbers)
