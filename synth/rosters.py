"""Rosters, payments and ledgers as files: Excel with a title row above the header, or plain CSV."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import date

import polars as pl

from synth import ids
from synth.model import FOREVER, Fact, Paid, Payment, World, codes_of, words_of
from synth.places import County
from synth.write import PLAIN, Inbox, Style

COLUMNS = (
    "区划代码", "家庭编号", "户主身份证号", "姓名", "身份证号", "出生日期", "与户主关系", "救助身份", "证件编号",
    "生效日期", "失效日期", "乡镇街道代码", "乡镇街道", "村社区", "联系电话", "住址", "认定部门", "名单类型",
    "名单月份", "减少原因", "户籍区划代码",
)  # fmt: skip
PAYMENT_COLUMNS = (
    "流水号", "身份证号", "姓名", "结算ID", "待遇类别", "金额", "支付日期", "费用年度", "支付单位", "说明",
)  # fmt: skip
SYNONYMS = {"身份证号": "身份证号码"}
EXCEL_ROWS = 8_000  # larger lists are delivered as CSV
SENDERS = {"FANPIN": "乡村振兴", "JIANCE": "乡村振兴", "YOUFU": "退役军人", "ZHONGCAN": "残联"}
SKIPPED_LIST_MONTH = 11  # no 在册 list came: the last one is carried forward
LAST_ROSTER_MONTH = 14  # February after the year
SHORT_LIST = (9, "TEKUN")  # a truncated list that must end nobody


def _date(d: date | None, style: int) -> str:
    if d is None or d == FOREVER:
        return ""
    return (f"{d:%Y-%m-%d}", f"{d:%Y%m%d}", f"{d.year}/{d.month}/{d.day}", f"{d.year}年{d.month}月{d.day}日")[
        style
    ]


def _row(
    place: County, f: Fact, kind: str, month: str, end: date | None, reason: str, style: int
) -> tuple[str, ...]:
    code, town = place.townships[f.town] if f.region in ("", place.code) else ("", "")
    number = "" if f.anonymous else f.who
    if style == 1 and len(number) == 18:
        number = number.lower()
    if style == 2 and number:
        number = f"'{number}"
    return (
        f.region or place.code, f.household, f.head, f.name, number, _date(f.born, 0), f.relation, f.cell,
        f"证{ids.check_digit(number[:17])}{number[6:14]}" if len(number) == 18 and style == 0 else "",
        _date(f.start, style), _date(end, style), code, town, f.village, "", f"{town}{f.village}", f.department,
        kind, month, reason, place.code,
    )  # fmt: skip


def _by_sender(place: County, f: Fact) -> list[Fact]:
    """The rows in which a fact is delivered: in Chongqing one for each department whose categories it holds."""
    if not place.code.startswith("50"):
        return [f]
    sent: dict[str, list[str]] = defaultdict(list)
    for word in words_of(f.cell):
        codes = codes_of(word)
        sent[SENDERS.get(codes[0], f.department) if codes else f.department].append(word)
    return [replace(f, department=d, cell="、".join(words)) for d, words in sent.items()]


def month_made(f: Fact, year: int) -> int:
    """Month of the year in which a fact first appears; 13 and more: after the year."""
    return max(1, 12 * (f.start.year - year) + f.start.month)


def is_listed(f: Fact, month: int, year: int) -> bool:
    """Whether the 在册 list of a month shows a fact."""
    delivered = month != SKIPPED_LIST_MONTH and month >= month_made(f, year)
    return month in f.lists and delivered and not _short(f, month)


def _short(f: Fact, month: int) -> bool:
    """Half of the mass's 特困 are missing from the truncated list (situations say it themselves)."""
    return (
        not f.never_short
        and month == SHORT_LIST[0]
        and f.codes == (SHORT_LIST[1],)
        and "X" not in f.household
        and int(f.who[14:17] or 0) % 2 == 0
    )


def roster_files(inbox: Inbox, place: County, facts: list[Fact], year: int, *, plain: bool) -> None:
    """Monthly 在册 lists with 新增/减少, and dated facts without 名单类型 in the month in which they were made."""
    dated: dict[int, list[tuple[str, ...]]] = defaultdict(list)
    full: dict[int, list[tuple[str, ...]]] = defaultdict(list)
    changes: dict[int, list[tuple[str, ...]]] = defaultdict(list)
    for k, f, parts in ((k, f, _by_sender(place, f)) for k, f in enumerate(facts)):
        style = 0 if plain else (0, 0, 0, 1, 2, 3)[k % 6]
        made = month_made(f, year)
        if not f.lists and made <= LAST_ROSTER_MONTH and not f.added:
            dated[made] += [_row(place, x, "", "", f.shown_to, "", style) for x in parts]
        for m, end in f.again:
            dated[m] += [_row(place, x, "", "", end, "", style) for x in parts]
        for m in (m for m in f.lists if is_listed(f, m, year)):
            full[m] += [_row(place, x, "在册", f"{year}{m:02d}", f.shown_to, "", style) for x in parts]
        if f.added or (f.lists and made > 1 and f.start.year == year):
            m = f.added or made
            changes[m] += [_row(place, x, "新增", f"{year}{m:02d}", f.shown_to, "", style) for x in parts]
        if f.removed:
            m, y = (f.removed, year) if f.removed <= 12 else (f.removed - 12, year + 1)
            changes[f.removed] += [
                _row(place, x, "减少", f"{y}{m:02d}", f.removed_on, f.reason or "不再符合条件", style)
                for x in parts
            ]
    for m in sorted(set(dated) | set(full) | set(changes)):
        y, mm = (year, m) if m <= 12 else (year + 1, m - 12)
        _list(
            inbox,
            f"困难家庭认定_{y}{mm:02d}",
            date(y, mm, 4 if m == 1 else 28),
            dated[m],
            place,
            y,
            mm,
            plain,
        )
        _list(inbox, f"救助对象名册_在册_{y}{mm:02d}", date(y, mm, 3), full[m], place, y, mm, plain)
        _list(inbox, f"救助对象名册_变动_{y}{mm:02d}", date(y, mm, 4), changes[m], place, y, mm, plain)


def _list(
    inbox: Inbox,
    stem: str,
    received: date,
    rows: list[tuple[str, ...]],
    place: County,
    y: int,
    m: int,
    plain: bool,
) -> None:
    if not rows:
        return
    keyed = [
        (f"{r[0]}|{r[16]}|{r[17]}|{r[18]}|{r[4].strip(chr(39)).upper()}|{c}|{r[9]}", "", str(r), i)
        for i, r in enumerate(rows)
        for c in codes_of(r[7])[:1]
    ]
    if plain or len(rows) > EXCEL_ROWS:
        frame = pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String), orient="row")
        style = PLAIN if plain or m % 2 else Style("gb18030")
        record = inbox.text(stem, "roster", received, [frame], style)
    else:
        header = [SYNONYMS.get(c, c) if m % 3 == 2 else c for c in COLUMNS]
        if m % 6 == 1:  # pasted from a web page
            header[1], header[3] = f"{header[1]}\u200b", f"\ufeff{header[3]}"
        title = f"{place.name}救助对象名册（{y}年{m}月）" if m % 4 else ""
        note = "注：本表为合成数据，不含任何真实人员信息。" if m % 5 == 1 else ""
        record = inbox.sheet(stem, "roster", received, header, rows, title=title, note=note, gap=m % 6 == 2)
    record.keyed = keyed


def payment_files(inbox: Inbox, payments: list[Payment], year: int, *, plain: bool) -> None:
    """Monthly lists of supplementary payments; a cumulative list repeats its rows in later months."""
    monthly: dict[int, list[tuple[str, ...]]] = defaultdict(list)
    for p in payments:
        row = (
            p.serial, p.who, p.name, p.settlement, p.kind, f"{p.amount / 100:.2f}", p.on.isoformat(), str(p.year),
            p.payer, p.note,
        )  # fmt: skip
        for m in p.deliveries:
            monthly[m] += [row] * p.times
    shown: Counter[tuple[str, ...]] = Counter()
    for m in sorted(monthly):
        y, mm = (year, m) if m <= 12 else (year + 1, m - 12)
        received = date(y + mm // 12, mm % 12 + 1, 10)
        stem, rows = f"其他保障待遇_{y}{mm:02d}", monthly[m]
        if plain or m % 3 or len(rows) > EXCEL_ROWS:
            frame = pl.DataFrame(rows, schema=dict.fromkeys(PAYMENT_COLUMNS, pl.String), orient="row")
            style = PLAIN if plain or m % 2 else Style("gb18030")
            style = Style("utf-16") if m % 6 == 1 and not plain else style
            record = inbox.text(stem, "payments", received, [frame], style)
        else:
            title = f"{y}年{mm}月其他保障待遇" if m % 2 else ""
            record = inbox.sheet(stem, "payments", received, PAYMENT_COLUMNS, rows, title=title)
        here = Counter(rows)
        record.duplicates = sum(min(n, shown[r]) for r, n in here.items())
        for r, n in here.items():
            shown[r] = max(shown[r], n)


def paid_file(inbox: Inbox, paid: list[Paid], year: int) -> None:
    """The paid ledger (已付台账)."""
    rows = [
        (x.serial or f"YF{i:05d}", "", x.rule, x.unit, str(x.year), f"{x.amount / 100:.2f}", x.on.isoformat())
        for i, x in enumerate(paid)
    ]
    columns = ("流水号", "待遇编号", "规则", "对象编号", "费用年度", "金额", "支付日期")
    if rows:
        frame = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")
        inbox.text(f"已付台账_{year}", "paid_ledger", date(year + 1, 3, 1), [frame], Style("gb18030"))


def payee_file(inbox: Inbox, world: World, households: Iterable[str], year: int) -> None:
    """Accounts (收款账户) of the households; account numbers are made up and fit no bank."""
    heads = {f.household: f for f in reversed(world.facts) if f.who == f.head and f.household}
    rows = []
    for i, h in enumerate(sorted(h for h in households if h in heads)):
        f = heads[h]
        if i % 9 == 4:
            continue  # no account yet
        rows.append(
            (h, "", f.name, f.who, "合成农村商业银行", f"SYN{year}{i:010d}", f"{year}-01-01", "", "本人")
        )
        if i % 23 == 7:
            rows.append(
                (h, "", f.name, f.who, "合成信用社", f"SYN{year}{i:09d}9", f"{year}-03-01", "", "本人")
            )
    columns = (
        "家庭编号", "身份证号", "账户户名", "账户身份证号", "开户银行", "账号", "生效日期", "失效日期", "与对象关系",
    )  # fmt: skip
    if rows:
        inbox.sheet(f"收款账户_{year}", "payees", date(year + 1, 2, 1), columns, rows, title="收款账户登记表")
