"""What a request of the shell gets back. Only the data."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """What bash sees: the status, standard output, standard error."""

    code: int = 0
    out: str = ""
    err: str = ""
