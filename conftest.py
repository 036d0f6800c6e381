"""What pytest leaves out: the modules that need the extra ``train``, where it is not installed."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("torch") else ["eiesim/compress/retrain/*"]
