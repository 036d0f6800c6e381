"""``python -m eiesim`` is the `eiesim` command."""

import sys

from eiesim.cli.main import main

sys.exit(main())
