-- The base of a line is the sum of its counted settlements, unless the floor at 0 bit.
select l.benefit_id, l.base_yuan, coalesce(i.base_yuan, 0) as items_yuan
from mart.benefit_line l
left join (
    select benefit_id, sum(base_yuan) as base_yuan from mart.benefit_item where counted group by benefit_id
) i on i.benefit_id = l.benefit_id
where l.base_yuan <> greatest(0, coalesce(i.base_yuan, 0))
