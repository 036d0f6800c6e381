"""Models of today as rows: one a model, one a matrix, one a part of the host's work."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum

from eiesim.base.published import read_table
from eiesim.base.tables import Row
from eiesim.base.units import bytes_to_gbps
from eiesim.catalog.host_work import HostPart, count_cache_bytes, count_parameters, list_host_parts
from eiesim.image import PTR_SRAM, SPMAT_SRAM, name_lacks
from eiesim.runs.clock import note_clock
from eiesim.runs.layer_rows import describe_lack
from eiesim.runs.limits import name_limit, tabulate_limits
from eiesim.runs.today import MatrixRun, ModelRun

NO_BANDWIDTH = "dram_gbps is 0: DRAM has all the bandwidth it takes"


def describe_model(run: ModelRun) -> Row:
    """Return a token through a model as one row, units in the names."""
    model, energy_pj, idle_pj = run.model, run.energy_pj, run.idle_leakage_pj
    matrices = [describe_matrix(run, matrix) for matrix in run.matrices]
    host = list_host_parts(model, run.context)
    macs = sum(it.matrix.weights * it.matrix.used for it in run.matrices) * model.blocks
    latency_us = run.latency_us
    return {
        "model": model.name,
        "token": model.token,
        "engine": run.matrices[0].result.engine,
        "ptr_bits": run.hw.ptr_bits,
        "codebook_bits": run.hw.codebook_bits,
        "cycles": run.cycles,
        "latency_us": latency_us,
        "theoretical_us": sum(row["theoretical_us"] for row in matrices),
        "energy_uj": None if energy_pj is None else energy_pj / 1e6,
        "no_energy": run.no_energy or None,
        "block_us": latency_us / model.blocks,
        "block_uj": None if energy_pj is None else energy_pj / 1e6 / model.blocks,
        "tokens_per_s": 1e6 / latency_us,
        "mj_per_token": None if energy_pj is None else energy_pj / 1e9,
        "idle_leakage_mj": None if idle_pj is None else idle_pj / 1e9,
        "clock_fits": run.clock["fits"],
        **describe_remedy(run),
        "limit": name_limit(matrices),
        "fits": all(row["fits"] for row in matrices),
        "sram_bytes": run.sram_bytes,
        "chips": run.chips,
        "read_bytes": run.read_bytes,
        "one_chip_gbps_needed": bytes_to_gbps(run.read_bytes, latency_us),
        "one_chip_us": run.one_chip_us,
        "no_one_chip_us": NO_BANDWIDTH if run.one_chip_us is None else None,
        "parameters": count_parameters(model),
        "matrix_macs": macs,
        "host_macs": sum(part.macs for part in host),
        "share_of_macs": macs / (macs + sum(part.macs for part in host)),
        "context": run.context,
        "cache_bytes_per_token": count_cache_bytes(model),
        "host_read_bytes": sum(part.read_bytes for part in host),
        "missing": model.missing or None,
    }


def describe_matrix(run: ModelRun, matrix: MatrixRun) -> Row:
    """Return what a token takes in all copies of a matrix as one row."""
    spec, counters = matrix.matrix, matrix.counters
    energy_pj = matrix.energy_pj
    return {
        "model": run.model.name,
        "matrix": spec.name,
        "inputs": spec.inputs,
        "outputs": spec.outputs,
        "stored": spec.stored * run.model.blocks,
        "used": matrix.inputs,
        "weight_density": spec.weight_density,
        "activation_density": fsum(matrix.densities) / len(matrix.densities),
        "activation_density_least": min(matrix.densities),
        "activation_density_most": max(matrix.densities),
        "cycles": counters.cycles,
        "latency_us": matrix.result.latency_us,
        "theoretical_us": matrix.result.theoretical_us,
        "energy_uj": None if energy_pj is None else energy_pj / 1e6,
        "share": counters.cycles / run.cycles,
        **tabulate_limits(matrix.result.limits, None),
        "fits": all(use.fits for use in matrix.first.memories),
        "dram_bytes": matrix.result.dram_bytes,
        "weight_source": run.model.name_weight_source(spec),
        "activation_source": run.model.name_activation_source(spec),
    }


def describe_briefly(run: ModelRun) -> list[Row]:
    """Return what a reader asks of the matrices first."""
    keys = ("matrix", "latency_us", "energy_uj", "share", "limit")
    return [
        {key: row[key] for key in keys} | {"memory": name_lacks(matrix.first.memories)}
        for matrix in run.matrices for row in [describe_matrix(run, matrix)]
    ]  # fmt: skip


def describe_host(run: ModelRun) -> list[Row]:
    """Return the parts of a token that are not simulated as one row each."""
    return [
        {"model": run.model.name, "part": part.part, **_count(part)}
        for part in list_host_parts(run.model, run.context)
    ]


def _count(part: HostPart) -> Row:
    return {name: value for name, value in part._asdict().items() if name != "part"}


def describe_published(run: ModelRun) -> list[Row]:
    """Return what others measured of a model as rows, EIE's tokens a second beside them."""
    ours = 1e6 / run.latency_us
    return [
        {
            "model": run.model.name,
            "technique": row["technique"],
            "platform": row["platform"],
            "tokens_per_s": float(row["tokens_per_s"]),
            "eie_matrices_per_s": ours,
            "source": row["source"],
        }
        for row in read_table("today/published")
        if row["model"] == run.model.name
    ]


def describe_lacks(runs: Sequence[ModelRun]) -> list[str]:
    """Return a sentence for each memory that is too small for a matrix, and what is streamed."""
    lacks = []
    for run in runs:
        for matrix in run.matrices:
            for use in (use for use in matrix.first.memories if not use.fits):
                lack = describe_lack(f"{run.model.name}/{matrix.matrix.name}", use)
                if use.memory in (SPMAT_SRAM, PTR_SRAM):
                    lack += (
                        f"; {matrix.result.dram_bytes} bytes a {run.model.token} in these cycles "
                        "and this energy"
                    )
                lacks.append(lack)
    return lacks


def describe_clocks(runs: Sequence[ModelRun]) -> list[str]:
    """Return a sentence for each machine whose SRAMs do not keep up with the clock."""
    if len(runs) == 1:
        return [runs[0].clock["text"]] if runs[0].clock["text"] else []
    notes = {run.hw: note_clock(run.hw) for run in runs}
    return [f"With codebook_bits = {hw.codebook_bits}: {it}" for hw, it in notes.items() if it]


def describe_remedy(run: ModelRun) -> Row:
    """Return what the cell that keeps up with the clock changes; None where there is none."""
    remedy = run.clock["remedy"]
    row: Row = dict.fromkeys(("remedy_cell", "remedy_energy_uj", "remedy_idle_leakage_mj"))
    if remedy is None:
        return row
    idle_mw = remedy["leakage_mw"] * run.hw.n_pes * (run.chips - 1)
    return {
        "remedy_cell": remedy["sram_cell"],
        "remedy_energy_uj": run.clock["remedy_energy_pj"] / 1e6,
        "remedy_idle_leakage_mj": idle_mw * run.latency_us / 1e6,
    }
