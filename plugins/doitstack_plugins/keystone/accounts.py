"""The roles, projects, users and groups that DevStack's create_keystone_accounts makes.

Each object is found or created, so the steps can run again. Futures are separate processes, so each
step has its own connection and finds by name the objects that another step has created.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from doitstack import Stack, Step, async_run, async_wait, run
from doitstack.cloud import ADMIN_PASSWORD, DEFAULT_DOMAIN, first, get_or_create, identity_api

Uptodate = Callable[..., bool]

PROJECTS = ("invisible_to_admin", "demo", "alt_demo")
USERS = (
    *("demo", "demo_reader"),
    *("alt_demo", "alt_demo_member", "alt_demo_reader"),
    *("system_member", "system_reader"),
)
GROUPS = {"admins": "openstack admin group", "nonadmins": "non-admin group"}
ROLES = {"ks-service": "service", "ks-reseller": "ResellerAdmin", "ks-anotherrole": "anotherrole"}
"""The future that makes each role; keystone itself makes admin, manager, member and reader."""


class Grant(NamedTuple):
    """The role that a user, or else a group, has on a project, else a domain, else the system."""

    role: str
    user: str = ""
    group: str = ""
    project: str = ""
    domain: str = ""

    def __str__(self) -> str:
        holder = self.user or f"group {self.group}"
        scope = self.project or (f"domain {self.domain}" if self.domain else "system")
        return f"{self.role} {holder} {scope}"


DOMAIN_ROLE = Grant("admin", user="admin", domain=DEFAULT_DOMAIN)

GRANTS = {
    "ks-demo-member": Grant("member", user="demo", project="demo"),
    "ks-demo-admin": Grant("admin", user="admin", project="demo"),
    "ks-demo-another": Grant("anotherrole", user="demo", project="demo"),
    "ks-demo-invis": Grant("member", user="demo", project="invisible_to_admin"),
    "ks-demo-reader": Grant("reader", user="demo_reader", project="demo"),
    "ks-alt-admin": Grant("admin", user="alt_demo", project="alt_demo"),
    "ks-alt-another": Grant("anotherrole", user="alt_demo", project="alt_demo"),
    "ks-alt-member-user": Grant("member", user="alt_demo_member", project="alt_demo"),
    "ks-alt-reader-user": Grant("reader", user="alt_demo_reader", project="alt_demo"),
    "ks-system-member": Grant("member", user="system_member"),
    "ks-system-reader": Grant("reader", user="system_reader"),
    "ks-group-memberdemo": Grant("member", group="nonadmins", project="demo"),
    "ks-group-anotherdemo": Grant("anotherrole", group="nonadmins", project="demo"),
    "ks-group-memberalt": Grant("member", group="nonadmins", project="alt_demo"),
    "ks-group-anotheralt": Grant("anotherrole", group="nonadmins", project="alt_demo"),
    "ks-group-admin": Grant("admin", group="admins", project="admin"),
}


def account_steps(uptodate: Callable[[], Uptodate]) -> Iterator[Step]:
    """Yield DevStack's futures, with its waits, and what they need on the main line.

    `uptodate` makes the check of one step: whether what it made is still there.
    """

    def future(name: str, action: Callable[..., None], *args: Any) -> Step:
        return async_run(name, action, *args, uptodate=[uptodate()])

    yield run(check_admin, uptodate=[uptodate()])
    yield future("ks-domain-role", add_role, DOMAIN_ROLE)
    yield run(create_service_domain, uptodate=[uptodate()])
    yield future("ks-project", create_service_project)
    for name, role in ROLES.items():
        yield future(name, create_role, role)
    yield run(create_demo_accounts, uptodate=[uptodate()])
    yield async_wait("ks-domain-role", "ks-project", *ROLES)
    for name, grant in GRANTS.items():
        yield future(name, add_role, grant)
    for family in ("ks-demo-", "ks-alt-", "ks-system-", "ks-group-"):
        yield async_wait(*(name for name in GRANTS if name.startswith(family)))


def check_admin(stack: Stack) -> None:
    """Raise an error unless the administrator can log in and sees what the bootstrap made."""
    with identity_api(stack) as identity:
        the_one(identity.projects(name="admin", domain_id=DEFAULT_DOMAIN), "project admin")
        the_one(identity.users(name="admin", domain_id=DEFAULT_DOMAIN), "user admin")


def create_service_domain(stack: Stack) -> None:
    """Make the domain of the service project, by default the default domain."""
    name = stack.settings["SERVICE_DOMAIN_NAME"]
    with identity_api(stack) as identity:
        _create_missing(identity.domains, identity.create_domain, name=name)


def create_service_project(stack: Stack) -> None:
    """Make the project in which services have their users."""
    with identity_api(stack) as identity:
        name = stack.settings["SERVICE_DOMAIN_NAME"]
        domain = the_one(identity.domains(name=name), f"domain {name}")
        _create_project(identity, stack.settings["SERVICE_PROJECT_NAME"], domain.id)


def create_role(stack: Stack, name: str) -> None:
    """Make the role `name`."""
    with identity_api(stack) as identity:
        _create_missing(identity.roles, identity.create_role, name=name)


def create_demo_accounts(stack: Stack) -> None:
    """Make the projects, users and groups that the grants are about.

    All users have the administrator's password, as in DevStack.
    """
    password = stack.password(ADMIN_PASSWORD)
    with identity_api(stack) as identity, stack.timed("osc"):
        for name in PROJECTS:
            _create_project(identity, name, DEFAULT_DOMAIN)
        for name in USERS:
            create_user(identity, name, password)
        for name, description in GROUPS.items():
            create = partial(identity.create_group, description=description)
            _create_missing(identity.groups, create, name=name, domain_id=DEFAULT_DOMAIN)


def add_role(stack: Stack, grant: Grant) -> None:
    """Add the role of `grant`; nothing changes if it is there already."""
    with identity_api(stack) as identity:
        role = the_one(identity.roles(name=grant.role), f"role {grant.role}").id
        if grant.project:
            _add_project_role(identity, grant, role)
        elif grant.domain:
            identity.assign_domain_role_to_user(grant.domain, _user_id(identity, grant), role)
        else:
            identity.assign_system_role_to_user(_user_id(identity, grant), role, "all")


def _add_project_role(identity: Any, grant: Grant, role: str) -> None:
    projects = identity.projects(name=grant.project, domain_id=DEFAULT_DOMAIN)
    project = the_one(projects, f"project {grant.project}").id
    if grant.user:
        identity.assign_project_role_to_user(project, _user_id(identity, grant), role)
    else:
        groups = identity.groups(name=grant.group, domain_id=DEFAULT_DOMAIN)
        group = the_one(groups, f"group {grant.group}").id
        identity.assign_project_role_to_group(project, group, role)


def _user_id(identity: Any, grant: Grant) -> str:
    users = identity.users(name=grant.user, domain_id=DEFAULT_DOMAIN)
    return str(the_one(users, f"user {grant.user}").id)


def _create_project(identity: Any, name: str, domain_id: str) -> None:
    _create_missing(identity.projects, identity.create_project, name=name, domain_id=domain_id)


def _create_missing(
    find: Callable[..., Iterator[Any]], create: Callable[..., Any], **key: str
) -> None:
    get_or_create(lambda: first(find(**key)), partial(create, **key))


def create_user(identity: Any, name: str, password: str) -> None:
    """Make the user `name` in the default domain; one that is there gets this password."""
    key = {"name": name, "domain_id": DEFAULT_DOMAIN}
    user = first(identity.users(**key))
    if user is None:
        identity.create_user(**key, password=password, email=f"{name}@example.com")
    else:
        identity.update_user(user, password=password)


def the_one(found: Iterator[Any], what: str) -> Any:
    """Return the one that keystone found."""
    from openstack.exceptions import NotFoundException  # noqa: PLC0415 - slow, see identity_api

    one = first(found)
    if one is None:
        raise NotFoundException(
            f"there is no {what}; start again with `doit clean` and `doit stack`"
        )
    return one
