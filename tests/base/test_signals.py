"""What asks a process to stop, at any moment: it stops, nothing is left, what is done is kept."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import FrameType

import pytest

from eiesim.base.files import new_folder, replacing
from eiesim.base.processes import WorkerError, work_in_processes
from eiesim.base.signals import Stopped, stop_as_ctrl_c

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals as on Unix")
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
SWEEP = """
layers = ["vgg-6"]
[axes]
n_pes = [16, 17, 18, 19, 20, 32, 33, 34, 35, 64, 65, 66, 67]
"layer.seed" = [1, 2, 3, 4, 5, 6]
"""


def start(folder: Path, *words: str, **options: str) -> subprocess.Popen[str]:
    """Start a command in a group of its own, as a shell does."""
    return subprocess.Popen(
        [sys.executable, "-m", "eiesim", *words], cwd=folder, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, start_new_session=True, env=os.environ | options,
    )  # fmt: skip


def wait_until(state: Callable[[], object], process: subprocess.Popen[str]) -> None:
    """Wait for a state of a process that is to live so long."""
    while not state():
        if process.poll() is not None:
            pytest.fail(f"ended too early: {process.communicate()}")
        time.sleep(0.02)


def has_ended(group: int) -> bool:
    """Wait until no process of a group is left."""
    while True:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)


@pytest.mark.parametrize("number", CODES)
def test_each_signal_leaves_no_folder(tmp_path: Path, number: int) -> None:
    process = start(tmp_path, "run", "vgg-6", "--engine", "reference", "--out", "results")
    wait_until(lambda: list(tmp_path.iterdir()), process)
    process.send_signal(number)
    out, err = process.communicate()
    assert (process.returncode, out, err) == (
        CODES[signal.Signals(number)],
        "",
        "eiesim: stopped\n",
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "all_of_them"),
    [(signal.SIGINT, True), (signal.SIGTERM, False), (signal.SIGHUP, True)],
)
def test_a_sweep_leaves_no_images(tmp_path: Path, number: int, all_of_them: bool) -> None:
    """Sent to the command alone, as Docker does, or to its workers as well, as terminals do."""
    (tmp_path / "spec.toml").write_text(SWEEP)
    (tmp_path / "tmp").mkdir()
    process = start(tmp_path, "sweep", "spec.toml", "--jobs", "2", TMPDIR=str(tmp_path / "tmp"))
    wait_until(lambda: list(tmp_path.glob("tmp/eiesim-sweep-*/*")), process)
    (os.killpg if all_of_them else os.kill)(process.pid, number)
    _, err = process.communicate()
    assert process.returncode == CODES[signal.Signals(number)]
    assert err.splitlines() == [
        "kept in spec.sqlite: the same command goes on from there", "eiesim: stopped",
    ]  # fmt: skip
    assert list(tmp_path.glob("tmp/*")) == []
    assert has_ended(process.pid)


def stop_after(number: int, work: Callable[[], object]) -> bool:
    """Do a piece of work, with a signal after so many calls of C functions; tell if it came.

    Python looks for signals after each of them.
    """
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        if event == "c_return":
            calls += 1
            if calls == number:
                signal.raise_signal(signal.SIGTERM)

    with suppress(Stopped), stop_as_ctrl_c():
        sys.setprofile(count)
        try:
            work()
        finally:
            sys.setprofile(None)
    return calls >= number


def write_folder(tmp_path: Path) -> None:
    with new_folder(tmp_path / "deep" / "er" / "run") as folder:
        (folder.work / "file").write_text("whole")


def write_file(tmp_path: Path) -> None:
    with replacing(tmp_path / "file") as stream:
        stream.write(b"whole")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # open files
@pytest.mark.parametrize("write", [write_folder, write_file])
def test_a_signal_after_any_call_leaves_all_or_nothing(
    tmp_path: Path, write: Callable[[Path], None]
) -> None:
    sizes = set()
    came = True
    for number in itertools.count(1):
        if not came:
            break
        place = tmp_path / f"{number}"
        place.mkdir()
        came = stop_after(number, partial(write, place))
        there = [path for path in place.rglob("*") if not path.is_dir() or not any(path.iterdir())]
        assert [path.read_text() for path in there] in ([], ["whole"]), f"call {number}: {there}"
        sizes.add(len(there))
    assert sizes == {0, 1}


SCRIPT = """
from eiesim.sweep import sweep
sweep("spec.toml", store="store", jobs=2)
"""


def test_a_script_that_sweeps_leaves_no_images(tmp_path: Path) -> None:
    """Without a guard against being run by its workers, too."""
    (tmp_path / "spec.toml").write_text(SWEEP)
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "tmp").mkdir()
    process = subprocess.Popen(
        [sys.executable, "script.py"], cwd=tmp_path, stderr=subprocess.PIPE, text=True,
        start_new_session=True, env=os.environ | {"TMPDIR": str(tmp_path / "tmp")},
    )  # fmt: skip
    wait_until(lambda: list(tmp_path.glob("tmp/eiesim-sweep-*/*")), process)
    process.terminate()
    _, err = process.communicate()
    assert err.splitlines()[-1] == "eiesim.base.signals.Stopped: 15"
    assert list(tmp_path.glob("tmp/*")) == []
    assert has_ended(process.pid)


def test_what_is_ignored_stays_ignored() -> None:
    """As below nohup."""
    script = (
        "import signal; from eiesim.base.signals import stop_as_ctrl_c\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "with stop_as_ctrl_c(): signal.raise_signal(signal.SIGHUP)\n"
        "print('went on')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "went on\n"


def test_only_the_first_signal_disturbs() -> None:
    """A second one while the block clears up is not heard; behind it all is as before."""
    cleared = []

    def work() -> None:
        with stop_as_ctrl_c():
            try:
                signal.raise_signal(signal.SIGTERM)
            finally:
                signal.raise_signal(signal.SIGTERM)
                signal.raise_signal(signal.SIGHUP)
                cleared.append("all")

    with pytest.raises(Stopped) as caught:
        work()
    assert cleared == ["all"]
    assert caught.value.number == signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def die(_: int, tell: Callable[[str], object]) -> None:
    tell("begun")
    os.kill(os.getpid(), signal.SIGKILL)


def halve(number: int, tell: Callable[[str], object]) -> int:
    tell(str(number))
    if number % 2:
        raise ValueError(number)
    return number // 2


SLOW = """
import multiprocessing, pathlib, time
from multiprocessing.connection import Connection
send = Connection._send
def send_slowly(pipe, *content):
    if multiprocessing.parent_process() is not None:
        pathlib.Path("handing").touch()
        time.sleep(2)
    send(pipe, *content)
Connection._send = send_slowly
"""
"""What a worker hands over takes two seconds, with whatever lock there is held."""


def test_ctrl_c_while_a_worker_hands_over(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(SLOW)
    process = start(
        tmp_path, "reproduce", "figure6", "figure9", "--jobs", "2", "--fresh", "--data", "nowhere",
        PYTHONPATH=os.pathsep.join([str(tmp_path), *sys.path]),
    )  # fmt: skip
    wait_until((tmp_path / "handing").exists, process)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=300)  # it hung for ever
    assert (process.returncode, err) == (130, "eiesim: stopped\n")
    assert has_ended(process.pid)


def test_results_words_and_errors_of_workers() -> None:
    words: list[str] = []
    done = dict(work_in_processes(halve, iter(range(7)), 2, words.append))
    assert sorted(words) == [str(number) for number in range(7)]
    assert {task: it for task, it in done.items() if not isinstance(it, Exception)} == {
        0: 0, 2: 1, 4: 2, 6: 3,
    }  # fmt: skip
    for task in (1, 3, 5):
        error = done[task]
        assert isinstance(error, ValueError)
        assert error.args == (task,)
        assert "in halve" in error.__notes__[0]  # where it was raised


def test_a_worker_that_dies_loses_its_task_alone() -> None:
    done = dict(work_in_processes(die, range(3), 2, str))
    assert sorted(done) == [0, 1, 2]
    for error in done.values():
        assert isinstance(error, WorkerError)
        assert "exit code -9" in str(error)


def test_workers_end_with_an_iterator_that_is_closed() -> None:
    before = threading.active_count()
    works = work_in_processes(halve, range(100), 2, str)
    next(works)
    works.close()
    assert threading.active_count() == before


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc to look at processes in")
def test_workers_end_when_the_command_is_killed(tmp_path: Path) -> None:
    (tmp_path / "spec.toml").write_text(SWEEP)
    (tmp_path / "tmp").mkdir()
    process = start(tmp_path, "sweep", "spec.toml", "--jobs", "2", TMPDIR=str(tmp_path / "tmp"))
    wait_until(lambda: list(tmp_path.glob("tmp/eiesim-sweep-*/*")), process)
    process.kill()
    process.communicate()
    assert has_ended(process.pid)
