-- Diagnoses as delivered, of every file that counts; they join a settlement by mdtrt_id.
select d.file_id, d.sheet, d.source_row, d.mdtrt_id, d.inout_type, d.diag_code, d.diag_name, d.main_flag, d.diag_no
from $parts d
semi join mart.source_file f on f.file_id = d.file_id and f.status = 'read'
