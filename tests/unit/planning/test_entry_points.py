"""The entry points of a group are the same as importlib.metadata finds."""

from importlib import metadata
from pathlib import Path

import pytest

from doitstack.planning.entry_points import distribution_name, entry_points


@pytest.mark.parametrize("group", ["doitstack", "doit.COMMAND", "console_scripts", "no.such"])
def test_entry_points_are_those_of_importlib(group: str) -> None:
    assert set(entry_points(group)) == set(metadata.entry_points(group=group))


def test_name_is_that_of_the_metadata() -> None:
    for distribution in metadata.distributions():
        assert distribution_name(distribution) == distribution.name


def install(directory: Path, name: str, entry: str) -> None:
    """Install a distribution that consists of its metadata."""
    place = directory / f"{name}-1.dist-info"
    place.mkdir(parents=True)
    (place / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\n\nName: other\n")
    (place / "entry_points.txt").write_text(f"[demo.group]\n{entry}\n")


def test_first_distribution_of_a_name_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path / "later", "demo", "b = os:path")
    monkeypatch.syspath_prepend(tmp_path / "later")
    assert [entry.name for entry in entry_points("demo.group")] == ["b"]

    install(tmp_path / "first", "demo", "a = os:path")
    monkeypatch.syspath_prepend(tmp_path / "first")
    assert [(entry.name, entry.dist.name) for entry in entry_points("demo.group")] == [  # type: ignore[union-attr]
        ("a", "demo")
    ]
