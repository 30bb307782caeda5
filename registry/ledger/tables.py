"""Tables as text for a spreadsheet: CSV.

Source: RFC 4180. Refuses to know: what a column means.

    table(("batch", "free_g"), [("CN-…", 7)])     -> 'batch,free_g\\r\\nCN-…,7\\r\\n'
"""

from collections.abc import Iterable


def table(head: Iterable[str], lines: Iterable[Iterable[object]]) -> str:
    """A header row, then lines, each ending in CR LF; None is an empty cell."""
    return "".join(_line(line) for line in (head, *lines))


def _line(values: Iterable[object]) -> str:
    return ",".join(_cell("" if value is None else str(value)) for value in values) + "\r\n"


def _cell(text: str) -> str:
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if set(text) & set(',"\r\n') else text
