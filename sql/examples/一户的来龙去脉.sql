-- 一户的应付金额由哪些结算构成 / which settlements make up one unit's amount
select g.unit_id, g.category, g.burden_yuan, g.cap_yuan, g.amount_yuan,
    i.setl_date, i.institution_name, i.psn_yuan, i.com_yuan, i.sub_yuan, i.neg_yuan, i.base_yuan, i.counted, i.reason
from mart.cap_gap g
join mart.benefit_line l on l.rule_id = g.rule_id and l.unit_id = g.unit_id and l.cost_year = g.cost_year
join mart.benefit_item i on i.benefit_id = l.benefit_id
where g.gap_yuan > 0
order by g.gap_yuan desc, g.unit_id, i.setl_date, i.settlement_id
