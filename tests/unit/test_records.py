"""Records behave as frozen dataclasses do."""

import pickle
from dataclasses import FrozenInstanceError, asdict, dataclass, field, fields, replace
from typing import Any

import pytest

from doitstack.records import Record


class Point(Record):
    x: int
    y: int = 0
    names: list[str] = field(default_factory=list)
    time: float = field(default=0.0, kw_only=True)


class Named(Point):
    kind: str = "named"


class Derived(Record):
    text: str = field(init=False)
    words: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", " ".join(self.words))


@dataclass(frozen=True)
class Frozen:
    x: int
    y: int = 0
    names: list[str] = field(default_factory=list)
    time: float = field(default=0.0, kw_only=True)


GOOD: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((1,), {}),
    ((1, 2, ["a"]), {"time": 3.0}),
    ((), {"y": 2, "x": 1}),
]
BAD: list[tuple[tuple[Any, ...], dict[str, Any], str]] = [
    ((), {}, "Point needs a value for x"),
    ((), {"y": 1, "z": 2}, "Point has no field z"),
    ((1, 2, [], 3.0), {}, "Point takes 3 values by place, not 4"),
    ((1,), {"x": 2}, "Point got two values for x"),
]


@pytest.mark.parametrize(("values", "named"), GOOD)
def test_record_has_the_fields_and_the_text_of_a_frozen_dataclass(
    values: tuple[Any, ...], named: dict[str, Any]
) -> None:
    record, frozen = Point(*values, **named), Frozen(*values, **named)
    assert asdict(record) == asdict(frozen)
    assert repr(record) == repr(frozen).replace("Frozen", "Point")


@pytest.mark.parametrize(("values", "named", "message"), BAD)
def test_wrong_arguments_are_a_type_error(
    values: tuple[Any, ...], named: dict[str, Any], message: str
) -> None:
    with pytest.raises(TypeError):
        Frozen(*values, **named)
    with pytest.raises(TypeError, match=message):
        Point(*values, **named)


def test_record_never_changes() -> None:
    record = Point(1)
    assert issubclass(FrozenInstanceError, AttributeError)
    with pytest.raises(AttributeError, match="cannot assign to x: a Point never changes"):
        record.x = 2  # type: ignore[misc]
    with pytest.raises(AttributeError, match="cannot delete x"):
        del record.x


def test_records_are_equal_if_their_class_and_fields_are() -> None:
    assert Point(1) == Point(1)
    assert Point(1) != Point(2)
    assert Point(1) != Named(1)
    assert Point(1) != (1, 0, [], 0.0)
    assert hash(Derived(("a",))) == hash(Derived(("a",)))


def test_each_record_has_a_default_of_its_own() -> None:
    assert Point(1).names is not Point(1).names


def test_derived_class_has_the_fields_of_its_base_first() -> None:
    assert [one.name for one in fields(Named)] == ["x", "y", "names", "time", "kind"]
    assert Named(1, 2, [], "x").kind == "x"


def test_record_can_be_copied_with_other_values() -> None:
    assert replace(Point(1, 2), y=3) == Point(1, 3)
    assert replace(Derived(("a",)), words=("b", "c")).text == "b c"
    assert pickle.loads(pickle.dumps(Point(1, 2))) == Point(1, 2)


def test_field_that_is_derived_is_no_argument() -> None:
    with pytest.raises(TypeError, match="Derived has no field text"):
        Derived(text="a", words=())  # type: ignore[call-arg]
