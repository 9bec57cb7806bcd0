-- 机构情况：困难群众的自费率、明细上传率、目录内、集采、谈判药占比 / own-pay rate, upload and catalogue shares by institution
select institution_code, name, tot_yuan, ooc_yuan, round(ooc_rate, 4) as ooc_rate,
    round((ooc_yuan + ovl_yuan) / nullif(tot_yuan, 0), 4) as with_over_limit, round(upload_rate, 4) as upload_rate,
    round(in_catalogue_share, 4) as in_catalogue_share, round(vbp_share, 4) as vbp_share, round(nego_share, 4) as nego_share
from mart.provider_sheet
where region_code = '330112' and year = 2023 and population = 'hardship'
order by ooc_rate desc nulls last, tot_yuan desc
