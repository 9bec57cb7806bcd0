"""Result frames from what the stages found: the tables of a year, and what its summary tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from flows.rosters import Rosters
from stores import lake
from stores.home import Home
from transforms import ledger
from transforms.burden import Burdens
from transforms.identity import People
from transforms.resolved import Resolved
from transforms.rules import manual
from transforms.rules.household_cap import Assessed

if TYPE_CHECKING:
    from flows.assess import CapUnits


def benefit_tables(assessed: list[Assessed], names: pl.DataFrame | None) -> dict[str, pl.DataFrame]:
    """cap_gap, benefit_line, benefit_item (with names of institutions) and review_case; none where no cap applies."""
    if not assessed:
        return {}
    tables = {
        name: pl.concat([getattr(done, name) for done in assessed], how="diagonal_relaxed")
        for name in ("cap_gap", "benefit_line", "benefit_item", "review_case")
    }
    if names is None:
        return tables
    items = tables["benefit_item"].join(names, on="institution_code", how="left", maintain_order="left")
    return tables | {"benefit_item": items}


def institution_names(home: Home, files: pl.DataFrame) -> pl.DataFrame:
    """institution_code, institution_name: as the institution list says, else as settlement files do; the latest."""
    order = files.lazy().sort("received_on", "content_hash").select("file_id").with_row_index("_order")
    listed = lake.scan(home, "fixmedins_b", files).select(
        "file_id", "institution_code", "name", _rank=pl.lit(1)
    )
    shown = lake.scan(home, "institution_name", files).select(
        "file_id", "institution_code", "name", _rank=pl.lit(0)
    )
    return (
        pl.concat([listed, shown])
        .filter(pl.col("name").is_not_null())
        .join(order, on="file_id")
        .sort("_rank", "_order", "name")
        .unique("institution_code", keep="last", maintain_order=True)
        .select("institution_code", institution_name="name")
        .collect(engine="streaming")
    )


def payment_rows(burdens: Burdens, caps: list[CapUnits], year: int) -> pl.DataFrame:
    """`mart.payment`: supplementary payments that bear on the year, and the paid ledger's lines, as matched."""
    helped = burdens.payments.select(
        source_table=pl.lit("payment"),
        person_key="person_key",
        cost_year="cost_year",
        year="year",
        named_settlement_id="setl_id",
        settlement_id="settlement_id",
        kind="kind",
        amount_fen="amount_fen",
        used_fen="used_fen",
        unused_fen="unused_fen",
        paid_on="paid_on",
        payer="payer",
        serial="serial",
        status="state",
        finding="finding",
        message_zh="finding_zh",
        file_id="file_id",
        source_row="source_row",
    )
    paid = [
        each.paid.select(
            "benefit_id",
            source_table=pl.lit("paid_ledger"),
            region_code=pl.lit(each.cap.region_code),
            rule_id=pl.lit(each.cap.rule_id),
            object_id=pl.coalesce("unit_id", "object_id"),
            cost_year=pl.lit(year, pl.Int32),
            year=pl.lit(year, pl.Int32),
            amount_fen="amount_fen",
            paid_on="paid_on",
            serial="serial",
            status=pl.when(pl.col("unit_id").is_null())
            .then(pl.lit("unmatched"))
            .otherwise(pl.lit("matched")),
            finding=pl.when(pl.col("unit_id").is_null()).then(pl.lit("unmatched_paid")),
            message_zh="finding_zh",
            file_id="file_id",
            source_row="source_row",
        )
        for each in caps
    ]
    unmarked = pl.concat([helped, *paid], how="diagonal_relaxed").with_columns(stale=pl.lit(False))
    return (
        unmarked
        if "benefit_id" in unmarked.columns
        else unmarked.with_columns(benefit_id=pl.lit(None, pl.String))
    )


def manual_payments(by_hand: manual.Manual, year: int) -> pl.DataFrame:
    """Rows of `mart.payment`: what was paid on benefits decided case by case."""
    return by_hand.paid.select(
        "benefit_id",
        source_table=pl.lit("paid_ledger"),
        rule_id=pl.lit(manual.RULE),
        object_id="unit_id",
        cost_year=pl.lit(year, pl.Int32),
        year=pl.lit(year, pl.Int32),
        amount_fen="amount_fen",
        paid_on="paid_on",
        serial="serial",
        status=pl.lit("matched"),
        file_id="file_id",
        source_row="source_row",
        stale=pl.lit(False),
    )


def visit_payments(claimed: list[pl.DataFrame], year: int) -> pl.DataFrame:
    """Rows of `mart.payment`: what was paid on lines of single visits, and rows of their rules that fit nobody."""
    return _ledger_rows(claimed, pl.col("unit_id").is_null(), pl.coalesce("unit_id", "object_id"), year)


def unmatched_payments(paid: pl.DataFrame, claimed: list[pl.DataFrame], year: int) -> pl.DataFrame:
    """Rows of `mart.payment`: ledger rows of the year, or of no year, that no rule has a line for."""
    rows = ledger.unclaimed(paid, claimed, year)
    return _ledger_rows([rows], pl.lit(True), pl.col("object_id"), year)


def _ledger_rows(
    parts: list[pl.DataFrame], unmatched: pl.Expr, object_id: pl.Expr, year: int
) -> pl.DataFrame:
    found = [
        rows.select(
            "benefit_id",
            source_table=pl.lit("paid_ledger"),
            rule_id="rule_id",
            object_id=object_id,
            cost_year="cost_year",
            year=pl.lit(year, pl.Int32),
            amount_fen="amount_fen",
            paid_on="paid_on",
            serial="serial",
            status=pl.when(unmatched).then(pl.lit("unmatched")).otherwise(pl.lit("matched")),
            finding=pl.when(unmatched).then(pl.lit("unmatched_paid")),
            message_zh="finding_zh",
            file_id="file_id",
            source_row="source_row",
            stale=pl.lit(False),
        )
        for rows in parts
    ]
    return pl.concat(found) if found else pl.DataFrame(schema={"benefit_id": pl.String, "stale": pl.Boolean})


FILE_FINDINGS = (
    "identity_a",
    "identity_d",
    "certificate",
    "unreadable",
    "encoding",
    "masked",
)
"""What the reading of a file noticed about amounts and keys; the rest (notes, unused columns) is told at ingest only."""


def file_findings(home: Home, files: pl.DataFrame, year: int) -> pl.DataFrame:
    """rule_id, finding, file_id, n_rows, suggestion of the files in force that bear on the cost year."""
    held = set(files["file_id"])
    rows = [
        (
            found["rule"],
            found["message_zh"],
            m.file_id,
            found["count"],
            "请核对源数据，必要时请出数单位更正后重新导出。",
        )
        for m in lake.manifests(home)
        if m.file_id in held and year in m.years
        for found in m.findings
        if found["rule"] in FILE_FINDINGS
    ]
    names = {
        "rule_id": pl.String,
        "finding": pl.String,
        "file_id": pl.String,
        "n_rows": pl.Int64,
        "suggestion": pl.String,
    }
    return pl.DataFrame(rows, schema=names, orient="row")


def finding_rows(people: People, rosters: Rosters, settled: Resolved, of_files: pl.DataFrame) -> pl.DataFrame:
    """`mart.roster_finding`: what was noticed about identities, rosters and codes, without values."""
    persons = people.findings.select(
        rule_id="rule",
        person_key="person_key",
        finding="message_zh",
        file_id="file_id",
        n_rows=pl.lit(1, pl.Int64),
    )
    codes = settled.findings.select(
        rule_id="rule", finding="message_zh", n_rows=pl.col("rows").cast(pl.Int64), amount_fen="tot_fen"
    )
    return pl.concat([persons, rosters.findings, codes, of_files], how="diagonal_relaxed")


def summary(
    settled: Resolved, persons: pl.DataFrame, households: pl.DataFrame, assessed: list[Assessed]
) -> dict[str, Any]:
    """What the operator reads at the end of a run, in whole fen."""
    rules = []
    for done in assessed:
        gaps = done.cap_gap
        if gaps.is_empty():
            continue
        by_status = gaps.group_by("status").len().sort("status")
        rules.append(
            {
                "rule_id": gaps["rule_id"][0],
                "region_code": gaps["region_code"][0],
                "units": gaps.height,
                "over": gaps.filter(pl.col("gap_fen") > 0).height,
                "amount": int(gaps["amount_fen"].sum()),
                "statuses": dict(by_status.iter_rows()),
            }
        )
    return {
        "states": settled.counts.sort("rows", descending=True).to_dicts(),
        "persons": persons.height,
        "households": households.height,
        "burden": int(persons["burden_fen"].sum()),
        "rules": rules,
    }
