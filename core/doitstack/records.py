"""Immutable records: frozen dataclasses that inherit their methods.

`@dataclass(frozen=True)` generates and compiles the methods of each class in each process that
imports it. That takes half a millisecond, ten times as long as the rest of a class, and a run has
fifty such classes.
"""

from dataclasses import MISSING, Field, dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, dataclass_transform


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
class Record:
    """The base of a frozen dataclass: `class Point(Record)`, with its fields as annotations.

    `dataclasses.replace` and the like accept it, and `__post_init__` is called if there is one.
    """

    if TYPE_CHECKING:
        __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    __names: ClassVar[tuple[str, ...]]
    __positional: ClassVar[tuple[str, ...]]
    __given: ClassVar[frozenset[str]]
    """The fields that a new record must have: all but those that `__post_init__` sets."""
    __defaults: ClassVar[dict[str, Any]]
    __factories: ClassVar[dict[str, Any]]

    def __init_subclass__(cls) -> None:
        """Collect the fields of a class."""
        dataclass(init=False, repr=False, eq=False)(cls)
        cls.__names = tuple(one.name for one in fields(cls))
        given = [one for one in fields(cls) if one.init]
        cls.__given = frozenset(one.name for one in given)
        cls.__positional = tuple(one.name for one in given if not one.kw_only)
        cls.__defaults = {one.name: one.default for one in given if one.default is not MISSING}
        cls.__factories = {
            one.name: one.default_factory for one in given if one.default_factory is not MISSING
        }

    def __init__(self, *values: Any, **named: Any) -> None:
        own = self.__dict__
        own.update(self.__defaults)
        for name, factory in self.__factories.items():
            if name not in named:
                own[name] = factory()
        own.update(zip(self.__positional, values, strict=False))
        own.update(named)
        by_place = self.__positional[: len(values)]
        if own.keys() != self.__given or len(by_place) < len(values) or named.keys() & by_place:
            raise TypeError(self.__mistake(values, named))
        self.__post_init__()

    def __post_init__(self) -> None:
        """Check the values, in classes that do."""

    @classmethod
    def __mistake(cls, values: tuple[Any, ...], named: dict[str, Any]) -> str:
        """Return why there is no record of these arguments."""
        by_place = cls.__positional[: len(values)]
        defaults = {*cls.__defaults, *cls.__factories}
        if unknown := [name for name in named if name not in cls.__given]:
            return f"{cls.__name__} has no field {', '.join(unknown)}"
        if len(by_place) < len(values):
            return f"{cls.__name__} takes {len(by_place)} values by place, not {len(values)}"
        if twice := [name for name in by_place if name in named]:
            return f"{cls.__name__} got two values for {', '.join(twice)}"
        known = {*by_place, *named, *defaults}
        missing = [name for name in cls.__names if name in cls.__given - known]
        return f"{cls.__name__} needs a value for {', '.join(missing)}"

    def __setattr__(self, name: str, _value: object) -> NoReturn:
        raise AttributeError(f"cannot assign to {name}: a {type(self).__name__} never changes")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"cannot delete {name}: a {type(self).__name__} never changes")

    def __values(self) -> tuple[Any, ...]:
        own = self.__dict__
        return tuple([own[name] for name in self.__names])

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self.__values() == other.__values()

    def __hash__(self) -> int:
        return hash(self.__values())

    def __repr__(self) -> str:
        pairs = zip(self.__names, self.__values(), strict=True)
        return (
            f"{type(self).__qualname__}({', '.join(f'{name}={value!r}' for name, value in pairs)})"
        )
