"""Glossary of mart columns: one name, one meaning, in every table that carries it.

A line reads `name | 中文名 | English meaning | type | unit`; type and unit may be left out where the name itself tells
them (`_yuan`: money; `n_`: a count; `_on`, `_date`: a date; `is it true` columns name their type). `table.name` gives a
column a meaning of its own in one table.
"""

from __future__ import annotations

GLOSSARY = """
acct_yuan | 个人账户支出 | paid from the personal account
adjustment_of | 调整的待遇 | benefit_id of the paid line that this line adjusts
adjustment_yuan | 应补应退 | amount due minus amount paid; negative: to be returned
aid_yuan | 帮扶金额 | help given after the visit
allocated_yuan | 已分配金额 | money allocated from the fund
amount_yuan | 应付金额 | benefit amount; empty: not determined
age_band | 年龄段 | age band
area_code | 地区代码 | code of the area
area_level | 地区级别 | county, township or village
article | 依据条款 | article of the policy document
as_of | 截至日期 | only what was known on this day was used | DATE
aside_yuan | 其中非支付 | part of OTHER that nobody paid: borne by the hospital, on the negative list, other differences
actual_yuan | 实际资助金额 | subsidy really paid, from the ledger
amount_in | 流入 | what entered the stage | DECIMAL(18,2) | rows or yuan, by measure
amount_out | 流出 | what left the stage | DECIMAL(18,2) | rows or yuan, by measure
balance_yuan | 结余 | raised minus paid
base_yuan | 计算基数 | base of the benefit
benefit_item.base_yuan | 计入基数的金额 | share of this settlement in the base of the line
benefit_id | 待遇编号 | id of the benefit line, B…
birth_year | 出生年份 | year of birth | INTEGER | year
burden_yuan | 合理医疗费用 | burden: psn minus supplementary insurance, subsidies and negative list
cap_yuan | 封顶线 | household cap or relief threshold of the year
cash_yuan | 现金支付 | paid in cash
category | 救助类别 | unique assistance category code
category_on_day | 当日救助类别 | category on the settlement date
category_rank | 类别次序 | place of the category in the order of the unique category, 1 first; empty: never the unique one | INTEGER | count
certno_masked | 证件号码(掩码) | masked certificate number
check_left | 校验左值 | left side of the fund check | DECIMAL(18,2) | yuan
check_right | 校验右值 | right side of the fund check | DECIMAL(18,2) | yuan
class | 风险类别 | risk class
closed_yuan | 封存金额 | amount on the closed payment list; empty: the list is not closed
closed_on | 办结日期 | day the case was closed
code_version | 程序版本 | version of the program
column_name | 列名 | column at fault
com_yuan | 补充保险赔付 | supplementary insurance (政策性商业保险, 惠民保) set against the burden
confirmed | 已确认 | a decision confirms this line | BOOLEAN
cost_year | 费用年度 | calendar year of the settlement | INTEGER | year
counted | 是否计入 | counts in the base of the line | BOOLEAN
date | 日期 | date of the finding | DATE
deceased | 已死亡 | known to have died, also where the day is not known | BOOLEAN
deceased_on | 死亡日期 | date of death
decided_on | 决定日期 | date of the decision
decision | 决定 | kind of decision, as received
decision_value | 取值 | value of the decision, as received
denominator | 分母 | denominator | DECIMAL(18,2) | yuan or persons, by indicator
department | 认定部门 | department that sends the list
difference | 差额 | in minus out minus explained; must be 0 | DECIMAL(18,2) | rows or yuan, by measure
difference_yuan | 差额 | due minus actual
disease_code | 病种代码 | disease code
disease_name | 病种名称 | disease name
distance_yuan | 距封顶线 | max(0, cap minus burden)
due_date | 办理期限 | day the case is due
due_on | 应送日期 | day the list is due
due_yuan | 应付 | due from the fund
encoding | 编码 | text encoding of the file
entered_on | 进入日期 | day of entry
explained | 说明 | differences explained, by cause
floor_yuan | 归零金额 | what the floor at 0 added to a negative sum
fund | 基金 | fund
file_id | 文件编号 | id of the received file, F…
finding | 发现 | what was found
enrolment_gap.finding | 发现 | not_insured, premium_unpaid, paid_not_active, active_twice, gap, insured_elsewhere, deceased, \
waiting_period, active_no_roster or temporary_subsidy
finished_at | 结束时间 | end of the run | TIMESTAMP | time
first_seen | 首次发现 | day first seen | DATE
forecast_error | 预测误差 | median relative error that the same forecast would have had in the last closed year | DOUBLE | ratio
forecast_yuan | 全年预测 | plain forecast of the year: so far over the share usually reached; only orders lists
fund_position.forecast_yuan | 累计测算应付 | running year: what the units would get for their burden to date
fiscal_yuan | 财政资金 | raised: public money
fund_yuan | 基金支付总额 | paid by the funds at settlement
gap_yuan | 超出封顶线 | max(0, burden minus cap), before any limit
head_name_masked | 户主姓名(掩码) | masked name of the head of household
head_person_key | 户主人员键 | pseudonym of the head of household or of the person, P…
household_id | 家庭编号 | household number of the roster, or its pseudonym H…
household_id_on_day | 当日家庭编号 | household on the settlement date
identities | 救助身份 | identity codes, comma separated
in_both | 两榜均有 | in the ranking by count and by amount | BOOLEAN
in_catalogue_share | 目录内占比 | share of cost inside the catalogue | DOUBLE | ratio
incomplete | 不完整 | a rejected, listed or half-missing settlement bears on it | BOOLEAN
incomplete_reason | 不完整原因 | which rows are missing and why
indicator_id | 指标 | indicator IND-…
input_hash | 输入指纹 | hash of the files and facts used
institution_code | 机构编号 | code of the institution
institution_name | 机构名称 | name of the institution
institution_yuan | 医药机构捐助 | raised: designated institutions
insurance_year | 参保年度 | insurance year | INTEGER | year
insurer_yuan | 承保公司捐助 | raised: insurers
insutype | 险种 | insurance scheme of the latest counted settlement
item_code | 项目编码 | code of the item
item_name | 项目名称 | name of the item
kind | 类型 | kind
last_seen | 最近发现 | day last seen | DATE
layer_code | 层次代码 | BAS, CII, LRG, CIV, ENT, MAF, TILT, YOUFU, COM, MUTUAL, OTHER, CHARITY, CAP
layer_no | 层次序号 | order of the layer | INTEGER | count
layout | 版式 | layout by which the file was read
left_on | 退出日期 | day of leaving
level | 预警级别 | watch, over or severe
level_first_seen | 本级别首次发现 | day on which the present level was first reached | DATE
limit_after_yuan | 使用后余额 | what is left of the annual limit after the line
limit_before_yuan | 使用前余额 | what is left of the annual limit before the line
limit_yuan | 年度限额 | most that is paid a year; empty: no limit
ma_actual_yuan | 实际医疗救助 | medical assistance recorded
ma_due_yuan | 应得医疗救助 | medical assistance due
measure | 指标项 | what is measured
measure_yuan | 监测金额 | amount that is watched
message_zh | 说明 | message for the operator
met | 是否达标 | target or check met | BOOLEAN
merge_due_on | 汇总比对期限 | working day by which the lists of the month are to be merged and compared
month | 月份 | month YYYYMM | INTEGER | month
named_settlement_id | 所指结算ID | settlement that the payment names, as received
n_accepted | 接受行数 | rows accepted
n_duplicate | 重复行数 | rows that repeat or are superseded
n_households | 家庭数 | households
n_inpatient | 住院次数 | counted inpatient settlements
n_members | 成员数 | members on the yardstick date
n_members_ever | 全年成员数 | members on any day of the year
n_objects | 对象人数 | living people entitled on the yardstick date
n_persons | 人数 | persons
n_rejected | 拒绝行数 | rows rejected
n_rows | 行数 | rows
n_settlements | 结算笔数 | counted settlements
n_units | 受益户数 | units with an amount due, in a running year with a gap
n_uses | 使用次数 | uses
n_warned | 预警人数 | persons with a warning
name | 名称 | name
source_file.name | 文件名 | name as received, with its ending
name_masked | 姓名(掩码) | masked name
needs_review | 需要复核 | another reading gives another amount, or a fact is open | BOOLEAN
neg_yuan | 负面清单金额 | amount on the negative list
nego_share | 谈判药占比 | share of negotiated drugs | DOUBLE | ratio
numerator | 分子 | numerator | DECIMAL(18,2) | yuan or persons, by indicator
object_id | 对象编号 | object of the row: benefit, settlement, household, list or person pseudonym
object_type | 对象类型 | type of the object
on_date | 运行日期 | day the run pretends to be | DATE
ooc_rate | 自费率 | out-of-catalogue cost over total cost | DOUBLE | ratio
ooc_yuan | 全自费金额 | out-of-catalogue cost
other_yuan | 其他来源 | raised: other sources
outcome | 结果 | outcome of the visit
opened_on | 重新打开日期 | day on which the case was opened again; empty: the first opening
over_since | 超线起始日期 | day on which the case was first over the threshold | DATE
over_yuan | 超线金额 | burden over the cap or threshold
overdue | 逾期 | past its due date | BOOLEAN
ovl_yuan | 超限价自费 | cost above the price limit
owner_key | 对象键 | pseudonym of the person that the row belongs to, P…
paid_on | 支付日期 | day of payment
paid_self_yuan | 个人缴费 | premium paid by the person
paid_yuan | 已付金额 | paid so far, from the paid ledger
layer_waterfall.paid_yuan | 本层支付 | paid by this layer
payer | 支付单位 | who paid
payer_region_code | 资助地区划 | region that paid the subsidy
person_key | 人员键 | keyed pseudonym of the person, P…
pol_yuan | 政策范围内费用 | cost inside the policy range; empty where one settlement's is unknown
policy_hash | 政策指纹 | hash of the policy and reference files used
policy_id | 政策 | policy that sets the target
policy_version | 政策版本 | document and version of the parameters
population | 人群 | population
private_yuan | 商业保险赔付 | private insurance; reduces nothing
projected_yuan | 按全年推算应付 | running year: the same as if the year went on as so far
provisional | 暂行 | rests on a provisional value | BOOLEAN
psn_yuan | 个人支付 | paid by the person: account and cash
raised_yuan | 筹集金额 | raised in all
rank | 名次 | rank | INTEGER | count
rate | 比例 | rate applied | DECIMAL(9,6) | ratio
reading | 读法 | letter of the other reading
reading_key | 读法编号 | entry of the ambiguity register, A-…
readings | 采用的读法 | readings applied, comma separated
reason | 原因 | reason
received_on | 收到日期 | day of receipt
recorded_yuan | 结算时已给付 | given at the settlement itself, as the extract shows it
region_code | 区划代码 | county code
remaining_yuan | 剩余负担 | what remains after the layer
rule | 规则 | rule that the row broke
rule_id | 规则编号 | rule, as L-04
revoked_on | 撤销日期 | day on which the decision was withdrawn
run_id | 运行编号 | id of the run
serial | 流水号 | number of the row in its source
setl_date | 结算日期 | date of settlement | DATE
settlement_id | 结算ID | settlement id
benefit_line.settlement_id | 结算ID | last settlement of the visit, for a rule per visit
sex | 性别 | sex: 1 male, 2 female
sheet | 工作表 | sheet of the workbook
since | 起始日期 | since this day | DATE
social_yuan | 社会捐赠 | raised: donations
source | 来源 | source of the value
source_row | 来源行号 | row in the file as the operator sees it, header counted | BIGINT | row
source_table | 来源表 | table that the row came in
stage | 环节 | stage of the work
stale | 已过时 | the facts under it have changed since | BOOLEAN
standard_yuan | 缴费标准 | tier-1 standard, base of the subsidy
started_at | 开始时间 | start of the run | TIMESTAMP | time
status | 状态 | status
cap_gap.status | 状态 | not_pilot, not_in_force, forecast, incomplete, review, adjust_up, adjust_down, paid, within, \
confirmed or due
warning.threshold_yuan | 预警线 | standard of the warning
warning.status | 状态 | discovered, visiting, verified, not_confirmed, aided, closed, withdrawn or reopened
source_file.status | 状态 | read, refused or withdrawn
strict_due_on | 最严期限 | due day under the strictest reading
sub_yuan | 补助金额 | subsidies and aid (优抚, 医疗互助, 慈善 …) set against the burden
subsidy_yuan | 应资助金额 | subsidy due
suggestion | 建议 | what to do
table_name | 表 | table that the file was read as
target | 目标值 | target | DOUBLE | as value
threshold_yuan | 起付线 | threshold above which the rule pays
tier | 缴费档次 | premium tier
tilt_actual_yuan | 实际倾斜救助 | tilt relief recorded
tilt_due_yuan | 应得倾斜救助 | tilt relief due
tot_yuan | 医疗费总额 | total cost
township_code | 乡镇街道代码 | township code; empty: unknown
township_source | 乡镇来源 | roster, counter, live_addr, hsreg_addr, emp_name or unknown
unit_id | 单元编号 | household number, of a split household with "/" and category, or person pseudonym
unit_type | 单元类型 | person or household
unused_yuan | 未用完的补助 | lump payments that no settlement could use
upload_rate | 明细上传率 | share of settlements whose items cover the self-paid cost | DOUBLE | ratio
used_yuan | 已用金额 | part of the payment set against settlements
value | 指标值 | value of the indicator; empty where the denominator is | DOUBLE | ratio
variant | 口径 | variant of the indicator
vbp_share | 集采占比 | share of volume-based procurement | DOUBLE | ratio
verdict | 结论 | verdict
premium_subsidy.paid_on | 缴费日期 | day on which the premium was paid
premium_subsidy.verdict | 结论 | match, under, over, held, no_ledger or not_determined (the documents give no rate)
valid_from | 生效日期 | first day | DATE
valid_to | 失效日期 | last day, inclusive; empty: open | DATE
village | 村社区 | village or neighbourhood
village_yuan | 村集体资金 | raised: village collectives
visited_on | 走访日期 | day of the visit
warning_id | 预警编号 | id of the warning case, W…
what | 变化 | new, gone, up or down
after_yuan | 变化后 | amount in this publish
before_document | 早于文件 | premium paid before the date of the document: computed for information | BOOLEAN
before_yuan | 变化前 | amount in the last publish
why | 变化原因 | file, reversal, roster, policy or decision
year | 年度 | calendar year | INTEGER | year
payment.year | 归属年度 | cost year that the payment bears on | INTEGER | year
payment.settlement_id | 抵扣的结算ID | settlement that the payment reduces
decision.status | 状态 | standing, stored, withdrawn, not_yet, replaced, unknown_object or unreadable
payment.status | 状态 | named, followed, lump, private, not_medical, fund or held
accepted_on | 受理日期 | day on which the application was accepted
admitted_on | 入院日期 | day of admission
aid_kind | 帮扶类型 | kind of help
high_cost.aid_yuan | 应得化解 | what the rule on the standard gives
application.aid_kind | 申请类型 | kind of assistance applied for
application.amount_yuan | 救助金额 | amount granted, as received
application.n_days | 天数 | days from the application to its decision, or to the run where there is none
application.outcome | 审批结果 | outcome as received
aid_register.amount_yuan | 帮扶金额 | sum received
application_no | 申请编号 | number of the application
applied_on | 申请日期 | day of the application
benefit_rule_id | 待遇规则 | rule whose standard the unit is above
critical_illness.actual_yuan | 实际大病保险 | critical-illness payment in the extract
critical_illness.base_yuan | 累计自付 | policy-range costs after basic insurance
critical_illness.due_yuan | 重算大病保险 | payment by the document; empty: threshold and ratios are not known
critical_illness.verdict | 结论 | match, under, over, held or not_determined
deposit_waiver.verdict | 结论 | waived, breach (a deposit was taken), unknown (no list of deposits) or held
deposit_yuan | 押金 | deposit taken
excess_yuan | 超出标准 | burden above the standard
high_cost.n_days | 天数 | days since the end of the cost year; empty in a running year
high_cost.state | 状态 | open, approved (aid for the whole excess confirmed) or cleared (paid)
last_on | 最近日期 | latest day on which it was received
lead.amount_yuan | 涉及金额 | money concerned, not a loss
n_days | 天数 | number of days
n_payments | 笔数 | number of payments
other_settlement_id | 对照结算ID | the settlement that it clashes with
residual_yuan | 未化解金额 | excess not yet paid
reviewed_on | 审核日期 | day of the review
self_pay_yuan | 政策范围内自付 | policy-range costs that insurance and assistance left
settled_on | 结算日期 | day of settlement
application.stage | 办理环节 | applied, accepted, reviewed, decided, refused or paid
high_cost.standard_yuan | 标准 | local standard: household cap or relief threshold
state | 状态 | state
cost_structure.amount_yuan | 金额 | sum over the settlements that show it; empty: none does
cost_structure.layer_code | 费用组成 | TOT, of it OOC, OVL, PRE, POL (in POL: DED); who paid: BAS, CII, LRG, CIV, ENT, DIS, MAF, TILT, \
OTH, HOSP, PSN (of it ACC, CASH); afterwards NEG, COM, YOUFU, MUTUAL, OTHER, CHARITY; B: left as burden
cost_structure.n_settlements | 结算笔数 | counted settlements of which the amount is known
cost_structure.population | 人群 | insured (by county of insurance), \
monitored, hardship or low_income (by the county that lists them)
disease_trend.disease_code | 病种编码 | disease code of the settlement, else its main diagnosis; empty: neither is known
disease_trend.area_level | 地区级别 | county or township
disease_trend.category | 救助类别 | unique category on the settlement date
item_ranking.amount_yuan | 金额 | cost of the item; for low_income_ooc the part outside the catalogue
item_ranking.kind | 类型 | drug, consumable or service
item_ranking.measure | 指标项 | count or amount
item_ranking.population | 人群 | monitored, hardship, low_income, or low_income_ooc (low-income \
households, items outside the catalogue)
provider_sheet.population | 人群 | monitored, hardship or low_income
"""
