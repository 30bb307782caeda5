"""A Markdown table, for the tools that write pages."""

from __future__ import annotations

from collections.abc import Sequence


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """The lines of a Markdown table."""
    lines = [" | ".join(row) for row in (head, ("---",) * len(head), *rows)]
    return [f"| {line} |" for line in lines]
