"""What a policy file may not say, and that a new county is a new file and nothing else."""

from datetime import date
from pathlib import Path

import pytest

from schemas.policy import Policies, PolicyError, household_caps, load_policies
from schemas.what_if import changed

#: An invented county: a cap on the person, its own categories, a new figure from 2026.
HEAD = """
[policy]
id = "N"
document = "虚府办〔2025〕3号"
title = "虚构县个人医疗费用负担封顶办法"
territory = "990101"
territory_name = "虚构县"
issued = 2025-03-01
in_force = 2025-04-01
in_force_basis = "自2025年4月1日起施行"
"""
RULE = """
[[rule]]
id = "N-01"
kind = "household_cap"
title = "个人封顶"
article = "第三条"
quote = "以个人为单位"
unit_type = "person"
categories = ["DIBAO", "DIBIAN"]
readings = ["A-N01"]
"""
CAP = """
[[rule.parameter]]
name = "cap_yuan"
title = "封顶线"
unit = "yuan"
basis = "cost_year"
"""
FIRST = """
[[rule.parameter.version]]
effective_from = 2025-01-01
article = "第三条"
citation = "八千元、一万元"
values = { DIBAO = "8000", DIBIAN = "10000.50" }
"""
SECOND = """
[[rule.parameter.version]]
effective_from = 2026-01-01
in_force = 2026-02-01
article = "第一条"
citation = "虚府办〔2026〕1号:调整为九千元"
values = { DIBAO = "9000", DIBIAN = "10000.50" }
"""
REST = "".join(
    f"""
[[rule.parameter]]
name = "{name}"
title = "{name}"
unit = "{unit}"
basis = "fixed"
[[rule.parameter.version]]
effective_from = 2025-01-01
article = "第三条"
citation = "第三条"
value = {value}
"""
    for name, unit, value in (
        ("pay_rate", "ratio", '"0.90"'),
        ("first_cost_year", "year", "2025"),
        ("insured_in_region", "bool", "true"),
        ("designated_only", "bool", "false"),
    )
)
READING = """
[[reading]]
key = "A-N01"
question = "按人还是按户"
default = "a"
impact = "high"
reason = "第三条"
[reading.options]
a = "按人"
b = "按户"
"""
WHOLE = HEAD + RULE + CAP + FIRST + SECOND + REST + READING


def load(folder: Path, text: str, name: str = "invented.toml") -> Policies:
    (folder / name).write_text(text, encoding="utf-8")
    return load_policies(folder)


def test_a_new_county_is_a_new_file(tmp_path: Path) -> None:
    policies = load(tmp_path, WHOLE)
    (before,), (after,) = household_caps(policies, 2025), household_caps(policies, 2026)
    assert (before.unit_type, before.categories) == ("person", ("DIBAO", "DIBIAN"))
    assert before.cap_fen == {"DIBAO": 800_000, "DIBIAN": 1_000_050}
    assert after.cap_fen == {"DIBAO": 900_000, "DIBIAN": 1_000_050}
    assert (before.policy_version, after.policy_version) == ("N@2025-04-01", "N@2026-02-01")
    assert before.readings == {"A-N01": "a"}


def test_the_day_before_and_the_day_of_a_new_version(tmp_path: Path) -> None:
    rule = load(tmp_path, WHOLE).rule("N-01")
    assert rule.fen("cap_yuan", date(2025, 12, 31), "DIBAO") == 800_000
    assert rule.fen("cap_yuan", date(2026, 1, 1), "DIBAO") == 900_000


def test_an_abolished_rule_gets_a_closing_entry(tmp_path: Path) -> None:
    closing = '[[rule.parameter.version]]\neffective_from = 2027-01-01\narticle = "一"\ncitation = "废止"\nends = true\n'
    policies = load(tmp_path, HEAD + RULE + CAP + FIRST + SECOND + closing + REST + READING)
    assert len(household_caps(policies, 2026)) == 1
    assert household_caps(policies, 2027) == []
    with pytest.raises(PolicyError, match="没有有效取值"):
        policies.rule("N-01").fen("cap_yuan", date(2027, 1, 1), "DIBAO")


SAME = FIRST + SECOND


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('article = "第三条"\ncitation = "八千元、一万元"', 'citation = "八千元"', "article:缺少此项"),
        ('article = "第三条"\ncitation = "八千元、一万元"', 'article = ""\ncitation = "x"', "不能为空"),
        ('citation = "八千元、一万元"\n', "", "citation:缺少此项"),
        ('categories = ["DIBAO", "DIBIAN"]', 'categories = ["DIBAO", "DIBAIN"]', "DIBIAN 不在本规则"),
        ("2026-01-01\nin_force", "2025-01-01\nin_force", "重叠"),
        (
            'effective_from = 2025-01-01\narticle = "第三条"\ncitation = "八',
            'effective_from = 2025-01-01\neffective_to = 2026-12-31\narticle = "第三条"\ncitation = "八',
            "重叠",
        ),
        ("2026-01-01\nin_force", "2027-01-01\nin_force", None),
        (
            'effective_from = 2025-01-01\narticle = "第三条"\ncitation = "八',
            'effective_from = 2025-01-01\neffective_to = 2024-12-31\narticle = "第三条"\ncitation = "八',
            "早于",
        ),
        ("2026-01-01\nin_force", "2026-03-01\nin_force", "1月1日"),
        (
            'values = { DIBAO = "9000", DIBIAN = "10000.50" }',
            'values = { DIBAO = "9000" }',
            "类别与前一版本不同",
        ),
        ('values = { DIBAO = "9000", DIBIAN = "10000.50" }', 'value = "9000"', "类别与前一版本不同"),
        ('DIBAO = "8000"', "DIBAO = 8000.0", "写法不合"),
        ('DIBAO = "8000"', 'DIBAO = "8000.555"', "两位小数"),
        ('DIBAO = "8000"', "DIBAO = 8000", "两位小数"),
        ('value = "0.90"', "value = 1", "比例"),
        ('kind = "household_cap"', 'kind = "houshold_cap"', "取值只能是"),
        ('name = "pay_rate"', 'name = "pay_rat"', "缺少参数 pay_rate"),
        ('id = "N-01"', 'id = "M-01"', "N- 开头"),
        ('readings = ["A-N01"]', 'readings = ["A-N02"]', "A-N02 没有登记"),
        ('default = "a"', 'default = "c"', "不在 options 中"),
        ('unit_type = "person"\n', "", "unit_type"),
        ('title = "个人封顶"', 'title = "个人封顶"\ncolour = "red"', "不认识此项"),
        ("in_force = 2025-04-01", "in_force = 2025-02-01", "早于 issued"),
        ('id = "N"\n', 'id = "N"\nparent = "Q"\n', "parent Q"),
    ],
)
def test_what_is_refused(tmp_path: Path, old: str, new: str, message: str | None) -> None:
    assert old in WHOLE
    text = WHOLE.replace(old, new, 1)
    if message is None:  # the first version simply runs on: neither overlap nor gap
        assert household_caps(load(tmp_path, text), 2026)[0].cap_fen["DIBAO"] == 800_000
        return
    with pytest.raises(PolicyError, match=message):
        load(tmp_path, text)


def test_a_gap_between_versions_is_refused(tmp_path: Path) -> None:
    first = FIRST.replace("2025-01-01", "2025-01-01\neffective_to = 2025-12-31")
    second = SECOND.replace("2026-01-01", "2027-01-01")
    with pytest.raises(PolicyError, match="空档"):
        load(tmp_path, HEAD + RULE + CAP + first + second + REST + READING)


def test_a_gap_before_the_first_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="空档"):
        load(tmp_path, HEAD + RULE + CAP + SECOND + REST + READING)


def test_an_unknown_category_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="未知的类别 DIBAOO"):
        load(tmp_path, WHOLE.replace("DIBAO", "DIBAOO"))


def test_two_files_may_not_share_an_id(tmp_path: Path) -> None:
    load(tmp_path, WHOLE)
    with pytest.raises(PolicyError, match="政策编号 N 重复"):
        load(tmp_path, WHOLE, "second.toml")


def test_same_as_must_name_a_like_parameter(tmp_path: Path) -> None:
    linked = '\n[[rule.parameter]]\nname = "other_rate"\ntitle = "同前"\nunit = "ratio"\nbasis = "fixed"\n'
    linked += 'same_as = "N-01.{}"\narticle = "第四条"\ncitation = "同第三条"\n'
    good = load(tmp_path, WHOLE.replace(READING, linked.format("pay_rate") + READING))
    assert good.rule("N-01").fraction("other_rate", date(2025, 6, 1)) == good.rule("N-01").fraction(
        "pay_rate", date(2025, 6, 1)
    )
    for wrong in ("cap_yuan", "nothing", "other_rate"):
        with pytest.raises(PolicyError, match="same_as"):
            load(tmp_path, WHOLE.replace(READING, linked.format(wrong) + READING))


def test_a_policy_reads_an_entry_in_its_own_way(tmp_path: Path) -> None:
    """Its own letter before the entry's default; what is asked for by name (what if) before both."""
    own = HEAD.replace("in_force = 2025", 'reads = { A-N01 = "b" }\nin_force = 2025')
    policies = load(tmp_path, WHOLE.replace(HEAD, own))
    assert household_caps(policies, 2025)[0].readings == {"A-N01": "b"}
    assert policies.readings["A-N01"].default == "a"
    assert household_caps(changed(policies, {"A-N01": "a"}, 2025), 2025)[0].readings == {"A-N01": "a"}
    for wrong in ('{ A-N01 = "c" }', '{ A-N02 = "a" }'):
        with pytest.raises(PolicyError, match="没有登记"):
            load(tmp_path, WHOLE.replace(HEAD, own.replace('{ A-N01 = "b" }', wrong)))


def test_a_message_names_file_rule_parameter_and_version(tmp_path: Path) -> None:
    text = WHOLE.replace('article = "第一条"\n', "", 1)
    with pytest.raises(PolicyError) as error:
        load(tmp_path, text)
    assert str(error.value) == "invented.toml:规则 N-01 › 参数 cap_yuan › 第2个版本 › article:缺少此项"
