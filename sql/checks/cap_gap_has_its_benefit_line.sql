-- Each unit under a cap has one benefit line with the same amount, also with 0 or empty.
select g.rule_id, g.unit_id, g.cost_year, count(l.benefit_id) as n_lines
from mart.cap_gap g
left join mart.benefit_line l
    on l.rule_id = g.rule_id and l.unit_id = g.unit_id and l.cost_year = g.cost_year
    and l.region_code is not distinct from g.region_code and l.adjustment_of is null
group by all
having count(l.benefit_id) <> 1 or any_value(g.amount_yuan) is distinct from any_value(l.amount_yuan)
