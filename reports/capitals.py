"""Amounts in Chinese capitals (中文大写金额), as bills and payment lists carry them."""

from __future__ import annotations

DIGITS = "零壹贰叁肆伍陆柒捌玖"
PLACES = ("仟", "佰", "拾", "")
GROUPS = (("亿", 10**8), ("万", 10**4), ("", 1))


def capitals(fen: int) -> str:
    """Fen as 人民币 in capitals: 1 409.50 yuan → 人民币壹仟肆佰零玖元伍角 (支付结算办法 附件一)."""
    yuan, cents = divmod(abs(fen), 100)
    if yuan >= 10**12:
        raise ValueError("an amount of this size has no customary writing in capitals")
    text = _whole(yuan) + "元" if yuan else ""
    jiao, rest = divmod(cents, 10)
    if jiao:
        text += DIGITS[jiao] + "角"
    elif rest and yuan:
        text += "零"
    if rest:
        text += DIGITS[rest] + "分"
    sign = "负" if fen < 0 else ""
    return f"人民币{sign}{text or '零元'}{'' if cents else '整'}"


def _whole(yuan: int) -> str:
    """A whole number above 0 in capitals; one 零 for each run of zeros between digits."""
    text = ""
    for unit, size in GROUPS:
        number = yuan // size % 10_000
        if number:
            text += ("零" if text and number < 1000 else "") + _four(number) + unit
    return text


def _four(number: int) -> str:
    """A number of up to four digits, without leading zeros."""
    text = ""
    for digit, place in zip(f"{number:04d}", PLACES, strict=True):
        if digit != "0":
            text += DIGITS[int(digit)] + place
        elif text and not text.endswith("零"):
            text += "零"
    return text.rstrip("零")
