"""Amounts in Chinese capitals: the examples of 支付结算办法 附件一 (正确填写票据和结算凭证的基本规定), and edges."""

from __future__ import annotations

import pytest

from reports.capitals import capitals

WRITTEN = {
    140_950: "人民币壹仟肆佰零玖元伍角",
    600_714: "人民币陆仟零柒元壹角肆分",
    168_032: "人民币壹仟陆佰捌拾元叁角贰分",
    10_700_053: "人民币壹拾万柒仟元伍角叁分",
    1_640_902: "人民币壹万陆仟肆佰零玖元零贰分",
    32_504: "人民币叁佰贰拾伍元零肆分",
    0: "人民币零元整",
    1: "人民币壹分",
    50: "人民币伍角",
    100: "人民币壹元整",
    1_900_000: "人民币壹万玖仟元整",
    2_001_000_100: "人民币贰仟零壹万零壹元整",
    10_000_000_000: "人民币壹亿元整",
    10_050_000_000: "人民币壹亿零伍拾万元整",
    -150: "人民币负壹元伍角",
}


@pytest.mark.parametrize(("fen", "text"), WRITTEN.items())
def test_capitals(fen: int, text: str) -> None:
    assert capitals(fen) == text


def test_a_sum_beyond_all_lists_is_refused() -> None:
    with pytest.raises(ValueError, match="customary"):
        capitals(10**14)
