"""Errors whose text is meant for the operator: Chinese, says what to do, holds no personal data."""

from __future__ import annotations


class OperatorError(Exception):
    """The call or the configuration is wrong (exit status 2); the text says what to change."""


class RunError(Exception):
    """The run failed (exit status 3) and nothing published has changed; the text says where and why."""
