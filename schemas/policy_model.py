"""The shape of a policy file (政策文件): one TOML file a document, each value dated, with unit and article.

A value without its article, an unknown category, overlapping versions or a gap between them is refused
when the file is read. Amounts and ratios are text in the file and exact numbers here (whole fen,
`Fraction`), so no binary float ever touches a parameter.
"""

import re
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, model_validator

CaseCode = Annotated[StrictStr, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
RegionCode = Annotated[StrictStr, Field(pattern=r"^\d{6}$")]
RuleId = Annotated[StrictStr, Field(pattern=r"^[A-Z][A-Z0-9]*-\d{2,}$")]
ReadingKey = Annotated[StrictStr, Field(pattern=r"^A-[A-Z][A-Z0-9]*\d{2,}$")]
Letter = Annotated[StrictStr, Field(pattern=r"^[a-z]$")]
Text = Annotated[StrictStr, Field(min_length=1)]
Raw = StrictBool | StrictInt | StrictStr | date | list[StrictStr]

Kind = Literal[
    "aid_register",
    "application",
    "assistance_deductible",
    "assistance_inpatient",
    "assistance_scope",
    "assistance_special",
    "burden",
    "case_flow",
    "candidate_list",
    "consent",
    "cost_year",
    "critical_illness_tilt",
    "declaration",
    "deposit_waiver",
    "early_warning",
    "eligibility",
    "enrolment_watch",
    "full_drug_cover",
    "fund_budget",
    "fund_match",
    "fund_share",
    "high_cost",
    "household_cap",
    "household_relief",
    "indicator_target",
    "information_sharing",
    "lead",
    "pilot",
    "population",
    "premium_subsidy",
    "premium_subsidy_payer",
    "premium_subsidy_tier2",
    "ranking",
    "referral",
    "roster_due",
    "roster_merge",
    "roster_senders",
    "supplementary_coverage",
    "temporary_premium",
    "tilt",
    "unique_category",
    "waiting_period",
    "warning",
]
Unit = Literal[
    "yuan",
    "ratio",
    "count",
    "year",
    "bool",
    "date",
    "text",
    "text_list",
    "code_list",
    "category_list",
    "region_list",
]
#: Which date picks the version: a date of the fact, the cost year, or nothing (a constant of the document).
Basis = Literal["date", "cost_year", "fixed"]

#: Parameters without which a rule of this kind cannot be computed.
REQUIRED_PARAMETERS: dict[str, frozenset[str]] = {
    "household_cap": frozenset(
        {"cap_yuan", "pay_rate", "first_cost_year", "insured_in_region", "designated_only"}
    ),
    "household_relief": frozenset(
        {
            "threshold_yuan",
            "limit_yuan",
            "pay_rate",
            "first_cost_year",
            "counted_from",
            "insured_in_region",
            "designated_only",
        }
    ),
    "indicator_target": frozenset({"target"}),
    "early_warning": frozenset({"watch_share"}),
    "case_flow": frozenset({"visit_working_days", "issue_working_day"}),
    "assistance_special": frozenset({"rate", "limit_yuan"}),
    "assistance_inpatient": frozenset({"rate", "gate_yuan", "min_level", "limit_yuan"}),
    "tilt": frozenset({"threshold_yuan", "rate", "limit_yuan", "inside"}),
    "premium_subsidy": frozenset({"tier1_rate"}),
    "premium_subsidy_tier2": frozenset({"tier2_rate"}),
    "temporary_premium": frozenset({"ages_confirmed", "old_age", "young_age"}),
    "consent": frozenset({"required"}),
    "critical_illness_tilt": frozenset({"threshold_factor", "ratio_add", "capped"}),
    "full_drug_cover": frozenset({"enabled", "counties", "counties_max", "diseases", "level_max"}),
    "pilot": frozenset({"pilot_counties"}),
    "roster_due": frozenset({"due_day"}),
    "roster_senders": frozenset({"sender"}),
    "roster_merge": frozenset({"merge_working_days"}),
}

_YUAN = re.compile(r"^\d{1,12}(\.\d{1,2})?$")
_RATIO = re.compile(r"^(\d+(\.\d+)?|\d+/[1-9]\d*)$")


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


def value_fault(unit: Unit, raw: Raw) -> str | None:
    """Why `raw` is no value of `unit` (Chinese), or None when it is one."""
    match unit:
        case "yuan":
            good = isinstance(raw, str) and _YUAN.match(raw) is not None
            return None if good else "金额须写成文字,至多两位小数,如 “5000”"
        case "ratio":
            good = isinstance(raw, str) and _RATIO.match(raw) is not None
            return None if good else "比例须写成文字,如 “0.80” 或 “1/3”"
        case "count" | "year":
            good = isinstance(raw, int) and not isinstance(raw, bool) and raw >= 0
            if good and unit == "year":
                good = isinstance(raw, int) and 1990 <= raw <= 2100
            return None if good else "须为非负整数(年份为四位数)"
        case "bool":
            return None if isinstance(raw, bool) else "须为 true 或 false"
        case "date":
            return None if isinstance(raw, date) else "须为日期,如 2024-02-01"
        case "text":
            return None if isinstance(raw, str) and raw else "须为非空文字"
        case "text_list" | "code_list":
            return None if isinstance(raw, list) else "须为文字列表"
        case "category_list":
            good = isinstance(raw, list) and all(re.fullmatch(r"[A-Z][A-Z0-9_]*", code) for code in raw)
            return None if good else "须为类别代码的列表"
        case "region_list":
            good = isinstance(raw, list) and all(re.fullmatch(r"\d{6}", code) for code in raw)
            return None if good else "须为六位区划代码的列表"


class Version(_Strict):
    """One dated state of a parameter: `value`, or `values` by category, or `ends` (abolished from here)."""

    effective_from: date
    effective_to: date | None = None  # inclusive; None: until the next version starts
    article: Text
    citation: Text
    value: Raw | None = None
    values: dict[CaseCode, Raw] | None = None
    ends: StrictBool = False
    in_force: date | None = None  # of an amending document; None: the policy's own
    external: Text | None = None  # the document gives no figure: where this one comes from
    note: Text | None = None

    @model_validator(mode="after")
    def _one_content(self) -> Self:
        given = [self.value is not None, self.values is not None, self.ends]
        if sum(given) != 1:
            raise ValueError("value、values、ends 三者须恰有其一")
        if self.effective_to is not None and self.effective_to < self.effective_from:
            raise ValueError("effective_to 早于 effective_from")
        return self


def _span_faults(versions: list[Version]) -> str | None:
    """The first overlap or gap between dated versions in file order, or None."""
    for earlier, later in pairwise(versions):
        if later.effective_from <= earlier.effective_from:
            return f"{later.effective_from} 的版本与前一版本重叠或次序颠倒"
        if earlier.effective_to is not None:
            expected = earlier.effective_to + timedelta(days=1)
            if later.effective_from < expected:
                return f"{later.effective_from} 的版本与前一版本(至 {earlier.effective_to})重叠"
            if later.effective_from > expected:
                return f"{earlier.effective_to} 与 {later.effective_from} 之间有空档"
        if earlier.ends:
            return f"{earlier.effective_from} 已废止,其后不得再有版本"
    return None


class Parameter(_Strict):
    """A dated parameter of a rule (参数), or a reference to another rule's (`same_as = "P-16.rate"`)."""

    name: Annotated[StrictStr, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    title: Text
    unit: Unit
    basis: Basis
    version: list[Version] = Field(default_factory=list)
    same_as: Annotated[StrictStr, Field(pattern=r"^[A-Z][A-Z0-9]*-\d{2,}\.[a-z][a-z0-9_]*$")] | None = None
    article: Text | None = None
    citation: Text | None = None

    @model_validator(mode="after")
    def _dated_and_cited(self) -> Self:
        if self.same_as is not None:
            if self.version or not self.article or not self.citation:
                raise ValueError("same_as 须有 article 和 citation,且不再另列版本")
            return self
        if not self.version:
            raise ValueError("没有任何版本")
        if fault := _span_faults(self.version):
            raise ValueError(fault)
        keys: set[str] | None = None
        for number, version in enumerate(self.version, start=1):
            contents = list((version.values or {}).values())
            if version.value is not None:
                contents.append(version.value)
            for raw in contents:
                if fault := value_fault(self.unit, raw):
                    raise ValueError(f"第 {number} 个版本:{fault}")
            if not version.ends:
                now = set(version.values) if version.values is not None else set()
                if keys is not None and now != keys:
                    raise ValueError(f"第 {number} 个版本的类别与前一版本不同,未变的也须重列")
                keys = now
            if self.basis == "cost_year" and not _whole_years(version):
                raise ValueError(f"第 {number} 个版本按费用年度取值,须自1月1日起、至12月31日止")
        return self

    def at(self, on: date) -> Version | None:
        """The version in force on `on`; None where there is none or the parameter was abolished."""
        started = [v for v in self.version if v.effective_from <= on]
        if not started or started[-1].ends:
            return None
        end = started[-1].effective_to
        return started[-1] if end is None or on <= end else None


def _whole_years(version: Version) -> bool:
    start, end = version.effective_from, version.effective_to
    return (start.month, start.day) == (1, 1) and (end is None or (end.month, end.day) == (12, 31))


class Rule(_Strict):
    """One rule of the catalogue (规则) with its article, quote, people, parameters and readings."""

    id: RuleId
    kind: Kind
    title: Text
    article: Text
    quote: Text
    unit_type: Literal["household", "person"] | None = None
    categories: list[CaseCode] = Field(default_factory=list)
    indicator: Annotated[StrictStr, Field(pattern=r"^IND-\d+$")] | None = None
    measure: Literal["CASH", "PSN", "POL", "R0", "R1", "B"] | None = None
    operator: Literal[">", ">=", "<", "<=", "="] | None = None
    readings: list[ReadingKey] = Field(default_factory=list)
    parameter: list[Parameter] = Field(default_factory=list)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        names = [p.name for p in self.parameter]
        if len(set(names)) != len(names):
            raise ValueError("参数名重复")
        if missing := REQUIRED_PARAMETERS.get(self.kind, frozenset()) - set(names):
            raise ValueError(f"{self.kind} 缺少参数 {'、'.join(sorted(missing))}")
        if len(set(self.categories)) != len(self.categories):
            raise ValueError("categories 有重复")
        if self.kind in ("household_cap", "household_relief") and not (self.categories and self.unit_type):
            raise ValueError(f"{self.kind} 须写明 categories 和 unit_type")
        if self.kind == "indicator_target" and not (self.indicator and self.operator):
            raise ValueError("指标目标须写明 indicator 和 operator")
        for parameter in self.parameter:
            self._check_categories(parameter)
        return self

    def _check_categories(self, parameter: Parameter) -> None:
        for version in parameter.version:
            if version.values is None:
                continue
            given, wanted = set(version.values), set(self.categories)
            if extra := given - wanted:
                raise ValueError(
                    f"{parameter.name}:类别 {'、'.join(sorted(extra))} 不在本规则的 categories 中"
                )
            if lacking := wanted - given:
                raise ValueError(f"{parameter.name}:类别 {'、'.join(sorted(lacking))} 没有取值")


class Reading(_Strict):
    """An entry of the ambiguity register (歧义登记): the possible readings and the default."""

    key: ReadingKey
    question: Text
    default: Annotated[StrictStr, Field(pattern=r"^[a-z]$")]
    impact: Literal["low", "medium", "high", "very high"]
    reason: Text
    options: dict[Annotated[StrictStr, Field(pattern=r"^[a-z]$")], Text]

    @model_validator(mode="after")
    def _default_exists(self) -> Self:
        if self.default not in self.options:
            raise ValueError(f"默认读法 {self.default} 不在 options 中")
        return self


class Policy(_Strict):
    """The head of a policy file: document, territory and dates."""

    id: Annotated[StrictStr, Field(pattern=r"^[A-Z][A-Z0-9]*$")]
    document: Text  # 文号
    title: Text
    territory: RegionCode
    territory_name: Text
    issued: date
    in_force: date
    in_force_basis: Text
    parent: StrictStr | None = None
    reads: dict[ReadingKey, Letter] = Field(default_factory=dict)
    """How this policy reads entries of the register otherwise than their default."""

    @model_validator(mode="after")
    def _dates(self) -> Self:
        if self.in_force < self.issued:
            raise ValueError("in_force 早于 issued")
        return self


class Common(_Strict):
    """The head of a file that holds only readings no single document owns (共同口径)."""

    title: Text


class PolicyFile(_Strict):
    """A whole policy file: head, rules and readings."""

    policy: Policy | None = None
    common: Common | None = None
    rule: list[Rule] = Field(default_factory=list)
    reading: list[Reading] = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_head(self) -> Self:
        if (self.policy is None) == (self.common is None):
            raise ValueError("须恰有一个 [policy] 或 [common] 表头")
        if self.policy is None:
            if self.rule:
                raise ValueError("[common] 文件只能登记读法")
            return self
        for rule in self.rule:
            if not rule.id.startswith(f"{self.policy.id}-"):
                raise ValueError(f"规则 {rule.id} 的编号须以 {self.policy.id}- 开头")
            self._check_start(rule)
        return self

    def _check_start(self, rule: Rule) -> None:
        """A parameter must have a value from the first day on which its rule can be asked for it."""
        if self.policy is None:
            return
        start = self.policy.in_force
        first_year = next((p for p in rule.parameter if p.name == "first_cost_year"), None)
        if first_year is not None and isinstance(first_year.version[0].value, int):
            start = date(first_year.version[0].value, 1, 1)
        for parameter in rule.parameter:
            if not parameter.version or rule.kind == "indicator_target":
                continue  # a target may start in a later year by its own words
            first = parameter.version[0].effective_from
            if first > start:
                raise ValueError(f"{rule.id} {parameter.name}:{start} 至 {first} 之间没有取值(空档)")


def fen(text: str) -> int:
    """Whole fen of a yuan amount written as text ("5000", "1000.15")."""
    return int(Fraction(text) * 100)
