"""A year of monthly rosters in Pengshui as the four departments send them, to be spoilt by a test."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

COUNTY = "500243"
SENDERS = {
    "特困人员": "民政", "低保对象": "民政", "低保边缘家庭成员": "民政", "因病致贫重病患者": "民政",
    "返贫致贫人口": "乡村振兴", "农村易返贫致贫人口": "乡村振兴", "在乡重点优抚对象": "退役军人", "城乡重度残疾人员": "残联",
}  # fmt: skip
CODES = {
    "特困人员": "TEKUN", "低保对象": "DIBAO", "低保边缘家庭成员": "DIBIAN", "因病致贫重病患者": "YINBING",
    "返贫致贫人口": "FANPIN", "农村易返贫致贫人口": "JIANCE", "在乡重点优抚对象": "YOUFU", "城乡重度残疾人员": "ZHONGCAN",
}  # fmt: skip
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
Row = dict[str, str]


def certificate(n: int, right: bool = True) -> str:
    """The n-th certificate number of a made-up division (500299), with a right or a wrong check digit."""
    first = f"500299{1940 + n % 60}{1 + n % 12:02d}{1 + n % 28:02d}{n:03d}"
    signs = "10X98765432"
    sign = sum(int(d) * w for d, w in zip(first, WEIGHTS, strict=True)) % 11
    return first + signs[sign if right else (sign + 1) % 11]


@dataclass
class List:
    """One list: month, category wording, kind, its rows; `sent`: when its department sends it."""

    month: int
    label: str
    kind: str
    rows: list[Row]
    sent: date | None

    @property
    def department(self) -> str:
        return SENDERS[self.label]


@dataclass
class RosterYear:
    """`people` persons of each category; each month one comes and, from March on, one who came before goes."""

    year: int
    people: int = 20
    lists: dict[tuple[int, str, str], List] = field(default_factory=dict)
    ended: set[tuple[str, str, date]] = field(default_factory=set)
    """(certificate, code, last day) of everybody whom a 减少 list removes."""

    def __post_init__(self) -> None:
        for place, label in enumerate(SENDERS):
            held = {place * 100 + n: date(self.year - 1, 1, 1) for n in range(self.people)}
            for month in range(1, 13):
                first, sent = date(self.year, month, 1), date(self.year, month, 3)
                new = {place * 100 + self.people + month: first} if month > 1 else {}
                gone = {place * 100 + month: held[place * 100 + month]} if month > 2 else {}
                held = {n: since for n, since in (held | new).items() if n not in gone}
                for kind, some in (("在册", held), ("新增", new), ("减少", gone)):
                    rows = [self.row(n, label, since, kind, month) for n, since in some.items()]
                    self.lists[month, label, kind] = List(month, label, kind, rows, sent)
                self.ended |= {(certificate(n), CODES[label], first - timedelta(days=1)) for n in gone}

    def row(self, n: int, label: str, since: date, kind: str, month: int) -> Row:
        number = certificate(n)
        return {
            "区划代码": COUNTY, "家庭编号": f"P{n}", "户主身份证号": number, "姓名": "冉某", "身份证号": number,
            "救助身份": label, "生效日期": since.isoformat(), "失效日期": "", "乡镇街道": "汉葭街道", "认定部门": SENDERS[label],
            "名单类型": kind, "名单月份": f"{self.year}{month:02d}", "减少原因": "不再符合条件" if kind == "减少" else "",
        }  # fmt: skip

    def spoil(self, month: int, label: str, kind: str, change: Callable[[list[Row]], list[Row]]) -> None:
        one = self.lists[month, label, kind]
        one.rows = change(one.rows)

    def write(self, folder: Path) -> list[tuple[Path, date]]:
        """A file for each department, month and day of sending; lists that are never sent are left out."""
        files: dict[tuple[str, int, date], list[Row]] = {}
        for one in self.lists.values():
            if one.sent is not None and one.rows:
                files.setdefault((one.department, one.month, one.sent), []).extend(one.rows)
        written = []
        for number, ((department, month, sent), rows) in enumerate(files.items()):
            path = folder / f"{department}_{self.year}{month:02d}_{number}.csv"
            with path.open("w", encoding="utf-8", newline="") as handle:
                out = csv.DictWriter(handle, list(rows[0]))
                out.writeheader()
                out.writerows(rows)
            written.append((path, sent))
        return sorted(written, key=lambda one: (one[1], one[0].name))
