"""The CPU of this computer: dense products by NumPy's BLAS, sparse ones by SciPy."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy
from threadpoolctl import threadpool_info, threadpool_limits

from eiesim.base.errors import ConfigError

CPUS = Path("/sys/devices/system/cpu")
UNKNOWN_CACHE_BYTES = 256 << 20
"""Assumed for the last-level caches if the system does not give their size."""


class Cpu:
    """The CPU as a `Device`: NumPy's BLAS with its threads, and a pool that flushes the caches."""

    def __init__(self, library: str, threads: int | None, pool: ThreadPoolExecutor) -> None:
        self.platform = f"this cpu: {find_processor()}"
        self._library, self._threads, self._pool = library, threads, pool
        streamed = np.ones(2 * find_cache_bytes(CPUS), np.int8)
        self._streams = np.array_split(streamed, count_processors())

    def free_bytes(self) -> int | None:
        """Return the memory that is available, or else all memory; None if unknown."""
        with suppress(OSError):
            for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines():
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) << 10
        with suppress(AttributeError, ValueError, OSError):  # not on Windows
            return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return None

    def describe(self, matrix: str) -> tuple[str, int | None]:
        """Return library and threads; SciPy's sparse products run in one thread."""
        if matrix == "sparse":
            return f"SciPy {scipy.__version__} CSR", 1
        return self._library, self._threads

    def place(self, array: Any) -> Any:
        """Return the array itself, which is in this memory already."""
        return array

    def fetch(self, array: Any) -> npt.NDArray[np.float32]:
        """Return the array itself, which is in this memory already."""
        return np.asarray(array)

    def time_us(self, work: Callable[[], object]) -> float:
        """Call `work`, which returns when it is done, and return its time in microseconds."""
        start = perf_counter_ns()
        work()
        return (perf_counter_ns() - start) / 1e3

    def flush(self) -> None:
        """Stream twice the last-level caches, in one thread a processor."""
        # not by the BLAS, whose threads would still spin during the next measurement
        list(self._pool.map(np.max, self._streams))


@contextmanager
def open_cpu(threads: int | None = None) -> Iterator[Cpu]:
    """Yield the CPU with its BLAS set to a number of threads, and reset it afterwards.

    By default the BLAS chooses the number. Raises ConfigError if it cannot be set.
    """
    processors = count_processors()
    if threads is not None and not 1 <= threads <= processors:
        raise ConfigError(f"threads: expected 1 to {processors} on this computer, found {threads}")
    limits = threadpool_limits(limits=threads, user_api="blas")
    with limits, ThreadPoolExecutor(processors) as pool:
        library, blas_threads = _describe_blas()
        if threads not in {None, blas_threads}:
            raise ConfigError(
                f"threads: {library} takes {blas_threads or 'its own number'}, not {threads}"
            )
        yield Cpu(library, blas_threads, pool)


def _describe_blas() -> tuple[str, int | None]:
    """Return NumPy's BLAS and its threads; None if threadpoolctl does not know it."""
    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    # SciPy's wheel brings a BLAS of its own, in a folder beside NumPy's
    pools.sort(key=lambda pool: "numpy" not in "".join(Path(pool["filepath"]).parts[-3:]))
    names, threads = [f"NumPy {np.__version__}"], None
    if pools:
        names += [pools[0]["internal_api"], pools[0]["version"] or ""]
        threads = pools[0]["num_threads"]
    return " ".join(names).rstrip(), threads


def count_processors() -> int:
    """Return how many processors this computer has."""
    return os.cpu_count() or 1


def find_processor() -> str:
    """Return the processor's name, as the system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2] for line in lines if line.startswith("model name"))
    return " ".join(next(names, platform.processor() or platform.machine()).split())


def find_cache_bytes(cpus: Path) -> int:
    """Return the size of all last-level caches together, from Linux' folder of processors.

    If the folder has none, return 256 MiB.
    """
    sizes: dict[tuple[int, str], int] = {}
    for cache in cpus.glob("cpu[0-9]*/cache/index[0-9]*"):
        try:
            level, shared, size = (
                (cache / name).read_text(encoding="utf-8").strip()
                for name in ("level", "shared_cpu_list", "size")
            )
            sizes[int(level), shared] = int(size[:-1]) << {"K": 10, "M": 20}[size[-1]]
        except (OSError, ValueError, LookupError):
            continue
    last = max((level for level, _ in sizes), default=0)
    total = sum(size for (level, _), size in sizes.items() if level == last)
    return total or UNKNOWN_CACHE_BYTES
