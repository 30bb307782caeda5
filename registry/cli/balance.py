"""`tanbu balance`: what an account holds, batch by batch, with the serials that are free.

Refuses to know: who holds the account.
"""

from typing import Annotated, Any
from urllib.parse import quote

import typer

from registry.cli.remote import DEFAULT_URL, UrlOption, client, pages
from registry.cli.shell import Exit, emit, words
from registry.ledger.quantities import format_tonnes

app = typer.Typer()

SPANS_SHOWN_MAX = 5


@app.command()
def balance(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="a-… of 28 characters.")],
    url: UrlOption = DEFAULT_URL,
) -> Exit:
    """Show what an account holds.

    This is what the service answers; to be certain, audit the log: tanbu audit.

    \b
    Example:
      tanbu balance a-k3v… --url http://127.0.0.1:8000
    """
    with client(url) as log:
        path = f"/v1/accounts/{quote(account, safe='')}"
        lines = list(pages(log, f"{path}/balances", "balances"))
        size = log.get(path)["size"]
    free_g = sum(line["free_g"] for line in lines)
    retired_g = sum(line["retired_g"] for line in lines)
    total = words(
        f"{format_tonnes(free_g)} t free, {format_tonnes(retired_g)} t retired, as of size {size}",
        f"可用 {format_tonnes(free_g)} 吨，已注销 {format_tonnes(retired_g)} 吨，账本规模 {size}",
    )
    data = {"account": account, "balances": lines, "free_g": free_g, "retired_g": retired_g}
    emit({**data, "size": size}, [*(_line(line) for line in lines), total])
    return Exit.GOOD


def _line(line: dict[str, Any]) -> str:
    spans = [f"{first}-{last}" for first, last in line["serials"]]
    shown = ", ".join(spans[:SPANS_SHOWN_MAX]) + (" …" if len(spans) > SPANS_SHOWN_MAX else "")
    free, retired = format_tonnes(line["free_g"]), format_tonnes(line["retired_g"])
    taken_over = words(" taken over, not proved", " 接管，未证明") if line["taken_over"] else ""
    text = words(f"{free} t free, {retired} t retired", f"可用 {free} 吨，已注销 {retired} 吨")
    return f"{line['batch']}  {text}{taken_over}" + (f"  [{shown}]" if shown else "")
