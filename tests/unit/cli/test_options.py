"""Options before and after names, and the messages about wrong ones."""

from collections.abc import Sequence

import pytest
from doit.cmdparse import CmdOption, CmdParse, CmdParseError

from doitstack.cli.options import asks_for_help, options_first, split_options

PARSER = CmdParse(
    [
        CmdOption({"name": "jobs", "short": "n", "long": "process", "type": int, "default": 0}),
        CmdOption(
            {
                "name": "console",
                "long": "console",
                "default": "auto",
                "choices": [("auto", ""), ("quiet", "")],
            }
        ),
        CmdOption(
            {
                "name": "go_on",
                "short": "c",
                "long": "continue",
                "inverse": "no-continue",
                "type": bool,
                "default": False,
            }
        ),
    ]
)


@pytest.mark.parametrize(
    "words",
    [
        ("-n", "4", "-c", "stack"),
        ("stack", "-n4", "--continue"),
        ("--process", "4", "stack", "-c"),
        ("--process=4", "--cont", "--", "stack"),
    ],
)
def test_options_mean_the_same_before_and_after_names(words: Sequence[str]) -> None:
    assert options_first("run", PARSER, words) == ["--process=4", "--continue", "--", "stack"]


def test_words_after_the_first_name_may_be_left_alone() -> None:
    words = ("--no-continue", "clean", "-n")
    assert split_options("run", PARSER, words, stops_at_name=True) == (
        ["--no-continue"],
        ["clean", "-n"],
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("--consle", "quiet"),
            "run: option --consle not recognized; did you mean --console? "
            "`doit help run` lists the options",
        ),
        (("-x",), "run: option -x not recognized; `doit help run` lists the options"),
        (("-n",), "run: option -n requires argument; `doit help run` lists the options"),
        (("-n", "many"), "run: -n many: use a whole number"),
        (("--console=quie",), "run: --console quie: use auto, quiet; did you mean quiet?"),
    ],
)
def test_wrong_option_is_named(words: Sequence[str], message: str) -> None:
    with pytest.raises(CmdParseError) as caught:
        options_first("run", PARSER, words)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("words", "is_asked"),
    [(("-h",), True), (("stack", "--help"), True), (("stack",), False), (("x", "--", "-h"), False)],
)
def test_help_option_may_be_anywhere(words: Sequence[str], is_asked: bool) -> None:
    assert asks_for_help(words) is is_asked
