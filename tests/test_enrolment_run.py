"""Premium subsidy and enrolment through the whole job: files in, warehouse out."""

from __future__ import annotations

import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from flows import pipeline
from flows.explain import explanation
from flows.explain_text import explain_lines
from stores.home import Home
from synth.ids import check_digit
from tests.support import deliver, quiet, run, table
from tests.test_order import ROSTER, SETTLEMENT, settlement, written
from transforms.pseudonym import key_texts, number_pseudonyms

INSURED = "psn_no,certno,insutype,psn_insu_stas,insu_admdvs,crt_insu_date,paus_insu_date,updt_time"
PREMIUM = "certno,accrym_begn,accrym_end,psn_clct_amt,finsubs_amt,clct_flag,clct_time,clct_grde,revs_flag,insu_admdvs,psn_idet_type"
LEDGER = "身份证号,参保年度,档次,个人缴费标准,资助金额,资金来源,资助身份,资助日期,资助地区划"
REFUSED = "身份证号,姓名,结算ID,拒付日期,停保断保原因,拒付金额,参保区划"
CONSENT = "身份证号,姓名,是否授权,授权日期,撤销日期,授权范围,区划代码"
COVER = "身份证号,姓名,保障年度,产品名称,保费,承保公司"
RECEIVED = date(2025, 1, 10)
ON = date(2025, 2, 1)


def number(n: int, born: str = "19700101") -> str:
    """The certificate number of an invented person; no such area code exists."""
    body = f"330199{born}{n:03d}"
    return body + check_digit(body)


def listed(n: int, label: str, county: str = "500243", since: str = "2020-01-01", until: str = "") -> str:
    return f"{county},G{n},{number(n)},王某,{number(n)},{label},{since},{until},民政,,,{county}101"


def insured(n: int, status: str = "1", scheme: str = "390", county: str = "500243", since: str = "2015-01-01",
            paused: str = "") -> str:  # fmt: skip
    return f"N{n},{number(n)},{scheme},{status},{county},{since},{paused},2024-12-31 00:00:00"


def paid(n: int, flag: str = "1", on: str = "2023-11-01 10:00:00", tier: str = "1", revs: str = "Z", own: str = "38.00",
         identity: str = "", year: int = 2024) -> str:  # fmt: skip
    return f"{number(n)},{year}01,{year}12,{own},640.00,{flag},{on},{tier},{revs},500243,{identity}"


def home_of(tmp_path: Path, standards: str = "", **files: tuple[str, list[str]]) -> Home:
    """A home with these tables received (name = header and rows), a settlement, and local standards."""
    home = Home(tmp_path / "home")
    home.ensure()
    if standards:
        header = "region_code,insurance_year,tier,amount_yuan,source"
        written(home.reference, "premium_standard.csv", header, [standards])
    wanted = {"setl": (SETTLEMENT, [settlement("S1", number(900), "2024-03-01", "100.00")])} | files
    paths = [
        (written(tmp_path, f"{name}.csv", head, rows), RECEIVED) for name, (head, rows) in wanted.items()
    ]
    deliver(home, paths)
    return home


def keys(home: Home, people: dict[str, int]) -> dict[str, str]:
    """Published person key → the name that the test gives the person."""
    digits = [
        int(number(n)[:17]) * 11 + (10 if number(n)[17] == "X" else int(number(n)[17]))
        for n in people.values()
    ]
    texts = key_texts(number_pseudonyms(pl.Series(digits), home.secret()), "P")
    return dict(zip(texts, people, strict=True))


@pytest.fixture(scope="module")
def pengshui(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """2024 in Pengshui: who was subsidised, who is insured."""
    folder = tmp_path_factory.mktemp("pengshui")
    roster = [
        listed(1, "特困人员"),
        listed(2, "低保对象"),
        listed(3, "低保边缘家庭成员"),
        listed(4, "低保对象"),
        listed(5, "低保对象"),
        listed(6, "低保对象"),
        listed(7, "低保对象"),
        listed(8, "低保对象"),
        listed(9, "低保对象"),
        listed(10, "低保对象"),
        listed(11, "低保对象", until="2024-05-31"),
    ]
    enrolled = [
        *(insured(n) for n in (1, 2, 3, 5)),
        insured(6, "2", paused="2024-07-01"),
        insured(7, county="500242"),
        insured(8),
        insured(8, scheme="310", since="2024-03-01"),
        insured(9, "2", paused="2024-03-01"),
        insured(9, since="2024-04-01"),
        insured(10, "4", paused="2024-02-01"),
        insured(12),
    ]
    premiums = [
        paid(1, own="0.00"),
        paid(2),
        paid(2, revs="+", on="2023-10-01 10:00:00"),
        paid(2, revs="-", on="2023-10-02 10:00:00", own="-38.00"),
        paid(3, tier="2", own="375.00"),
        paid(5, flag="0", on=""),
        paid(6),
        paid(7),
        paid(8),
        paid(9),
        paid(12, identity="2303"),
    ]
    ledger = [
        f"{number(1)},2024,一档,380,380.00,财政资金,特困人员,2023-12-01,500243",
        f"{number(2)},2024,一档,380,300.00,财政资金,低保对象,2023-12-01,500243",
        f"{number(13)},2024,一档,380,342.00,财政资金,低保对象,2023-12-01,500243",
    ]
    home = home_of(
        folder,
        "500000,2024,1,380,市医保局通知",
        roster=(ROSTER, roster),
        insured=(INSURED, enrolled),
        premium=(PREMIUM, premiums),
        ledger=(LEDGER, ledger),
    )
    outcome = run(home, 2024, on=ON)
    return outcome.warehouse, keys(home, {f"p{n}": n for n in range(1, 14)})


def test_subsidy_against_the_ledger(pengshui: tuple[Path, dict[str, str]]) -> None:
    warehouse, names = pengshui
    rows = table(warehouse, "select * from mart.premium_subsidy")
    found = {
        names[row["person_key"]]: (row["category"], row["tier"], row["rate"], row["subsidy_yuan"], row["actual_yuan"], row["verdict"])
        for row in rows.to_dicts()
    }  # fmt: skip
    assert found == {
        "p1": ("TEKUN", "1", 1, 380, 380, "match"),
        "p2": ("DIBAO", "1", Decimal("0.9"), 342, 300, "under"),
        "p3": ("DIBIAN", "2", 1, 380, 0, "under"),
        **{name: ("DIBAO", "1", Decimal("0.9"), 342, 0, "under") for name in ("p6", "p7", "p8", "p9")},
    }
    assert set(rows["region_code"]) == {"500243"} and set(rows["payer_region_code"]) == {"500243"}
    assert set(rows["insurance_year"]) == {2024} and set(rows["standard_yuan"]) == {380}


def test_lines_and_items_hang_together(pengshui: tuple[Path, dict[str, str]]) -> None:
    warehouse, _ = pengshui
    lines = table(
        warehouse, "select * from mart.benefit_line where rule_id in ('P-05', 'P-06', 'P-07', 'P-08')"
    )
    own = lines.filter(pl.col("adjustment_of").is_null())
    assert own.height == 7 and set(own["status"]) == {"paid", "adjust_up", "due"}
    [adjustment] = lines.filter(pl.col("adjustment_of").is_not_null()).to_dicts()
    assert (adjustment["amount_yuan"], adjustment["status"]) == (42, "adjust_up")
    folder = Path(__file__).resolve().parents[1] / "sql" / "checks"
    for path in sorted(folder.glob("*.sql")):
        assert table(warehouse, path.read_text(encoding="utf-8")).is_empty(), path.name


def test_gaps(pengshui: tuple[Path, dict[str, str]]) -> None:
    """On 31 December 2024: 4 has nothing at all, 5 has not paid, 6 paid but was suspended, 7 is insured next door, 8 twice, 9
    had a gap in March, 10 lapsed in February. 11 left the roster in May. 12 paid as 低保 but is on no roster; so 13.
    """
    warehouse, names = pengshui
    rows = table(warehouse, "select * from mart.enrolment_gap")
    found = {(names[row["person_key"]], row["finding"]): row["since"] for row in rows.to_dicts()}
    assert found == {
        ("p4", "not_insured"): None,
        ("p5", "premium_unpaid"): date(2024, 1, 1),
        ("p6", "paid_not_active"): date(2024, 7, 1),
        ("p7", "insured_elsewhere"): date(2015, 1, 1),
        ("p8", "active_twice"): date(2024, 3, 1),
        ("p9", "gap"): date(2024, 3, 1),
        ("p10", "gap"): date(2024, 2, 1),
        ("p12", "active_no_roster"): date(2024, 1, 1),
        ("p13", "active_no_roster"): date(2023, 12, 1),
    }
    assert rows["suggestion"].null_count() == 0 and set(rows["region_code"]) == {"500243"}


def test_findings(pengshui: tuple[Path, dict[str, str]]) -> None:
    warehouse, names = pengshui
    rows = table(warehouse, "select * from mart.roster_finding where rule_id like 'P-0%' or rule_id = 'Z-11'")
    found = {
        (
            row["rule_id"],
            row["finding"],
            names.get(row["person_key"] or ""),
            row["n_rows"],
            row["amount_yuan"],
        )
        for row in rows.to_dicts()
    }
    assert found == {
        ("P-05", "2024 年度应资助而未资助或少资助", None, 6, 42 + 380 + 4 * 342),
        ("P-05", "2024 年度资助参保台账有资助，名册上没有可资助的类别", "p13", 1, 342),
    }


def test_without_the_tables(tmp_path: Path) -> None:
    """No enrolment, no premium lines, no ledger: one finding each, and nobody is called not insured."""
    home = home_of(tmp_path, roster=(ROSTER, [listed(n, "低保对象") for n in range(1, 6)]))
    warehouse = run(home, 2024, on=ON).warehouse
    assert table(warehouse, "select * from mart.enrolment_gap").is_empty()
    assert table(warehouse, "select * from mart.premium_subsidy").is_empty()
    rows = table(
        warehouse,
        "select rule_id, finding, n_rows from mart.roster_finding where rule_id in ('P-05', 'Z-11')",
    )
    assert sorted(rows.rows()) == [
        ("P-05", "未收到 2024 年度居民缴费明细，资助参保金额无法核定", 5),
        (
            "Z-11",
            "未收到 2024 年度居民缴费明细（rsdt_psn_clct_detl_d），500243 名册人员的缴费状态无法核对",
            5,
        ),
        ("Z-11", "未收到 人员参保信息（psn_insu_d），500243 名册人员的参保状态无法核对", 5),
    ]


def test_enrolment_of_another_region_says_nothing(tmp_path: Path) -> None:
    """Rows of one county came, those of the other did not: nobody of the other is not insured."""
    home = home_of(
        tmp_path,
        roster=(ROSTER, [listed(1, "低保对象"), listed(2, "低保对象", county="330112")]),
        insured=(INSURED, [insured(3, county="330112")]),
    )
    rows = table(run(home, 2024, on=ON).warehouse, "select region_code, finding from mart.enrolment_gap")
    assert rows.rows() == [("330112", "not_insured")]


def test_missing_standard_is_named(tmp_path: Path) -> None:
    home = home_of(
        tmp_path, roster=(ROSTER, [listed(1, "低保对象")]), premium=(PREMIUM, [paid(1)])
    )  # fmt: skip
    warehouse = run(home, 2024, on=ON).warehouse
    [row] = table(warehouse, "select * from mart.premium_subsidy").to_dicts()
    assert (row["subsidy_yuan"], row["standard_yuan"], row["verdict"]) == (None, None, "held")
    found = table(warehouse, "select finding from mart.roster_finding where rule_id = 'P-05'")[
        "finding"
    ].to_list()
    assert found == ["参考表 premium_standard.csv 缺 500243 2024 年度一档个人缴费标准，资助金额未定"]


def test_subsidy_on_record_where_no_document_gives_a_rate(tmp_path: Path) -> None:
    """Z-22: in Lin'an the ledger is shown, nothing is judged."""
    ledger = [f"{number(1)},2024,一档,600,600.00,医疗救助基金,低保对象,2023-12-01,330112"]
    home = home_of(
        tmp_path, roster=(ROSTER, [listed(1, "低保对象", county="330112")]), ledger=(LEDGER, ledger)
    )
    [row] = table(run(home, 2024, on=ON).warehouse, "select * from mart.premium_subsidy").to_dicts()
    assert (row["region_code"], row["category"], row["verdict"]) == ("330112", "DIBAO", "not_determined")
    assert (row["actual_yuan"], row["subsidy_yuan"], row["rate"], row["source"]) == (
        600,
        None,
        None,
        "医疗救助基金",
    )


@pytest.fixture(scope="module")
def wenzhou(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str], Home]:
    """2024 in a pilot county of Wenzhou: refusals for a waiting period, candidates, consent."""
    folder = tmp_path_factory.mktemp("wenzhou")
    roster = [
        *(listed(n, "相对低收入家庭", "330326") for n in range(1, 7)),
        listed(7, "低保对象", "330326"),
        f"330326,G1,{number(1)},王某,{number(8)},因病致贫重病患者,2020-01-01,,民政,,,330326101",
    ]
    reasons = {1: "跨统筹区转移接续", 2: "单位停缴", 3: "个人未缴费", 4: "", 7: "单位停缴"}
    refused = [f"{number(n)},王某,,2024-06-01,{why},100.00,330326" for n, why in reasons.items()]
    refused += [
        f"{number(5)},王某,,2024-01-31,单位停缴,100.00,330326",
        f"{number(6)},王某,,2024-02-01,单位停缴,100.00,330326",
    ]
    consent = [
        f"{number(1)},王某,是,2024-03-01,,全部,330326",
        f"{number(2)},王某,是,2024-03-01,2024-09-01,全部,330326",
        f"{number(3)},王某,否,2024-03-01,,全部,330326",
    ]
    home = home_of(folder, roster=(ROSTER, roster), refused=(REFUSED, refused), consent=(CONSENT, consent))
    outcome = run(home, 2024, on=ON)
    return outcome.warehouse, keys(home, {f"p{n}": n for n in range(1, 9)}), home


def test_waiting_periods(wenzhou: tuple[Path, dict[str, str], Home]) -> None:
    """From 2024-02-01 on, for relatively low-income families: a transfer (1), not their fault (2; 6 on the first day). Not: own
    fault (3), the day before (5), another group (7). 4 does not say why: a person has to look.
    """
    warehouse, names, _ = wenzhou
    rows = table(
        warehouse, "select person_key, since from mart.enrolment_gap where finding = 'waiting_period'"
    )
    found = {names[key]: since for key, since in rows.rows()}
    assert found == {"p1": date(2024, 6, 1), "p2": date(2024, 6, 1), "p6": date(2024, 2, 1)}
    open_ = table(warehouse, "select region_code, n_rows from mart.roster_finding where rule_id = 'W-11'")
    assert open_.rows() == [("330326", 1)]


def test_temporary_subsidy_candidates(wenzhou: tuple[Path, dict[str, str], Home]) -> None:
    """Household G1 has a member in hardship through illness: both its members. Ages are not confirmed: nobody for them."""
    warehouse, names, _ = wenzhou
    rows = table(warehouse, "select person_key from mart.enrolment_gap where finding = 'temporary_subsidy'")
    assert {names[key] for key in rows["person_key"]} == {"p1", "p8"}
    assert table(warehouse, "select finding from mart.roster_finding where rule_id = 'W-10'").height == 1


def test_consent_is_counted(wenzhou: tuple[Path, dict[str, str], Home]) -> None:
    """Of six relatively low-income people 1 has agreed; 2 has withdrawn, 3 refused, 4 to 6 were not asked."""
    warehouse, _, _ = wenzhou
    rows = table(
        warehouse, "select region_code, finding, n_rows from mart.roster_finding where rule_id = 'W-12'"
    )
    assert rows.rows() == [("330326", "没有有效的数据授权，不推送这些人员的个人信息", 5)]


def test_without_a_consent_table_there_is_one_finding(tmp_path: Path) -> None:
    roster = [listed(n, "相对低收入家庭", "330326") for n in (1, 2)]
    warehouse = run(home_of(tmp_path, roster=(ROSTER, roster)), 2024, on=ON).warehouse
    rows = table(
        warehouse, "select rule_id, n_rows from mart.roster_finding where rule_id in ('W-11', 'W-12', 'Z-21')"
    )
    assert sorted(rows.rows()) == [("W-11", 2), ("W-12", 2), ("Z-21", 2)]


def test_cover_by_supplementary_insurance_is_read(tmp_path: Path) -> None:
    """The table is recognised by its header, and then Z-21 is no finding any more."""
    roster = [listed(n, "低保对象", "330112") for n in (1, 2)]
    cover = [f"{number(1)},王某,2024,西湖益联保,150.00,某保险公司"]
    home = home_of(tmp_path, roster=(ROSTER, roster), cover=(COVER, cover))
    warehouse = run(home, 2024, on=ON).warehouse
    files = dict(table(warehouse, "select table_name, n_accepted from mart.source_file").iter_rows())
    assert files["supplementary_cover"] == 1
    assert table(warehouse, "select * from mart.roster_finding where rule_id = 'Z-21'").is_empty()


def test_explained_to_the_clerk(pengshui: tuple[Path, dict[str, str]]) -> None:
    warehouse, names = pengshui
    home = Home(warehouse.parent.parent)
    by_name = {name: key for key, name in names.items()}
    text = "\n".join(explain_lines(told := explanation(home, by_name["p2"], 2024, None)))
    assert told["enrolment"][by_name["p2"]]["subsidies"][0]["verdict"] == "under"
    for words in (
        "P-06",
        "一档个人缴费标准 380.00 元，比例 90%",
        "应资助 342.00 元",
        "台账实际资助 300.00 元",
        "居民医保正常，参保地 500243；当年居民保费已缴",
        "premium.csv",
    ):
        assert words in text, words
    lapsed = "\n".join(explain_lines(explanation(home, by_name["p10"], 2024, None)))
    assert "断保（自 2024-02-01）" in lapsed and "没有有效参保，自 2024-02-01 起中断" in lapsed


def test_new_facts_touch_their_year(tmp_path: Path) -> None:
    """A ledger of 2024 makes the night assess 2024 again."""
    home = Home(tmp_path / "home")
    home.ensure()
    path = written(
        tmp_path,
        "ledger.csv",
        LEDGER,
        [f"{number(1)},2024,一档,380,380.00,财政资金,特困人员,2023-12-01,500243"],
    )
    told = pipeline.read_inbox(home, RECEIVED, quiet, [path])
    assert {year for _, year in told.touched} == {2024}


def test_a_decision_confirms_a_subsidy(pengshui: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    """确认 on the line of 9, whose facts have not changed since: confirmed; the word is matched, not lost."""
    warehouse, names = pengshui
    home = Home(tmp_path / "home")
    shutil.copytree(warehouse.parent.parent, home.root, symlinks=True)
    [row] = [
        row
        for row in table(warehouse, "select * from mart.benefit_line where rule_id = 'P-06'").to_dicts()
        if names[row["person_key"]] == "p9"
    ]
    header = "对象类型,对象编号,费用年度,决定,取值,理由,决定人,决定日期,撤销日期"
    rows = [f"待遇,{row['benefit_id']},2024,确认,,已核对,李科长,2025-01-20,"]
    deliver(home, [(written(tmp_path, "decisions.csv", header, rows), date(2025, 1, 20))])
    after = run(home, 2024, on=ON, number=2).warehouse
    lines = table(
        after, f"select status, needs_review from mart.benefit_line where benefit_id = '{row['benefit_id']}'"
    )
    assert lines.rows() == [("confirmed", False)]
    decisions = table(after, "select benefit_id, status, stale from mart.decision")
    assert decisions.rows() == [(row["benefit_id"], "standing", False)]
