"""Time SCALE-Sim on a product of the shape of AlexNet's fc8: run by a Python that has scalesim.

It prints seconds and cycles as JSON. The array has as many multipliers as EIE has PEs, 8 x 8, and
its SRAMs hold the layer. It simulates the dense product, since it has no zeros among activations.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import sys
import tempfile
import time
from pathlib import Path

LAYER = "fc8"
CONFIGURATION = """\
[general]
run_name = eie
[architecture_presets]
ArrayHeight = 8
ArrayWidth = 8
IfmapSramSzkB = 64
FilterSramSzkB = 8192
OfmapSramSzkB = 64
IfmapOffset = 0
FilterOffset = 10000000
OfmapOffset = 20000000
Dataflow = os
ReadRequestBuffer = 32
WriteRequestBuffer = 32
[layout]
IfmapCustomLayout = False
FilterCustomLayout = False
IfmapSRAMBankBandwidth = 10
IfmapSRAMBankNum = 10
IfmapSRAMBankPort = 2
FilterSRAMBankBandwidth = 10
FilterSRAMBankNum = 10
FilterSRAMBankPort = 2
[sparsity]
SparsitySupport = false
[run_presets]
InterfaceBandwidth = CALC
UseRamulatorTrace = False
"""


def run(rows: int, cols: int) -> dict[str, float]:
    """Simulate a product of a matrix [rows, cols] and one vector, in the current folder."""
    # the Python that runs this has it, the one that checks the types has not
    from scalesim.scale_sim import scalesim  # type: ignore[import-not-found]  # noqa: PLC0415

    Path("eie.cfg").write_text(CONFIGURATION, "utf-8")
    Path("gemm.csv").write_text(f"Layer,M,N,K,\n{LAYER},1,{rows},{cols},\n", "utf-8")
    Path("layout.csv").write_text("Layer" + ",x" * 12 + f",\n{LAYER}" + ",1" * 12 + ",\n", "utf-8")
    simulator = scalesim(
        save_disk_space=True, verbose=False, config="eie.cfg", topology="gemm.csv",
        layout="layout.csv", input_type_gemm=True,
    )  # fmt: skip
    start = time.perf_counter()
    simulator.run_scale(top_path="out")
    seconds = time.perf_counter() - start
    with Path("out/eie/COMPUTE_REPORT.csv").open(encoding="utf-8") as stream:
        rows_read = [[cell.strip() for cell in row] for row in csv.reader(stream)]
    cycles = rows_read[1][rows_read[0].index("Total Cycles")]
    return {"seconds": seconds, "cycles": float(cycles)}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        with contextlib.redirect_stdout(io.StringIO()):
            found = run(int(sys.argv[1]), int(sys.argv[2]))
        os.chdir("/")
    print(json.dumps(found))
