-- gap = max(0, burden - cap), distance = max(0, cap - burden), adjustment = amount - paid.
select rule_id, unit_id, cost_year
from mart.cap_gap
where gap_yuan <> greatest(0, burden_yuan - cap_yuan)
    or distance_yuan <> greatest(0, cap_yuan - burden_yuan)
    or adjustment_yuan <> amount_yuan - coalesce(paid_yuan, 0)
