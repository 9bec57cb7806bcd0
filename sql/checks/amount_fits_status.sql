-- Unknown is never zero: a unit that is not determined has no amount, one that is has.
select rule_id, unit_id, cost_year, status, amount_yuan
from mart.cap_gap
where (status in ('incomplete', 'forecast', 'not_in_force') and amount_yuan is not null)
    or (status in ('within', 'not_pilot') and amount_yuan is distinct from 0)
    or (status in ('review', 'due', 'confirmed', 'paid', 'adjust_up', 'adjust_down') and amount_yuan is null)
    or status is null
