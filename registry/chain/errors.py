"""The four kinds of failure, never mixed; every floor raises these.

    TanbuError        base: .message (a sentence), .where (place in the input), .todo (what to do)
    |- Malformed      the bytes are not of the form
    |- NotTrusted     the form is right; a proof, a signature or a hash is not
    |- Unavailable    it could not be checked, or it is not there
    '- Broken         our bug or our disk: stop

A refusal by the rules of the ledger is a value and no exception, so it is not here.

    raise Malformed("the size has a leading zero", where="line 2")
"""


class TanbuError(Exception):
    """A failure with a sentence for people, the place it concerns and, if known, what to do."""

    def __init__(self, message: str, *, where: str = "", todo: str = "") -> None:
        # All three go to Exception, so that an error survives pickling between processes.
        super().__init__(message, where, todo)
        self.message = message
        self.where = where
        self.todo = todo

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.message, self.where, self.todo)

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text} ({self.todo})" if self.todo else text


class Malformed(TanbuError):
    """The bytes are not of the form."""


class NotTrusted(TanbuError):
    """The form is right; a proof, a signature or a hash is not."""


class Unavailable(TanbuError):
    """It could not be checked, or it is not there."""


class Broken(TanbuError):
    """Our bug or our disk: stop."""


def _rebuild(kind: type[TanbuError], message: str, where: str, todo: str) -> TanbuError:
    return kind(message, where=where, todo=todo)
