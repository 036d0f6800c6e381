"""The machine: sizes, widths and clock of an EIE chip, as a checked object and as TOML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar

from eiesim.base import schema
from eiesim.base.cards import make_card
from eiesim.base.errors import ConfigError, did_you_mean
from eiesim.base.resources import data_path
from eiesim.base.schema import Choice, Range, Switch
from eiesim.views import (
    BuiltView,
    ClockView,
    FetchView,
    FillView,
    LayoutView,
    OutputView,
    PricedView,
    QueueView,
    ScanView,
    See,
    SteadyView,
    StreamView,
    TimingView,
    WordView,
)

LNZD_FAN_IN = 4
"""Inputs of a node of the LNZD tree (EIE, section IV: a quadtree)."""
OPERAND_BITS = {"float32": 32, "int32": 32, "fixed16": 16, "fixed8": 8}
"""Bits of a weight, an activation and an accumulator, by multiplier."""

SRAM_CELLS = ("itrs-hp", "itrs-lop", "itrs-lstp")
"""Transistors that CACTI was run for: high performance, low operating and low standby power."""

FIRST_SEEN = (
    "n_pes", "queue_depth", "spmat_width_bits", "index_bits", "codebook_bits", "spmat_sram_bytes",
    "ptr_sram_bytes", "act_sram_bytes", "clock_mhz", "node_nm", "datapath",
)  # fmt: skip
"""Fields that a notebook always shows; of the others, those that are not the paper's."""


@dataclass(frozen=True, kw_only=True)
class Hardware:
    """One EIE machine. The defaults are the chip of the paper: 64 PEs, 45 nm, 800 MHz.

    Every field is checked: ConfigError if one is out of range, or if a sparse-matrix word cannot
    hold one entry. Source: Han et al., EIE, ISCA 2016, sections III-B to III-D, IV and VI.
    """

    RENAMED: ClassVar[Mapping[str, str]] = {"accumulators_per_pe": "registers_per_pe"}
    """Old keys of files and commands, which are still accepted, and those of today."""
    n_pes: Annotated[int, Range(1, 1024, "processing elements (PEs)")] = 64
    queue_depth: Annotated[
        int, Range(2, 4096, "slots of an activation queue, of which one stays empty")
    ] = 8
    spmat_width_bits: Annotated[int, Range(8, 1024, "bits in a sparse-matrix SRAM word")] = 64
    index_bits: Annotated[int, Range(1, 8, "bits of a relative index")] = 4
    codebook_bits: Annotated[int, Range(1, 8, "bits of a codebook index")] = 4
    spmat_sram_bytes: Annotated[int, Range(1, 1 << 40, "sparse-matrix SRAM of a PE, bytes")] = (
        128 * 1024
    )
    ptr_sram_bytes: Annotated[
        int, Range(1, 1 << 40, "pointer SRAM of a PE, both banks together, bytes")
    ] = 32 * 1024
    ptr_bits: Annotated[int, Range(1, 32, "bits of a column pointer")] = 16
    act_sram_bytes: Annotated[int, Range(1, 1 << 40, "activation SRAM of a PE, bytes")] = 2 * 1024
    registers_per_pe: Annotated[
        int, Range(1, 1 << 20, "activation registers of a PE, in each of its two files")
    ] = 64
    act_batches: Annotated[
        bool,
        Switch("take inputs and outputs that exceed the registers in batches, with their cycles"),
    ] = False
    clock_mhz: Annotated[float, Range(0.001, 1e6, "clock frequency, MHz")] = 800.0
    dram_gbps: Annotated[
        float,
        Range(0, 10**9, "DRAM bandwidth, GB/s, for what the SRAMs do not hold; 0: all it takes"),
    ] = 0.0
    node_nm: Annotated[float, Range(1, 1000, "process node, nm")] = 45.0
    datapath: Annotated[str, Choice(("float32", "fixed16"), "number format")] = "float32"
    weight_fraction_bits: Annotated[
        int, Range(0, 15, "bits behind the binary point of a fixed16 weight")
    ] = 12
    act_fraction_bits: Annotated[
        int, Range(0, 15, "bits behind the binary point of a fixed16 activation or accumulator")
    ] = 8
    bias_row: Annotated[
        bool, Switch("scan the row that holds the bias's 1.0 even for a layer without a bias")
    ] = True
    broadcast_latency_cycles: Annotated[
        int, Range(0, 1024, "cycles a broadcast takes to reach the queues, pipelined")
    ] = 0
    act_threshold: Annotated[
        float,
        Range(0, 10**9, "activations whose magnitude is not above it are not sent; 0: only zeros"),
    ] = 0.0
    act_threshold_quantile: Annotated[
        float,
        Range(0, 1, "share of an input that act_threshold leaves out: it is this quantile of the "
              "input's magnitudes"),
    ] = 0.0  # fmt: skip
    delta_threshold: Annotated[
        float | None,
        Range(0, 10**9, "recurrent layers send changes alone, those whose magnitude is above it"),
    ] = None
    spmat_word_reuse: Annotated[
        str,
        Choice(("across_columns", "within_column"), "how long a sparse-matrix word stays latched"),
    ] = "across_columns"
    multiplier: Annotated[
        str,
        Choice(
            tuple(OPERAND_BITS),
            "arithmetic that energy and area are of, whatever number format the datapath computes",
        ),
    ] = "fixed16"
    sram_cell: Annotated[str, Choice(SRAM_CELLS, "transistors of the SRAMs, as in CACTI")] = (
        "itrs-lstp"
    )
    dram: Annotated[
        str, Choice(("lpddr2", "ddr3", "gddr5", "hbm2"), "DRAM that holds what the SRAMs do not")
    ] = "lpddr2"

    def __post_init__(self) -> None:
        schema.validate(self)

    @staticmethod
    def find_conflicts(values: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Return (key, text) for fields that are in range but do not go together.

        `values` lacks the fields that are out of range.
        """
        conflicts = []
        if values.get("act_threshold") and values.get("act_threshold_quantile"):
            problem = "act_threshold_quantile: expected this or act_threshold, found both"
            conflicts.append(("act_threshold_quantile", problem))
        if values.get("delta_threshold") is not None and values.get("act_batches"):
            problem = (
                "delta_threshold: the accumulators keep their sums from step to step, and with "
                "act_batches passes take turns in them; expected act_batches = false"
            )
            conflicts.append(("delta_threshold", problem))
        names = ("spmat_width_bits", "codebook_bits", "index_bits")
        if all(name in values for name in names):
            width_bits, codebook_bits, index_bits = (values[name] for name in names)
            if codebook_bits + index_bits > width_bits:
                problem = (
                    f"spmat_width_bits: a word of {width_bits} bits cannot hold an entry of "
                    f"codebook_bits + index_bits = {codebook_bits + index_bits} bits; widen the "
                    "word"
                )
                conflicts.append(("spmat_width_bits", problem))
        return conflicts

    @property
    def entry_bits(self) -> int:
        """Bits of one (code, relative index) entry."""
        return self.codebook_bits + self.index_bits

    @property
    def operand_bits(self) -> int:
        """Bits of a shared weight, an activation and an accumulator."""
        return OPERAND_BITS[self.multiplier]

    @property
    def entries_per_word(self) -> int:
        """Entries in one word of the sparse-matrix SRAM (EIE, section III-D: 8 in 64 bits)."""
        return self.spmat_width_bits // self.entry_bits

    @property
    def lnzd_nodes(self) -> int:
        """Nodes of the LNZD tree, four inputs each: 21 for 64 PEs (EIE, section VI)."""
        nodes, width = 0, self.n_pes
        while not nodes or width > 1:
            width = -(-width // LNZD_FAN_IN)
            nodes += width
        return nodes

    @property
    def resident_words(self) -> int:
        """Words that the sparse-matrix SRAM of a PE holds; the others are in DRAM."""
        return self.spmat_sram_bytes * 8 // self.spmat_width_bits

    @property
    def resident_pointers(self) -> int:
        """Pointers that the two banks of a PE hold; the others are in DRAM."""
        return self.ptr_sram_bytes * 8 // self.ptr_bits

    @property
    def rows_per_pass(self) -> int:
        """Rows of the matrix whose outputs the accumulators of all PEs hold."""
        return self.n_pes * self.registers_per_pe

    @property
    def has_threshold(self) -> bool:
        """Whether activations or changes other than 0 may be left out."""
        return bool(
            self.act_threshold or self.act_threshold_quantile or self.delta_threshold is not None
        )

    def send_all(self) -> Hardware:
        """Return this machine without any threshold."""
        return replace(self, act_threshold=0.0, act_threshold_quantile=0.0, delta_threshold=None)

    @property
    def fetch(self) -> FetchView | None:
        """Bandwidth of DRAM; None if it is not limited."""
        return self._fetch if self.dram_gbps else None

    _fetch = See(FetchView)
    layout = See(LayoutView)
    scan = See(ScanView)
    outputs = See(OutputView)
    words = See(WordView)
    stream = See(StreamView)
    timing = See(TimingView)
    fill = See(FillView)
    priced = See(PricedView)
    queue = See(QueueView)
    steady = See(SteadyView)
    clocked = See(ClockView)
    built = See(BuiltView)

    @classmethod
    def preset(cls, name: str) -> Hardware:
        """Return a machine by a name of `preset_names`; an unknown one is a ConfigError."""
        if name not in preset_names():
            raise ConfigError(
                f"hardware {name!r}: unknown preset, {did_you_mean(name, preset_names())}"
            )
        return cls.from_toml(_PRESETS / f"{name}.toml")

    @classmethod
    def from_toml(cls, path: str | Path) -> Hardware:
        """Read a machine from a flat TOML file; missing keys have the paper's value.

        Raises ConfigError with one line for each problem of the file.
        """
        return schema.read_toml(Path(path), cls)

    def to_toml(self) -> str:
        """Return the machine as TOML text that `from_toml` reads back to an equal machine."""
        return schema.write_toml(self)

    def with_settings(self, assignments: Iterable[str]) -> Hardware:
        """Return this machine with some fields changed, by texts ``key=value``.

        The last text for a key counts. Raises ConfigError, with one line for each text that is
        wrong.
        """
        changes: dict[str, Any] = {}
        problems = []
        for text in [assignments] if isinstance(assignments, str) else assignments:
            try:
                key, value = schema.parse_assignment(Hardware, text)
                changes[key] = value
            except ConfigError as error:
                problems.append(str(error))
        if problems:
            raise ConfigError(*problems)
        return replace(self, **changes)

    def _repr_html_(self) -> str:
        values = [(field, getattr(self, field.name)) for field in fields(self)]
        shown = {
            field.name: value
            for field, value in values
            if field.name in FIRST_SEEN or value != field.default
        }
        return make_card("Hardware", shown)


_PRESETS = data_path("hardware")


def preset_names() -> list[str]:
    """Return the names of the machines that come with eiesim."""
    return sorted(path.stem for path in _PRESETS.glob("*.toml"))


def read_hardware(name: str) -> Hardware:
    """Return a machine by a name of `preset_names` or the path of a `.toml` file.

    Raises ConfigError if there is no such preset, or the file has problems.
    """
    if Path(name).suffix.lower() == ".toml":
        return Hardware.from_toml(name)
    return Hardware.preset(name)
