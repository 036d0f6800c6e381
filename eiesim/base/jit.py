"""Compiled loops: the one place where numba is used.

Every kernel is a plain function over arrays; `inspect.unwrap(kernel)` is its Python source, and the
tests run both.
"""

from __future__ import annotations

import functools
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing import parent_process
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numba.core.runtime.nrt import rtsys

from eiesim.base.errors import EieWarning

F = TypeVar("F", bound=Callable[..., object])


def kernel(function: F) -> F:
    """Compile a function of loops over arrays and numbers with numba, and cache it if possible.

    It is never compiled with fast-math, so that every rounding is the one that is written.
    """
    try:
        compiled: Any = numba.njit(cache=True)(function)
    except RuntimeError:
        warnings.warn(
            "compiled code cannot be kept: no folder for it can be written to: it is compiled "
            "again each time; NUMBA_CACHE_DIR names a folder",
            EieWarning,
            stacklevel=2,
        )
        return cast(F, numba.njit(function))
    compiled._cache = Cache(compiled._cache)
    kept = compiled._cache._cache_file
    kept._source_stamp = (kept._source_stamp, *_list_parts(function))
    return cast(F, compiled)


def _list_parts(function: Callable[..., object]) -> Iterator[object]:
    """Yield what compiled code holds beside the function: kernels that it calls, and constants.

    numba looks at the function's own file alone, and would go on with code that has the old ones.
    """
    for name in function.__code__.co_names:
        value = function.__globals__.get(name)
        if hasattr(value, "py_func"):
            yield cast(Any, value)._cache._cache_file._source_stamp
        elif isinstance(value, (int, float, np.generic)):
            yield repr(value)


@functools.cache
def _tell_of_compiling() -> None:
    """Say once, on a terminal, what takes the time; workers leave that to their parent."""
    if sys.stderr is not None and sys.stderr.isatty() and parent_process() is None:
        with suppress(OSError):
            print("eiesim: compiling for this computer: seconds, once", file=sys.stderr, flush=True)


class Cache:
    """numba's cache of a kernel, which may be damaged or full: that costs time and nothing else."""

    def __init__(self, cache: Any) -> None:
        self._cache = cache

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of numba's cache."""
        return getattr(self._cache, name)

    def load_overload(self, signature: Any, target: Any) -> Any:
        """Return a compiled kernel, or None if there is none that can be read.

        numba's public function first loads what it needs to compile, which takes longer than most
        runs; compiled code needs only numba's runtime.
        """
        try:
            rtsys.initialize(target)
            compiled = None
            with self._cache._guard_against_spurious_io_errors():
                compiled = self._cache._load_overload(signature, target)
            # two processes that compile a kernel for two signatures may write to the same file
            if compiled is not None and tuple(compiled.signature.args) != tuple(signature):
                raise ValueError(f"expected code for {signature}, found {compiled.signature}")
        except Exception:  # reading a damaged file may raise anything
            warnings.warn(
                f"{self._cache.cache_path}: compiled code that is kept there is damaged: it is "
                "compiled again",
                EieWarning,
                stacklevel=2,
            )
            with suppress(OSError):
                self._cache.flush()
            compiled = None
        if compiled is None:
            _tell_of_compiling()
        return compiled

    def save_overload(self, *signature: Any) -> None:
        """Store a compiled kernel if possible."""
        try:
            self._cache.save_overload(*signature)
        except Exception as error:  # as above
            reason = error.strerror if isinstance(error, OSError) else "what is there is damaged"
            warnings.warn(
                f"{self._cache.cache_path}: compiled code cannot be kept there: {reason}: it is "
                "compiled again each time",
                EieWarning,
                stacklevel=2,
            )
