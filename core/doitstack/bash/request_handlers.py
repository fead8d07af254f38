"""Handle requests of the bash library: services of the stack, accounts, the catalog.

Does not depend on pipes or a session: takes a verb and its arguments, and returns an `Answer`.
"""

import inspect
from collections.abc import Callable, Sequence

from doitstack.bash import keystone_requests, service_requests
from doitstack.bash.protocol import Answer
from doitstack.config.changes_in_place import announce
from doitstack.errors import DoitstackError, StepError
from doitstack.stack import Stack

Verb = Callable[..., str]
"""Called with the stack and the arguments; returns what is printed."""


def answer(stack: Stack, verb: str, args: Sequence[str]) -> Answer:
    """Return the answer to a request. Errors become part of the answer."""
    try:
        function = _function(stack, verb, args)
        out = function(stack, *args)
    except DoitstackError as error:
        return Answer(1, "", f"{verb}: {error}\n")
    return Answer(0, f"{out}\n" if out else "", "")


def _function(stack: Stack, verb: str, args: Sequence[str]) -> Verb:
    function = VERBS.get(verb)
    if function is None:
        raise StepError(f"no such request; there are {', '.join(sorted(VERBS))}")
    try:
        inspect.signature(function).bind(stack, *args)
    except TypeError as error:
        raise StepError(f"called with {len(args)} arguments: {error}") from error
    return function


def _say(stack: Stack, text: str) -> str:
    stack.say(text)
    return ""


def _warn(stack: Stack, text: str) -> str:
    stack.warn(text)
    return ""


def _changes(stack: Stack, path: str) -> str:
    try:
        announce(stack.dest, path)
    except OSError as error:
        raise StepError(f"{path} is not changed: {error}") from error
    return ""


VERBS: dict[str, Verb] = {
    "say": _say,
    "warn": _warn,
    "changes": _changes,
    "run_process": service_requests.run,
    "stop_process": service_requests.stop,
    "start_process": service_requests.start,
    "restart_process": service_requests.restart,
    "reload-or-restart_process": service_requests.restart,
    "write_unit": service_requests.write,
    "database_recreated": service_requests.recreated,
    "service_check": service_requests.check,
    "check_deaths": service_requests.check_deaths,
    "get_or_create_domain": keystone_requests.get_or_create_domain,
    "get_or_create_group": keystone_requests.get_or_create_group,
    "get_or_create_user": keystone_requests.get_or_create_user,
    "get_or_create_project": keystone_requests.get_or_create_project,
    "get_or_create_role": keystone_requests.get_or_create_role,
    "get_or_add_user_project_role": keystone_requests.get_or_add_user_project_role,
    "get_or_add_user_domain_role": keystone_requests.get_or_add_user_domain_role,
    "get_or_add_user_system_role": keystone_requests.get_or_add_user_system_role,
    "get_or_add_group_project_role": keystone_requests.get_or_add_group_project_role,
    "get_or_create_service": keystone_requests.get_or_create_service,
    "get_or_create_endpoint": keystone_requests.get_or_create_endpoint,
    "get_endpoint_url": keystone_requests.get_endpoint_url,
}
"""The handler of each verb; most verbs are names of bash functions."""
