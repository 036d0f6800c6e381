"""Models of today as rows: one a model, one a matrix, one a part of the host's work."""

from __future__ import annotations

from collections.abc import Sequence

from eiesim.base.published import read_table
from eiesim.base.tables import Row
from eiesim.base.units import bytes_to_gbps, cycles_to_us
from eiesim.catalog.host_work import HostPart, count_cache_bytes, count_parameters, list_host_parts
from eiesim.image import PTR_SRAM, SPMAT_SRAM
from eiesim.runs.layer_rows import describe_lack
from eiesim.runs.limits import name_limit, tabulate_limits
from eiesim.runs.today import MatrixRun, ModelRun
from eiesim.sim.limits import find_limits

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
    spec, counters, hw = matrix.matrix, matrix.counters, run.hw
    entries = counters.macs + counters.padding_macs
    energy_pj = matrix.energy_pj
    inputs = len(matrix.inputs)
    limits = find_limits(counters, hw, inputs * matrix.first.passes)
    return {
        "model": run.model.name,
        "matrix": spec.name,
        "inputs": spec.inputs,
        "outputs": spec.outputs,
        "stored": spec.stored * run.model.blocks,
        "used": inputs,
        "weight_density": spec.weight_density,
        "activation_density": sum(matrix.densities) / len(matrix.densities),
        "activation_density_least": min(matrix.densities),
        "activation_density_most": max(matrix.densities),
        "cycles": counters.cycles,
        "latency_us": cycles_to_us(counters.cycles, hw.clock_mhz),
        "theoretical_us": cycles_to_us(entries / hw.n_pes, hw.clock_mhz),
        "energy_uj": None if energy_pj is None else energy_pj / 1e6,
        "share": counters.cycles / run.cycles,
        **tabulate_limits(limits, None),
        "fits": all(use.fits for use in matrix.first.memories),
        "dram_bytes": sum(matrix.runs[density].result.dram_bytes for density in matrix.inputs),
        "weight_source": run.model.name_weight_source(spec),
        "activation_source": run.model.name_activation_source(spec),
    }


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
            streamed = sum(matrix.runs[density].result.dram_bytes for density in matrix.inputs)
            for use in (use for use in matrix.first.memories if not use.fits):
                lack = describe_lack(f"{run.model.name}/{matrix.matrix.name}", use)
                if use.memory in (SPMAT_SRAM, PTR_SRAM):
                    lack += (
                        f"; the rest is streamed from DRAM, {streamed} bytes a {run.model.token} "
                        "in these cycles and this energy"
                    )
                lacks.append(lack)
    return lacks
