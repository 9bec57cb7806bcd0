"""A simulated year of nights on a small synthetic county of Lin'an, and the same year again from the archive in one go.

Files come on their days of receipt; each night runs what `nightly` runs, without Prefect. What must be warned of on
which night is worked out here from the rows that the generator delivered, one after the other in plain Python, and the
rate of resolved high cost from its answer key: nothing is shared with the code under test but the files.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import synth.county as synth_county
from flows import pipeline
from flows.considered import considered_by_nightly, first_night, with_unconsidered
from flows.pipeline import Request
from flows.touched import years_to_assess
from schemas.mart import TABLES
from stores import lake
from stores.home import Home
from synth.counter_export import CounterExports
from tests.agreement import key_table, person_keys
from tests.support import deliveries, quiet, run, table
from tests.warning_home import INCOME, filled, listed_rows, write
from transforms.pseudonym import key_texts

YEAR, REGION, PERSONS, SEED = 2023, "330112", 120, 3
RURAL, URBAN, CASH_LINE = 300_000, 400_000, 2_000_000
"""Fen: two invented incomes of the year before, low enough for many cases, and 2万元 (L-20)."""
LAST_NIGHT = date(2024, 3, 31)
MISSED = {date(2023, 1, 5), date(2023, 4, 5), date(2023, 8, 5), date(2023, 12, 5)}
"""Days on which the files were only taken in: the next night catches up, and knows when they came."""
LEVELS = ("", "watch", "over", "severe")
CORRECTIONS = ("06", "08", "09", "10")
RESIDENT, EMPLOYEE = (380, 390, 391), (310,)
RISK = {
    "TEKUN", "DIBAO", "DIBIAN", "ZHICHU", "LINSHI", "QITA_TK", "FANPIN", "JIANCE", "DISHOURU", "XD2", "XD",
}  # fmt: skip
HERE = (0, 1)
"""Insured under the district's code of today or of before."""
Row = dict[str, Any]
Case = tuple[str, str]
"""Rule and person_key."""


# ---- what the generator delivered, and what it comes to


@dataclass
class Truth:
    """Every settlement row with its day of receipt, and the people by number."""

    rows: list[Row] = field(default_factory=list)
    people: Any = None

    def keep(self, received: date, frame: pl.DataFrame) -> None:
        self.rows += [{**row, "received": received} for row in frame.iter_rows(named=True)]


def resolved(rows: Iterable[Row]) -> list[Row]:
    """The rows that count, with partial refunds taken off, of what has been received: row by row, pair by pair."""
    current: dict[str, Row] = {}
    for row in sorted(rows, key=lambda r: r["received"]):
        held = current.get(row["setl_id"])
        if held is None or (row["updt_time"], row["received"]) >= (held["updt_time"], held["received"]):
            current[row["setl_id"]] = dict(row)
    valid = [r for r in current.values() if r["vali"] in ("", "1") and r["out_flag"] != "2"]
    valid = [r for r in valid if r["insutype"] in (*RESIDENT, *EMPLOYEE, 340)]
    back: dict[str, list[Row]] = defaultdict(list)
    loose, normal = [], {}
    for row in valid:
        if row["init_setl_id"]:
            back[row["init_setl_id"]].append(row)
        elif row["tot"] < 0 and not corrects(row):
            loose.append(row)
        else:
            normal[row["setl_id"]] = row
    counted = []
    for row in normal.values():
        refunds = back.get(row["setl_id"], [])
        returned = sum(abs(r["tot"]) for r in refunds)
        if not refunds and row["refd"] in ("1", "2"):
            continue
        if refunds and returned >= row["tot"]:
            continue
        for name in ("psn", "cash"):
            row[name] -= sum(abs(r[name]) for r in refunds)
        counted.append(row | {"touched": bool(refunds)})
    for negative in sorted(loose, key=lambda r: r["setl_time"]):
        fits = [
            r
            for r in counted
            if not r["touched"]
            and (r["p"], r["inst"], r["tot"]) == (negative["p"], negative["inst"], -negative["tot"])
            and r["setl_time"] <= negative["setl_time"]
        ]
        if fits:
            counted.remove(max(fits, key=lambda r: (r["setl_time"], r["setl_id"])))
    return counted


def corrects(row: Row) -> bool:
    """补充报销: counts with its sign."""
    return (row["setl_type"] == "3" or row["manl"] in CORRECTIONS) and row["psn"] < 0


def level(amount: int, line: int, exactly: bool) -> int:
    """0 nothing, 1 from four fifths on, 2 over, 3 from twice on; `exactly`: the line itself is over."""
    if amount >= 2 * line:
        return 3
    if amount > line or (exactly and amount == line):
        return 2
    return 1 if amount * 5 >= line * 4 else 0


def expected_levels(truth: Truth, night: date, poor: set[int]) -> dict[tuple[str, int], int]:
    """Rule and person → level of everybody at a level that night; of L-20 only the people who are poor all year."""
    known: dict[int, list[Row]] = defaultdict(list)
    for row in truth.rows:
        if row["received"] <= night and not row["rej"]:
            known[row["p"]].append(row)
    found = {}
    for person, rows in known.items():
        counted = [r for r in resolved(rows) if r["setl_time"].year == YEAR]
        if not counted:
            continue
        psn, cash = (max(0, sum(r[name] for r in counted)) for name in ("psn", "cash"))
        last = max(counted, key=lambda r: (r["setl_time"], r["setl_id"]))
        if last["insured"] in HERE and last["insutype"] in EMPLOYEE:
            found["L-21", person] = level(psn, URBAN, False)
        if last["insured"] in HERE and last["insutype"] in RESIDENT:
            found["L-22", person] = level(psn, RURAL, False)
        if person in poor:
            found["L-20", person] = level(cash, CASH_LINE, True)
    return {case: rank for case, rank in found.items() if rank}


# ---- the year


@dataclass
class Year:
    """What was seen: mart.warning after each night; levels due on each day with settlements; townships' answers."""

    county: Path
    home: Home
    warehouse: Path
    seen: dict[date, pl.DataFrame]
    due: dict[date, dict[Case, int]]
    poor: set[str]
    answers: dict[str, list[tuple[date, Row]]]


def delivered_county(folder: Path) -> Truth:
    """A synthetic county in a folder, and its settlement rows as they were delivered."""
    truth = Truth()
    written, taken = synth_county._write_settlements, CounterExports.write

    def keep_files(
        inbox: Any, stem: str, received: date, rows: pl.DataFrame, *more: Any, **named: Any
    ) -> Any:
        truth.keep(received, rows)
        return written(inbox, stem, received, rows, *more, **named)

    def keep_exports(self: CounterExports, inbox: Any) -> None:
        truth.people = self.render.people
        for quarter, frames in self.quarters.items():
            month = 3 * quarter + 4
            truth.keep(date(YEAR + month // 13, (month - 1) % 12 + 1, 8), pl.concat(frames))
        taken(self, inbox)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(synth_county, "_write_settlements", keep_files)
        patch.setattr(CounterExports, "write", keep_exports)
        synth_county.write_county(folder, persons=PERSONS, year=YEAR, region=REGION, seed=SEED)
    return truth


def night(home: Home, on: date, push: bool) -> tuple[list[int], Path, Path]:
    """What `nightly` does: take in the inbox, assess what is touched, publish."""
    started = datetime(on.year, on.month, on.day, 2, 30)
    asked = Request(home.root, "nightly", None, on, on, f"R{on:%Y%m%d}", started, push=push)
    with pipeline.recorded(asked):
        first_night(asked)
        taken = with_unconsidered(asked, pipeline.read_inbox(home, on, quiet))
        years = years_to_assess(home, taken, asked)
        assessed = {year: pipeline.assess_year(home, year, asked, quiet)[0] for year in years}
        warehouse, exports, _ = pipeline.deliver(home, asked, assessed, quiet)
        considered_by_nightly(asked)
    return years, warehouse, exports


def pinned(name: str) -> list[str]:
    """The columns of a mart table that readers are promised."""
    return [column.name for column in TABLES[name].columns if column.pinned]


def cases_of(warehouse: Path) -> pl.DataFrame:
    """The cases of the year, every pinned column."""
    columns = ", ".join(pinned("warning"))
    return table(warehouse, f"select {columns} from mart.warning where year = {YEAR} order by warning_id")


ROUNDS = {date(2023, 6, 5): date(2023, 6, 28), date(2023, 10, 5): date(2023, 10, 28)}
"""Night of a full issue → the day on which the townships' workbooks come back."""


def answered(visited: date, place: int) -> Row:
    """What a township writes on the n-th case: closed, refuted, helped, visited only, nothing."""
    visit: Row = {"走访日期": visited, "走访人": "李某"}
    return [
        visit | {"核实结果": "属实", "帮扶措施": "临时救助", "帮扶金额": 800.5, "办结日期": visited},
        visit | {"核实结果": "不属实"},
        visit | {"核实结果": "属实", "帮扶措施": "政策宣传"},
        visit | {"核实结果": "待核实"},
        {},
    ][place % 5]


def sent_back(
    year_so_far: dict[str, list[tuple[date, Row]]], exports: Path, inbox: Path, on: date, visited: date
) -> int:
    """Every township fills in its list and puts it into the inbox; how many workbooks."""
    count = 0
    for path in sorted((exports / "townships").glob("*.xlsx")):
        numbers = sorted(str(row["预警编号"]) for row in listed_rows(path))
        given = {number: answered(visited, place) for place, number in enumerate(numbers)}
        filled(path, inbox / f"{path.stem}_反馈{on:%m%d}.xlsx", {n: a for n, a in given.items() if a})
        for number, answer in given.items():
            if answer:
                year_so_far.setdefault(number, []).append((on, answer))
        count += 1
    return count


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Year]:
    """2023 night by night: a run whenever settlements have come, some nights missed, and at the end of March after the year."""
    root = tmp_path_factory.mktemp("nights")
    truth = delivered_county(root / "county")
    home = Home(root / "home")
    home.ensure()
    incomes = [
        f"{REGION},{YEAR - 1},rural,{RURAL // 100},正式,虚构",
        f"{REGION},{YEAR - 1},urban,{URBAN // 100},正式,虚构",
    ]
    write(home.reference, "income.csv", INCOME, incomes)
    files = {
        day: [p for p, _ in group] for day, group in groupby(deliveries(root / "county"), key=lambda d: d[1])
    }
    came = {row["received"] for row in truth.rows if row["received"].day == 5}
    nights = sorted({day for day in came if day not in MISSED} | {LAST_NIGHT})
    back = {day: shown for shown, day in ROUNDS.items()}
    seen, shown, answers, warehouse = {}, {}, {}, Path()
    for day in sorted({*files, *nights, *back}):
        for path in files.get(day, []):
            shutil.copy(path, home.inbox / path.name)
        if day in back:
            assert sent_back(answers, shown[back[day]], home.inbox, day, date(YEAR, day.month, 20)) > 3
        if day in nights:
            _, warehouse, shown[day] = night(home, day, day in ROUNDS)
            seen[day] = cases_of(warehouse)
        else:
            pipeline.read_inbox(home, day, quiet)
    people = pl.DataFrame({"certno": truth.people.certno, "psn_no": truth.people.psn_no}).with_columns(
        pl.col("certno").replace("", None), region_code=pl.lit(REGION)
    )
    keys = person_keys(home, people, REGION).to_list()
    held = poor_all_year(root / "county", home)
    by_number = {p for p, key in enumerate(keys) if key in held}
    due = {
        day: {(rule, keys[p]): rank for (rule, p), rank in expected_levels(truth, day, by_number).items()}
        for day in sorted({*seen, *(row["received"] for row in truth.rows)})
    }
    yield Year(root / "county", home, warehouse, seen, due, held, answers)


def poor_all_year(county: Path, home: Home) -> set[str]:
    """person_key of everybody who holds an identity of L-20 on all days and stood on the first list of the year."""
    papers = key_table(county, "certificate")
    whole = papers.filter(
        pl.col("code").is_in(list(RISK)),
        pl.col("county_code") == REGION,
        pl.col("valid_from") == f"{YEAR}-01-01",
        pl.col("valid_to") == f"{YEAR}-12-31",
    )
    people = whole.select("certno", psn_no=pl.lit(None, pl.String), region_code=pl.lit(REGION)).unique()
    keys = set(person_keys(home, people, REGION))
    first = {m.file_id for m in lake.manifests(home) if m.received_on <= date(YEAR, 1, 4)}
    files = lake.files_in_force(home).filter(pl.col("file_id").is_in(list(first)))
    early = lake.scan(home, "roster", files).select("id_key").unique().collect()["id_key"]
    return keys & set(key_texts(early, "P"))


def compared(cases: pl.DataFrame, poor: set[str]) -> pl.DataFrame:
    """The cases whose nights are worked out here: L-21 and L-22, and L-20 of people who are poor all year."""
    return cases.filter((pl.col("rule_id") != "L-20") | pl.col("person_key").is_in(list(poor)))


def by_case(cases: pl.DataFrame) -> dict[Case, Row]:
    return {(row["rule_id"], row["person_key"]): row for row in cases.iter_rows(named=True)}


def test_warnings_appear_on_the_night_and_are_never_lost_or_doubled(year: Year) -> None:
    ever: dict[Case, str] = {}
    for day, cases in year.seen.items():
        assert cases["warning_id"].is_unique().all()
        assert cases.select("rule_id", "person_key").is_duplicated().sum() == 0
        shown = by_case(compared(cases, year.poor))
        standing = {
            case: LEVELS.index(row["level"]) for case, row in shown.items() if row["status"] != "withdrawn"
        }
        assert standing == year.due[day], day
        for case, warning_id in ever.items():  # never lost, never under another number
            assert shown[case]["warning_id"] == warning_id, (day, case)
        ever |= {case: row["warning_id"] for case, row in shown.items()}
    assert {rule for rule, _ in ever} == {"L-20", "L-21", "L-22"} and len(ever) > 40


def test_each_case_was_first_seen_when_it_was_due(year: Year) -> None:
    """first_seen and the day on which its level was reached, on the last night as on every night before."""
    for case, row in by_case(compared(year.seen[LAST_NIGHT], year.poor)).items():
        days = [day for day in year.due if year.due[day].get(case)]
        assert days and row["first_seen"] == min(days), case
        reached = [day for day in days if year.due[day][case] >= LEVELS.index(row["level"])]
        assert row["level_first_seen"] == min(reached), case
        for day, cases in year.seen.items():
            assert day < min(days) or by_case(cases)[case]["first_seen"] == min(days), (day, case)


def test_workbooks_close_the_cases(year: Year) -> None:
    """The last word on each case; one that became worse after it was finished is open again, one that fell is gone."""
    last = {row["warning_id"]: row for row in year.seen[LAST_NIGHT].iter_rows(named=True)}
    told = 0
    for number, given in year.answers.items():
        row = last[number]
        case = (row["rule_id"], row["person_key"])
        if case[0] == "L-20" and row["person_key"] not in year.poor:
            continue
        ranks = [(day, year.due[day].get(case, 0)) for day in year.due]
        assert row["status"] == expected_status(ranks, given), (case, ranks, given)
        visits = [answer["走访日期"] for _, answer in given if "走访日期" in answer]
        assert row["visited_on"] == visits[-1] and (row["status"] == "reopened" or not row["overdue"])
        told += 1
    assert told > 20
    states = {last[number]["status"] for number in year.answers}
    assert {"closed", "not_confirmed", "aided", "visiting"} <= states


def expected_status(ranks: list[tuple[date, int]], given: list[tuple[date, Row]]) -> str:
    """The state of a case from its levels night by night and the answers in their order."""
    if not ranks[-1][1]:
        return "withdrawn"
    opened = None
    for (_, before), (day, now) in pairwise(ranks):
        if now and not before and any(rank for d, rank in ranks if d < day):
            opened = day
    top = max(rank for _, rank in ranks)
    since = min(day for day, rank in ranks if rank == top)
    finished = [day for day, answer in given if "办结日期" in answer or answer.get("核实结果") == "不属实"]
    if top > 1 and ranks[-1][1] == top and any(day < since for day in finished):
        opened = max(since, opened or since)
    valid = [answer for day, answer in given if opened is None or day >= opened]
    if not valid:
        return "reopened"
    outcome = [answer["核实结果"] for answer in valid if "核实结果" in answer][-1]
    if any("办结日期" in answer for answer in valid):
        return "closed"
    if outcome == "不属实":
        return "not_confirmed"
    helped = any("帮扶措施" in answer for answer in valid)
    return {"属实": "aided" if helped else "verified"}.get(outcome, "visiting")


def test_resolved_high_cost_is_that_of_the_answer_key(year: Year) -> None:
    """IND-5: units whose excess is paid ÷ units above their cap, and excess paid ÷ excess, of cap_gap.csv."""
    units = key_table(year.county, "cap_gap").filter(pl.col("region_code") == REGION)
    excess = [
        (round(float(gap) * 100), round(float(paid) * 100))
        for gap, paid in units.select("gap_yuan", "paid_yuan").iter_rows()
        if gap not in (None, "?") and float(gap) > 0
    ]
    assert not units.filter(pl.col("gap_yuan") == "?").height and len(excess) > 10
    expected = {
        "default": (sum(paid >= gap for gap, paid in excess), len(excess)),
        "amount": (sum(min(gap, paid) for gap, paid in excess), sum(gap for gap, _ in excess)),
    }
    assert 0 < expected["default"][0] < expected["default"][1]
    rows = table(
        year.warehouse,
        f"select variant, numerator, denominator, met from mart.indicator where indicator_id = 'IND-5' "
        f"and region_code = '{REGION}' and year = {YEAR}",
    )
    assert set(rows["variant"]) == set(expected)
    for variant, numerator, denominator, met in rows.iter_rows():
        scale = 100 if variant == "amount" else 1
        assert (round(float(numerator) * scale), round(float(denominator) * scale)) == expected[variant]
        assert met is False


def test_the_year_again_from_the_archive_in_one_go(year: Year, tmp_path: Path) -> None:
    again = Home(tmp_path / "again")
    again.ensure()
    shutil.copy(year.home.vault / "secret.key", again.vault / "secret.key")
    shutil.copytree(year.home.reference, again.reference, dirs_exist_ok=True)
    kept = [(m.received_on, m.name, year.home.archive / m.archive_name) for m in lake.manifests(year.home)]
    assert len({path for _, _, path in kept}) > 75
    for received, group in groupby(sorted(kept, reverse=True), key=lambda one: one[0]):  # the last day first
        folder = tmp_path / f"{received}"
        folder.mkdir()
        whole = {
            name.split("/")[0]: path for _, name, path in group
        }  # a packed file is named before its member
        paths = [Path(shutil.copy(path, folder / name)) for name, path in sorted(whole.items())]
        pipeline.read_inbox(again, received, quiet, paths)
    warehouse = run(again, YEAR, on=LAST_NIGHT).warehouse
    assert warehouse is not None
    assert cases_of(warehouse).equals(year.seen[LAST_NIGHT])
    columns = ", ".join(pinned("indicator"))
    sql = f"select {columns} from mart.indicator where year = {YEAR} order by all"
    first, second = table(year.warehouse, sql), table(warehouse, sql)
    assert first.height > 30 and second.equals(first)
