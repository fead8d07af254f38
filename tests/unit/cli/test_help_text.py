"""Help as text."""

from doit.cmdparse import CmdOption

from doitstack.cli.help_text import command_help, options_help, overview, task_help

OPTION = CmdOption(
    {
        "name": "colour",
        "short": "c",
        "long": "colour",
        "default": "red",
        "choices": [("red", "like a rose"), ("blue", "")],
        "help": "what it looks like [default: %(default)s]",
        "env_var": "COLOUR",
        "metavar": "NAME",
    }
)
COMMON = CmdOption({"name": "file", "section": "task loader", "long": "file", "default": ""})
RARE = CmdOption({"name": "backend", "section": "DB backend", "long": "backend", "default": ""})


def test_command_has_purpose_usage_description_options_and_example() -> None:
    assert command_help(
        "paint",
        "paint a wall",
        usage="[WALL]",
        description="Takes its time.",
        examples=(),
        options=[OPTION],
    ) == (
        "doit paint: paint a wall\n\nusage: doit paint [WALL]\n\nTakes its time.\n\noptions:\n"
        "  -c NAME, --colour=NAME\n      what it looks like [default: red]\n"
        "      red: like a rose\n      blue\n      environment: COLOUR\n\n"
        "example:\n  doit paint\n"
    )


def test_options_of_doit_come_last_and_rare_ones_are_hidden() -> None:
    text = options_help([COMMON, RARE, OPTION])
    assert text.index("--colour") < text.index("options of every command:") < text.index("--file")
    assert "backend" not in text


def test_task_of_a_plugin_is_described_by_its_doc() -> None:
    assert task_help("shine", "polish it", []).startswith("doit shine: polish it\n\nusage: doit sh")


def test_overview_wraps_at_80_columns() -> None:
    text = overview({"paint": "word " * 30}, {"stack": "stand up the stack"})
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("word") == 30
