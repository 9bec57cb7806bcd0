"""Does every row and every fen that came in come out again, stage by stage? (mart.reconciliation)

Each stage compares what entered with what left it and with what it says it did with the rest. What is not
explained is a difference, and a difference is an error, never a rounding. Causes are counted by their own
sums, not as the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from transforms.burden import Burdens
from transforms.household_year import in_households

MEASURES = ("rows", "tot", "psn", "cash")
STAGES = pl.Schema(
    {
        "stage": pl.String(),
        "measure": pl.String(),
        "amount_in": pl.Decimal(18, 2),
        "amount_out": pl.Decimal(18, 2),
        "explained": pl.String(),
        "difference": pl.Decimal(18, 2),
    }
)
CAUSES = {
    "rejected": "拒绝",
    "duplicate": "重复",
    "superseded": "被新版本替代",
    "reversed": "冲正",
    "refund": "部分退费行",
    "netting": "部分退费并入原结算",
    "listed": "待核对",
    "half_missing": "退费行未到",
    "out_of_scope": "不在统计范围",
    "layer": "补充层次",
    "com": "补充保险",
    "sub": "补助",
    "neg": "负面清单",
    "floor": "合计为负按0计",
    "unused": "未用完",
    "held": "待核对",
    "private": "商业保险",
    "fund": "基金支出",
    "not_medical": "非医疗临时救助",
    "no_household": "结算日无家庭",
    "no_roster_row": "家庭当年无名册记录",
}
Sums = Mapping[str, int]


def stage(name: str, measure: str, inward: int, outward: int, causes: Sums) -> dict[str, object]:
    """One row: in − out − what the causes explain = difference; whole fen (or rows) in, yuan (or rows) out."""
    unit = 1 if measure == "rows" else 100
    texts = [f"{CAUSES.get(cause, cause)} {_shown(value, unit)}" for cause, value in causes.items() if value]
    difference = inward - outward - sum(causes.values())
    return {
        "stage": name,
        "measure": measure,
        "amount_in": _shown(inward, unit),
        "amount_out": _shown(outward, unit),
        "explained": "；".join(texts),
        "difference": _shown(difference, unit),
    }


def _shown(value: int, unit: int) -> str:
    """Exact text of a count or of fen as yuan."""
    sign, size = ("-" if value < 0 else ""), abs(value)
    return f"{sign}{size}" if unit == 1 else f"{sign}{size // 100}.{size % 100:02d}"


def _frame(rows: Iterable[Mapping[str, object]]) -> pl.DataFrame:
    texts = {name: pl.String for name in STAGES}
    return pl.DataFrame([dict(row) for row in rows], schema=texts).cast(STAGES)


def _total(frame: pl.DataFrame, column: str) -> int:
    return int(frame[column].sum() or 0)


def ingest_stage(files: pl.DataFrame, lake: pl.DataFrame) -> pl.DataFrame:
    """Delivered rows against what the lake holds of them.

    `files`, one row a settlement file: n_rows, n_rejected, and the control sums of its manifest: rows, tot,
    psn, cash of accepted rows, rejected_tot, rejected_psn, rejected_cash of rejected ones as far as readable.
    `lake`: rows, tot, psn, cash of the lake's settlement rows of these files, summed anew, all cost years.
    """
    rows = [
        stage(
            "ingest",
            "rows",
            _total(files, "n_rows"),
            _total(lake, "rows"),
            {"rejected": _total(files, "n_rejected")},
        )
    ]
    for measure in MEASURES[1:]:
        rejected = _total(files, f"rejected_{measure}")
        inward = _total(files, measure) + rejected
        rows.append(stage("ingest", measure, inward, _total(lake, measure), {"rejected": rejected}))
    return _frame(rows)


def lake_stage(stated: int, found: int) -> pl.DataFrame:
    """Rows of all parts of all tables as their manifests state them, against the rows that the parts hold."""
    return _frame([stage("lake", "rows", stated, found, {})])


def resolve_stage(lake: pl.DataFrame, counts: pl.DataFrame) -> pl.DataFrame:
    """Settlement rows of a cost year (`lake`: rows, tot, psn, cash) against their states (`counts`)."""
    counted = counts.filter(pl.col("state") == "counted")
    others = counts.filter(pl.col("state") != "counted").sort("state")
    return _frame(
        stage(
            "resolve",
            measure,
            _total(lake, measure),
            _total(counted, measure),
            dict(zip(others["state"], others[measure], strict=True)),
        )
        for measure in MEASURES
    )


def person_stage(counts: pl.DataFrame, persons: pl.DataFrame) -> pl.DataFrame:
    """Counted settlements against the sums of person_year."""
    counted = counts.filter(pl.col("state") == "counted")
    columns = {"rows": "n_settlements", "tot": "tot_fen", "psn": "psn_fen", "cash": "cash_known_fen"}
    return _frame(
        stage("person_year", measure, _total(counted, measure), _total(persons, column), {})
        for measure, column in columns.items()
    )


def burden_stage(persons: pl.DataFrame) -> pl.DataFrame:
    """Personal payment against burden: what supplementary insurance, subsidies and the negative list took
    off.
    """
    unused = _total(persons, "unused_fen")
    causes = {
        "com": _total(persons, "com_fen"),
        "sub": _total(persons, "sub_fen"),
        "unused": -unused,
        "neg": _total(persons, "neg_fen"),
        "floor": -_total(persons, "floor_fen"),
    }
    return _frame([stage("burden", "psn", _total(persons, "psn_fen"), _total(persons, "burden_fen"), causes)])


def payment_stage(burdens: Burdens) -> pl.DataFrame:
    """Supplementary payments that bear on the year against what was used of them."""
    reducing = ["named", "followed", "lump"]
    payments = burdens.payments
    by_state = (
        payments.filter(~pl.col("state").is_in(reducing))
        .group_by("state")
        .agg(pl.col("amount_fen").sum(), rows=pl.len())
        .sort("state")
    )
    amounts = dict(zip(by_state["state"], by_state["amount_fen"], strict=True))
    rows = dict(zip(by_state["state"], by_state["rows"], strict=True))
    used = payments.filter(pl.col("state").is_in(reducing))
    return _frame(
        [
            stage("payment", "rows", len(payments), len(used), rows),
            stage(
                "payment",
                "paid",
                _total(payments, "amount_fen"),
                _total(used, "used_fen"),
                {"unused": _total(used, "unused_fen")} | amounts,
            ),
        ]
    )


def household_stage(
    persons: pl.DataFrame,
    burdens: Burdens,
    members: pl.DataFrame,
    roster: pl.DataFrame,
    households: pl.DataFrame,
) -> pl.DataFrame:
    """Costs of everybody with a membership in the year against household_year (`households`).

    `roster`: household_id of the households that have a roster row in the year, and so a row.
    """
    belonging = members.select("person_key").unique()
    inward = persons.join(belonging, on="person_key", how="semi")
    costs = burdens.settlements.select("person_key", "setl_time", "tot_fen", "psn_fen")
    placed = in_households(costs.join(belonging, on="person_key", how="semi"), members)
    nowhere = placed.filter(pl.col("household_id_on_day").is_null())
    rowless = placed.filter(pl.col("household_id_on_day").is_not_null()).join(
        roster, left_on="household_id_on_day", right_on="household_id", how="anti"
    )
    rows = []
    for measure, column in {"rows": "n_settlements", "tot": "tot_fen", "psn": "psn_fen"}.items():
        causes = {
            name: len(frame) if measure == "rows" else _total(frame, column)
            for name, frame in (("no_household", nowhere), ("no_roster_row", rowless))
        }
        rows.append(
            stage("household_year", measure, _total(inward, column), _total(households, column), causes)
        )
    return _frame(rows)


def item_stage(rule_id: str, lines: pl.DataFrame, items: pl.DataFrame) -> pl.DataFrame:
    """Counted items of a rule against the bases of its lines (with floor_fen)."""
    counted = items.select("counted", "base_fen").filter("counted")
    causes = {"floor": -_total(lines, "floor_fen")}
    return _frame([stage(rule_id, "burden", _total(counted, "base_fen"), _total(lines, "base_fen"), causes)])


def stages(
    files: pl.DataFrame,
    lake: pl.DataFrame,
    lake_year: pl.DataFrame,
    counts: pl.DataFrame,
    persons: pl.DataFrame,
    households: pl.DataFrame,
    members: pl.DataFrame,
    roster: pl.DataFrame,
    burdens: Burdens,
    benefits: Iterable[tuple[str, pl.DataFrame, pl.DataFrame]] = (),
) -> pl.DataFrame:
    """All stages of a cost year, in their order. `benefits`: rule_id, benefit lines, benefit items. See each
    stage.
    """
    return pl.concat(
        [
            ingest_stage(files, lake),
            resolve_stage(lake_year, counts),
            person_stage(counts, persons),
            payment_stage(burdens),
            burden_stage(persons),
            household_stage(persons, burdens, members, roster, households),
            *(item_stage(rule_id, lines, items) for rule_id, lines, items in benefits),
        ]
    )


def broken(found: pl.DataFrame) -> pl.DataFrame:
    """The rows that do not balance; none of them may be published."""
    return found.filter(pl.col("difference").is_null() | (pl.col("difference") != 0))
