-- Money and rows balance to the fen and the row at every stage.
select stage, measure, amount_in, amount_out, difference from mart.reconciliation where difference is distinct from 0
