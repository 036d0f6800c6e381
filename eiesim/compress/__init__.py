"""Deep Compression: pruning and shared weights.

``eiesim.compress`` is a package and, since users want ``from eiesim import compress``, the function
`eiesim.compress.pipeline.compress` as well: calling the package calls it.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from eiesim.layer.weights import CompressedLayer


class _CallablePackage(ModuleType):
    def __call__(self, *arguments: Any, **keywords: Any) -> CompressedLayer:
        """Compress a layer; see `eiesim.compress.pipeline.compress`."""
        from eiesim.compress.pipeline import compress  # noqa: PLC0415 - compiled code

        return compress(*arguments, **keywords)


sys.modules[__name__].__class__ = _CallablePackage
