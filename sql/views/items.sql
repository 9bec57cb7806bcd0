-- Fee lines as delivered, of every file that counts.
select
    i.file_id, i.sheet, i.source_row, i.setl_id as settlement_id, i.item_sn, i.ocur_date, i.item_code, i.item_name,
    i.list_type, i.item_kind, i.item_level, i.nego_flag, i.vbp_flag, i.quantity,
    (i.tot_fen::decimal(18, 0) * 0.01)::decimal(18, 2) as tot_yuan,
    (i.ooc_fen::decimal(18, 0) * 0.01)::decimal(18, 2) as ooc_yuan,
    (i.ovl_fen::decimal(18, 0) * 0.01)::decimal(18, 2) as ovl_yuan,
    (i.pre_fen::decimal(18, 0) * 0.01)::decimal(18, 2) as pre_yuan,
    (i.pol_fen::decimal(18, 0) * 0.01)::decimal(18, 2) as pol_yuan
from $parts i
semi join mart.source_file f on f.file_id = i.file_id and f.status = 'read'
