"""`doit clean`."""

from pathlib import Path

from tests.unit.cli.conftest import Doit


def test_nothing_to_clean_is_fine(top: Path, doit: Doit) -> None:
    assert doit("clean")[:2] == (0, f"nothing to do: there is no {top / '.stack'}\n")


def test_nothing_to_unstack_creates_nothing(top: Path, doit: Doit) -> None:
    assert doit("unstack") == (0, f"nothing to do: there is no {top / '.stack'}\n", "")
    assert not (top / ".stack").exists()


def test_dest_whose_removal_was_interrupted_is_removed(top: Path, doit: Doit) -> None:
    left = top / "..stack.doitstack-removed"
    left.mkdir()
    assert doit("clean", "-n")[:2] == (0, f"would remove {left}\n")
    assert doit("clean")[0] == 0
    assert not left.exists()


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


def test_tasks_without_clean_actions_are_told_and_dest_is_usable(top: Path, doit: Doit) -> None:
    for words in (("-a",), ("override_defaults",), ("s*",)):
        code, out, _ = doit("clean", *words)
        assert (code, out.startswith("nothing to do: none of these tasks has a clean")) == (0, True)
    assert doit("--console", "quiet", "stack")[0] == 0


def test_task_that_does_not_exist_has_a_suggestion(doit: Doit) -> None:
    code, _, err = doit("clean", "stak")
    assert (code, "no command or task stak; did you mean stack?" in err) == (3, True)
