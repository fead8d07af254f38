"""The SDK's identity API of a Keystone that is a dictionary; it records the requests."""

from types import SimpleNamespace
from typing import Any

from openstack.exceptions import ConflictException


class FakeIdentity:
    """Objects by kind. `requests` are the calls and their keywords, `grants` what was assigned."""

    def __init__(self) -> None:
        self.objects: dict[str, list[SimpleNamespace]] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.passwords: dict[str, str] = {}
        self.grants: list[tuple[str, ...]] = []

    def created(self) -> list[tuple[str, dict[str, str]]]:
        """Return the requests that created something."""
        return [one for one in self.requests if one[0].startswith("create_")]

    def make(self, kind: str, name: str, **more: str) -> SimpleNamespace:
        """Make an object, as if another process did."""
        thing = SimpleNamespace(id=f"{kind}-{name}", name=name, **more)
        self.objects.setdefault(kind, []).append(thing)
        return thing

    def update_user(self, user: str, *, password: str) -> SimpleNamespace:
        """Change a password."""
        self.passwords[user] = password
        return next(one for one in self.objects["user"] if one.id == user)

    def __getattr__(self, name: str) -> Any:
        verb, _, kind = name.partition("_")
        if verb == "create":
            return lambda **given: self._create(kind, given)
        if verb == "assign":
            return lambda *ids: self.grants.append((kind, *ids))
        return lambda **key: self._list(name, key)

    def _create(self, kind: str, given: dict[str, str]) -> SimpleNamespace:
        self.requests.append((f"create_{kind}", given))
        if self._found(kind, {key: given[key] for key in given if key in {"name", "domain_id"}}):
            raise ConflictException(given["name"])
        return self.make(kind, **given)

    def _list(self, kinds: str, key: dict[str, str]) -> list[SimpleNamespace]:
        self.requests.append((kinds, key))
        return self._found(kinds.removesuffix("s"), key)

    def _found(self, kind: str, key: dict[str, str]) -> list[SimpleNamespace]:
        return [one for one in self.objects.get(kind, []) if key.items() <= vars(one).items()]
