"""`doit plugins`: the plugins, their order, and where each was found."""

from typing import Any

from doitstack.cli.base import JSON, ShowCommand, width
from doitstack.planning.stack_directory import StackDirectory
from doitstack.reports import tables
from doitstack.reports.json_lists import plugins_json


class Plugins(ShowCommand):
    """`doit plugins`."""

    doc_purpose = "show the plugins with their origins and hooks"
    doc_examples = ("doit plugins", "doit plugins --json")

    cmd_options = (JSON,)

    def show(self, directory: StackDirectory, params: Any) -> str:
        """Return the plugins in order."""
        if params["json"]:
            return plugins_json(directory.plugins)
        return tables.plugins_table(directory.plugins, width())
