-- 基金筹集、应付、已付和条款检查 / funds: raised, due, paid and the checks of the documents
select region_code, year, fund, rule_id, raised_yuan, fiscal_yuan, due_yuan, paid_yuan, balance_yuan, check_left,
    check_right, met
from mart.fund_position
order by region_code, year, fund, rule_id
