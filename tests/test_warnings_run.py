"""Warnings from files to the doorstep and back: the right night, each state, what townships send, replay."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl

from tests.support import table
from tests.warning_home import ROSTER, County, books, filled, findings, listed, listed_rows, settled

INCOMES = ["2022,urban,60000,正式", "2022,rural,30000,正式"]


def one(county: County, on: str) -> dict[str, object]:
    """The only case."""
    rows = county.cases(on)
    assert rows.height == 1
    return rows.row(0, named=True)


def test_cash_of_a_poor_person_below_at_and_above_each_line(tmp_path: Path) -> None:
    """L-20: 2万元以上, in cash; what the account paid does not count."""
    cash = ["15999.99", "16000", "19999.99", "20000", "39999.99", "40000"]
    county = County(tmp_path)
    county.bring("2024-01-05", "名册.csv", [listed(n) for n in range(len(cash))], ROSTER)
    county.bring(
        "2024-01-05",
        "结算.csv",
        [settled(f"S{n}", n, "2023-03-01", "50000", cash=amount) for n, amount in enumerate(cash)],
    )
    rows = county.cases("2024-03-01").sort("measure_yuan")
    assert [(str(r["measure_yuan"]), r["level"]) for r in rows.iter_rows(named=True)] == [
        ("16000.00", "watch"), ("19999.99", "watch"), ("20000.00", "over"), ("39999.99", "over"), ("40000.00", "severe"),
    ]  # fmt: skip
    assert set(rows.select("rule_id", "kind", "status", "year").rows()) == {
        ("L-20", "返贫", "discovered", 2023)
    }


def test_burden_above_the_income_of_ones_own_scheme(tmp_path: Path) -> None:
    """L-21, L-22: 超过, so that exactly the income is not over; employee against urban, resident against rural."""
    people = [
        ("390", "23999.99"), ("390", "24000"), ("390", "30000"), ("390", "30000.01"), ("390", "60000"), ("310", "47999.99"),
        ("310", "60000"), ("310", "60000.01"), ("340", "90000"), ("391", "31000"),
    ]  # fmt: skip
    county = County(tmp_path, INCOMES)
    county.bring(
        "2024-01-05",
        "结算.csv",
        [settled(f"S{n}", n, "2023-03-01", psn, scheme=scheme) for n, (scheme, psn) in enumerate(people)],
    )
    rows = county.cases("2024-03-01").sort("rule_id", "measure_yuan")
    assert [(r["rule_id"], str(r["measure_yuan"]), r["level"]) for r in rows.iter_rows(named=True)] == [
        ("L-21", "60000.00", "watch"), ("L-21", "60000.01", "over"), ("L-22", "24000.00", "watch"),
        ("L-22", "30000.00", "watch"), ("L-22", "30000.01", "over"), ("L-22", "31000.00", "over"),
        ("L-22", "60000.00", "severe"),
    ]  # fmt: skip
    assert set(rows["kind"]) == {"致贫"}


def test_another_district_and_the_scheme_of_the_latest_settlement(tmp_path: Path) -> None:
    county = County(tmp_path, INCOMES)
    county.bring(
        "2024-01-05",
        "结算.csv",
        [
            settled("S1", 1, "2023-03-01", "40000", scheme="310"),
            settled("S2", 1, "2023-04-01", "1", scheme="390"),
            settled("S3", 2, "2023-03-01", "90000", county="330109"),
        ],
    )
    rows = county.cases("2024-03-01")
    assert rows.select("rule_id", "measure_yuan").rows() == [("L-22", 40001)]


def test_income_missing_provisional_and_revised(tmp_path: Path) -> None:
    county = County(tmp_path)
    county.bring("2024-01-05", "结算.csv", [settled("S1", 1, "2023-03-01", "31000")])
    outcome = county.run("2024-03-01")
    said = [text for rule, text in findings(outcome) if rule in ("L-21", "L-22")]
    assert any("缺少2022年度及以前的农村居民人均可支配收入" in text for text in said)
    assert county.cases("2024-03-02").is_empty()

    county.incomes(["2021,rural,29000,正式", "2020,rural,20000,正式"])
    row = one(county, "2024-03-03")
    assert (row["level"], row["threshold_yuan"], row["provisional"]) == ("over", 29000, True)
    assert "暂用2021年度" in str(findings(county.run("2024-03-04")))

    county.incomes(["2021,rural,29000,正式", "2022,rural,32000,正式", "2023,rural,99000,正式"])
    row = one(county, "2024-03-05")
    assert (row["level"], row["threshold_yuan"], row["provisional"]) == ("watch", 32000, False)

    county.incomes(["2022,rural,15500,初步核算"])
    row = one(county, "2024-03-06")
    assert (row["level"], row["provisional"]) == ("severe", True)


def test_the_identity_of_the_yardstick_date_itself(tmp_path: Path) -> None:
    """Held until June only, everything delivered after the year: on 31 December nobody is a member."""
    county = County(tmp_path)
    county.bring("2024-01-05", "名册.csv", [
        listed(1, end="2023-06-30", kind="", month=""), listed(2, begin="2023-12-31", kind="", month=""),
        listed(3, begin="2024-01-01", kind="", month=""),
    ], ROSTER)  # fmt: skip
    county.bring("2024-01-05", "结算.csv", [settled(f"S{n}", n, "2023-03-01", "21000") for n in (1, 2, 3)])
    assert county.cases("2024-03-01").height == 1


def test_seen_on_the_night_on_which_it_came_and_never_lost(tmp_path: Path) -> None:
    """Watch in April, over in June; left the roster in September; still there at the end of the year."""
    county = County(tmp_path)
    for month in range(1, 9):
        county.bring(
            f"2023-{month:02d}-05",
            f"名册{month}.csv",
            [listed(1, month=f"2023{month:02d}"), *_others(month)],
            ROSTER,
        )
    county.bring("2023-09-05", "名册9.csv", _others(9), ROSTER)
    for day, number, amount in (("04-10", 1, "16000"), ("06-12", 2, "4000"), ("09-20", 3, "10")):
        county.bring(f"2023-{day}", f"结算{number}.csv", [settled(f"S{number}", 1, f"2023-{day}", amount)])
    april = county.assessed("2023-04-10")["warning"].row(0, named=True)
    assert (april["level"], april["first_seen"]) == ("watch", date(2023, 4, 10))
    row = one(county, "2024-03-01")
    assert (row["first_seen"], row["level_first_seen"], row["over_since"]) == (
        date(2023, 4, 10),
        date(2023, 6, 12),
        date(2023, 6, 12),
    )
    assert (row["level"], row["status"], row["kind"], row["last_seen"]) == (
        "over", "discovered", "返贫", date(2023, 9, 4),
    )  # fmt: skip
    # due: watched, it went out on 4 May (1 to 3 May are holidays); over since 12 June: ten working days from then (25 June is worked)
    assert row["due_date"] == date(2023, 6, 27)
    assert row["overdue"] is True


def _others(month: int) -> list[str]:
    return [listed(n, month=f"2023{month:02d}") for n in range(20, 40)]


def test_a_late_reversal_withdraws_and_a_new_settlement_opens_again(tmp_path: Path) -> None:
    county = County(tmp_path, INCOMES)
    county.bring(
        "2023-05-04",
        "五月.csv",
        [settled("S1", 1, "2023-05-02", "31000"), settled("S2", 1, "2023-05-03", "50")],
    )
    first = one(county, "2023-05-04")
    assert (first["level"], first["status"]) == ("over", "discovered")
    county.bring("2023-07-06", "退费.csv", [settled("S3", 1, "2023-07-05", "-31000", init="S1")])
    gone = one(county, "2023-07-06")
    assert (gone["warning_id"], gone["status"], gone["level"]) == (first["warning_id"], "withdrawn", "over")
    assert gone["measure_yuan"] == 50
    assert gone["last_seen"] == date(2023, 7, 5)
    assert "2023-07-06起因退费" in str(gone["reason"])
    county.bring("2023-09-08", "九月.csv", [settled("S4", 1, "2023-09-07", "30000")])
    back = one(county, "2023-09-08")
    assert (back["status"], back["opened_on"], back["first_seen"]) == (
        "reopened", date(2023, 9, 8), date(2023, 5, 4),
    )  # fmt: skip
    assert "再次达到" in str(back["reason"])


def test_a_partial_refund_and_a_second_version_change_the_measure_from_their_day_on(tmp_path: Path) -> None:
    county = County(tmp_path, INCOMES)
    county.bring(
        "2023-03-01", "一.csv", [settled("S1", 1, "2023-02-01", "20000", updated="2023-02-01 12:00:00")]
    )
    county.bring(
        "2023-04-03", "二.csv", [settled("S1", 1, "2023-02-01", "61000", updated="2023-03-30 12:00:00")]
    )
    county.bring("2023-06-01", "三.csv", [settled("S2", 1, "2023-05-30", "-30000", init="S1")])
    assert county.assessed("2023-03-01").get("warning") is None
    assert county.assessed("2023-04-03")["warning"].select("level", "first_seen").row(0) == (
        "severe",
        date(2023, 4, 3),
    )
    row = one(county, "2023-12-01")
    assert (row["measure_yuan"], row["level"], row["first_seen"], row["level_first_seen"]) == (
        31000, "over", date(2023, 4, 3), date(2023, 4, 3),
    )  # fmt: skip


def three_townships(tmp_path: Path) -> County:
    """Four warned people in two townships, one more whose township nobody knows."""
    county = County(tmp_path, INCOMES)
    county.bring("2024-01-05", "名册.csv", [
        listed(1), listed(2), listed(3, town="330112104"), listed(4, town="330112104", house="F0003", head=3),
    ], ROSTER)  # fmt: skip
    rows = [settled(f"S{n}", n, "2023-03-01", f"{20000 + n * 1000}") for n in (1, 2, 3, 4)]
    county.bring("2024-01-05", "结算.csv", [*rows, settled("S9", 9, "2023-03-01", "35000")])
    return county


def test_a_township_sees_its_own_people_with_all_reasons(tmp_path: Path) -> None:
    outcome = three_townships(tmp_path).run("2024-03-01")
    assert set(books(outcome)) == {"高虹镇", "於潜镇", "未知乡镇"}
    rows = listed_rows(books(outcome)["於潜镇"])
    assert list(rows[0]) == [
        "预警编号", "村社区", "姓名", "身份证号", "电话", "住址", "为什么", "可享受而未享受", "上次走访", "走访日期", "走访人",
        "核实结果", "帮扶措施", "帮扶金额", "办结日期", "期号",
    ]  # fmt: skip
    four = next(r for r in rows if str(r["为什么"]).startswith("2023年度个人现金支付24,000.00元"))
    assert four["为什么"] == (
        "2023年度个人现金支付24,000.00元，达到预警线20,000.00元（年度现金支付预警线）；"
        "2023年度个人承担医疗费用24,000.00元，为预警线30,000.00元（2022年度农村居民人均可支配收入）的80%；"
        "所在家庭：低保家庭，2023年度合理医疗费用47,000.00元，超过封顶线30,000.00元，超出17,000.00元。"
    )
    assert four["可享受而未享受"] == "2023年度封顶化解待付17,000.00元"
    assert {r["村社区"] for r in rows} == {"甲村"}
    (unknown,) = listed_rows(books(outcome)["未知乡镇"])
    assert unknown["参保地"] == "临安区"
    assert outcome.warehouse is not None
    numbers = table(outcome.warehouse, "select warning_id from mart.warning")["warning_id"].to_list()
    shown = [r["预警编号"] for path in books(outcome).values() for r in listed_rows(path)]
    assert sorted(map(str, shown)) == sorted(numbers)


def test_the_workbook_filled_in_and_sent_back_moves_the_cases(tmp_path: Path) -> None:
    county = three_townships(tmp_path)
    outcome = county.run("2024-03-01")
    book = books(outcome)["高虹镇"]
    numbers = [str(r["预警编号"]) for r in listed_rows(book)]
    assert len(numbers) == 2
    done: dict[str, dict[str, object]] = {
        numbers[0]: {
            "走访日期": date(2024, 3, 5), "走访人": "李某", "核实结果": "属实", "帮扶措施": "临时救助", "帮扶金额": 1500.5,
            "办结日期": date(2024, 3, 8),
        },
        numbers[1]: {"走访日期": "2024/3/6", "核实结果": "不属实"},
    }  # fmt: skip
    back = filled(book, tmp_path / "back" / book.name, done)
    county.bring_file("2024-03-09", back)
    county.bring_file("2024-03-12", filled(back, tmp_path / "again" / book.name, {}))
    later = county.run("2024-03-15")
    assert later.warehouse is not None
    rows = {
        str(r["warning_id"]): r
        for r in table(later.warehouse, "select * from mart.warning").iter_rows(named=True)
    }
    closed, refuted = rows[numbers[0]], rows[numbers[1]]
    assert (closed["status"], closed["outcome"], float(closed["aid_yuan"]), closed["closed_on"]) == (
        "closed", "属实", 1500.5, date(2024, 3, 8),
    )  # fmt: skip
    assert (refuted["status"], refuted["visited_on"], refuted["overdue"]) == (
        "not_confirmed", date(2024, 3, 6), False,
    )  # fmt: skip
    assert {r["status"] for k, r in rows.items() if k not in numbers} == {"discovered"}
    assert "高虹镇" not in books(later)
    assert not [f for f in findings(later) if f[0] == "Z-27"]


def test_what_does_not_fit_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    county = three_townships(tmp_path)
    outcome = county.run("2024-03-01")
    mine, theirs = books(outcome)["於潜镇"], books(outcome)["高虹镇"]
    rows = [str(r["预警编号"]) for r in listed_rows(mine)]
    other = str(listed_rows(theirs)[0]["预警编号"])
    visit: dict[str, object] = {"走访日期": date(2024, 3, 5), "核实结果": "属实"}
    answers = {
        rows[0]: visit | {"预警编号": other, "为什么": "我改了原因"},
        rows[1]: visit | {"预警编号": rows[1][:-1] + ("2" if rows[1][-1] != "2" else "3")},
    }
    county.bring_file("2024-03-06", filled(mine, tmp_path / "back" / mine.name, answers, drop=rows[2:]))
    later = county.run("2024-03-07")
    said = [text for rule, text in findings(later) if rule == "Z-27"]
    assert len(said) == 4
    for words in ("被改动", "其他乡镇街道", "编号不对", "少了行"):
        assert any(words in text for text in said), words
    assert later.warehouse is not None
    states = dict(table(later.warehouse, "select warning_id, status from mart.warning").iter_rows())
    assert (states[rows[0]], states[other], states[rows[1]]) == ("discovered", "verified", "discovered")


def test_answers_to_an_earlier_issue_and_in_several_steps(tmp_path: Path) -> None:
    county = three_townships(tmp_path)
    early = books(county.run("2024-03-01"))["於潜镇"]
    number = str(listed_rows(early)[0]["预警编号"])
    states = []
    for day, more in (
        ("2024-04-02", {"走访日期": date(2024, 4, 1), "核实结果": "待核实"}),
        ("2024-04-09", {"核实结果": "属实"}),
        ("2024-04-16", {"核实结果": "属实", "帮扶措施": "政策宣传"}),
        ("2024-04-20", {"核实结果": "属实", "办结日期": date(2024, 4, 19)}),
    ):
        back = filled(early, tmp_path / day / early.name, {number: more})
        county.bring_file(day, back)
        states.append(dict(county.cases(day).select("warning_id", "status").iter_rows())[number])
    assert states == ["visiting", "verified", "aided", "closed"]
    assert dict(county.cases("2024-04-21").select("warning_id", "visited_on").iter_rows())[number] == date(
        2024, 4, 1
    )


def test_a_closed_case_that_becomes_worse_is_opened_again(tmp_path: Path) -> None:
    county = County(tmp_path, INCOMES)
    county.bring("2023-03-01", "三月.csv", [settled("S1", 1, "2023-02-20", "25000")])
    first = county.run("2023-03-01")
    book = books(first)["未知乡镇"]
    number = str(listed_rows(book)[0]["预警编号"])
    done: dict[str, object] = {"走访日期": date(2023, 3, 3), "核实结果": "属实", "办结日期": date(2023, 3, 6)}
    county.bring_file("2023-03-07", filled(book, tmp_path / "b1" / "a.xlsx", {number: done}))
    assert one(county, "2023-03-08")["status"] == "closed"
    county.bring("2023-08-01", "八月.csv", [settled("S2", 1, "2023-07-20", "8000")])
    row = one(county, "2023-08-01")
    assert (row["status"], row["level"], row["opened_on"]) == ("reopened", "over", date(2023, 8, 1))
    # 1 August + 10 working days
    assert row["due_date"] == date(2023, 8, 15)
    again: dict[str, object] = {
        "走访日期": date(2023, 8, 4),
        "核实结果": "属实",
        "办结日期": date(2023, 8, 9),
    }
    county.bring_file("2023-08-10", filled(book, tmp_path / "b2" / "b.xlsx", {number: again}))
    assert one(county, "2023-08-11")["status"] == "closed"


def test_full_lists_on_their_day_and_what_is_new_between(tmp_path: Path) -> None:
    """May 2023: 1 to 3 are holidays, the first working day is the 4th."""
    county = County(tmp_path, INCOMES)
    county.bring("2023-04-20", "一.csv", [settled("S1", 1, "2023-04-10", "31000")])
    county.bring("2023-05-10", "二.csv", [
        settled("S2", 2, "2023-05-08", "32000"), settled("S3", 3, "2023-05-08", "25000"),
    ])  # fmt: skip

    def shown(on: str, *, push: bool = False) -> tuple[list[float], list[float]]:
        outcome = county.run(on, kind="nightly", push=push)
        book = books(outcome)["未知乡镇"]
        return tuple(  # type: ignore[return-value]  # two sheets, two lists
            sorted(
                len(str(r["预警编号"])) * 0
                + float(str(r["为什么"]).split("费用")[1].split("元")[0].replace(",", ""))
                for r in listed_rows(book, sheet)
            )
            for sheet in ("预警名单", "新增")
        )

    assert shown("2023-05-12") == ([31000.0], [32000.0])
    assert shown("2023-05-13", push=True) == ([25000.0, 31000.0, 32000.0], [])
    assert shown("2023-06-01") == ([25000.0, 31000.0, 32000.0], [])


def test_the_register_has_the_groups_the_warned_and_the_declared(tmp_path: Path) -> None:
    county = three_townships(tmp_path)
    county.bring("2024-01-05", "申报.csv", [
        f"{_cert(5)},王某,单位,2023-06-01,住院负担重,330112",
        f"{_cert(5)},王某,个人,2022-06-01,住院负担重,330112",
    ], "身份证号,姓名,申报人类别,申报日期,申报原因,区划代码")  # fmt: skip
    outcome = county.run("2024-03-01")
    assert outcome.warehouse is not None
    rows = table(outcome.warehouse, "select class, reason, entered_on, left_on from mart.risk_register")
    found = {(r["class"], r["reason"]): (r["entered_on"], r["left_on"]) for r in rows.iter_rows(named=True)}
    assert found["DIBAO", "名册"] == (date(2022, 1, 1), None)
    assert found["QIANZAI", "补充申报（单位）"] == (date(2023, 6, 1), date(2023, 12, 31))
    assert found["QIANZAI", "预警 L-22"] == (date(2023, 12, 31), date(2023, 12, 31))
    assert ("QIANZAI", "补充申报（个人）") not in found


def _cert(number: int) -> str:
    from tests.warning_home import certno

    return certno(number)


def test_nobody_warned_is_a_known_zero_on_the_map(tmp_path: Path) -> None:
    """With a standard in force and nobody near it n_warned is 0; without any standard it is not known."""
    county = County(tmp_path)
    county.bring("2024-01-05", "名册.csv", [listed(1)], ROSTER)
    county.bring("2024-01-05", "结算.csv", [settled("S1", 1, "2023-03-01", "100")])
    assert county.assessed("2024-03-01")["area_burden"]["n_warned"].unique().to_list() == [0]

    other = County(tmp_path / "other")
    other.bring("2024-01-05", "结算.csv", [settled("S1", 1, "2023-03-01", "100", county="500243")])
    assert other.assessed("2024-03-01")["area_burden"]["n_warned"].unique().to_list() == [None]


def test_a_township_code_as_place_of_insurance_is_the_county(tmp_path: Path) -> None:
    """参保地 330112102: insured in 临安 (equal or below), one case, and no standard of a county 330112102 is asked for."""
    county = County(tmp_path, INCOMES)
    county.bring("2024-01-05", "结算.csv", [settled("S1", 1, "2023-03-01", "30000.01", county="330112102")])
    assert county.cases("2024-03-01").select("rule_id", "region_code", "level").rows() == [
        ("L-22", "330112", "over")
    ]
    told = county.assessed("2024-03-01")["roster_finding"].filter(pl.col("rule_id").is_in(["L-21", "L-22"]))
    assert told.is_empty()
