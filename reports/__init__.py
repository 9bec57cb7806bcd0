"""Presentation: workbooks and the words in them. Frames in, sheets out; nothing is decided here."""
