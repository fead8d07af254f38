"""What NamedObjects asks Keystone for, and what it makes."""

import pytest
from openstack.exceptions import NotFoundException

from doitstack_plugins.keystone.named_objects import NamedObjects, the_one
from tests.unit.plugins.keystone.fake_identity import FakeIdentity

DOMAIN = "default"


@pytest.fixture
def identity() -> FakeIdentity:
    identity = FakeIdentity()
    for kind in ("user", "project"):
        identity.make(kind, "admin", domain_id=DOMAIN)
    identity.make("role", "admin")
    return identity


@pytest.fixture
def objects() -> NamedObjects:
    return NamedObjects()


def test_each_kind_is_listed_once(objects: NamedObjects, identity: FakeIdentity) -> None:
    for _ in range(2):
        for name in ("demo", "alt_demo"):
            objects.create_missing(identity, "project", name, DOMAIN)
        for name in ("admin", "demo", "alt_demo"):
            assert objects.id(identity, "project", name, DOMAIN) == f"project-{name}"
        assert objects.id(identity, "role", "admin") == "role-admin"
    assert identity.requests == [
        ("projects", {"domain_id": DOMAIN}),
        ("create_project", {"name": "demo", "domain_id": DOMAIN}),
        ("create_project", {"name": "alt_demo", "domain_id": DOMAIN}),
        ("roles", {}),
    ]


def test_name_is_another_objects_in_another_domain(
    objects: NamedObjects, identity: FakeIdentity
) -> None:
    objects.create_missing(identity, "project", "admin", DOMAIN)
    objects.create_missing(identity, "project", "admin", "other", description="text")
    created = {"name": "admin", "domain_id": "other", "description": "text"}
    assert identity.created() == [("create_project", created)]


def test_id_of_what_others_have_created_since_is_looked_up_once(
    objects: NamedObjects, identity: FakeIdentity
) -> None:
    objects.id(identity, "role", "admin")
    identity.make("role", "anotherrole")
    identity.requests.clear()
    for _ in range(2):
        assert objects.id(identity, "role", "anotherrole") == "role-anotherrole"
    assert identity.requests == [("roles", {"name": "anotherrole"})]


def test_object_that_others_have_created_since_is_found(
    objects: NamedObjects, identity: FakeIdentity
) -> None:
    objects.id(identity, "role", "admin")
    identity.make("role", "service")
    objects.create_missing(identity, "role", "service")
    identity.requests.clear()
    assert objects.id(identity, "role", "service") == "role-service"
    assert identity.requests == []


def test_user_that_is_there_gets_the_password(
    objects: NamedObjects, identity: FakeIdentity
) -> None:
    for password in ("old", "new"):
        objects.create_user(identity, "demo", password)
    identity.make("user", "alt_demo", domain_id=DOMAIN)
    objects.create_user(identity, "alt_demo", "new")
    key = {"name": "demo", "domain_id": DOMAIN}
    assert ("create_user", {**key, "password": "old", "email": "demo@example.com"}) in (
        identity.requests
    )
    assert identity.passwords == {"user-demo": "new", "user-alt_demo": "new"}
    assert objects.id(identity, "user", "alt_demo", DOMAIN) == "user-alt_demo"


def test_id_of_nothing_is_an_error(objects: NamedObjects, identity: FakeIdentity) -> None:
    with pytest.raises(NotFoundException, match="there is no user nobody; start again"):
        objects.id(identity, "user", "nobody", DOMAIN)


def test_the_one_is_the_first() -> None:
    assert the_one(iter(["a", "b"]), "letter") == "a"
