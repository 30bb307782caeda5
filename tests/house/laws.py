"""The laws of the house as checkers: source text in, complaints out.

Each takes the text of a file and its name from the root, and gives one line per breach,
`<file>:<line> <what is wrong>`. An empty list is a clean file. The tests beside this module run
them over the tree, and over small bad snippets, so that a checker that finds nothing is noticed.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator

from tests.house.tree import below, parse

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70
# The second verifier is one file on purpose: a court copies it to a machine that has nothing else.
LONG = {"tools/verify.py": 1_900}

Function = ast.FunctionDef | ast.AsyncFunctionDef

# --- imports ---

# What a library may be imported by. The first four lines are HOUSE.md; the rest keeps what talks
# (HTTP, pages, command line) above what remembers and what decides.
HOMES: dict[str, tuple[str, ...]] = {
    "pydantic": ("registry/api/", "registry/settings.py"),
    "pydantic_settings": ("registry/settings.py",),
    "sqlalchemy": ("registry/store/", "migrations/"),
    "rfc3161_client": ("registry/chain/", "registry/service/"),
    "alembic": ("registry/store/", "migrations/"),
    "httpx": ("registry/net/",),
    "fastapi": ("registry/api/", "registry/web/"),
    "starlette": ("registry/api/", "registry/web/"),
    "uvicorn": ("registry/api/", "registry/bootstrap.py", "registry/bootstrap/", "registry/cli/"),
    "typer": ("registry/cli/",),
    "rich": ("registry/cli/", "registry/sample/"),
    "jinja2": ("registry/web/",),
    "babel": ("registry/web/", "registry/cli/"),
    "merkletools": ("tests/",),
    "pymerkle": ("tests/",),
    "pytest": ("tests/",),
    "hypothesis": ("tests/",),
    "schemathesis": ("tests/",),
}


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of everything imported; for `from a import b` both `a` and `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield node.lineno, base
            for alias in node.names:
                yield node.lineno, f"{base}.{alias.name}"


def homeless_imports(text: str, where: str) -> list[str]:
    """Complain of libraries imported outside their homes, and of relative imports."""
    found = []
    for line, module in imported(parse(text, where)):
        if module.startswith("."):
            found.append(f"{where}:{line} relative import {module}")
            continue
        homes = HOMES.get(module.partition(".")[0])
        if homes is not None and not below(where, homes):
            found.append(f"{where}:{line} imports {module}; its home is {' '.join(homes)}")
    return sorted(set(found))


def third_party(text: str, where: str) -> set[str]:
    """The top names that are imported and are neither ours nor of the standard library."""
    tops = {module.partition(".")[0] for _, module in imported(parse(text, where))}
    ours = {"registry", "tools", "tests", "migrations", ""}
    return tops - ours - set(sys.stdlib_module_names)


# --- purity of floors 0 to 2 ---

PURE = (
    "registry/chain/", "registry/importing/", "registry/ledger/", "registry/profiles/",
    "registry/verify/", "registry/ports.py",
)  # fmt: skip
EXACT = ("registry/chain/", "registry/importing/", "registry/ledger/", "registry/profiles/")
# What the pure floors may import; all else (clock, random, files, network, logging, environment,
# processes, threads) is the shell's. A new name here is a decision: can it do any of those?
PURE_IMPORTS = {
    "__future__", "abc", "base64", "binascii", "bisect", "collections", "contextlib",
    "dataclasses", "enum", "functools", "hashlib", "heapq", "itertools", "json", "math", "msgspec",
    "operator", "re", "registry", "struct", "tomllib", "types", "typing", "unicodedata", "zlib",
}  # fmt: skip
CHAIN_IMPORTS = PURE_IMPORTS | {"cryptography", "nacl", "rfc3161_client"}
IMPURE_NAMES = {
    "open", "print", "input", "eval", "exec", "compile", "breakpoint", "globals", "vars",
    "__import__", "hash", "id",
}  # fmt: skip
CLOCKS = {"date", "datetime", "time"}  # whatever one asks of these
IMPURE_ATTRIBUTES = {
    "urandom", "randombytes", "getrandbits", "token_bytes", "uuid1",
    "uuid4", "read_text", "read_bytes", "write_text", "write_bytes", "environ", "getenv",
}  # fmt: skip


def impurities(text: str, where: str) -> list[str]:
    """Complain of anything by which a pure module could feel or touch the world."""
    tree = parse(text, where)
    allowed = CHAIN_IMPORTS if where.startswith("registry/chain/") else PURE_IMPORTS
    found = [
        f"{where}:{line} imports {module}, which a pure floor may not"
        for line, module in imported(tree)
        if module.partition(".")[0] not in allowed
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in IMPURE_NAMES:
                found.append(f"{where}:{node.lineno} calls {node.func.id}()")
        elif isinstance(node, ast.Attribute) and _last_name(node.value) in CLOCKS:
            found.append(f"{where}:{node.lineno} asks a clock: .{node.attr}")
        elif isinstance(node, ast.Attribute) and node.attr in IMPURE_ATTRIBUTES:
            found.append(f"{where}:{node.lineno} reaches for .{node.attr}")
        elif isinstance(node, ast.Global):
            found.append(f"{where}:{node.lineno} changes a global")
    return sorted(set(found))


def inexactness(text: str, where: str) -> list[str]:
    """Complain of floating point: no amount, no date and no hash has any."""
    found = []
    for node in ast.walk(parse(text, where)):
        if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            found.append(f"{where}:{node.lineno} has the float {node.value}")
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            found.append(f"{where}:{node.lineno} divides with /; whole numbers take //")
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in {"float", "round"}
        ):
            found.append(f"{where}:{node.lineno} calls {node.func.id}()")
    return found


def mutable_types(text: str, where: str) -> list[str]:
    """Complain of domain types that can be changed: Structs not frozen, dataclasses not slotted."""
    found = []
    for node in ast.walk(parse(text, where)):
        if not isinstance(node, ast.ClassDef):
            continue
        given = {k.arg for k in node.keywords if _is_true(k.value)}
        if any(_last_name(base) == "Struct" for base in node.bases) and "frozen" not in given:
            found.append(f"{where}:{node.lineno} struct {node.name} is not frozen")
        for decorator in node.decorator_list:
            if _last_name(decorator) != "dataclass":
                continue
            keywords = decorator.keywords if isinstance(decorator, ast.Call) else []
            if not {"frozen", "slots"} <= {k.arg for k in keywords if _is_true(k.value)}:
                found.append(
                    f"{where}:{node.lineno} dataclass {node.name} is not frozen and slotted"
                )
    return found


# --- doors and errors ---

CATCH_ALL = ("registry/writer/", "registry/api/", "registry/cli/")
# Where a module may be imported by its name: the command line loads the chosen command alone, so
# that `tanbu verify` needs no server's libraries. Nothing below imports the command line.
BY_NAME = ("registry/cli/lazy.py",)
_EVERYTHING = {"Exception", "BaseException"}
# The command line loads the module of the chosen command only; everything imported there is its
# own package, on the top floor, so that no cycle and no upward import can hide behind it.
BY_NAME = ("registry/cli/lazy.py",)


def back_doors(text: str, where: str) -> list[str]:
    """Complain of imports that import-linter's picture would miss: local ones and TYPE_CHECKING."""
    tree = parse(text, where)
    found = []
    for node in ast.walk(tree):
        if isinstance(node, Function):
            found += [
                f"{where}:{inner.lineno} imports inside function {node.name}"
                for inner in ast.walk(node)
                if isinstance(inner, ast.Import | ast.ImportFrom)
            ]
        elif isinstance(node, ast.Name | ast.Attribute | ast.alias):
            if _last_name(node) == "TYPE_CHECKING":
                found.append(f"{where}:{node.lineno} uses TYPE_CHECKING")
            elif _last_name(node) in {"import_module", "__import__"} and where not in BY_NAME:
                found.append(f"{where}:{node.lineno} imports by name")
    return sorted(set(found))


def swallowed(text: str, where: str) -> list[str]:
    """Complain of nets that catch everything outside the edges, and of errors passed over."""
    found = []
    for node in ast.walk(parse(text, where)):
        if isinstance(node, ast.ExceptHandler):
            caught = _names(node.type) if node.type is not None else _EVERYTHING
            if caught & _EVERYTHING and not below(where, CATCH_ALL):
                found.append(f"{where}:{node.lineno} catches everything")
            if all(_does_nothing(statement) for statement in node.body):
                found.append(f"{where}:{node.lineno} passes over an error")
        elif (
            isinstance(node, ast.Call)
            and _last_name(node.func) == "suppress"
            and any(_names(argument) & _EVERYTHING for argument in node.args)
        ):
            found.append(f"{where}:{node.lineno} suppresses everything")
    return found


def assertions(text: str, where: str) -> list[str]:
    """Complain of `assert`: it is gone under -O, so nothing may rest on it."""
    return [
        f"{where}:{node.lineno} asserts"
        for node in ast.walk(parse(text, where))
        if isinstance(node, ast.Assert)
    ]


# --- size, words ---


def too_long(text: str, where: str) -> list[str]:
    """Complain of files over 500 lines and functions over 70."""
    found = []
    lines, most = text.count("\n"), LONG.get(where, FILE_LINES_MAX)
    if lines > most:
        found.append(f"{where}:1 has {lines} lines, more than {most}")
    for node in ast.walk(parse(text, where)):
        if isinstance(node, Function) and node.end_lineno is not None:
            length = node.end_lineno - node.lineno + 1
            if length > FUNCTION_LINES_MAX:
                found.append(f"{where}:{node.lineno} {node.name} has {length} lines")
    return found


def undocumented(text: str, where: str) -> list[str]:
    """Complain of a module that does not say what it is."""
    tree = parse(text, where)
    return [] if ast.get_docstring(tree) or not tree.body else [f"{where}:1 has no docstring"]


_NOQA = re.compile(r"#\s*noqa\b(?P<rest>[^#]*(?:#.*)?)", re.IGNORECASE)
_NOQA_FULL = re.compile(r":\s*[A-Z]+[0-9]+(?:,\s*[A-Z]+[0-9]+)*(?P<reason>.*)")
_IGNORE = re.compile(r"#\s*type:\s*ignore(?P<rest>.*)")
_IGNORE_FULL = re.compile(r"\[[a-z0-9, -]+\](?P<reason>.*)")
REASON_CHARS_MIN = 5


def bare_silencers(text: str, where: str) -> list[str]:
    """Complain of `noqa` and `type: ignore` without a code or without a reason on the line."""
    found = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type != tokenize.COMMENT:
            continue
        for word, short, full in (
            ("noqa", _NOQA, _NOQA_FULL),
            ("type: ignore", _IGNORE, _IGNORE_FULL),
        ):
            silencer = short.search(token.string)
            if silencer is None:
                continue
            complete = full.match(silencer["rest"].strip())
            if complete is None:
                found.append(f"{where}:{token.start[0]} {word} without a code")
            elif len(complete["reason"].strip(" #—–-:")) < REASON_CHARS_MIN:
                found.append(f"{where}:{token.start[0]} {word} without a reason")
    return found


def _is_true(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def _last_name(node: ast.AST) -> str:
    match node:
        case ast.Call(func=func):
            return _last_name(func)
        case ast.Attribute(attr=attr):
            return attr
        case ast.Name(id=name) | ast.alias(name=name):
            return name.rpartition(".")[2]
        case ast.Subscript(value=value):
            return _last_name(value)
        case _:
            return ""


def _names(node: ast.expr) -> set[str]:
    if isinstance(node, ast.Tuple):
        return {_last_name(element) for element in node.elts}
    return {_last_name(node)}


def _does_nothing(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Pass):
        return True
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
