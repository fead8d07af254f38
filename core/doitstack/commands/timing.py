"""`doit timing`: what the last run took, and what futures saved."""

import json
from typing import Any

from doitstack.commands.show import StackCommand
from doitstack.directory import StackDirectory
from doitstack.errors import StepError
from doitstack.history import last_run
from doitstack.reports import tables
from doitstack.timing import Timing as Figures
from doitstack.timing import timing_of


class Timing(StackCommand):
    """`doit timing`."""

    doc_purpose = "show what the last run took and what futures saved"
    cmd_options = (
        {
            "name": "json",
            "short": "",
            "long": "json",
            "type": bool,
            "default": False,
            "help": "print the figures as JSON, all times in seconds",
        },
    )

    def show(self, directory: StackDirectory, params: Any) -> str:
        """Return the figures of the last run. Raises StepError if there has been none."""
        run = last_run(directory.stack.log_dir)
        timing: Figures | None = timing_of(directory.stack.log_dir, run) if run else None
        if timing is None:
            raise StepError(f"no run is recorded in {directory.stack.log_dir}; run `doit stack`")
        if params["json"]:
            return json.dumps(timing.as_dict(), indent=2) + "\n"
        return tables.timing_tables(timing)
