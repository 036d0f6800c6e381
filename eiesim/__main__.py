"""``python -m eiesim`` is the `eiesim` command."""

import sys

from eiesim.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
