"""The outputs of a network: which of them scores classes, and the files of what it gave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eiesim.base.errors import WorkloadError
from eiesim.base.tables import name_files
from eiesim.catalog.model import Model

Outputs = Sequence[Mapping[str, npt.NDArray[np.float32]]]
"""Of each input, what the network gave by name."""


def require_classes(model: Model) -> None:
    """Raise WorkloadError unless a network has one output, whose largest number is the class."""
    outputs = model.graph.outputs
    if len(outputs) != 1:
        raise WorkloadError(
            f"{model.name}: labels: expected a network with one output, which scores the classes, "
            f"found {', '.join(outputs)}: import it with the one that does"
        )


def name_outputs(outputs: Outputs) -> dict[str, str]:
    """Return the file of each output by its name.

    Parameters
    ----------
    outputs : sequence of mapping
        Of at least one input.

    Returns
    -------
    dict
        A `.npy` file, or a `.npz` file where the inputs' outputs are of several shapes.
    """
    files = {}
    for name, file in name_files(outputs[0]).items():
        shapes = {of_input[name].shape for of_input in outputs}
        files[name] = f"output-{file}.npy" if len(shapes) == 1 else f"output-{file}.npz"
    return files


def write_outputs(folder: Path, outputs: Outputs) -> None:
    """Write what a network gave for each input.

    Parameters
    ----------
    folder : Path
        Where `name_outputs` names the files.
    outputs : sequence of mapping
        Of at least one input.
    """
    for name, file in name_outputs(outputs).items():
        arrays = [of_input[name] for of_input in outputs]
        if file.endswith(".npy"):
            np.save(folder / file, np.stack(arrays))
        else:
            numbered = {f"input-{number}": array for number, array in enumerate(arrays)}
            np.savez(folder / file, **numbered)  # type: ignore[arg-type]
