"""What pytest leaves out: modules of the extra ``train`` where it is missing, and old places."""

from importlib.util import find_spec

collect_ignore_glob = (
    [] if find_spec("torch") else ["eiesim/compress/retrain/*", "eiesim/profiling/*"]
)
if not find_spec("cocotb"):  # modules of the extra ``rtl``
    collect_ignore_glob += [f"tests/rtl/{name}.py" for name in ("cosim", "layers", "monitor")]
# its import warns, which is an error here; tests/base/test_old_places.py imports it in a process
collect_ignore = ["eiesim/study"]
