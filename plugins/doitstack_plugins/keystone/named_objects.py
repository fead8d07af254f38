"""Keystone's objects by name: found or created. Each kind is listed once."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from doitstack.cloud import DEFAULT_DOMAIN, create_or_get, first


class NamedObjects:
    """The ids of the objects that have been listed or created, by name.

    Others may create more: a name that is not known is looked up, or found if its creation
    conflicts. So use it for one plan or step; a forked process has a copy of it.

    The methods take a kind, such as `user`, and the id of the domain for kinds that have one.
    """

    def __init__(self) -> None:
        self._listed: dict[tuple[str, str], dict[str, str]] = {}

    def id(self, identity: Any, kind: str, name: str, domain: str = "") -> str:
        """Return the id of the object. Raises NotFoundException if there is none."""
        known = self._known(identity, kind, domain)
        if name not in known:
            known[name] = the_one(_list(identity, kind, domain, name=name), f"{kind} {name}").id
        return known[name]

    def create_missing(
        self, identity: Any, kind: str, name: str, domain: str = "", **more: str
    ) -> None:
        """Create the object, with `more` attributes, unless it is there."""
        known = self._known(identity, kind, domain)
        if name in known:
            return
        create = getattr(identity, f"create_{kind}")
        known[name] = create_or_get(
            partial(create, name=name, **_within(domain), **more),
            lambda: first(_list(identity, kind, domain, name=name)),
        ).id

    def create_user(self, identity: Any, name: str, password: str) -> None:
        """Make the user `name` in the default domain; one that is there gets this password."""

        def update() -> Any:
            user = self.id(identity, "user", name, DEFAULT_DOMAIN)
            return identity.update_user(user, password=password)

        key = {"name": name, "domain_id": DEFAULT_DOMAIN}
        more = {"password": password, "email": f"{name}@example.com"}
        create = partial(identity.create_user, **key, **more)
        known = self._known(identity, "user", DEFAULT_DOMAIN)
        known[name] = (update() if name in known else create_or_get(create, update)).id

    def _known(self, identity: Any, kind: str, domain: str) -> dict[str, str]:
        key = (kind, domain)
        if key not in self._listed:
            self._listed[key] = {one.name: one.id for one in _list(identity, kind, domain)}
        return self._listed[key]


def the_one(found: Iterator[Any], what: str) -> Any:
    """Return the one that keystone found."""
    from openstack.exceptions import NotFoundException  # noqa: PLC0415 - slow, see identity_api

    one = first(found)
    if one is None:
        raise NotFoundException(
            f"there is no {what}; start again with `doit clean` and `doit stack`"
        )
    return one


def _list(identity: Any, kind: str, domain: str, **key: str) -> Iterator[Any]:
    found: Iterator[Any] = getattr(identity, f"{kind}s")(**_within(domain), **key)
    return found


def _within(domain: str) -> dict[str, str]:
    return {"domain_id": domain} if domain else {}
