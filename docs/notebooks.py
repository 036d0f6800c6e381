"""Run the notebooks and keep their outputs, so that they can be read where nothing runs.

Without times, paths, versions and what a reader's program would not show.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from io import BytesIO
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
TIMEOUT_SECONDS = 3000
PNG = "image/png"
COLOURS = 64
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def run_notebook(file: Path) -> None:
    """Run a notebook in its folder, and write it back with its outputs."""
    notebook = nbformat.read(file, as_version=4)
    place = {"metadata": {"path": str(file.parent)}}
    NotebookClient(
        notebook, timeout=TIMEOUT_SECONDS, record_timing=False, resources=place
    ).execute()
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        cell.metadata.clear()
        for output in cell.get("outputs", []):
            output.get("metadata", {}).clear()
            shown = output.get("data", {})
            if len(shown) > 1:  # a picture or a table: its text would be the object's repr
                shown.pop("text/plain", None)
            if PNG in shown:
                shown[PNG] = shrink_picture(shown[PNG])
    nbformat.write(notebook, file)


def shrink_picture(png: str) -> str:
    """Return a picture with a palette, a quarter of the size; both are base64."""
    stream = BytesIO()
    picture = Image.open(BytesIO(b64decode(png))).convert("RGB")
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(stream, "png", optimize=True)
    return b64encode(stream.getvalue()).decode()


if __name__ == "__main__":
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        print(path.name, flush=True)
        run_notebook(path)
