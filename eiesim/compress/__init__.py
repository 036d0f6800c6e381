"""Deep Compression: pruning and shared weights.

Calling this package calls `eiesim.compress.pipeline.compress`, so that users can write
``from eiesim import compress``.
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
