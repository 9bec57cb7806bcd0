-- 从一笔结算下钻到费用明细 / from a settlement down to its fee lines
select s.settlement_id, s.setl_time, s.institution_code, s.tot_yuan, i.item_name, i.quantity, i.tot_yuan as item_yuan
from lake.settlements s
join lake.items i using (settlement_id)
order by s.settlement_id, i.item_sn
limit 100
