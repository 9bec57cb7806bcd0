"""Shapes: what a row, a layout, a policy and a reference table must look like."""
