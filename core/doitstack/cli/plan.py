"""`doit plan`: the steps of the stack, in order, and what prevents them."""

import sys
from collections.abc import Mapping
from typing import Any

from doit.exceptions import InvalidCommand

from doitstack.cli.base import JSON, ShowCommand, width
from doitstack.config import dest_directory
from doitstack.planning.code_origins import code_origins
from doitstack.planning.loaded_directory import loaded
from doitstack.planning.plan import Plan as PlanOfHost
from doitstack.planning.plan_checks import failed_checks
from doitstack.planning.stack_directory import StackDirectory
from doitstack.reports import tables
from doitstack.reports.graphviz import plan_graph
from doitstack.reports.json_lists import plan_json


class Plan(ShowCommand):
    """`doit plan`."""

    doc_purpose = "show phases, plugins, steps and futures, and what prevents a run"
    doc_examples = ("doit plan", "doit plan --dot | dot -Tsvg > plan.svg")
    cmd_options = (
        JSON,
        {
            "name": "dot",
            "short": "",
            "long": "dot",
            "type": bool,
            "default": False,
            "help": "print the plan as a graph for Graphviz: doit plan --dot | dot -Tsvg",
        },
    )

    def execute(self, params: Any, args: list[str]) -> int:
        """Show the plan, then what its checks find; the exit code is that of `doit stack`."""
        if params["dot"] and params["json"]:
            raise InvalidCommand("plan: use either --dot or --json")
        super().execute(params, args)
        directory = loaded().directory
        failed = list(failed_checks(directory.plan(), directory.stack))
        # A script of an earlier phase may change settings.
        kind = "WARNING" if directory.settings_plan.steps else "ERROR"
        sys.stderr.write("".join(f"{kind}: {message}\n" for message in failed))
        return int(bool(failed and kind == "ERROR"))

    def show(self, directory: StackDirectory, params: Any) -> str:
        """Return the plan of `doit stack`. Raises DoitstackError if that could not run."""
        loaded().check()
        directory.check_privileges()
        dest_directory.check(directory.settings)
        plans = {directory.settings["THIS_HOST"]: directory.plan(), **loaded().other_plans}
        return _text(directory, plans, params)


def _text(directory: StackDirectory, plans: Mapping[str, PlanOfHost], params: Any) -> str:
    if params["dot"]:
        return plan_graph(plans)
    origins = code_origins(directory.plugins, directory.stack)
    if params["json"]:
        return plan_json(plans, origins)
    unused = ", ".join(directory.unused_settings())
    note = f"settings in local.conf that nothing uses: {unused}\n" if unused else ""
    return tables.plan_table(plans, directory.warnings(), width(), origins) + note
