"""`python -m doitstack` runs the verb that it is given."""

import pytest

from doitstack.__main__ import VERBS, main


@pytest.mark.parametrize("arguments", [[], ["no-such-verb"]])
def test_usage_names_all_verbs(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 3
    assert capsys.readouterr().err == f"usage: python -m doitstack {'|'.join(VERBS)} ...\n"


def test_mistake_of_the_user_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["request"]) == 3
    assert capsys.readouterr().err == (
        "ERROR: request: which one? python -m doitstack request VERB ARGUMENT...\n"
    )
