"""Random deliveries about a handful of people: each night builds on the last and gives what reading every row gives.

So few people, days, amounts and keys that refunds, versions, copies, links, deaths and rejected rows keep meeting.
"""

from __future__ import annotations

from concurrent.futures import Future
from datetime import date, datetime
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import polars as pl
import pytest

from flows import mass as flow_mass
from flows.configuration import Configuration
from flows.mass import Settlements, Summed
from stores import carried, lake
from stores.home import Home
from stores.lake import Manifest
from tests.core_frames import Row, settlement, table
from transforms import mass, payments, places, resolved
from transforms.decisions import OnFacts
from transforms.identity import LINKS, People, keys_of
from transforms.mass import Asked
from transforms.resolved import Resolved
from transforms.rules import leads

YEAR = 2023
PEOPLE = range(1, 31)
INPATIENT = pl.col("med_type").is_in(["21"]).fill_null(False)
ALIAS = pl.DataFrame([("330185", "330112", "insured", None, None)], schema=places.ALIAS, orient="row")
REFERENCE = {"region_alias": ALIAS, "regions": pl.DataFrame({"code": ["330112", "330113", "330185"]})}
CONFIGURATION = cast(Configuration, SimpleNamespace(reference=REFERENCE, reference_hash="x"))
NO_PAIRS = pl.DataFrame(schema={"setl_id": pl.String, "init_setl_id": pl.String})
ON_FACTS = OnFacts(**(dict.fromkeys(OnFacts._fields) | {"pairs": NO_PAIRS}))  # type: ignore[arg-type]  # only these are asked


class Deliveries:
    """What comes in, night after night."""

    def __init__(self, home: Home, seed: int) -> None:
        self.home, self.random = home, Random(seed)
        self.rows: list[Row] = []
        self.links: dict[int, int] = {}

    def night(self, number: int) -> None:
        """Up to two files of settlements, one of payments, and now and then a link that comes or goes."""
        pick = self.random
        for part in range(pick.choice([0, 1, 1, 2])):
            many = 30 if number == 0 else pick.randint(0, 16)
            rows = [self.row() for _ in range(many)]
            rejects = [self.rejected(n) for n in range(pick.choice([0, 0, 1, 2]))]
            self.put("setl_d", f"F{number}{part}", rows, rejects)
        named = [pick.choice(self.ids()) for _ in range(pick.choice([0, 2]))]
        self.put("payment", f"P{number}", [payment(setl_id, pick.choice(PEOPLE)) for setl_id in named], [])
        if pick.random() < 0.4:
            one, other = pick.sample(PEOPLE, 2)
            if one not in {*self.links, *self.links.values()} and other not in self.links:
                self.links[one] = other
        if self.links and pick.random() < 0.2:
            self.links.pop(pick.choice(list(self.links)))

    def ids(self) -> list[str]:
        return [row["setl_id"] for row in self.rows] or ["S1"]

    def row(self) -> Row:
        """A new settlement, one entered twice, a later version, a linked refund, or a negative row without a word."""
        pick, chance = self.random, self.random.random()
        setl_id = f"S{len(self.rows) + 1}"
        if chance < 0.7 or not self.rows:
            tot, psn = pick.choice([100, 200, 300]), pick.choice([50, 100])
            row: Row = settlement(setl_id, tot, psn, **self.others(), refd_flag=pick.choice([*"0" * 19, "1"]))
        elif chance < 0.8:
            row = dict(pick.choice(self.rows), setl_id=setl_id)
        elif chance < 0.86:
            later = pick.choice([None, datetime(2024, 1, pick.randint(1, 5))])
            row = dict(pick.choice(self.rows), updt_time=later)
            changed: Row = {"psn_fen": pick.choice([5_000, 6_000]), "id_key": pick.choice(PEOPLE)}
            row |= {name: value for name, value in changed.items() if pick.random() < 0.4}
        elif chance < 0.95:
            before = pick.choice(self.rows)
            tot = pick.choice([before["tot_fen"], before["tot_fen"] // 2, before["tot_fen"] * 2]) // 100
            named = pick.choice([before["setl_id"], before["setl_id"], "none"])
            row = settlement(setl_id, -tot, -tot // 2, **self.others(), init_setl_id=named)
        else:
            tot, kind = pick.choice([100, 200, 300]), pick.choice([None, None, "3"])
            row = settlement(setl_id, -tot, -pick.choice([50, 100]), **self.others(), setl_type=kind)
        self.rows.append(row)
        return row

    def others(self) -> dict[str, Any]:
        """The other columns of a settlement, unknown ones among them."""
        pick = self.random
        return {
            "id_key": pick.choice(PEOPLE),
            "at": datetime(pick.choice([2022, 2023, 2023, 2023, 2024]), pick.randint(1, 3), pick.randint(1, 2), 9),
            "med_type": pick.choice(["11", "11", "21", None]),
            "insutype": pick.choice([*["390"] * 20, "310", "320", None]),
            "insu_admdvs": pick.choice([*["330112"] * 20, "330185", "999999"]),
            "mdtrt_id": pick.choice([None, "M1", "M2"]),
            "institution_code": pick.choice(["H33011200001", "H33011200001", None]),
            "begndate": pick.choice([None, date(2023, 1, 1)]),
            "com_fen": pick.choice([0, 0, 0, 0, 0, 500, None]),
            "maf_fen": pick.choice([0, 0, None, 300]),
            "vali_flag": pick.choice(["1", "1", "1", "1", "0", None]),
            "pol_fen": pick.choice([None, 10_000]),
            "cash_fen": pick.choice([10_000, 10_000, None]),
        }  # fmt: skip

    def rejected(self, number: int) -> Row:
        pick = self.random
        return {
            "table": "setl_d", "source_row": 1_000 + number, "rule": "x", "setl_id": pick.choice([None, *self.ids()]),
            "id_key": pick.choice([None, *PEOPLE]), "cost_year": pick.choice([None, 2023, 2024]),
            "updt_time": pick.choice([None, datetime(2024, 1, 3)]),
        }  # fmt: skip

    def put(self, name: str, file_id: str, rows: list[Row], rejects: list[Row]) -> None:
        """A file as the lake holds it."""
        parts = []
        if rows:
            frame = table(name, [{**row, "file_id": file_id} for row in rows])
            by = ["insu_admdvs", "cost_year"] if name == "setl_d" else ["file_id"]
            for number, (_, part) in enumerate(frame.group_by(by, maintain_order=True)):
                path = Path("core") / name / f"{number}" / f"{file_id}-{number}.parquet"
                lake.write_parquet(part, self.home.lake / path)
                where = (
                    {"region": "330112", "cost_year": int(part["cost_year"][0])} if name == "setl_d" else {}
                )
                parts.append({"table": name, "path": str(path), "rows": part.height, **where})
        if rejects:
            empty = dict.fromkeys(lake.REJECTS)
            frame = pl.DataFrame(
                [{**empty, **row, "file_id": file_id} for row in rejects], schema=lake.REJECTS
            )
            lake.write_parquet(frame, self.home.rejects / f"{file_id}.parquet")
        received = date(2023, self.random.randint(1, 12), 1)
        about = {"n_rows": len(rows), "n_rejected": len(rejects), "parts": parts}
        origin = (file_id, file_id, file_id, None, None, name, "platform", None, "k", received, received)
        lake.write_manifest(self.home, Manifest(*origin, **about))  # type: ignore[arg-type]  # of several types


def payment(setl_id: str, id_key: int) -> Row:
    return {
        "setl_id": setl_id, "id_key": id_key, "kind": "慈善", "amount_fen": 1_000, "cost_year": YEAR,
        "paid_on": date(YEAR, 6, 1), "note_key": 0, "says_medical": True, "names_fund": False,
    }  # fmt: skip


def told(of: Settlements, settled: Resolved, summed: Summed, asked: Asked) -> dict[str, pl.DataFrame]:
    """Everything that is made of what was found."""
    links, found = of.people.links, summed.mass
    paid = lake.scan(of.home, "payment", of.files).collect()
    every, near = (resolved.with_states(rows, settled, links) for rows in (of.rows(), of.looked.near.lazy()))
    dead = pl.DataFrame({"person_key": asked.dead}).with_columns(died_on=pl.lit(date(2022, 1, 1)))
    eyed = found.eyed.lazy()
    frames = {name: getattr(settled, name) for name in ("uncounted", "troubles", "counts", "marks", "netted")}
    return frames | {
        "gone": settled.gone.unique(),
        "counted": settled.counted.collect(),
        "sums": found.sums,
        "months": found.months,
        "twice": leads.twice_leads(found.twice),
        "stays": leads.stays(eyed, INPATIENT).collect(),
        "relieved": leads.relieved(eyed).collect(),
        "after death": leads.after_death(eyed, dead, INPATIENT).collect(),
        "detail": summed.detail.filter(pl.col("person_key").is_in(summed.known.implode())),
        "known": summed.known.to_frame(),
        "named": payments.named_settlements(paid, every, near if summed.derived else None),
    }


def ordered(frame: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    return frame.select(columns).sort(columns) if columns else frame


@pytest.mark.parametrize("seed", range(5))
def test_each_night_gives_what_reading_every_row_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(flow_mass, "MOST_TOUCHED", 5.0)
    monkeypatch.setattr(flow_mass, "WORTH_KEEPING", [0, 1_000_000][seed % 2])
    grown: list[int] = []
    own = mass.grown

    def counted(known: mass.Mass, more: pl.DataFrame, twins: pl.DataFrame, asked: Asked) -> mass.Mass:
        grown.append(more.height)
        return own(known, more, twins, asked)

    monkeypatch.setattr(mass, "grown", counted)
    home = Home(tmp_path)
    home.ensure()
    deliveries = Deliveries(home, seed)
    derived = []
    for night in range(6):
        deliveries.night(night)
        links = pl.DataFrame(list(deliveries.links.items()), schema=LINKS, orient="row").sort("id_key")
        people = People(links, pl.DataFrame(), pl.DataFrame())
        pick = deliveries.random
        dead = keys_of(pl.Series(pick.sample(PEOPLE, pick.choice([0, 1, 2])), dtype=pl.Int64), links).sort()
        asked = Asked(INPATIENT, ["21"], dead, pl.concat([links["id_key"], links["person_key"]]))
        wanted = sorted({deliveries.links.get(key, key) for key in pick.sample(PEOPLE, 3)})
        both = []
        for derive in (True, False):
            files = lake.files_in_force(home)
            kept: Future[carried.Kept] = Future()
            kept.set_result(carried.read(home, YEAR) if derive else None)
            of = Settlements(home, files, CONFIGURATION, people, YEAR, ON_FACTS, kept)
            settled = of.resolve()
            summed = of.sum(settled, pl.Series("person_key", wanted, dtype=pl.Int64), asked)
            both.append((of, settled, summed))
        night_told, whole_told = (told(*found, asked) for found in both)
        for name, frame in whole_told.items():
            assert ordered(night_told[name], frame.columns).equals(ordered(frame, frame.columns)), (
                night,
                name,
            )
        of, settled, summed = both[0]
        derived.append(summed.derived)
        of.hand_on(of.written_down(settled, summed, asked))
    assert sum(derived) > 2
    assert sum(grown) > 0
