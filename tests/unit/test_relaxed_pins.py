"""Pins give way to what a tree needs, and no others."""

from collections.abc import Sequence
from pathlib import Path

from doitstack.relaxed_pins import relax

PINS = """\
old==1 \\
    --hash=sha256:0
kept==1 \\
    --hash=sha256:1
by.version==3 ; python_version < "3.12" \\
    --hash=sha256:2
by.version==4 ; python_version >= "3.12" \\
    --hash=sha256:3
elsewhere==5
"""

SOLUTION = """\
-e file:///a%20tree
old==2
kept==1
by-version==3
new==9
"""


def test_versions_in_the_way_are_replaced(tmp_path: Path) -> None:
    def run_uv(words: Sequence[str]) -> None:
        solution, wanted = map(Path, words[-2:])
        assert wanted.read_text() == "--editable file:///a%20tree\nweb\n"
        assert solution.read_text() == PINS, "uv prefers these"
        solution.write_text(SOLUTION)

    trees, wanted = [Path("/a tree")], ["web"]
    relaxed = relax(PINS, trees=trees, requirements=wanted, directory=tmp_path, run_uv=run_uv)
    assert relaxed.changes == ("old 2 (not 1)",)
    assert relaxed.text == PINS.partition("kept")[1] + PINS.partition("kept")[2] + "old==2\n"
