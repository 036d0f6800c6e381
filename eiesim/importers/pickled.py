"""A pickle's value, read without pickle: no class is looked up and nothing in it is executed."""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import IO, Any, NamedTuple

from eiesim.base.errors import WorkloadError

MOST_OPCODES = 1 << 22
MARK = object()
"""Where a tuple, list or dictionary begins on the stack."""


class Named(NamedTuple):
    """A class or function that a pickle names; it is never looked up."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


Reduce = Callable[[Any, tuple[Any, ...]], Any]


@dataclass
class _Machine:
    """The stack machine that a pickle is a program for, with the opcodes that plain data needs."""

    where: str
    reduce: Reduce
    load: Callable[[Any], Any]
    stack: list[Any] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)

    def damage(self) -> WorkloadError:
        """Return the error for a damaged pickle."""
        return WorkloadError(f"{self.where}: expected a whole pickle, found a damaged one")

    def pop(self, number: int) -> list[Any]:
        """Take values off the stack, the uppermost one last."""
        place = len(self.stack) - number
        if place < 0:
            raise self.damage()
        values = self.stack[place:]
        del self.stack[place:]
        return values

    def pop_mark(self) -> list[Any]:
        """Take the values above the last mark, and the mark."""
        for number, value in enumerate(reversed(self.stack)):
            if value is MARK:
                return self.pop(number + 1)[1:]
        raise self.damage()

    def top(self, kind: type) -> Any:
        """Return the uppermost value, which is to be changed."""
        if not self.stack or not isinstance(self.stack[-1], kind):
            raise WorkloadError(f"{self.where}: expected a {kind.__name__} to fill, found none")
        return self.stack[-1]


def read_pickle(stream: IO[bytes], where: str, reduce: Reduce, load: Callable[[Any], Any]) -> Any:
    """Return the value that the next pickle of a stream describes.

    A pickle that is damaged, needs more than plain data, or is too long, is a WorkloadError.

    Parameters
    ----------
    stream
        At the first byte of a pickle; left behind its last one.
    where
        The file, for errors.
    reduce
        Given a `Named` and arguments, returns what stands for the call; or refuses it.
    load
        Given a persistent name, returns what stands for it.
    """
    machine = _Machine(where, reduce, load)
    number = 0
    try:
        for opcode, argument, _ in pickletools.genops(stream):
            number += 1
            if number > MOST_OPCODES:
                raise WorkloadError(f"{where}: expected a pickle of fewer steps")
            if opcode.name == "STOP":
                return machine.pop(1)[0]
            _do(machine, opcode.name, argument)
    except (ValueError, TypeError, UnicodeError, OverflowError, RecursionError) as error:
        raise machine.damage() from error
    raise WorkloadError(f"{where}: expected a whole pickle, found a truncated one")


def _do(machine: _Machine, name: str, argument: Any) -> None:
    if name in PLAIN:
        machine.stack.append(argument)
    elif name in CONSTANTS:
        machine.stack.append(CONSTANTS[name]())
    elif name in STEPS:
        STEPS[name](machine, argument)
    elif name not in ("PROTO", "FRAME"):
        raise WorkloadError(
            f"{machine.where}: expected plain weights, found more (pickle's {name}); save "
            "model.state_dict()"
        )


def _name(machine: _Machine, argument: Any) -> None:
    module, _, name = argument.partition(" ")
    machine.stack.append(Named(module, name))


def _name_from_stack(machine: _Machine, _: Any) -> None:
    module, name = machine.pop(2)
    machine.stack.append(Named(str(module), str(name)))


def _call(machine: _Machine, _: Any) -> None:
    function, arguments = machine.pop(2)
    if not isinstance(arguments, tuple):
        raise WorkloadError(f"{machine.where}: expected arguments, found a damaged pickle")
    machine.stack.append(machine.reduce(function, arguments))


def _set_items(machine: _Machine, pairs: list[Any]) -> None:
    target = machine.top(dict)
    for key, value in zip(pairs[::2], pairs[1::2], strict=True):
        if not isinstance(key, str | int):
            raise WorkloadError(f"{machine.where}: expected texts as keys, found another kind")
        target[key] = value


def _get(machine: _Machine, place: Any) -> None:
    if place not in machine.memo:
        raise machine.damage()
    machine.stack.append(machine.memo[place])


def _put(machine: _Machine, place: Any) -> None:
    machine.memo[place] = machine.top(object)


def _leave_out(machine: _Machine, _: Any) -> None:
    machine.pop(1)  # attributes of what was made, such as a dictionary's _metadata


def _append(machine: _Machine, values: list[Any]) -> None:
    machine.top(list).extend(values)


PLAIN = frozenset({
    "BININT", "BININT1", "BININT2", "INT", "LONG", "LONG1", "LONG4", "BINFLOAT", "FLOAT",
    "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "UNICODE", "BINSTRING", "SHORT_BINSTRING",
    "BINBYTES", "SHORT_BINBYTES",
})  # fmt: skip
CONSTANTS: Mapping[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_TUPLE": tuple,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "MARK": lambda: MARK,
}
STEPS: Mapping[str, Callable[[_Machine, Any], None]] = {
    "TUPLE": lambda machine, _: machine.stack.append(tuple(machine.pop_mark())),
    "TUPLE1": lambda machine, _: machine.stack.append(tuple(machine.pop(1))),
    "TUPLE2": lambda machine, _: machine.stack.append(tuple(machine.pop(2))),
    "TUPLE3": lambda machine, _: machine.stack.append(tuple(machine.pop(3))),
    "LIST": lambda machine, _: machine.stack.append(machine.pop_mark()),
    "APPEND": lambda machine, _: _append(machine, machine.pop(1)),
    "APPENDS": lambda machine, _: _append(machine, machine.pop_mark()),
    "SETITEM": lambda machine, _: _set_items(machine, machine.pop(2)),
    "SETITEMS": lambda machine, _: _set_items(machine, machine.pop_mark()),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _get),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _put),
    "MEMOIZE": lambda machine, _: _put(machine, len(machine.memo)),
    "GLOBAL": _name,
    "STACK_GLOBAL": _name_from_stack,
    "REDUCE": _call,
    "NEWOBJ": _call,
    "BUILD": _leave_out,
    "BINPERSID": lambda machine, _: machine.stack.append(machine.load(machine.pop(1)[0])),
}
