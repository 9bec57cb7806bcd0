"""Every quote and citation of a policy file stands in the document, under the article that is named, with its figure.

The texts themselves are not part of the project: where they are missing, only the figures are compared.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "data" / "policies"
TEXTS = Path("/work/shared/policy_documents")
SILENT = "文件未"
"""A citation that begins so says that the document gives nothing."""


class Cited(NamedTuple):
    """What a file says that a document says: where in the file, document, article, words, value, whether external."""

    where: str
    document: str
    article: str
    words: str
    unit: str = ""
    values: tuple[Any, ...] = ()
    external: bool = False


def cited() -> Iterator[Cited]:
    for path in sorted(FOLDER.glob("*.toml")):
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        document = content.get("policy", {}).get("document", "")
        for rule in content.get("rule", []):
            yield Cited(rule["id"], document, rule["article"], rule["quote"])
            for parameter in rule.get("parameter", []):
                for number, version in enumerate(parameter.get("version", [parameter]), start=1):
                    values = [*version.get("values", {}).values()] + [
                        version[k] for k in ("value",) if k in version
                    ]
                    where = f"{rule['id']}.{parameter['name']} {number}"
                    yield Cited(where, document, version["article"], version["citation"], parameter["unit"],
                                tuple(values), "external" in version)  # fmt: skip


ALL = list(cited())
QUOTED = [each for each in ALL if not each.external and not each.words.startswith(SILENT)]


def normal(text: str) -> str:
    """Without blanks, quotation marks and the difference between full and half width."""
    plain = re.sub(r"[\s*“”\"‘’']", "", unicodedata.normalize("NFKC", text))
    return plain.replace("—", "-").replace("–", "-")


def fragments(words: str) -> list[str]:
    """The passages of a citation, without the remark on it in brackets at its end."""
    parts = (re.sub(r"\((读法|未).*?\)$", "", normal(part)) for part in words.split("……"))
    return [part for part in parts if part]


HEADING = re.compile(
    r"(?<![一-龥\d])([一二三四五])、(?=[一-龥])|\(([一二三四五六七八])\)(?=[一-龥])|(?<!\d)([12345])\.(?=[一-龥])"
)
CLOSING = "自2024年2月1日起施行"


def article_at(text: str, place: int) -> str:
    """The article that a place of a document lies in: 二(三)2."""
    chapter = section = number = ""
    for found in HEADING.finditer(text, 0, place + 1):
        if found[1]:
            chapter, section, number = found[1], "", ""
        elif found[2]:
            section, number = f"({found[2]})", ""
        else:
            number = found[3]
    return chapter + section + number


def document_text(document: str) -> str:
    path = TEXTS / f"{document}.txt"
    if not path.exists():
        pytest.skip("the documents are not on this machine")
    raw = path.read_text(encoding="utf-8")
    # a heading begins its line; what joins the lines keeps that visible
    return normal(re.sub(r"\n[ #]*(?=[一二三四五]、)", "。", raw))


@pytest.mark.parametrize("each", QUOTED, ids=lambda each: each.where)
def test_the_words_stand_in_the_document_under_the_article(each: Cited) -> None:
    text = document_text(each.document)
    named = [re.sub(r"第.款$", "", part) for part in each.article.split("、")]
    for part in fragments(each.words):
        assert part in text, part
        places = [found.start() for found in re.finditer(re.escape(part), text)]
        articles = {article_at(text, place) for place in places}
        closing = "附则" in named and part in normal(CLOSING)
        assert closing or any(a.startswith(name) for a in articles for name in named), (part, articles)


WHOLE = {
    "W-06.pay_rate 1": "no ratio is written: all of it (A-W02)",
    "P-15.deductible_yuan 1": "取消",
    "P-20.not_referred_rate 1": "不纳入",
}
"""Figures that words give."""


def figures(words: str) -> set[Fraction]:
    """The amounts and shares that a citation writes in digits."""
    text = normal(words)
    found = {Fraction(n) * 10_000 for n in re.findall(r"(\d+(?:\.\d+)?)万", text)}
    found |= {Fraction(n) for n in re.findall(r"(\d+(?:\.\d+)?)元", text)}
    found |= {Fraction(n) / 100 for n in re.findall(r"(\d+(?:\.\d+)?)(?:%|个百分点)", text)}
    found |= {Fraction(int(a), int(b)) for a, b in re.findall(r"(\d+)[/:](\d+)", text)}
    return found | ({Fraction(1)} if "全额" in text else set())


@pytest.mark.parametrize(
    "each", [e for e in ALL if e.unit in ("yuan", "ratio") and not e.external], ids=lambda each: each.where
)
def test_every_amount_and_share_stands_in_its_citation(each: Cited) -> None:
    if each.where in WHOLE:
        assert WHOLE[each.where] in each.words or "A-W02" in each.words
        return
    assert {Fraction(value) for value in each.values} <= figures(each.words)
