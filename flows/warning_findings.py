"""What a person must look at about warnings: standards that are missing, and answers that do not fit."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import polars as pl

from flows.year import Year
from reports.issue import check_of, issue_of, parts_of
from schemas.warnings import WarningStandard
from stores import lake
from transforms import cases

FINDINGS = pl.Schema(
    {
        "rule_id": pl.String,
        "region_code": pl.String,
        "finding": pl.String,
        "suggestion": pl.String,
        "n_rows": pl.Int64,
        "file_id": pl.String,
        "source_row": pl.Int64,
    }
)
ANSWER_RULE = "Z-27"
_CODE = re.compile(r"^(\d{9})[_＿ ]")


def standard_findings(standards: Sequence[WarningStandard], year: int) -> pl.DataFrame:
    """Standards without a figure, and figures that stand in for another year's."""
    rows = []
    for standard in standards:
        head = f"{year}年度 {standard.title}"
        if standard.missing:
            text = f"{head}：{standard.missing}，没有按此规则预警"
            todo = "请在 income.csv 或政策配置中补充后重新计算。"
        elif standard.provisional:
            text = f"{head}：预警线暂用{standard.basis}"
            todo = "正式数据公布后补充 income.csv，预警会自动重算。"
        else:
            continue
        rows.append((standard.rule_id, standard.region_code, text, todo, 1, None, None))
    return pl.DataFrame(rows, schema=FINDINGS, orient="row")


def answer_findings(told: pl.DataFrame, known: pl.DataFrame | None, year: Year) -> pl.DataFrame:
    """Answers of the year that do not fit: an unknown number, another township's case, a changed reason, missing rows.

    `known`: number, other_numbers, region_code, township_code of the year's cases. Nothing of them is lost: what can be
    laid to a case moves it all the same.
    """
    if told.is_empty():
        return FINDINGS.to_frame()
    names = {m.file_id: m.name for m in lake.manifests(year.home)}
    where = _places(known)
    rows: list[tuple[object, ...]] = []
    for file_id, own in _by_file(told):
        years = Counter(y for y in map(cases.year_of, own["number"].to_list()) if y is not None)
        if year.year not in years and not (not years and year.year == _fallback(own)):
            continue
        ours = [r for r in own.iter_rows(named=True) if r["number"] in where]
        home = _township_of(names.get(file_id, ""), [where[r["number"]][1] for r in ours])
        for row in own.iter_rows(named=True):
            for text, todo in _faults(
                row, where, home, year.year, first_year=year.year == min(years, default=year.year)
            ):
                region = where.get(row["number"], (None, None))[0]
                rows.append((ANSWER_RULE, region, text, todo, 1, file_id, row["source_row"]))
        for issue, missing in _missing(own).items():
            text = f"走访反馈：第{issue}期名单退回时少了行"
            rows.append(
                (
                    ANSWER_RULE,
                    None,
                    text,
                    "请乡镇街道按原名单退回，不要删行；已填的已计入。",
                    missing,
                    file_id,
                    None,
                )
            )
    return pl.DataFrame(rows, schema=FINDINGS, orient="row")


def _places(known: pl.DataFrame | None) -> dict[int, tuple[str | None, str | None]]:
    """Number of a case → its region and township."""
    if known is None:
        return {}
    found: dict[int, tuple[str | None, str | None]] = {}
    for number, others, region, township in known.iter_rows():
        for each in (number, *others):
            found[each] = (region, township)
    return found


def _by_file(told: pl.DataFrame) -> list[tuple[str, pl.DataFrame]]:
    return [(str(key), own) for (key,), own in told.group_by("file_id", maintain_order=True)]


def _fallback(own: pl.DataFrame) -> int:
    """The year of a file none of whose numbers is known: that of its visits, else of its receipt."""
    days = own["visited_on"].drop_nulls()
    first = (days if len(days) else own["day"]).min()
    return int(getattr(first, "year", 0))


def _township_of(name: str, townships: Sequence[str | None]) -> str | None:
    """The township that sent a file: of its name, else the one of most of its cases; None where neither tells."""
    if match := _CODE.match(name):
        return match.group(1)
    counted = Counter(code for code in townships if code)
    if not counted:
        return None
    code, n = counted.most_common(1)[0]
    return code if n * 2 > len(townships) and n > 1 else None


def _faults(
    row: dict[str, object],
    where: dict[int, tuple[str | None, str | None]],
    home: str | None,
    year: int,
    first_year: bool,
) -> list[tuple[str, str]]:
    """What is wrong with one answer, with what to do."""
    number = row["number"]
    if number is None:
        if not first_year:
            return []
        return [("走访反馈：预警编号不对，没有计入", "请核对预警编号（不要手工改写）后重新报送。")]
    if cases.year_of(int(str(number))) != year:
        return []
    if number not in where:
        return [
            (
                "走访反馈：预警编号没有对应的预警（可能已因更正或标准调整不再成立），没有计入",
                "请核对后重新报送。",
            )
        ]
    found = []
    township = where[int(str(number))][1]
    if home is not None and township is not None and home[:9] != township[:9]:
        found.append(
            ("走访反馈：含有其他乡镇街道的预警，已计入", "请核实是否误填；不是本乡镇街道的对象，请转交。")
        )
    if row["outcome"] is not None and row["outcome"] not in cases.OUTCOMES:
        found.append(("走访反馈：核实结果不是“属实、不属实、待核实”之一", "请从下拉列表中选择后重新报送。"))
    issue, key = row["issue_no"], row["why_key"]
    printed = check_of(str(issue)) if issue is not None and key is not None else ""
    if printed and printed != check_of(issue_of("", 0, 0, int(str(key)))):
        found.append(
            (
                "走访反馈：“为什么”一栏被改动，填报的结果已计入",
                "请不要改动下发的内容；有异议请写在帮扶措施中。",
            )
        )
    return found


def _missing(own: pl.DataFrame) -> dict[str, int]:
    """Issue → rows that were on the list of that issue and did not come back with it."""
    held: dict[str, tuple[int, set[int]]] = {}
    for issue_no in own["issue_no"].drop_nulls().to_list():
        parts = parts_of(issue_no)
        if parts is not None:
            issue, place, total = parts
            held.setdefault(issue, (total, set()))[1].add(place)
    return {issue: total - len(places) for issue, (total, places) in held.items() if len(places) < total}
