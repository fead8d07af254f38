"""Options survive the way to the server."""

from fork_server.options import Options, Preparation, read_options


def test_options_are_read_as_they_were_dumped() -> None:
    preparation = Preparation(
        preload=("a", "b.*"),
        setup="import c\n",
        rehearsals=(("help",), ("show", "ü", "")),
        fresh=("d",),
        indifferent=("e",),
        paths=("/f g",),
    )
    options = Options("/bin/x'y", "/run/\udcff", "x", "stamp", preparation, idle=1.5)
    assert read_options(options.dump()) == options
    assert read_options(Options("/x", "/y", "z").dump()) == Options("/x", "/y", "z")
