-- psn - com - sub - neg = burden of a household (lumps: what was used on its settlements), unless the floor at 0 bit.
select household_id, cost_year, burden_yuan
from mart.household_year
where burden_yuan <> greatest(0, psn_yuan - com_yuan - sub_yuan - neg_yuan)
