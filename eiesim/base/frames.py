"""Tables as data frames of pandas, which is an extra."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from eiesim.base.errors import EieError
from eiesim.base.tables import Row

if TYPE_CHECKING:
    import pandas as pd


def require_pandas() -> None:
    """Import pandas; EieError if it is missing."""
    try:
        import_module("pandas")
    except ImportError as error:
        raise EieError(
            f"a data frame: expected pandas, found none ({error}); pip install 'eiesim[tables]'"
        ) from error


def make_frame(table: Sequence[Row] | Mapping[str, Any]) -> pd.DataFrame:
    """Return rows, or columns by name, as a data frame; EieError if pandas is missing."""
    require_pandas()
    import pandas as pd  # noqa: PLC0415 - an extra, and half a second

    return pd.DataFrame(table)
