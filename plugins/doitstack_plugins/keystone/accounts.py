"""The roles, projects, users and groups that DevStack's create_keystone_accounts makes.

Each object is found or created, so the steps can run again. Futures are separate processes, so each
step has its own connection. It knows the ids of what the main line listed or created before it.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from doitstack import Stack, Step, async_run, async_wait, run
from doitstack.cloud import ADMIN_PASSWORD, DEFAULT_DOMAIN, identity_api
from doitstack_plugins.keystone.named_objects import NamedObjects

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
    accounts = Accounts()

    def future(name: str, action: Callable[..., None], *args: Any) -> Step:
        return async_run(name, action, *args, uptodate=[uptodate()])

    yield run(accounts.check_admin, uptodate=[uptodate()])
    yield future("ks-domain-role", accounts.add_role, DOMAIN_ROLE)
    yield run(accounts.create_service_domain, uptodate=[uptodate()])
    yield future("ks-project", accounts.create_service_project)
    for name, role in ROLES.items():
        yield future(name, accounts.create_role, role)
    yield run(accounts.create_demo_accounts, uptodate=[uptodate()])
    yield async_wait("ks-domain-role", "ks-project", *ROLES)
    for name, grant in GRANTS.items():
        yield future(name, accounts.add_role, grant)
    for family in ("ks-demo-", "ks-alt-", "ks-system-", "ks-group-"):
        yield async_wait(*(name for name in GRANTS if name.startswith(family)))


class Accounts:
    """The actions of the steps of one plan, and the ids that they share."""

    def __init__(self) -> None:
        self._objects = NamedObjects()

    def check_admin(self, stack: Stack) -> None:
        """Raise an error unless the administrator can log in and sees what the bootstrap made."""
        with identity_api(stack) as identity:
            self._objects.id(identity, "project", "admin", DEFAULT_DOMAIN)
            self._objects.id(identity, "user", "admin", DEFAULT_DOMAIN)
            self._objects.id(identity, "role", "admin")

    def create_service_domain(self, stack: Stack) -> None:
        """Make the domain of the service project, by default the default domain."""
        with identity_api(stack) as identity:
            self._objects.create_missing(identity, "domain", stack.settings["SERVICE_DOMAIN_NAME"])

    def create_service_project(self, stack: Stack) -> None:
        """Make the project in which services have their users."""
        with identity_api(stack) as identity:
            domain = self._objects.id(identity, "domain", stack.settings["SERVICE_DOMAIN_NAME"])
            name = stack.settings["SERVICE_PROJECT_NAME"]
            self._objects.create_missing(identity, "project", name, domain)

    def create_role(self, stack: Stack, name: str) -> None:
        """Make the role `name`."""
        with identity_api(stack) as identity:
            self._objects.create_missing(identity, "role", name)

    def create_demo_accounts(self, stack: Stack) -> None:
        """Make the projects, users and groups that the grants are about.

        All users have the administrator's password, as in DevStack.
        """
        password = stack.password(ADMIN_PASSWORD)
        make = self._objects.create_missing
        with identity_api(stack) as identity, stack.timed("osc"):
            for name in PROJECTS:
                make(identity, "project", name, DEFAULT_DOMAIN)
            for name in USERS:
                self._objects.create_user(identity, name, password)
            for name, description in GROUPS.items():
                make(identity, "group", name, DEFAULT_DOMAIN, description=description)

    def add_role(self, stack: Stack, grant: Grant) -> None:
        """Add the role of `grant`; nothing changes if it is there already."""
        with identity_api(stack) as identity:
            role = self._objects.id(identity, "role", grant.role)
            kind, name = ("user", grant.user) if grant.user else ("group", grant.group)
            holder = self._objects.id(identity, kind, name, DEFAULT_DOMAIN)
            if grant.domain:
                identity.assign_domain_role_to_user(grant.domain, holder, role)
            elif not grant.project:
                identity.assign_system_role_to_user(holder, role, "all")
            else:
                project = self._objects.id(identity, "project", grant.project, DEFAULT_DOMAIN)
                assign = getattr(identity, f"assign_project_role_to_{kind}")
                assign(project, holder, role)
