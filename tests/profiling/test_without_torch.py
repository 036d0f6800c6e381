"""Without PyTorch one line says what to install."""

from __future__ import annotations

import subprocess
import sys


def test_what_is_missing_is_said() -> None:
    code = "import sys; sys.modules['torch'] = None; from eiesim import profile"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last == "ImportError: eiesim.profile needs PyTorch: pip install 'eiesim[train]'"
