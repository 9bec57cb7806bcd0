"""The morning sheet (今日须办): one row for each thing that a person must do, and what changed since the last publish."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from reports.payment_list import CONFIRM, PAY, RETURN
from reports.words import CHANGES, UNIT_TYPES, UNKNOWN_TOWNSHIP, causes_worded, worded
from reports.workbook import Field, Sheet
from transforms.cases import OPEN

Frames = Mapping[str, pl.DataFrame]
COLUMNS = {
    "kind": pl.String,
    "matter": pl.String,
    "n": pl.Int64,
    "amount_fen": pl.Int64,
    "todo": pl.String,
    "where": pl.String,
}
FIELDS = (
    Field("类别", "kind", width=12),
    Field("事项", "matter", "long", 52),
    Field("件数", "n", "count", 8),
    Field("金额(元)", "amount_fen", "money", 16),
    Field("该怎么做", "todo", "long", 52),
    Field("哪里看", "where", "long", 36),
)
CHANGE_FIELDS = (
    Field("变化", "what_zh", width=8),
    Field("规则", "rule_id", width=8),
    Field("费用年度", "cost_year", "count", 9),
    Field("乡镇街道", "township", width=14),
    Field("对象类型", "unit_kind", width=9),
    Field("单元编号", "unit_id", width=22),
    Field("变化前", "before_fen", "money", 15),
    Field("变化后", "after_fen", "money", 15),
    Field("原因", "why_zh", "long", 22),
)
GROUP = ["rule_id", "region_code", "cost_year"]


def morning_rows(tables: Frames, payable: pl.DataFrame) -> pl.DataFrame:
    """Everything that waits for a person, most urgent kind first: columns of COLUMNS, one row a matter.

    `tables` are mart tables (fen) by name, each with all its columns; `payable` the rows of the payment lists.
    """
    parts = [
        _refused_files(tables["source_file"]),
        _unbalanced(tables["reconciliation"]),
        _rejected_rows(tables["source_file"], tables["rejected_row"]),
        _incomplete_units(tables["cap_gap"]),
        _to_confirm(payable),
        _open_readings(tables["cap_gap"]),
        _to_pay(payable),
        _to_return(payable),
        _no_account(payable),
        _findings(tables["roster_finding"]),
        _payment_findings(tables["payment"]),
        _stale(tables["decision"]),
        _without_effect(tables["decision"]),
        _unknown_township(tables["cap_gap"]),
        *_warned(tables["warning"]),
    ]
    return pl.concat(
        [part.select(pl.col(name).cast(kind) for name, kind in COLUMNS.items()) for part in parts]
    )


def morning_sheets(rows: pl.DataFrame, change: pl.DataFrame, township: pl.Expr) -> list[Sheet]:
    """The sheets 今日须办 and 变化."""
    worded_changes = change.sort("rule_id", "cost_year", "region_code", "unit_id").with_columns(
        worded("what", CHANGES).alias("what_zh"),
        worded("unit_type", UNIT_TYPES).alias("unit_kind"),
        causes_worded("why").alias("why_zh"),
        township.alias("township"),
    )
    idle: Sequence[str] = () if rows.height else ("没有须办事项。",)
    still: Sequence[str] = () if change.height else ("与上次发布相比没有变化。",)
    return [
        Sheet("今日须办", "今日须办", FIELDS, rows, closing=idle),
        Sheet("变化", "与上次发布相比的变化", CHANGE_FIELDS, worded_changes, closing=still),
    ]


def _matter(
    rows: pl.DataFrame,
    kind: str,
    matter: pl.Expr,
    n: pl.Expr,
    amount: pl.Expr,
    todo: pl.Expr | str,
    where: pl.Expr | str,
) -> pl.DataFrame:
    """Rows of the sheet from rows of a table."""
    return rows.select(
        pl.lit(kind).alias("kind"),
        matter.alias("matter"),
        n.alias("n"),
        amount.alias("amount_fen"),
        _text(todo).alias("todo"),
        _text(where).alias("where"),
    )


def _text(value: pl.Expr | str) -> pl.Expr:
    return pl.lit(value) if isinstance(value, str) else value


def _unknown_amount() -> pl.Expr:
    return pl.lit(None, dtype=pl.Int64)


def _refused_files(files: pl.DataFrame) -> pl.DataFrame:
    refused = files.filter(pl.col("status") == "refused").sort("name", "file_id")
    todo = pl.col("message_zh").fill_null("请核对表头后重新报送。")
    return _matter(
        refused,
        "文件未读入",
        pl.format("文件“{}”没有读入", pl.col("name")),
        pl.lit(1),
        _unknown_amount(),
        todo,
        "收件箱 inbox/",
    )


def _unbalanced(reconciliation: pl.DataFrame) -> pl.DataFrame:
    broken = reconciliation.filter(pl.col("difference") != 0).sort("stage", "measure")
    return _matter(
        broken,
        "对账不平",
        pl.format("环节 {} 的 {} 有差额", "stage", "measure"),
        pl.lit(1),
        _unknown_amount(),
        "请联系维护人员，查清之前不要使用结果。",
        "mart.reconciliation",
    )


def _rejected_rows(files: pl.DataFrame, rejected: pl.DataFrame) -> pl.DataFrame:
    """One row a file: how many rows could not be used, and in which columns."""
    ordered = rejected.with_columns(pl.coalesce("column_name", "rule").alias("fault"))
    faults = (
        ordered.group_by("file_id", "fault")
        .agg(pl.struct("sheet", "source_row").n_unique().alias("n"))
        .sort("file_id", "n", "fault", descending=[False, True, False])
        .group_by("file_id", maintain_order=True)
        .agg(pl.format("{} {}行", "fault", "n").head(5).str.join("，").alias("faults"))
    )
    listed = files.filter((pl.col("n_rejected") > 0) & (pl.col("status") == "read"))
    rows = listed.join(faults, on="file_id", how="left").sort("name", "file_id")
    matter = pl.format(
        "文件“{}”有数据行不能使用：{}", pl.col("name"), pl.col("faults").fill_null("原因见明细")
    )
    return _matter(
        rows,
        "数据行被拒绝",
        matter,
        pl.col("n_rejected"),
        _unknown_amount(),
        "按行号核对原表，请报送单位更正后重新报送（同一编号的新版本会自动替换）。",
        pl.format("mart.rejected_row，file_id = {}", pl.col("file_id")),
    )


def _incomplete_units(cap_gap: pl.DataFrame) -> pl.DataFrame:
    rows = (
        cap_gap.filter(pl.col("status") == "incomplete")
        .group_by(GROUP)
        .agg(pl.len().alias("n"), pl.col("gap_fen").sum(), (pl.col("gap_fen") > 0).sum().alias("over"))
        .sort(GROUP)
    )
    matter = pl.format(
        "{} {} {}年度：结算资料不完整，金额未定（其中已超封顶线 {} 个；金额为已知超出额）", *GROUP, "over"
    )
    return _matter(
        rows,
        "资料不完整",
        matter,
        pl.col("n"),
        pl.col("gap_fen"),
        "按不完整原因补齐被拒绝、待冲正或待核对的结算后重新计算。",
        "mart.cap_gap，status = incomplete",
    )


def _listed(payable: pl.DataFrame, keep: pl.Expr, amount: pl.Expr) -> pl.DataFrame:
    return (
        payable.filter(keep).group_by(GROUP).agg(pl.len().alias("n"), amount.sum().alias("fen")).sort(GROUP)
    )


def _list_file() -> pl.Expr:
    return pl.format("{}_{}_{}_给付名单.xlsx", *GROUP)


def _to_confirm(payable: pl.DataFrame) -> pl.DataFrame:
    """Lines that wait for a decision: those whose amount depends on the reading apart."""
    waiting = pl.col("sheet") == CONFIRM
    kinds = (
        (
            waiting & (pl.col("status") == "review"),
            "金额因读法不同而不同，须选定读法",
            "在审核决定表中选定读法（决定：按读法）或确认。",
        ),
        (
            waiting & (pl.col("status") == "due"),
            "应付待确认",
            "逐户核对后在审核决定表中填“确认”，并放入收件箱。",
        ),
        (
            waiting & (pl.col("status") == "adjust_up"),
            "已付少于应付，须补付",
            "核对变化原因后在审核决定表中填“确认”。",
        ),
    )
    parts = [
        _matter(
            _listed(payable, keep, pl.col("due_fen")),
            "待确认",
            pl.format("{} {} {}年度：{}", *GROUP, pl.lit(matter)),
            pl.col("n"),
            pl.col("fen"),
            todo,
            pl.format("{} 工作表“待确认”", _list_file()),
        )
        for keep, matter, todo in kinds
    ]
    return pl.concat(parts)


def _open_readings(cap_gap: pl.DataFrame) -> pl.DataFrame:
    """Units with nothing to pay now to whom another reading would give something else."""
    nothing = pl.col("amount_fen") <= pl.col("paid_fen").fill_null(0)
    rows = (
        cap_gap.filter((pl.col("status") == "review") & nothing)
        .group_by(GROUP)
        .agg(pl.len().alias("n"))
        .sort(GROUP)
    )
    return _matter(
        rows,
        "待确认",
        pl.format("{} {} {}年度：本次无应付，但另一读法金额不同，须选定读法", *GROUP),
        pl.col("n"),
        pl.lit(0, pl.Int64),
        "在审核决定表中选定读法（决定：按读法）或确认。",
        "mart.review_case，mart.cap_gap，status = review",
    )


def _to_pay(payable: pl.DataFrame) -> pl.DataFrame:
    rows = _listed(payable, pl.col("sheet") == PAY, pl.col("due_fen"))
    return _matter(
        rows,
        "待给付",
        pl.format("{} {} {}年度：已确认，等待给付", *GROUP),
        pl.col("n"),
        pl.col("fen"),
        "把给付名单送基金管理单位付款，付款后报送已付台账。",
        pl.format("{} 工作表“给付名单”", _list_file()),
    )


def _to_return(payable: pl.DataFrame) -> pl.DataFrame:
    """Money paid too much: what waits for a word on how it comes back, and what is coming back."""
    known = pl.col("decision").str.contains("追回|抵扣").fill_null(False)
    kinds = (
        (~known, "已付多于应付", "核对变化原因，在审核决定表中填“追回”或“抵扣”。"),
        (known, "已付多于应付，已决定追回或抵扣", "按决定办理，办结后报送已付台账（退回记负数）。"),
    )
    parts = [
        _matter(
            _listed(payable, (pl.col("sheet") == RETURN) & keep, -pl.col("due_fen")),
            "应退",
            pl.format("{} {} {}年度：{}", *GROUP, pl.lit(matter)),
            pl.col("n"),
            pl.col("fen"),
            todo,
            pl.format("{} 工作表“应退”", _list_file()),
        )
        for keep, matter, todo in kinds
    ]
    return pl.concat(parts)


def _no_account(payable: pl.DataFrame) -> pl.DataFrame:
    """Lines to be paid that cannot be: no account or several, or a person who has died."""
    kinds = (
        (pl.col("n_accounts").is_null(), "没有有效的收款账户", "请乡镇街道补报收款账户表。"),
        (pl.col("n_accounts") > 1, "有多个有效的收款账户", "请乡镇街道核定一个，其余填失效日期。"),
        (pl.col("remark").str.contains("死亡"), "户主或本人已死亡", "核定收款人后在收款账户表中更新。"),
    )
    parts = []
    for keep, matter, todo in kinds:
        rows = _listed(payable, (pl.col("sheet") != RETURN) & keep, pl.col("due_fen"))
        parts.append(
            _matter(
                rows,
                "收款账户",
                pl.format("{} {} {}年度：{}", *GROUP, pl.lit(matter)),
                pl.col("n"),
                pl.col("fen"),
                todo,
                pl.format("{} 备注", _list_file()),
            )
        )
    return pl.concat(parts)


def _findings(found: pl.DataFrame) -> pl.DataFrame:
    """Findings about rosters, identities and lists that are missing, alike ones together."""
    told_twice = pl.col("file_id").is_not_null() & pl.col("source_row").is_not_null()
    once = found.filter(told_twice).unique(["rule_id", "finding", "file_id", "source_row", "person_key"])
    rows = (
        pl.concat([found.filter(~told_twice), once])
        .group_by("rule_id", "region_code", "finding")
        .agg(
            pl.col("n_rows").fill_null(1).sum().alias("n"),
            pl.when(pl.col("amount_fen").is_not_null().any()).then(pl.col("amount_fen").sum()).alias("fen"),
            pl.col("suggestion").drop_nulls().sort().first().alias("suggestion"),
        )
        .sort("rule_id", "region_code", "finding", nulls_last=True)
    )
    matter = pl.concat_str(["region_code", "finding"], separator=" ", ignore_nulls=True)
    return _matter(
        rows,
        "名册与身份",
        matter,
        pl.col("n"),
        pl.col("fen"),
        pl.col("suggestion").fill_null("请认定部门核对并在下一份名单或更正表中更正。"),
        pl.format("mart.roster_finding，rule_id = {}", pl.col("rule_id").fill_null("")),
    )


def _payment_findings(payments: pl.DataFrame) -> pl.DataFrame:
    rows = (
        payments.filter(pl.col("finding").is_not_null())
        .with_columns(pl.coalesce("message_zh", "finding").alias("finding"))
        .group_by("finding")
        .agg(pl.len().alias("n"), pl.col("amount_fen").sum().alias("fen"))
        .sort("finding")
    )
    return _matter(
        rows,
        "其他保障待遇",
        pl.col("finding"),
        pl.col("n"),
        pl.col("fen"),
        "请支付单位核对流水后更正重新报送。",
        "mart.payment",
    )


def _stale(decisions: pl.DataFrame) -> pl.DataFrame:
    rows = (
        decisions.filter(pl.col("stale").fill_null(False)).select(pl.len().alias("n")).filter(pl.col("n") > 0)
    )
    return _matter(
        rows,
        "审核决定",
        pl.lit("决定所依据的资料已变化"),
        pl.col("n"),
        _unknown_amount(),
        "重新核对后再次确认或撤销。",
        "mart.decision，stale = true",
    )


def _without_effect(decisions: pl.DataFrame) -> pl.DataFrame:
    """Decisions that change nothing, or not what their author may think, alike ones together."""
    rows = (
        decisions.filter(
            pl.col("status").is_in(["unknown_object", "unreadable", "not_yet"])
            | ((pl.col("status") == "standing") & pl.col("message_zh").is_not_null())
        )
        .group_by("decision", "message_zh")
        .agg(pl.struct("file_id", "sheet", "source_row").n_unique().alias("n"))
        .sort("decision", "message_zh")
    )
    return _matter(
        rows,
        "审核决定",
        pl.format("{}：{}", "decision", "message_zh"),
        pl.col("n"),
        _unknown_amount(),
        "在审核决定表中更正后重新报送。",
        "mart.decision，message_zh",
    )


def _warned(cases: pl.DataFrame) -> list[pl.DataFrame]:
    """Cases that wait for a visit: those past their day, those over the threshold, those of nobody's township."""
    waiting = cases.filter(pl.col("status").is_in(OPEN))
    over = pl.col("level").is_in(["over", "severe"])
    latest = pl.max_horizontal("over_since", "opened_on") == pl.col("last_seen")
    by = ["region_code", "year"]
    late = (
        waiting.filter("overdue")
        .group_by(by)
        .agg(pl.len().alias("n"), towns=pl.col("township_code").n_unique(), since=pl.col("due_date").min())
    )
    open_ = waiting.filter(over).group_by(by).agg(pl.len().alias("n"), fresh=latest.sum())
    nowhere = waiting.filter(pl.col("township_code").is_null()).group_by(by).agg(pl.len().alias("n"))
    back = cases.filter(pl.col("opened_on").is_not_null() & (pl.col("status") == "reopened"))
    reopened = back.group_by(by).agg(pl.len().alias("n"))
    kinds = (
        (
            late,
            pl.format(
                "{} {}年度：预警走访已逾期（{} 个乡镇街道，最早应于 {} 前走访）", *by, "towns", "since"
            ),
            "催办：请乡镇街道走访后填好名单退回，放入收件箱。",
        ),
        (
            open_,
            pl.format("{} {}年度：超过预警线、尚未走访的预警（其中最近一批来文新增 {} 件）", *by, "fresh"),
            "把乡镇街道名单的“新增”表下发走访。",
        ),
        (
            reopened,
            pl.format("{} {}年度：撤销或办结后重新打开的预警", *by),
            "请乡镇街道按新的金额重新走访。",
        ),
        (
            nowhere,
            pl.format("{} {}年度：所属乡镇街道不明的预警", *by),
            f"按参保地址查明后转交，名单见 townships/{UNKNOWN_TOWNSHIP}_预警名单.xlsx。",
        ),
    )
    return [
        _matter(
            rows.sort(by, nulls_last=True),
            "预警走访",
            matter,
            pl.col("n"),
            _unknown_amount(),
            todo,
            "townships/，mart.warning",
        )
        for rows, matter, todo in kinds
    ]


def _unknown_township(cap_gap: pl.DataFrame) -> pl.DataFrame:
    keep = pl.col("township_code").is_null() & (pl.col("gap_fen") > 0)
    rows = (
        cap_gap.filter(keep)
        .group_by(GROUP)
        .agg(pl.len().alias("n"), pl.col("gap_fen").sum().alias("fen"))
        .sort(GROUP)
    )
    return _matter(
        rows,
        "乡镇不明",
        pl.format("{} {} {}年度：超封顶线而所属乡镇街道不明", *GROUP),
        pl.col("n"),
        pl.col("fen"),
        "请按住址查明，并在名册中补填乡镇街道。",
        f"封顶差额/{UNKNOWN_TOWNSHIP}_封顶差额.xlsx",
    )
