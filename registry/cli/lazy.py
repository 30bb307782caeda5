"""Which commands there are, and how the module of the chosen one is loaded.

`tanbu verify` must answer at once, and a court's machine need not load a database or an HTTP
server for it. So a command's module is imported by name, here and nowhere else, when its command
was chosen; no cycle is hidden by it: nothing below imports the command line.

Refuses to know: what a command does.
"""

from dataclasses import dataclass
from importlib import import_module

import typer

EPILOG = "Everywhere: --json (one JSON value), --lang en|zh, --debug (show the traceback)."


@dataclass(frozen=True, slots=True)
class Command:
    """A command of the top level; `group`: it has commands of its own."""

    name: str
    module: str
    help: str
    group: bool = False


COMMANDS = (
    Command("init", "init", "Draft a genesis, or open a log with a complete one."),
    Command("serve", "serve", "Run the service: writer, publisher and API workers."),
    Command("key", "key", "Make a private key file, or show its public key.", group=True),
    Command("entry", "entry", "Draft, sign and check entries.", group=True),
    Command("profile", "profile", "Regions' regimes as data, with sources.", group=True),
    Command(
        "submit",
        "submit",
        "Hand complete entries, or a settlement file, to a log and print the receipts.",
    ),
    Command("import", "import_", "Take over an existing book as opening entries."),
    Command("balance", "balance", "Show what an account holds."),
    Command("state", "state", "Show the state map's root and count, or one value."),
    Command("proof", "proof", "Fetch proofs and check them here.", group=True),
    Command("evidence", "evidence", "Fetch the evidence file of an entry."),
    Command("verify", "verify", "Check an evidence file, a refusal note or a report offline."),
    Command("audit", "audit", "Replay a whole log: signatures, tree, rules, totals."),
    Command("export", "export", "Export holdings or retirements as of a size of the log."),
    Command("reconcile", "reconcile", "Compare your own table with the log, and sign a report."),
    Command(
        "points", "points", "Commit to people's amounts; receipts and their check.", group=True
    ),
    Command("seal", "seal", "Seal the state, so that values can be proved from it."),
    Command("stamp", "stamp", "Time stamps of checkpoints: ask for them, check them.", group=True),
    Command("rebuild", "rebuild", "Make the state anew from the log."),
    Command("fsck", "fsck", "Check a data directory: records, hashes, state, tiles."),
    Command("bench", "bench", "Measure the service against what this machine can do."),
    Command("sample", "sample", "Play the sample book (no legal effect)."),
)


def load(command: Command) -> typer.Typer:
    """The commands of a module, each with the common epilog."""
    module = import_module(f"registry.cli.{command.module}")
    app: typer.Typer = module.app
    for info in app.registered_commands:
        info.epilog = EPILOG
    return app
