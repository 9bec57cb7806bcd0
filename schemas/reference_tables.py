"""The reference tables: columns, types and keys, one `Table` each (data/reference/*.csv)."""

from dataclasses import dataclass
from typing import Literal

ColumnType = Literal["text", "date", "year", "yuan", "region"]


@dataclass(frozen=True)
class Column:
    """A column: type, whether it must be filled, and the allowed values where they are few."""

    type: ColumnType = "text"
    required: bool = False
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """A table: Chinese title, columns in order, and the key under which a local row wins."""

    title: str
    key: tuple[str, ...]
    columns: dict[str, Column]


def _text(required: bool = False, allowed: tuple[str, ...] = ()) -> Column:
    return Column("text", required, allowed)


_REGION = Column("region", required=True)
_DATE = Column("date")
_SOURCE = _text(required=True)

TABLES: dict[str, Table] = {
    "income": Table(
        "人均可支配收入",
        ("region_code", "year", "kind"),
        {
            "region_code": _REGION,
            "year": Column("year", required=True),
            "kind": _text(True, ("urban", "rural")),
            "amount_yuan": Column("yuan"),
            "status": _text(required=True),
            "source": _SOURCE,
        },
    ),
    "negative_list": Table(
        "合理医疗费用负面清单",
        ("region_code", "item_kind", "item_code", "valid_from"),
        {
            "region_code": _REGION,
            "item_kind": _text(True, ("item", "category")),
            "item_code": _text(True),
            "item_name": _text(),
            "valid_from": Column("date", required=True),
            "valid_to": _DATE,
            "reason": _text(),
            "source": _SOURCE,
        },
    ),
    "special_disease": Table(
        "特殊疾病和慢性病清单",
        ("region_code", "code_kind", "code", "valid_from"),
        {
            "region_code": _REGION,
            "code_kind": _text(True, ("dise_no", "icd10_prefix")),
            "code": _text(True),
            "name": _text(),
            "class": _text(True, ("special", "chronic")),
            "valid_from": Column("date", required=True),
            "valid_to": _DATE,
            "source": _SOURCE,
        },
    ),
    "premium_standard": Table(
        "居民医保个人缴费标准",
        ("region_code", "insurance_year", "tier"),
        {
            "region_code": _REGION,
            "insurance_year": Column("year", required=True),
            "tier": _text(True, ("1", "2")),
            "amount_yuan": Column("yuan"),
            "source": _SOURCE,
        },
    ),
    "critical_illness": Table(
        "大病保险起付线、分段和比例",
        ("region_code", "year", "band_from_yuan"),
        {
            "region_code": _REGION,
            "year": Column("year", required=True),
            "band_from_yuan": Column(
                "yuan", required=True
            ),  # the first band begins at the threshold (起付线)
            "ratio": _text(required=True),  # of what lies in the band, "0.60"
            "cap_yuan": Column("yuan"),  # yearly limit of payment, empty: none
            "source": _SOURCE,
        },
    ),
    "med_type": Table(
        "医疗类别分组",
        ("province", "code"),
        {
            "province": _text(True),  # first two digits of a region code, * for everywhere
            "code": _text(True),  # ? stands for any one digit
            "group": _text(True, ("inpatient", "outpatient", "pharmacy", "other")),
            "source": _SOURCE,
        },
    ),
    "region_alias": Table(
        "区划代码别名",
        ("code", "use", "valid_from"),
        {
            "code": _REGION,
            "stands_for": _REGION,
            "use": _text(True, ("insured", "institution", "roster")),
            "valid_from": _DATE,
            "valid_to": _DATE,
            "source": _SOURCE,
        },
    ),
    "referral_free": Table(
        "不需转诊的就医地",
        ("region_code", "place_prefix", "valid_from"),
        {
            "region_code": _REGION,
            "place_prefix": _text(True),
            "hosp_lv_max": _text(),
            "valid_from": _DATE,
            "source": _SOURCE,
        },
    ),
    "identity_label": Table(
        "救助身份用语对照",
        ("policy", "label", "valid_from"),
        {
            "policy": _text(True),
            "label": _text(True),
            "codes": _text(),  # category codes joined by |, empty: known wording without category
            "valid_from": _DATE,
            "source": _SOURCE,
        },
    ),
    "category": Table(
        "人员类别",
        ("code",),
        {
            "code": _text(True),
            "rank": _text(),  # place in the order of the unique category, empty: never the unique one
            "name_zh": _text(True),
            "name_en": _text(True),
            "source": _SOURCE,
        },
    ),
    "regions": Table(
        "行政区划",
        ("code",),
        {
            "code": _text(True),
            "name_zh": _text(True),
            "level": _text(True, ("province", "city", "county", "township", "village")),
            "parent_code": _text(),
            "source": _SOURCE,
        },
    ),
    "code_set": Table(
        "代码集",
        ("code_set", "code"),
        {
            "code_set": _text(True),
            "code": _text(True),
            "name_zh": _text(True),
            "name_en": _text(),
            "source": _SOURCE,
        },
    ),
    "working_calendar": Table(
        "工作日历",
        ("date_from",),
        {
            "year": Column("year", required=True),
            "kind": _text(True, ("off", "work")),
            "date_from": Column("date", required=True),
            "date_to": Column("date", required=True),
            "source": _SOURCE,
        },
    ),
    "roster_check": Table(
        "名单核对尺度",
        ("policy",),
        {
            "policy": _text(True),  # id of a policy, * for all others
            "shrink_share": _text(True),  # a 在册 list with a larger share fewer people ends nobody, "0.10"
            "shrink_rows": _text(True),  # and with more than so many people fewer, "5"
            "source": _SOURCE,
        },
    ),
}
