"""Filters made by code rather than written as text: the same trees, the same answers.

    from slicebank.filters import absent, field, flag, mask
    large = mask((field("area_fraction") > 0.01) & ~flag("touches_border"))
    bank.where((field("modality") == "CT") & field("class").isin(["liver", "spleen"]) & large)

``&``, ``|`` and ``~`` take the place of AND, OR and NOT; they bind tighter than comparisons,
so those stand in parentheses. What is made is a value: keep it, pickle it, use it in several
filters; ``str(it)`` is the text of docs/query_language.md. Names are checked when it is used, with
the QueryError that a text gets.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from slicebank import _native

Number = int | float


class Condition:
    """Something that is true or false of a sample, or of a mask inside :func:`mask`."""

    __slots__ = ("_native",)

    def __init__(self, native: _native.Condition) -> None:
        self._native = native

    def __reduce__(self) -> tuple[Any, ...]:
        return (parse, (str(self),))

    def __and__(self, other: Condition) -> Condition:
        return Condition(self._native.both(other._native))

    def __or__(self, other: Condition) -> Condition:
        return Condition(self._native.either(other._native))

    def __invert__(self) -> Condition:
        return Condition(self._native.negated())

    def __bool__(self) -> bool:
        raise TypeError("a condition has no truth of its own: join conditions with &, | and ~")

    def __str__(self) -> str:
        return self._native.text

    def __repr__(self) -> str:
        return f"Condition({str(self)!r})"


class Exact:
    """A class's own name, without the classes below it: what :func:`exact` gives."""

    __slots__ = ("_native",)

    def __init__(self, name: str) -> None:
        self._native = _native.exact(name)

    def __repr__(self) -> str:
        return f"exact({self._native.name!r})"


class Term:
    """A field, or what is calculated of fields and numbers with + - * /."""

    __slots__ = ("_native",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, native: _native.Term) -> None:
        self._native = native

    def _compare(self, sign: str, other: Any) -> Condition:
        return Condition(self._native.compare(sign, _bare(other)))

    def __eq__(self, other: Any) -> Condition:  # type: ignore[override]
        return self._compare("=", other)

    def __ne__(self, other: Any) -> Condition:  # type: ignore[override]
        return self._compare("!=", other)

    def __lt__(self, other: Any) -> Condition:
        return self._compare("<", other)

    def __le__(self, other: Any) -> Condition:
        return self._compare("<=", other)

    def __gt__(self, other: Any) -> Condition:
        return self._compare(">", other)

    def __ge__(self, other: Any) -> Condition:
        return self._compare(">=", other)

    def __add__(self, other: Term | Number) -> Term:
        return Term(self._native.calculate("+", _term(other)))

    def __sub__(self, other: Term | Number) -> Term:
        return Term(self._native.calculate("-", _term(other)))

    def __mul__(self, other: Term | Number) -> Term:
        return Term(self._native.calculate("*", _term(other)))

    def __truediv__(self, other: Term | Number) -> Term:
        return Term(self._native.calculate("/", _term(other)))

    def __radd__(self, other: Number) -> Term:
        return Term(_term(other).calculate("+", self._native))

    def __rsub__(self, other: Number) -> Term:
        return Term(_term(other).calculate("-", self._native))

    def __rmul__(self, other: Number) -> Term:
        return Term(_term(other).calculate("*", self._native))

    def __rtruediv__(self, other: Number) -> Term:
        return Term(_term(other).calculate("/", self._native))

    def __neg__(self) -> Term:
        return Term(self._native.negative())

    def isin(self, values: Iterable[Any]) -> Condition:
        """IN: texts and numbers, or :func:`exact` classes alone."""
        return Condition(self._native.in_list([_bare(each) for each in values], False))

    def notin(self, values: Iterable[Any]) -> Condition:
        """NOT IN."""
        return Condition(self._native.in_list([_bare(each) for each in values], True))

    def like(self, pattern: str, escape: str = "") -> Condition:
        """LIKE: ``%`` any characters, ``_`` one; case does not count among ASCII."""
        return Condition(self._native.like(pattern, escape))

    def between(self, low: Any, high: Any) -> Condition:
        """BETWEEN: both ends count."""
        return Condition(self._native.between(_bare(low), _bare(high), False))

    def is_null(self) -> Condition:
        """IS NULL: there is no such value."""
        return Condition(self._native.is_null())

    def is_not_null(self) -> Condition:
        """IS NOT NULL."""
        return Condition(self._native.is_not_null())

    def __bool__(self) -> bool:
        raise TypeError("a field has no truth of its own: compare it, or use flag()")


def _bare(value: Any) -> Any:
    return value._native if isinstance(value, (Term, Exact)) else value


def _term(value: Term | Number) -> _native.Term:
    return _native.term(_bare(value))


def field(name: str) -> Term:
    """A field by name: ``slicebank.filter_fields()`` lists them."""
    return Term(_native.field(name))


def exact(name: str) -> Exact:
    """``field("class") == exact("kidney")``: not the left one, not the right one."""
    return Exact(name)


def flag(name: str) -> Condition:
    """A yes/no field by itself: touches_border, lesion."""
    return Condition(_native.flag(name))


def mask(condition: Condition) -> Condition:
    """All of it is true of one and the same mask."""
    return Condition(_native.of_mask(condition._native))


def absent(class_name: str) -> Condition:
    """Somebody looked for the class, and it is not there."""
    return Condition(_native.absent(class_name))


def unknown(class_name: str) -> Condition:
    """Nobody looked for the class."""
    return Condition(_native.unknown(class_name))


def split(name: str, *sides: str) -> Condition:
    """On one of these sides of a saved split; without sides: on any."""
    return Condition(_native.in_split(name, list(sides), False))


def everything() -> Condition:
    """Every sample, or every mask."""
    return Condition(_native.filter_all())


def parse(text: str) -> Condition:
    """The condition that a text stands for. Raises QueryError."""
    return Condition(_native.filter_of(text))
