"""Decisions (审核决定) as received: which of them stand on a day, and what those on settlements and households change.

The latest valid decision on an object wins, in the order (决定日期, date of receipt, content hash of the file, row).
A row delivered again, with a 撤销日期 or another wording of its reason, is a newer version of the same decision. A
decision whose object is not known or whose 取值 cannot be read changes nothing and is listed.

States: `standing`; `stored` (kept for rules that ask for it); `withdrawn`; `not_yet` (decided after the day of the
run); `replaced` (a newer version, or a later decision on the same object); `unknown_object`; `unreadable`.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import polars as pl

from transforms import facts, scope, versions
from transforms.identity import with_person
from transforms.list_number import LIST_KIND
from transforms.pseudonym import key_number
from transforms.versions import RANK, file_ranks

CONFIRM, BY_READING, REFUSE, FIX = "确认", "按读法", "不予支付", "核定金额"
REFERRAL, DESIGNATION, PAIRING = "认定转诊", "认定定点", "冲正配对"
MERGE, SPLIT = "合并家庭", "分立家庭"
RECOVER, OFFSET = "追回", "抵扣"
CASE_BY_CASE = "一事一议"
ASPECTS = {
    CONFIRM: "amount", BY_READING: "amount", REFUSE: "amount", FIX: "amount",
    RECOVER: "settle", OFFSET: "settle",
    REFERRAL: "referral", DESIGNATION: "designation", PAIRING: "pairing",
    MERGE: "household", SPLIT: "household",
    CASE_BY_CASE: "manual",
}  # fmt: skip
"""What a decision is about: decisions about different things do not replace each other."""
OBJECTS = {
    "amount": ("待遇", "家庭", "人员", "结算"),
    "settle": ("待遇", "家庭", "人员", "结算"),
    "referral": ("结算",),
    "designation": ("结算",),
    "pairing": ("结算",),
    "household": ("家庭", "人员"),
    "manual": ("家庭", "人员"),
    "list": (LIST_KIND,),
}
KINDS = ("待遇", "结算", "预警", "家庭", "人员", LIST_KIND)
AGREED = ("", "是", "定点", "1")
REFUSED = ("否", "非定点", "0")
MESSAGES = {
    "verdict": "决定不在约定的范围之内，请更正",
    "kind": "这种决定不能用于这类对象，请更正对象类型",
    "person": "人员对象要写身份证号，或名单上 P 开头的编号",
    "no_settlement": "对象编号没有对应的结算，请核对结算ID",
    "no_household": "家庭编号不在名册中，请核对",
    "no_person": "名册和结算中都没有这个人，请核对身份证号",
    "no_line": "对象编号在本费用年度没有对应的待遇，请核对（家庭变更后待遇编号会改变）",
    "no_year": "家庭、人员的决定要写费用年度",
    "several_lines": "对象有几项待遇，请写明待遇编号",
    "reading": "取值要写成“A-L02=d”的样子，且必须是本规则已登记、可计算的读法",
    "amount": "取值要写金额（元，至多两位小数，不为负）",
    "pair_unknown": "取值没有对应的结算，请核对所冲正的结算ID",
    "pair_person": "两笔结算不是同一人的，不能配对",
    "pair_sign": "配对的对象要是负数行或退费行，取值要是原结算",
    "designation": "取值只能留空、写“是”或“否”",
    "manual_region": "对象不在“一事一议”所属政策的地域内",
    "list_verdict": "名单只能“确认”；名单不全的不用写决定，请认定部门补送",
    "list_number": "名单要写“区划代码/认定部门/类别/月份”，如 330112/民政/DIBAO/202306，或名单的文件编号（F 开头）",
    "no_list": "没有收到这份在册名单，请核对区划代码、认定部门、类别和月份",
    "no_list_file": "没有这个文件，或其中没有写明月份的在册名单，请核对文件编号",
    "list_later": "收到这个决定时还没有收到这份名单，不起作用；请核对名单后重新决定",
    "list_fewer": "决定以后这份名单少了人（撤回了文件），不再据以终止身份；请核对后重新决定",
    "list_more": "决定以后这份名单多了人，仍按多了人的名单采用；请核对后再次确认",
    "list_not_held": "这份名单没有被搁置，本来就已采用，不需要确认",
    "replaced": "已有更晚的决定或更新的版本",
    "reading_dropped": "后来的“确认”取代了先前的“按读法”或“核定金额”，金额回到默认读法；如要维持，请按先前的取值重新决定",
    "withdrawn": "已撤销",
    "not_yet": "决定日期晚于运行日期，尚未生效",
}
"""What is told of a decision that changes nothing, or not what its author may think."""
TOLD = pl.Schema({"no": pl.UInt32, "state": pl.String, "message_zh": pl.String})


def made(
    rows: pl.LazyFrame, files: pl.DataFrame, links: pl.DataFrame, cost_year: int, on: date
) -> pl.DataFrame:
    """The decisions that may bear on a cost year, in the order in which they win: the last one of an object.

    Core Decision columns + `no`, received_on, aspect, person_key (of a 人员 object), state, message_zh. A decision
    without 费用年度, or on a settlement, may bear on every year. Rows that repeat one of another file are left out.
    """
    kept = versions.without(rows, facts.repeated(rows, files))
    any_year = bears_on_any_year()
    own = any_year | (pl.col("cost_year") == cost_year)
    ranks = file_ranks(files).select("file_id", "received_on", RANK)
    held = kept.filter(own).join(ranks.lazy(), on="file_id").collect().sort(RANK, "sheet", "source_row")
    same = ["object_kind", "object_id", "object_key", "cost_year", "verdict", "value", "decided_on"]
    held = held.with_columns(_newest=pl.struct(same).is_last_distinct())
    held = held.sort("decided_on", RANK, "sheet", "source_row").with_row_index("no")
    keyed = with_person(held.lazy().with_columns(id_key=_keys(held)), links).drop("id_key").collect()
    return (
        keyed.sort("no").with_columns(aspect=_aspect()).with_columns(_first_state(on)).drop("_newest", RANK)
    )


def bears_on_any_year() -> pl.Expr:
    """Decisions that may change every year's result: without 费用年度, on a settlement, or on a list."""
    return pl.col("cost_year").is_null() | pl.col("object_kind").is_in(["结算", LIST_KIND])


def _keys(held: pl.DataFrame) -> pl.Series:
    """The key of each 人员 object: of its certificate number, else of the P… text of a list."""
    texts = held["object_id"].to_list()
    keys = [
        _key_of(text) if key is None else key for key, text in zip(held["object_key"], texts, strict=True)
    ]
    return pl.Series(keys, dtype=pl.Int64)


def _key_of(text: str) -> int | None:
    try:
        return key_number(text) if text.startswith("P") else None
    except ValueError:
        return None


def _aspect() -> pl.Expr:
    known = pl.col("verdict").replace_strict(ASPECTS, default=None, return_dtype=pl.String)
    by_object = {"预警": "warning", LIST_KIND: "list"}
    own = pl.col("object_kind").replace_strict(by_object, default=None, return_dtype=pl.String)
    return pl.coalesce(own, known)


def _first_state(on: date) -> tuple[pl.Expr, pl.Expr]:
    """State and message as far as the row itself tells."""
    fits = pl.lit(False)
    for aspect, kinds in OBJECTS.items():
        fits = fits | ((pl.col("aspect") == aspect) & pl.col("object_kind").is_in(kinds))
    warned = pl.col("aspect") == "warning"
    no_confirmation = (pl.col("object_kind") == LIST_KIND) & (pl.col("verdict") != CONFIRM)
    no_person = (pl.col("object_kind") == "人员") & pl.col("person_key").is_null()
    cases: list[tuple[pl.Expr, str, str | None]] = [
        (~pl.col("_newest"), "replaced", "replaced"),
        ((pl.col("revoked_on") <= on).fill_null(False), "withdrawn", "withdrawn"),
        (pl.col("decided_on") > on, "not_yet", "not_yet"),
        (~pl.col("object_kind").is_in(KINDS), "unreadable", "kind"),
        (warned.fill_null(False), "stored", None),
        (no_confirmation.fill_null(False), "unreadable", "list_verdict"),
        (pl.col("aspect").is_null(), "unreadable", "verdict"),
        (~fits.fill_null(False), "unreadable", "kind"),
        (no_person, "unreadable", "person"),
        (pl.col("aspect") == "referral", "stored", None),
    ]
    state, message = pl.lit("standing"), pl.lit(None, pl.String)
    for holds, name, told in reversed(cases):
        state = pl.when(holds).then(pl.lit(name)).otherwise(state)
        text = pl.lit(MESSAGES[told]) if told else pl.lit(None, pl.String)
        message = pl.when(holds).then(text).otherwise(message)
    return state.alias("state"), message.alias("message_zh")


def standing(decisions: pl.DataFrame, aspect: str) -> pl.DataFrame:
    """The decisions of one aspect that no state keeps from counting."""
    return decisions.filter((pl.col("aspect") == aspect) & pl.col("state").is_in(["standing", "stored"]))


def told(decisions: pl.DataFrame, state: str, message: str) -> pl.DataFrame:
    """The same state and message for each of these decisions."""
    text = pl.lit(MESSAGES[message], pl.String)
    return decisions.select("no", state=pl.lit(state), message_zh=text).cast(TOLD)


def nothing_told() -> pl.DataFrame:
    """No decision whose state is another than before."""
    return TOLD.to_frame()


def with_states(decisions: pl.DataFrame, news: pl.DataFrame) -> pl.DataFrame:
    """The decisions with the states that later stages have found; the first one told of a decision holds."""
    fresh = news.unique("no", keep="first", maintain_order=True).select(
        "no", _state="state", _message="message_zh"
    )
    return (
        decisions.join(fresh, on="no", how="left", maintain_order="left")
        .with_columns(
            message_zh=pl.when(pl.col("_state").is_null()).then("message_zh").otherwise("_message"),
            state=pl.coalesce("_state", "state"),
        )
        .drop("_state", "_message")
    )


def latest(decisions: pl.DataFrame, *key: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(the last decision of each object, told: the others are replaced). `decisions` in the order of `no`."""
    ordered = decisions.sort("no")
    last = ordered.unique(list(key), keep="last", maintain_order=True)
    return last, told(ordered.join(last, on="no", how="anti"), "replaced", "replaced")


class OnFacts(NamedTuple):
    """What decisions change before anything is added up.

    pairs: setl_id, init_setl_id: a negative row or refund and the settlement that it reverses.
    designated: setl_id (null: any), institution_code (null: any), says (Boolean).
    joined: household_id, other_id, together (Boolean): numbers that are, or are not, one household of the year.
    moved: person_key, household_id: persons who belong to another household than the roster says.
    referred: setl_id: stays that count as referred.
    told: TOLD.
    """

    pairs: pl.DataFrame
    designated: pl.DataFrame
    joined: pl.DataFrame
    moved: pl.DataFrame
    referred: pl.DataFrame
    told: pl.DataFrame


def on_facts(
    decisions: pl.DataFrame,
    settlements: pl.LazyFrame,
    institutions: pl.Series,
    households: pl.Series,
    persons: pl.Series,
    links: pl.DataFrame,
) -> OnFacts:
    """Pairings, designations and households by decision.

    `settlements`: core rows of all years; `institutions`, `households`, `persons`: codes, numbers and keys that are
    known.
    """
    rows = named_rows(decisions, settlements, links)
    pairs, told_pairs = pairings(decisions, rows)
    designated, told_places = designations(decisions, rows, institutions)
    joined, moved, told_homes = homes(decisions, households, persons)
    referrals = standing(decisions, "referral")
    referred, told_referrals = latest(referrals, "object_id")
    lost = _unknown(referred, rows, "object_id", "no_settlement")
    return OnFacts(
        pairs,
        designated,
        joined,
        moved,
        referred.join(lost, on="no", how="anti").select(setl_id="object_id"),
        pl.concat([told_pairs, told_places, told_homes, told_referrals, lost]),
    )


def named_rows(decisions: pl.DataFrame, settlements: pl.LazyFrame, links: pl.DataFrame) -> pl.DataFrame:
    """The settlement rows that decisions name, one a settlement: setl_id, person_key, sign and refund marks."""
    asked = decisions.filter(pl.col("object_kind") == "结算")
    ids = pl.concat([asked["object_id"], asked["value"]]).drop_nulls().unique()
    columns = ["setl_id", "person_key", "institution_code", "tot_fen", "negative", "refund"]
    if ids.is_empty():
        types = [pl.String, pl.Int64, pl.String, pl.Int64, pl.Boolean, pl.Boolean]
        return pl.DataFrame(schema=dict(zip(columns, types, strict=True)))
    found = settlements.filter(pl.col("setl_id").is_in(ids.implode())).with_columns(
        negative=scope.negative(), refund=pl.col("init_setl_id").is_not_null()
    )
    return (
        with_person(found, links)
        .sort("setl_id", "updt_time", "file_id", "source_row", nulls_last=False)
        .unique("setl_id", keep="last", maintain_order=True)
        .select(columns)
        .collect()
    )


def _unknown(decisions: pl.DataFrame, rows: pl.DataFrame, column: str, message: str) -> pl.DataFrame:
    """Told: decisions whose settlement (in `column`) has not been received."""
    lost = decisions.join(rows, left_on=column, right_on="setl_id", how="anti")
    return told(lost, "unknown_object", message)


def pairings(decisions: pl.DataFrame, rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(setl_id, init_setl_id; told): listed negative rows and refunds with the settlement that they reverse."""
    last, replaced = latest(standing(decisions, "pairing"), "object_id")
    refunds = rows.select(
        object_id="setl_id", own_person="person_key", own_sign=pl.col("negative") | pl.col("refund")
    )
    originals = rows.select(
        value="setl_id", other_person="person_key", other_sign=pl.col("negative") | pl.col("refund")
    )
    both = last.join(refunds, on="object_id", how="left").join(originals, on="value", how="left")
    why = (
        pl.when(pl.col("own_person").is_null())
        .then(pl.lit("no_settlement"))
        .when(pl.col("other_person").is_null())
        .then(pl.lit("pair_unknown"))
        .when(pl.col("own_person") != pl.col("other_person"))
        .then(pl.lit("pair_person"))
        .when(~pl.col("own_sign") | pl.col("other_sign") | (pl.col("object_id") == pl.col("value")))
        .then(pl.lit("pair_sign"))
    )
    judged = both.with_columns(why=why)
    states = {"no_settlement": "unknown_object", "pair_unknown": "unreadable", "pair_person": "unreadable",
              "pair_sign": "unreadable"}  # fmt: skip
    bad = [told(judged.filter(pl.col("why") == name), state, name) for name, state in states.items()]
    pairs = judged.filter(pl.col("why").is_null()).select(setl_id="object_id", init_setl_id="value")
    return pairs, pl.concat([replaced, *bad])


def with_pairs(settlements: pl.LazyFrame, pairs: pl.DataFrame) -> pl.LazyFrame:
    """Settlement rows in which a decided refund names its original."""
    if pairs.is_empty():
        return settlements
    named = dict(pairs.select("setl_id", "init_setl_id").iter_rows())
    said = pl.col("setl_id").replace_strict(named, default=pl.col("init_setl_id"), return_dtype=pl.String)
    return settlements.with_columns(init_setl_id=said)


def designations(
    decisions: pl.DataFrame, rows: pl.DataFrame, institutions: pl.Series
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(setl_id, institution_code, says; told): settlements and institutions that count as designated, or do not."""
    last, replaced = latest(standing(decisions, "designation"), "object_id")
    value = pl.col("value").fill_null("")
    says = pl.when(value.is_in(AGREED)).then(True).when(value.is_in(REFUSED)).then(False)
    known = last.join(
        rows.select(object_id="setl_id", seen=pl.lit(True)), on="object_id", how="left"
    ).with_columns(
        says=says,
        seen=pl.col("seen").fill_null(False),
        listed=pl.col("object_id").is_in(institutions.implode()) if len(institutions) else pl.lit(False),
    )
    there = pl.col("seen") | pl.col("listed")
    good = known.filter(there & pl.col("says").is_not_null())
    return (
        good.select(
            setl_id=pl.when("seen").then("object_id"),
            institution_code=pl.when(~pl.col("seen")).then("object_id"),
            says="says",
        ),
        pl.concat(
            [
                replaced,
                told(known.filter(~there), "unknown_object", "no_settlement"),
                told(known.filter(there & pl.col("says").is_null()), "unreadable", "designation"),
            ]
        ),
    )


def with_designations(settlements: pl.LazyFrame, designated: pl.DataFrame) -> pl.LazyFrame:
    """Counted settlements with `designated` as decided; a word on the settlement goes before one on its institution."""
    said = pl.col("designated")
    for column in ("institution_code", "setl_id"):
        words = dict(designated.drop_nulls(column).select(column, "says").iter_rows())
        if words:
            said = pl.col(column).replace_strict(words, default=said, return_dtype=pl.Boolean)
    return settlements if designated.is_empty() else settlements.with_columns(designated=said)


def homes(
    decisions: pl.DataFrame, households: pl.Series, persons: pl.Series
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """(joined, moved, told): numbers that are one household or are not, and persons who belong to another."""
    asked = standing(decisions, "household").with_columns(
        _low=pl.min_horizontal("object_id", "value"), _high=pl.max_horizontal("object_id", "value")
    )
    numbers, replaced = latest(asked.filter(pl.col("object_kind") == "家庭"), "_low", "_high")
    people, replaced_people = latest(asked.filter(pl.col("object_kind") == "人员"), "person_key")
    other = pl.col("value").is_in(households.implode()).fill_null(False) if len(households) else pl.lit(False)
    own = pl.col("object_id").is_in(households.implode()) if len(households) else pl.lit(False)
    here = pl.col("person_key").is_in(persons.implode()) if len(persons) else pl.lit(False)
    good = own & other & (pl.col("object_id") != pl.col("value"))
    return (
        numbers.filter(good).select(
            household_id="object_id", other_id="value", together=pl.col("verdict") == MERGE
        ),
        people.filter(here & other).select("person_key", household_id="value"),
        pl.concat(
            [
                replaced,
                replaced_people,
                told(numbers.filter(~good), "unknown_object", "no_household"),
                told(people.filter(~here), "unknown_object", "no_person"),
                told(people.filter(here & ~other), "unknown_object", "no_household"),
            ]
        ),
    )
