"""A scenario's file: head, entries, checks, proofs; what does not fit is named with its line.

An entry is `DATE [label] KIND` and clauses: what comes first, then keywords in any order, each with
its words. It ends with `by` and the signers, and `refused: name` where the rules must refuse it.

    parse(text, "guangdong.ledger")       # Malformed, with the line, or the scenario
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from registry.chain.errors import Malformed
from registry.ledger.refusals import CATALOGUE
from tests.scenarios.clauses import COMMON, GRAMMAR, Clause, fen, words
from tests.scenarios.reading import UNITS_MG, Reader, Statement, Token, statements, wrong
from tests.scenarios.said import Check, Proof, Said, Scenario

HEADERS = ("title", "row", "figures", "region")


def parse(text: str, where: str) -> Scenario:
    """The scenario that a file's text is; Malformed, with `where` and the line, if it is none."""
    scenario = Scenario(where.partition(".")[0])
    lines = text.split("\n")
    for number, line in enumerate(lines):
        name, colon, said = line.partition(": ")
        if colon and name in HEADERS:
            if getattr(scenario, name):
                raise wrong(where, number + 1, f"{name}: stands twice")
            setattr(scenario, name, said.strip())
            lines[number] = ""
    for statement in statements("\n".join(lines), where):
        first = statement.tokens[0]
        if first.text == "check":
            scenario.steps.append(_check(statement, where))
        elif first.text in ("evidence", "receipt"):
            scenario.proofs.append(_proof(statement, where))
        else:
            scenario.steps.append(_entry_statement(statement, where))
    for name in HEADERS:
        if not getattr(scenario, name):
            raise wrong(where, 1, f"the file has no line {name}:")
    if not scenario.entries or scenario.entries[0].kind != "genesis":
        raise wrong(where, 1, "the first entry is a genesis")
    genesis = scenario.entries[0]
    if (of := genesis.clauses[""]) != scenario.region:
        what = f"the genesis is of {of}, the head says region: {scenario.region}"
        raise wrong(where, genesis.line, what, "say the same region in both")
    return scenario


def _proof(statement: Statement, where: str) -> Proof:
    reader = Reader(statement.tokens[1:], statement.line, where)
    reader.need("of")
    of = reader.label()
    opened_by = reader.text() if reader.skip("opened_by") else ""
    reader.end()
    return Proof(statement.line, of, statement.tokens[0].text == "receipt", opened_by)


def _check(statement: Statement, where: str) -> Check:
    """`check order order-1 fulfilled 30 t, missing 0 t`"""
    reader = Reader(statement.tokens[1:], statement.line, where)
    subject = reader.word()
    if subject not in CHECKED:
        known = ", ".join(CHECKED)
        raise wrong(where, statement.line, f"nothing is known of a {subject}", f"check: {known}")
    names: tuple[Any, ...] = ()
    if CHECKED[subject]:
        names = (reader.label() if reader.next_is("label") else reader.name(),)
    facts = reader.list_of(lambda: _fact(reader))
    reader.end()
    return Check(statement.line, subject, names, facts)


CHECKED = {
    "total": False,
    "batch": True,
    "account": True,
    "order": True,
    "event": True,
    "obligation": True,
    "scheme": True,
    "project": True,
    "retirement": True,
    "mandate": True,
    "traded": False,
    "count": False,
}
"""What `check` may speak of, and whether a name follows."""


def _fact(reader: Reader) -> tuple[str, Any, str]:
    """A name and its value: `missing 0 t`, `in_hands 5,000`, `status final`."""
    name = reader.word()
    if not reader.next_is("number"):
        return name, reader.word(), "w"
    unit = reader.after_next()
    if unit == "CNY":
        value = fen(reader)
        reader.need("CNY")
        return name, value, "fen"
    return (name, reader.grams(), "g") if unit in UNITS_MG else (name, reader.integer(), "n")


def _entry_statement(statement: Statement, where: str) -> Said:
    tokens, refused = _outcome(statement.tokens, where)
    reader = Reader(tokens, statement.line, where)
    when = reader.moment()
    label = reader.label().name if reader.next_is("label") else ""
    kind = reader.word()
    if kind not in GRAMMAR:
        known = ", ".join(GRAMMAR)
        raise wrong(where, statement.line, f"there is no kind {kind}", f"the kinds are: {known}")
    clauses = GRAMMAR[kind] | COMMON | {"by": Clause(words)}
    said: dict[str, Any] = {}
    for keyword, line, inside in _split(reader.rest(), clauses, statement.line):
        value = _clause(clauses, keyword, kind, Reader(inside, line, where))
        if clauses[keyword].many:
            said[keyword] = (*said.get(keyword, ()), value)
        elif keyword in said:
            raise wrong(where, line, f"{keyword} is said twice")
        else:
            said[keyword] = value
    if "" not in said:
        raise wrong(where, statement.line, f"nothing stands after the word {kind}")
    if "by" not in said:
        raise wrong(where, statement.line, "nobody signs", "end the entry with: by …")
    return Said(statement.line, when, label, kind, said, said.pop("by"), refused)


def _clause(clauses: dict[str, Clause], keyword: str, kind: str, reader: Reader) -> Any:
    """What the words after a keyword say."""
    read, todo = False, ""
    try:
        value = clauses[keyword].read(reader)
        read = True
        reader.end()
    except Malformed as error:
        if read:
            todo = f"the clauses of {kind} are: {', '.join(word for word in clauses if word)}"
        elif not reader.more() and error.message.startswith(("a name is", "a word is")):
            todo = "a name that is a keyword of this kind cannot stand here"
        after = f" (after {keyword})" if keyword else ""
        where, todo = error.where, error.todo or todo
        raise Malformed(error.message + after, where=where, todo=todo) from error
    return value


def _outcome(tokens: tuple[Token, ...], where: str) -> tuple[tuple[Token, ...], str]:
    """The words without `refused: name` at their end, and that name."""
    at = next((n for n, token in enumerate(tokens) if token.text == "refused:"), None)
    if at is None:
        return tokens, ""
    rest = tokens[at + 1 :]
    if len(rest) != 1 or rest[0].text not in CATALOGUE:
        raise wrong(
            where,
            tokens[at].line,
            "an entry that is refused ends in: refused: <name>",
            "the names are those of docs/reference/refusals.md",
        )
    return tokens[:at], rest[0].text


def _split(
    tokens: tuple[Token, ...], clauses: dict[str, Clause], line: int
) -> Iterator[tuple[str, int, tuple[Token, ...]]]:
    """Each keyword, its line, and the words up to the next one; under "" those before any."""
    keyword, inside = "", list[Token]()
    for token in tokens:
        if token.kind == "word" and token.text in clauses:
            if keyword or inside:
                yield keyword, line, tuple(inside)
            keyword, line, inside = token.text, token.line, []
        else:
            inside.append(token)
    if keyword or inside:
        yield keyword, line, tuple(inside)
