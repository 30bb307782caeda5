from __future__ import annotations

import pickle

import pytest

from registry.chain.errors import Broken, Malformed, NotTrusted, TanbuError, Unavailable


@pytest.mark.parametrize("kind", [Malformed, NotTrusted, Unavailable, Broken])
def test_an_error_says_what_where_and_what_to_do(kind: type[TanbuError]) -> None:
    error = kind("the size has a leading zero", where="line 2", todo="ask the log's operator")
    assert str(error) == "line 2: the size has a leading zero (ask the log's operator)"
    assert (error.message, error.where, error.todo) == error.args
    assert str(kind("plain")) == "plain"
    assert isinstance(error, TanbuError)


@pytest.mark.parametrize("kind", [Malformed, NotTrusted, Unavailable, Broken])
def test_an_error_survives_the_way_between_processes(kind: type[TanbuError]) -> None:
    error = pickle.loads(pickle.dumps(kind("sentence", where="here", todo="do")))
    assert type(error) is kind
    assert error.args == ("sentence", "here", "do")
