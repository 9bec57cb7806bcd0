"""What a simulation says: a JSON object for programs, a table in plain Chinese for people. Nothing is computed here."""

from __future__ import annotations

from typing import Any, NamedTuple

import polars as pl

from flows.messages import money
from flows.simulation import Simulation
from flows.simulation_count import Compared
from flows.words import category_name

SHOWN = 10
"""Households listed in the text on each side; the JSON object and the workbook have all of them."""
UNKNOWN_PLACE = "未知乡镇"


class Words(NamedTuple):
    """How the units of a rule are called: one of them, whoever gains or loses, and the lines of the table."""

    one: str
    whose: str
    called: str
    paid: str
    persons: str
    units: str
    unknown: str


HOUSEHOLDS = Words(
    "户", "户", "家庭", "受益单元（户）", "受益单元的成员（人）", "全部单元（户）", "数据不全、未计入（户）"
)
VISITS = Words("次", "人", "人员", "受益就医（次）", "受益人（人）", "全部就医（次）", "待核实、未计入（次）")


def yuan(fen: int | None) -> str | None:
    """Fen as yuan in plain digits, "19000.00"; null where unknown."""
    return None if fen is None else money(fen).replace(",", "")


def in_yuan(row: dict[str, Any]) -> dict[str, Any]:
    """A row with its amounts as yuan."""
    return {
        f"{name.removesuffix('_fen')}_yuan" if name.endswith("_fen") else name: yuan(value)
        if name.endswith("_fen")
        else value
        for name, value in row.items()
    }


def simulation_report(simulation: Simulation) -> dict[str, Any]:
    """A simulation as one JSON object."""
    return {
        "status": "done",
        "year": simulation.year,
        "on": simulation.on.isoformat(),
        "region": simulation.region,
        "published": False,
        "results": [_compared(found) for found in simulation.found],
    }


def _compared(found: Compared) -> dict[str, Any]:
    gain, lose = found.moved(1), found.moved(-1)
    return {
        "scenario": found.scenario.name,
        "set": found.scenario.changes,
        "rule_id": found.rule_id,
        "region_code": found.region_code,
        "article": found.article,
        "counted_by": "visit" if found.of_visits else "household",
        **in_yuan(found.totals),
        "gainers": {"households": gain[0], "yuan": yuan(gain[1])},
        "losers": {"households": lose[0], "yuan": yuan(lose[1])},
        "fund": {name: [in_yuan(part) for part in parts] for name, parts in found.fund.items()},
        "by_category": [in_yuan(row) for row in found.categories.iter_rows(named=True)],
        "by_township": [in_yuan(row) for row in found.townships.iter_rows(named=True)],
        "households": [in_yuan(row) for row in found.households.iter_rows(named=True)],
    }


def simulation_lines(simulation: Simulation) -> list[str]:
    """A simulation for a person."""
    lines = [
        f"模拟 {simulation.year} 年度（数据截至 {simulation.on} 的运行；只是按规定测算，不含审核决定；没有发布或改变任何结果）"
    ]
    for found in simulation.found:
        lines += _scenario_lines(found, simulation.names)
    return lines


def _scenario_lines(found: Compared, names: dict[str, str]) -> list[str]:
    totals, words = found.totals, VISITS if found.of_visits else HOUSEHOLDS
    place = names.get(found.region_code, found.region_code)
    lines = [
        "",
        f"情景：{found.scenario.name}",
        f"  {found.rule_id} {found.title}（{place} {found.region_code}，{found.article}）",
        _row("", "现行", "情景", "增减"),
        _row("应付金额（元）", *_moneys(totals["before_fen"], totals["after_fen"])),
        _row(words.paid, *_counts(totals["paid_before"], totals["paid_after"])),
        _row(words.persons, *_counts(totals["persons_before"], totals["persons_after"])),
        _row(words.units, *_counts(totals["units_before"], totals["units_after"])),
    ]
    if totals["unknown_before"] or totals["unknown_after"]:
        lines.append(_row(words.unknown, *_counts(totals["unknown_before"], totals["unknown_after"])))
    if totals["unknown_before_fen"] or totals["unknown_after_fen"]:
        known = _moneys(totals["unknown_before_fen"], totals["unknown_after_fen"])
        lines.append(_row("　按已知数约（元）", *known))
    lines += _fund_lines(found)
    categories = {code: category_name(code) for code in _codes(found)}
    lines += _distribution_lines("按类别", found.categories, categories, words)
    lines += _distribution_lines("按乡镇街道", found.townships, names, words)
    return lines + _moved_lines(found, words)


def _codes(found: Compared) -> list[str]:
    return [code for code in found.categories["category"].to_list() if code]


def _moneys(before: int, after: int) -> tuple[str, str, str]:
    return money(before), money(after), _signed(money(after - before))


def _counts(before: int, after: int) -> tuple[str, str, str]:
    return f"{before:,}", f"{after:,}", _signed(f"{after - before:,}")


def _signed(text: str) -> str:
    return text if text.startswith("-") or not text.strip("0.,") else f"+{text}"


def _row(title: str, *cells: str) -> str:
    """A line of the table; a Chinese character takes two places on the screen."""
    wide = sum(2 if ord(letter) > 0x2E80 else 1 for letter in title)
    return f"    {title}{' ' * max(1, 26 - wide)}" + "".join(
        " " * max(1, 18 - sum(2 if ord(letter) > 0x2E80 else 1 for letter in cell)) + cell for cell in cells
    )


def _fund_lines(found: Compared) -> list[str]:
    """What the fund needs, and who may carry how much of it."""
    lines = []
    for before, after in zip(found.fund["before"], found.fund["after"], strict=True):
        if "fiscal_at_most_fen" in after:
            share = (
                after["share"] if before["share"] == after["share"] else f"{before['share']}→{after['share']}"
            )
            told = _moneys(before["fiscal_at_most_fen"], after["fiscal_at_most_fen"])
            rest = _moneys(before["others_at_least_fen"], after["others_at_least_fen"])
            lines.append(_row(f"财政至多 {share}（{after['rule_id']}）", *told))
            lines.append(_row("捐赠等其他来源至少", *rest))
        elif "allocated_fen" in after:
            told = _moneys(before["allocated_fen"], after["allocated_fen"])
            rest = _moneys(before["local_at_least_fen"], after["local_at_least_fen"])
            lines.append(_row(f"市级分配至多（{after['rule_id']}）", *told))
            lines.append(_row(f"地方配套至少（1:{after['ratio']}）", *rest))
        else:
            lines.append(
                _row(
                    f"市级年度筹集（{after['rule_id']}）", *_moneys(before["budget_fen"], after["budget_fen"])
                )
            )
    return lines


def _distribution_lines(title: str, rows: Any, names: dict[str, str], words: Words) -> list[str]:
    """Amounts and paid units by the first column; rows that have and had nothing are left out."""
    lines = [f"  {title}"]
    for row in rows.iter_rows():
        told = dict(zip(rows.columns, row, strict=True))
        if not (told["before_fen"] or told["after_fen"]):
            continue
        code = row[0]
        name = names.get(code, code) if code else UNKNOWN_PLACE
        households = f"（{told['paid_before']}→{told['paid_after']} {words.one}）"
        lines.append(_row(f"{name}{households}", *_moneys(told["before_fen"], told["after_fen"])))
    return lines if len(lines) > 1 else []


def _moved_lines(found: Compared, words: Words) -> list[str]:
    gain, lose, one = found.moved(1), found.moved(-1), words.whose
    if not gain[0] and not lose[0]:
        return [f"  没有一{one}的金额改变。"]
    told_all = (
        f"多得：{gain[0]:,} {one}，共 {money(gain[1])} 元；少得：{lose[0]:,} {one}，共 {money(-lose[1])} 元"
    )
    lines = [f"  {told_all}（变动最大的 {min(SHOWN, found.households.height)} {one}）"]
    for row in found.households.head(SHOWN).iter_rows(named=True):
        told = _moneys(row["before_fen"], row["after_fen"])
        lines.append(_row(f"{words.called} {row['household_id']}", *told))
    return lines


def simulation_frames(simulation: Simulation) -> dict[str, pl.DataFrame]:
    """A simulation as the frames of `reports.scenario_book`, money in fen."""
    return {
        "汇总": _stacked([(found, pl.DataFrame([_total(found)])) for found in simulation.found], simulation),
        "基金": _stacked([(found, _fund_frame(found)) for found in simulation.found], simulation),
        "类别": _stacked([(found, found.categories) for found in simulation.found], simulation),
        "乡镇街道": _stacked([(found, found.townships) for found in simulation.found], simulation),
        "逐户增减": _stacked([(found, found.households) for found in simulation.found], simulation),
    }


def _total(found: Compared) -> dict[str, int]:
    gain, lose = found.moved(1), found.moved(-1)
    return found.totals | {"gainers": gain[0], "gained_fen": gain[1], "losers": lose[0], "lost_fen": -lose[1]}


FUND_ITEMS = {
    "fiscal_at_most_fen": "财政至多",
    "others_at_least_fen": "捐赠等其他来源至少",
    "allocated_fen": "市级分配至多",
    "local_at_least_fen": "地方配套至少",
    "budget_fen": "市级年度筹集",
}


def _fund_frame(found: Compared) -> pl.DataFrame:
    rows = [
        {
            "article": f"{after['rule_id']} {after['article']}",
            "item": item,
            "before_fen": before[name],
            "after_fen": after[name],
        }
        for before, after in zip(found.fund["before"], found.fund["after"], strict=True)
        for name, item in FUND_ITEMS.items()
        if name in after
    ]
    schema = {"article": pl.String, "item": pl.String, "before_fen": pl.Int64, "after_fen": pl.Int64}
    return pl.DataFrame(rows, schema=schema)


def _stacked(parts: list[tuple[Compared, pl.DataFrame]], simulation: Simulation) -> pl.DataFrame:
    """The frames of all scenarios below each other, each row with its scenario, and names beside codes."""
    frame = pl.concat(
        [
            rows.with_columns(
                scenario=pl.lit(found.scenario.name),
                rule_id=pl.lit(found.rule_id),
                region_code=pl.lit(found.region_code),
                counted_by=pl.lit((VISITS if found.of_visits else HOUSEHOLDS).one),
            )
            for found, rows in parts
        ],
        how="diagonal_relaxed",
    )
    named = []
    if "category" in frame.columns:
        words = pl.Series([category_name(code) for code in frame["category"]], dtype=pl.String)
        named.append(words.alias("category_name"))
    if "township_code" in frame.columns:
        places = [
            simulation.names.get(code, code) if code else UNKNOWN_PLACE for code in frame["township_code"]
        ]
        named.append(pl.Series("township_name", places, dtype=pl.String))
    return frame.with_columns(named)
