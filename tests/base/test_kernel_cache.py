"""numba's cache, damaged or full: compiled again, the same result, and one line that says so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

COUNT = """
import resource, signal, sys
import numpy as np
from eiesim.image._kernels import count_entries
from eiesim.base.errors import show_warnings
show_warnings()
if sys.argv[1:]:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
counts = np.zeros((2, 2), np.int32)
count_entries(np.int32([0, 2, 3]), np.int32([0, 2, 3]), 4, counts)
print(counts.tolist(), count_entries.stats.cache_hits.total())
"""
COUNTS = "[[2, 0], [0, 1]]"
"""Rows 0 and 2 of column 0 are in PE 0 of 2, row 3 of column 1 in PE 1."""


def count(cache: Path, *arguments: str, script: str = COUNT) -> tuple[str, str]:
    """Return what the script prints, and what it says beside that."""
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True,
        env=os.environ | {"NUMBA_CACHE_DIR": str(cache)},
    )  # fmt: skip
    return done.stdout.strip(), done.stderr


@pytest.mark.parametrize(("kind", "content"), [(".nbi", b""), (".nbc", b"\x80\x04")])
def test_a_damaged_cache_is_made_anew(tmp_path: Path, kind: str, content: bytes) -> None:
    assert count(tmp_path) == (f"{COUNTS} 0", "")
    (damaged,) = tmp_path.rglob(f"*{kind}")
    damaged.write_bytes(content)
    told, err = count(tmp_path)
    assert told == f"{COUNTS} 0"
    assert err.startswith(f"eiesim: warning: {damaged.parent}: compiled code that is kept there is")
    assert err.count("\n") == 1
    assert count(tmp_path) == (f"{COUNTS} 1", "")


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of file sizes to fill a disk with")
def test_a_full_disk_below_the_cache(tmp_path: Path) -> None:
    told, err = count(tmp_path, "0")
    assert told == f"{COUNTS} 0"
    assert "compiled code cannot be kept there: File too large: it is compiled again" in err
    assert err.count("\n") == 1
    assert list(tmp_path.rglob("*.nb?")) == []


@pytest.mark.skipif(sys.platform == "win32", reason="no terminal to open there")
def test_a_terminal_is_told_once_that_it_compiles(tmp_path: Path) -> None:
    """A pipe is not: the other tests see what goes into one."""
    told = []
    for _ in range(2):
        reader, terminal = os.openpty()
        script = COUNT + "count_entries(np.int64([0, 0, 0]), np.int64([]), 4, counts)"
        subprocess.run(
            [sys.executable, "-c", script], stdout=subprocess.DEVNULL, stderr=terminal, check=True,
            env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)},
        )  # fmt: skip
        os.write(terminal, b"end")
        text = b""
        while not text.endswith(b"end"):
            text += os.read(reader, 1000)
        told.append(text.decode().splitlines())
        os.close(terminal)
        os.close(reader)
    assert told == [["eiesim: compiling for this computer: seconds, once", "end"], ["end"]]


def test_code_for_another_signature_is_not_run(tmp_path: Path) -> None:
    """Two processes with an empty cache may give two signatures the same file."""
    other = COUNT.replace("(2, 2), np.int32", "(2, 2), np.int64")
    assert count(tmp_path)[0] == f"{COUNTS} 0"
    (first,) = tmp_path.rglob("*.nbc")
    assert count(tmp_path, script=other)[0] == f"{COUNTS} 0"
    (second,) = {*tmp_path.rglob("*.nbc")} - {first}
    second.write_bytes(first.read_bytes())
    told, err = count(tmp_path, script=other)
    assert told == f"{COUNTS} 0"
    assert "compiled code that is kept there is damaged" in err
    assert count(tmp_path, script=other) == (f"{COUNTS} 1", "")


CALLER = """
from eiesim.base.jit import kernel
from callee import STEP, double

@kernel
def count(value):
    return double(value) + STEP

print(count(5))
"""
CALLEE = """
from eiesim.base.jit import kernel
STEP = {step}

@kernel
def double(value):
    return {factor} * value
"""


def test_code_of_a_kernel_that_changes_is_compiled_again_in_its_callers(tmp_path: Path) -> None:
    """numba looks at the caller's file alone."""
    (tmp_path / "caller.py").write_text(CALLER, "utf-8")
    for factor, step, expected in ((2, 1, "11"), (3, 1, "16"), (3, 7, "22")):
        (tmp_path / "callee.py").write_text(CALLEE.format(factor=factor, step=step), "utf-8")
        changed_s = 10 * factor + step  # numba and Python tell files by time and size
        os.utime(tmp_path / "callee.py", (changed_s, changed_s))
        script = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import caller"
        assert count(tmp_path / "kept", script=script)[0] == expected


def test_what_compiles_is_not_loaded_for_compiled_code(tmp_path: Path) -> None:
    assert count(tmp_path)[0] == f"{COUNTS} 0"
    script = COUNT + "assert 'numba.typed.typeddict' not in sys.modules"
    assert count(tmp_path, script=script)[0] == f"{COUNTS} 1"


def test_no_folder_for_a_cache() -> None:
    nowhere = "from numba.core.caching import CacheImpl; CacheImpl._locator_classes = []\n"
    script = (
        "from eiesim.base.errors import show_warnings; show_warnings()\n"
        f"{nowhere}import eiesim.image._kernels, eiesim.compress._kernels\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stderr.startswith("eiesim: warning: compiled code cannot be kept: no folder")
    assert done.stderr.count("\n") == 1
