"""Full cover of outpatient drugs for high blood pressure and diabetes (两病用药全额保障), 温政办〔2023〕90号 三(三).

Exploratory, and off unless a policy file turns it on. 基层门诊用药全额保障: of an outpatient settlement of a resident at
a basic institution, the share of the drugs in what the person bears. All amounts in fen.
"""

from __future__ import annotations

import polars as pl

from transforms.benefit import COUNTED

DRUG_LISTS = ("101", "102", "103", "104", "106")
"""Catalogue kinds (目录类别) of drugs: 西药中成药、中药饮片、自制剂、民族药、中药颗粒."""
DRUG_CHARGES = ("09", "10", "11")
"""Kinds of charges (收费项目类别) that are drugs, where the catalogue kind is not given."""
NO_LEVEL = "医疗机构级别不明"
NO_ITEMS = "费用明细未提供，不能分出药品费用"
NO_KIND = "费用明细的目录类别和收费项目类别不明"
OFF_TOTAL = "费用明细合计与结算总额不符"


def is_drug() -> pl.Expr:
    """Whether an item is a drug; null where neither kind is given."""
    return pl.coalesce(
        pl.col("list_type").is_in(list(DRUG_LISTS)), pl.col("item_kind").is_in(list(DRUG_CHARGES))
    )


def drug_sums(items: pl.LazyFrame) -> pl.LazyFrame:
    """setl_id, drug_fen (null: an item's kind is unknown), items_fen."""
    drug = is_drug()
    return items.group_by("setl_id").agg(
        drug_fen=pl.when(drug.is_not_null().all()).then(pl.col("tot_fen").filter(drug).sum()),
        items_fen=pl.col("tot_fen").sum(),
    )


def covered(settlements: pl.DataFrame, sums: pl.DataFrame, level_max: int) -> pl.DataFrame:
    """The settlements that are covered, or may be, with base_fen, amount_fen and reason (null: all is known).

    settlements: setl_id, level (null: unknown), tot_fen, burden_fen (what the person bears), of the disease, of
    residents of the counties. sums: `drug_sums`. The drugs' share of the burden is their share of the total, half-up;
    where they are all of it, the whole burden. A burden below 0 gives 0.
    """
    rows = settlements.filter((pl.col("level") <= level_max).fill_null(True)).join(
        sums, on="setl_id", how="left", maintain_order="left"
    )
    reason = (
        pl.when(pl.col("level").is_null())
        .then(pl.lit(NO_LEVEL))
        .when(pl.col("items_fen").is_null())
        .then(pl.lit(NO_ITEMS))
        .when((pl.col("items_fen") - pl.col("tot_fen")).abs() > 1)
        .then(pl.lit(OFF_TOTAL))
        .when(pl.col("drug_fen").is_null())
        .then(pl.lit(NO_KIND))
    )
    borne, whole = pl.col("burden_fen").clip(lower_bound=0), pl.col("items_fen")
    share = (2 * borne * pl.col("drug_fen") + whole) // (2 * whole)
    amount = pl.when(reason.is_null()).then(
        pl.when(whole > 0).then(share.clip(upper_bound=borne)).otherwise(0)
    )
    return rows.with_columns(reason=reason, base_fen=amount, amount_fen=amount)


def lines(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of mart.benefit_line, one a settlement; rows: `covered`, with benefit_id, unit_id and what names the rule."""
    held = pl.col("amount_fen").is_null()
    status = (
        pl.when(held)
        .then(pl.lit("held"))
        .when(pl.col("amount_fen") == 0)
        .then(pl.lit("within"))
        .otherwise(pl.lit("due"))
    )
    return rows.select(
        "benefit_id",
        "rule_id",
        "unit_id",
        "person_key",
        "cost_year",
        "base_fen",
        "amount_fen",
        "policy_version",
        "article",
        region_code="county_code",
        unit_type=pl.lit("person"),
        settlement_id="setl_id",
        rate=pl.lit(1).cast(pl.Decimal(9, 6)),
        readings=pl.lit("A-W11=b"),
        status=status,
        needs_review=held,
        floor_fen=pl.lit(0, pl.Int64),
    )


def items(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of mart.benefit_item: each line's settlement."""
    return rows.select(
        "benefit_id",
        "base_fen",
        "person_key",
        "institution_code",
        "psn_fen",
        "burden_fen",
        "file_id",
        "sheet",
        "source_row",
        "unit_id",
        "com_fen",
        "sub_fen",
        "neg_fen",
        settlement_id="setl_id",
        setl_date=pl.col("setl_time").dt.date(),
        counted=pl.lit(True),
        reason=pl.coalesce("reason", pl.lit(f"{COUNTED}，药品费用部分")),
    )
