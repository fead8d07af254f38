"""The answer to a request of the bash session."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """What bash sees: the status, standard output, standard error."""

    code: int = 0
    out: str = ""
    err: str = ""
