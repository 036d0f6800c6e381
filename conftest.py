"""What pytest leaves out: the modules that need the extra ``train``, where it is not installed."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("torch") else ["eiesim/compress/retrain/*"]
# its import warns, which is an error here; tests/base/test_old_places.py imports it in a process
collect_ignore = ["eiesim/study"]
