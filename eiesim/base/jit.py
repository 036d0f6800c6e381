"""Compiled loops: the one place where numba is used.

Every kernel is a plain function over arrays; `inspect.unwrap(kernel)` is its Python source, and the
tests run both.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar, cast

import numba
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
    return cast(F, compiled)


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
            with self._cache._guard_against_spurious_io_errors():
                return self._cache._load_overload(signature, target)
            return None
        except Exception:  # reading a damaged file may raise anything
            warnings.warn(
                f"{self._cache.cache_path}: compiled code that is kept there is damaged: it is "
                "compiled again",
                EieWarning,
                stacklevel=2,
            )
            with suppress(OSError):
                self._cache.flush()
            return None

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
