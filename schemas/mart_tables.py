"""The tables of schema `mart`: grain, columns in order, key.

`pinned` columns are promised to readers; `extra` ones follow them. `key` is the stable order of the rows and identifies
each of them where `unique` stands.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TableSpec:
    """One mart table as written down: names only, separated by blanks."""

    name: str
    zh: str
    en: str
    pinned: str
    key: str
    extra: str = ""
    unique: bool = True


SPECS: tuple[TableSpec, ...] = (
    TableSpec(
        "person_year",
        "人员年度",
        "one row per person and cost year",
        "person_key name_masked certno_masked birth_year sex deceased_on region_code township_code township_source "
        "village household_id cost_year category identities insutype n_settlements n_inpatient tot_yuan pol_yuan "
        "fund_yuan psn_yuan acct_yuan cash_yuan com_yuan sub_yuan neg_yuan unused_yuan private_yuan burden_yuan "
        "incomplete",
        "cost_year person_key",
        "deceased",
    ),
    TableSpec(
        "household_year",
        "家庭年度",
        "one row per roster household and cost year",
        "household_id region_code township_code village head_name_masked cost_year category n_members n_members_ever "
        "n_settlements tot_yuan psn_yuan com_yuan sub_yuan neg_yuan burden_yuan incomplete",
        "cost_year region_code household_id",
    ),
    TableSpec(
        "benefit_line",
        "待遇明细",
        "one row per rule, unit and cost year (and visit, where the rule is per visit)",
        "benefit_id rule_id region_code unit_type unit_id person_key cost_year settlement_id category base_yuan "
        "threshold_yuan rate limit_before_yuan limit_after_yuan amount_yuan policy_version article readings status "
        "needs_review adjustment_of run_id",
        "rule_id cost_year region_code unit_id settlement_id benefit_id",
        extra="floor_yuan decision paid_yuan recorded_yuan adjustment_yuan closed_yuan confirmed",
    ),
    TableSpec(
        "benefit_item",
        "待遇构成",
        "one row per benefit line and settlement of the unit's members, counted or not",
        "benefit_id settlement_id base_yuan person_key setl_date institution_name psn_yuan com_yuan sub_yuan neg_yuan "
        "burden_yuan counted reason category_on_day household_id_on_day file_id source_row",
        "benefit_id settlement_id person_key file_id sheet source_row reason",
        extra="sheet institution_code",
    ),
    TableSpec(
        "cap_gap",
        "封顶差额",
        "one row per unit under a household cap or relief (L-04, W-06) and cost year",
        "rule_id region_code township_code village unit_type unit_id household_id head_name_masked n_members cost_year "
        "category burden_yuan cap_yuan gap_yuan distance_yuan limit_yuan amount_yuan paid_yuan adjustment_yuan status "
        "needs_review incomplete_reason",
        "rule_id cost_year region_code unit_id",
        extra="benefit_id head_person_key confirmed floor_yuan closed_yuan decision",
    ),
    TableSpec(
        "review_case",
        "复核事项",
        "one row per benefit line and other reading that gives another amount",
        "benefit_id reading_key reading amount_yuan",
        "benefit_id reading_key reading",
    ),
    TableSpec(
        "decision",
        "审核决定",
        "one row per decision as received, matched to its benefit",
        "benefit_id stale",
        "region_code cost_year object_type object_id decided_on decision file_id source_row",
        extra="region_code object_type object_id owner_key cost_year decision decision_value decided_on "
        "revoked_on status message_zh file_id sheet source_row",
        unique=False,
    ),
    TableSpec(
        "payment",
        "其他保障与已付",
        "one row per supplementary payment or paid-ledger row as received, matched to what it was used on",
        "benefit_id stale",
        "source_table cost_year person_key object_id settlement_id serial paid_on file_id source_row",
        extra="source_table region_code person_key rule_id object_id cost_year year named_settlement_id settlement_id "
        "kind amount_yuan used_yuan unused_yuan paid_on payer serial status finding message_zh file_id source_row",
        unique=False,
    ),
    TableSpec(
        "assistance_audit",
        "救助核查",
        "one row per outpatient settlement or stay of an assistance object",
        "settlement_id person_key region_code cost_year category rule_id ma_due_yuan ma_actual_yuan tilt_due_yuan "
        "tilt_actual_yuan difference_yuan verdict reason",
        "cost_year region_code person_key settlement_id rule_id",
    ),
    TableSpec(
        "premium_subsidy",
        "资助参保",
        "one row per person and insurance year",
        "person_key region_code insurance_year category tier standard_yuan rate subsidy_yuan paid_self_yuan "
        "payer_region_code actual_yuan difference_yuan source verdict",
        "insurance_year region_code person_key",
        extra="reason paid_on before_document benefit_id",
    ),
    TableSpec(
        "warning",
        "预警个案",
        "one row per warning case: rule, person and year",
        "warning_id rule_id kind level level_first_seen person_key household_id region_code township_code village year "
        "measure_yuan threshold_yuan provisional first_seen last_seen status outcome reason due_date visited_on "
        "aid_yuan closed_on overdue",
        "year region_code rule_id warning_id",
        "over_since opened_on forecast_yuan forecast_error",
    ),
    TableSpec(
        "risk_register",
        "风险对象库",
        "one row per person and episode",
        "person_key region_code township_code class reason entered_on left_on",
        "region_code person_key class entered_on reason",
    ),
    TableSpec(
        "enrolment_gap",
        "参保缺口",
        "one row per person and finding",
        "person_key region_code township_code year category finding since suggestion",
        "year region_code person_key finding",
        extra="village",
    ),
    TableSpec(
        "roster_delivery",
        "名单报送",
        "one row per region, month, department, category and list kind",
        "region_code month department category kind due_on strict_due_on received_on n_rows status",
        "region_code month department category kind",
        extra="merge_due_on",
    ),
    TableSpec(
        "roster_finding",
        "名册发现",
        "one row per finding about a roster or an identity",
        "region_code month rule_id person_key finding",
        "region_code month rule_id person_key finding file_id source_row",
        extra="department household_id settlement_id n_rows amount_yuan suggestion file_id source_row",
        unique=False,
    ),
    TableSpec(
        "certificate_span",
        "身份期间",
        "one row per person, category and period of holding it, over all years; mart.person_on(day) reads it",
        "person_key region_code category category_rank department valid_from valid_to file_id source_row",
        "person_key category valid_from region_code department file_id source_row",
        unique=False,
    ),
    TableSpec(
        "membership_span",
        "家庭成员期间",
        "one row per person, household number as delivered and period of belonging to it, over all years",
        "person_key household_id valid_from valid_to",
        "person_key valid_from household_id",
    ),
    TableSpec(
        "lead",
        "线索",
        "one row per lead to look into; never a benefit effect",
        "region_code date rule_id person_key finding",
        "region_code date rule_id person_key finding settlement_id",
        extra="settlement_id other_settlement_id institution_code amount_yuan cost_year",
        unique=False,
    ),
    TableSpec(
        "critical_illness",
        "大病保险重算",
        "one row per person entitled to better critical-illness terms and cost year; compared, never a benefit",
        "",
        "cost_year region_code person_key",
        extra="rule_id region_code person_key cost_year category n_settlements base_yuan threshold_yuan due_yuan "
        "actual_yuan difference_yuan verdict reason",
    ),
    TableSpec(
        "deposit_waiver",
        "免除押金",
        "one row per stay for which no deposit may be taken, or of which that is not known",
        "",
        "cost_year region_code settlement_id",
        extra="rule_id region_code settlement_id person_key cost_year category institution_code institution_name "
        "admitted_on settled_on deposit_yuan verdict reason",
    ),
    TableSpec(
        "application",
        "救助申请",
        "one row per application for assistance, with its stage and age",
        "",
        "region_code applied_on application_no person_key aid_kind file_id source_row",
        extra="rule_id region_code township_code application_no person_key cost_year aid_kind applied_on accepted_on "
        "reviewed_on decided_on paid_on stage n_days outcome amount_yuan file_id source_row",
        unique=False,
    ),
    TableSpec(
        "aid_register",
        "帮扶登记",
        "one row per person on a monitored roster, cost year and kind of help received",
        "",
        "cost_year region_code household_id person_key aid_kind source",
        extra="rule_id region_code township_code household_id person_key cost_year category aid_kind source n_payments "
        "amount_yuan last_on",
    ),
    TableSpec(
        "high_cost",
        "高额费用清单",
        "one row per unit above the local standard and cost year, open until what lies above it is paid",
        "",
        "rule_id cost_year region_code unit_id",
        extra="rule_id region_code township_code village unit_type unit_id household_id cost_year category burden_yuan "
        "standard_yuan excess_yuan aid_yuan paid_yuan residual_yuan pol_yuan self_pay_yuan state n_days benefit_rule_id",
    ),
    TableSpec(
        "indicator",
        "指标",
        "one row per region, year, indicator, population, variant and policy that sets a target",
        "region_code year indicator_id population variant policy_id numerator denominator value target met provisional",
        "region_code year indicator_id population variant policy_id",
    ),
    TableSpec(
        "layer_waterfall",
        "分层保障",
        "one row per unit, cost year and layer",
        "unit_type unit_id region_code cost_year layer_no layer_code paid_yuan remaining_yuan",
        "cost_year region_code unit_type unit_id layer_no",
        extra="aside_yuan",
    ),
    TableSpec(
        "fund_position",
        "基金状况",
        "one row per region, year and fund",
        "raised_yuan fiscal_yuan social_yuan insurer_yuan institution_yuan village_yuan other_yuan allocated_yuan "
        "due_yuan paid_yuan balance_yuan rule_id check_left check_right met",
        "region_code year fund rule_id",
        extra="region_code year fund forecast_yuan projected_yuan n_units n_objects",
    ),
    TableSpec(
        "area_burden",
        "地区负担",
        "one row per area, level, year and category",
        "area_code area_level year category n_persons n_households tot_yuan burden_yuan over_yuan n_warned",
        "year area_level area_code category",
    ),
    TableSpec(
        "item_ranking",
        "项目排名",
        "one row per region, year, population, kind, measure and rank",
        "region_code year population kind measure rank item_code item_name n_uses n_persons amount_yuan in_both",
        "region_code year population kind measure rank item_code",
    ),
    TableSpec(
        "disease_trend",
        "病种走势",
        "one row per disease, month, area, category and age band",
        "region_code area_code area_level month disease_code disease_name category age_band n_persons n_settlements "
        "tot_yuan burden_yuan",
        "region_code area_level area_code month disease_code category age_band",
    ),
    TableSpec(
        "cost_structure",
        "费用结构",
        "one row per population, layer and month",
        "region_code month population layer_code n_settlements amount_yuan",
        "region_code month population layer_code",
    ),
    TableSpec(
        "provider_sheet",
        "机构情况",
        "one row per county, institution, year and population",
        "institution_code name tot_yuan ooc_yuan ovl_yuan ooc_rate upload_rate in_catalogue_share vbp_share nego_share",
        "year region_code institution_code population",
        extra="region_code year population",
    ),
    TableSpec(
        "change",
        "变化",
        "one row per unit changed since the last publish",
        "what before_yuan after_yuan why",
        "rule_id cost_year region_code unit_id",
        extra="rule_id region_code unit_type unit_id household_id township_code cost_year",
    ),
    TableSpec(
        "source_file",
        "收到的文件",
        "one row per received file",
        "file_id name table_name layout encoding n_rows n_accepted n_rejected n_duplicate received_on status",
        "received_on file_id",
        extra="message_zh",
    ),
    TableSpec(
        "rejected_row",
        "拒绝的行",
        "one row per rejected row and reason; never a value",
        "file_id sheet source_row settlement_id column_name rule message_zh",
        "file_id sheet source_row column_name rule message_zh",
        unique=False,
    ),
    TableSpec(
        "reconciliation",
        "对账",
        "one row per run, stage and measure",
        "stage measure amount_in amount_out explained difference",
        "run_id stage measure region_code cost_year",
        extra="run_id region_code cost_year",
    ),
    TableSpec(
        "run",
        "运行",
        "one row per run",
        "run_id kind year as_of on_date started_at finished_at status code_version policy_hash input_hash",
        "started_at run_id",
        extra="region_code",
    ),
)
"""All tables of schema `mart`, in the order of the dictionary."""

SPINE: tuple[str, ...] = (
    "person_year",
    "household_year",
    "cap_gap",
    "benefit_line",
    "benefit_item",
    "review_case",
    "payment",
    "decision",
    "source_file",
    "rejected_row",
    "reconciliation",
    "run",
    "roster_finding",
    "change",
    "assistance_audit",
    "premium_subsidy",
    "warning",
    "risk_register",
    "enrolment_gap",
    "roster_delivery",
    "certificate_span",
    "membership_span",
    "lead",
    "indicator",
    "layer_waterfall",
    "fund_position",
    "area_burden",
    "critical_illness",
    "deposit_waiver",
    "application",
    "aid_register",
    "high_cost",
    "cost_structure",
    "provider_sheet",
    "item_ranking",
    "disease_trend",
)
"""The tables that a publish always creates, with or without rows."""
