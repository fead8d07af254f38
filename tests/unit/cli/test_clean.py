"""`doit clean`."""

from pathlib import Path

from tests.unit.cli.conftest import Doit


def test_nothing_to_clean_is_fine(top: Path, doit: Doit) -> None:
    assert doit("clean")[:2] == (0, f"nothing to do: there is no {top / '.stack'}\n")


def test_nothing_to_unstack_creates_nothing(top: Path, doit: Doit) -> None:
    assert doit("unstack") == (0, f"nothing to do: there is no {top / '.stack'}\n", "")
    assert not (top / ".stack").exists()


def test_dry_run_names_what_would_be_removed(top: Path, doit: Doit) -> None:
    dest = top / ".stack"
    dest.mkdir()
    (dest / ".doitstack").write_text("made by doitstack\n")
    (dest / "logs").mkdir()
    (dest / "mine").mkdir()
    assert doit("clean", "-n")[:2] == (0, f"would remove {dest}/logs\n")
    assert (dest / "logs").is_dir()


def test_directory_of_others_is_refused(top: Path, doit: Doit) -> None:
    (top / ".stack").mkdir()
    code, out, err = doit("clean")
    assert code == 3
    assert "nothing has been removed" in out + err
