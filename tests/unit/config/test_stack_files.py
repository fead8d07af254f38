"""The files that come with doitstack."""

from doitstack.config.stack_files import DROP_INS, stack_files
from tests.conftest import CHECKOUT


def test_files_of_a_checkout_are_at_its_root() -> None:
    files = stack_files()
    assert files["dodo.py"] == CHECKOUT / "dodo.py"
    assert {"functions", "openrc", "stackrc", f"{DROP_INS}/80-tempest.py"} <= files.keys()
    assert all(path.is_file() for path in files.values())
