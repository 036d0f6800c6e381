"""A pickle's value, read without pickle: no class is looked up and nothing in it is executed."""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import IO, Any, NamedTuple

from eiesim.base.errors import WorkloadError

MOST_OPCODES = 1 << 22
MARK = object()
"""Start of a tuple, list or dictionary on the stack."""


class Named(NamedTuple):
    """A class or function that a pickle names; it is never looked up."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


Reduce = Callable[[Any, tuple[Any, ...]], Any]


@dataclass
class _Machine:
    """The stack machine of pickles, with the opcodes that plain data needs."""

    where: str
    reduce: Reduce
    load: Callable[[Any], Any]
    stack: list[Any] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)

    def pop(self, number: int) -> list[Any]:
        """Take values off the stack, the uppermost one last."""
        return [self.stack.pop() for _ in range(number)][::-1]

    def pop_mark(self) -> list[Any]:
        """Take the values above the last mark, and the mark."""
        values = []
        while (value := self.stack.pop()) is not MARK:
            values.append(value)
        return values[::-1]

    def top(self, kind: type) -> Any:
        """Return the uppermost value, which is to be filled."""
        if not isinstance(self.stack[-1], kind):
            raise TypeError(f"no {kind.__name__} to fill")
        return self.stack[-1]


def read_pickle(stream: IO[bytes], where: str, reduce: Reduce, load: Callable[[Any], Any]) -> Any:
    """Return the value of the next pickle of a stream, and leave the stream at the pickle's end.

    Raises WorkloadError if the pickle is damaged, needs more than plain data, or is too long.

    Parameters
    ----------
    reduce
        From a `Named` and arguments, returns a value in place of the call, or refuses it.
    load
        From a persistent name, returns its value.
    """
    machine = _Machine(where, reduce, load)
    try:
        for number, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
            if number >= MOST_OPCODES:
                raise WorkloadError(f"{where}: expected a pickle of fewer steps")
            if opcode.name == "STOP":
                return machine.pop(1)[0]
            _do(machine, opcode.name, argument)
    except (ValueError, TypeError, LookupError, OverflowError, RecursionError) as error:
        raise WorkloadError(f"{where}: expected a whole pickle, found a damaged one") from error
    raise WorkloadError(f"{where}: expected a whole pickle, found a truncated one")


def _do(machine: _Machine, name: str, argument: Any) -> None:
    if name in VALUES:
        machine.stack.append(VALUES[name](machine, argument))
    elif name in CHANGES:
        CHANGES[name](machine, argument)
    elif name not in ("PROTO", "FRAME"):
        raise WorkloadError(
            f"{machine.where}: expected plain weights, found more (pickle's {name}); save "
            "model.state_dict()"
        )


def _call(machine: _Machine, _: Any) -> Any:
    function, arguments = machine.pop(2)
    return machine.reduce(function, (*arguments,))


def _set_items(machine: _Machine, pairs: list[Any]) -> None:
    target = machine.top(dict)
    for key, value in zip(pairs[::2], pairs[1::2], strict=True):
        if not isinstance(key, str | int):
            raise WorkloadError(f"{machine.where}: expected texts as keys, found another kind")
        target[key] = value


def _append(machine: _Machine, values: list[Any]) -> None:
    machine.top(list).extend(values)


def _put(machine: _Machine, place: int) -> None:
    machine.memo[place] = machine.top(object)


ARGUMENTS = (
    "BININT", "BININT1", "BININT2", "INT", "LONG", "LONG1", "LONG4", "BINFLOAT", "FLOAT",
    "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "UNICODE", "BINSTRING", "SHORT_BINSTRING",
    "BINBYTES", "SHORT_BINBYTES",
)  # fmt: skip
"""Opcodes whose value is their argument."""
VALUES: Mapping[str, Callable[[_Machine, Any], Any]] = {
    **dict.fromkeys(ARGUMENTS, lambda _, argument: argument),
    "NONE": lambda *_: None,
    "NEWTRUE": lambda *_: True,
    "NEWFALSE": lambda *_: False,
    "EMPTY_TUPLE": lambda *_: (),
    "EMPTY_LIST": lambda *_: [],
    "EMPTY_DICT": lambda *_: {},
    "MARK": lambda *_: MARK,
    "TUPLE": lambda machine, _: tuple(machine.pop_mark()),
    "TUPLE1": lambda machine, _: tuple(machine.pop(1)),
    "TUPLE2": lambda machine, _: tuple(machine.pop(2)),
    "TUPLE3": lambda machine, _: tuple(machine.pop(3)),
    "LIST": lambda machine, _: machine.pop_mark(),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), lambda machine, place: machine.memo[place]),
    "GLOBAL": lambda _, argument: Named(*argument.split(" ", 1)),
    "STACK_GLOBAL": lambda machine, _: Named(*map(str, machine.pop(2))),
    **dict.fromkeys(("REDUCE", "NEWOBJ"), _call),
    "BINPERSID": lambda machine, _: machine.load(machine.pop(1)[0]),
}
"""Opcodes that put a value on the stack."""
CHANGES: Mapping[str, Callable[[_Machine, Any], object]] = {
    "APPEND": lambda machine, _: _append(machine, machine.pop(1)),
    "APPENDS": lambda machine, _: _append(machine, machine.pop_mark()),
    "SETITEM": lambda machine, _: _set_items(machine, machine.pop(2)),
    "SETITEMS": lambda machine, _: _set_items(machine, machine.pop_mark()),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _put),
    "MEMOIZE": lambda machine, _: _put(machine, len(machine.memo)),
    "BUILD": lambda machine, _: machine.pop(1),
}
"""Opcodes that change values; BUILD's attributes, such as `_metadata`, are left out."""
