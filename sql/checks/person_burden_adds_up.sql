-- psn - com - sub - neg + unused = burden, unless the floor at 0 bit.
select person_key, cost_year, burden_yuan
from mart.person_year
where burden_yuan <> greatest(0, psn_yuan - com_yuan - sub_yuan - neg_yuan + unused_yuan)
