"""One machine without a layer: what it draws when no PE waits, what it measures, what it pays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from eiesim import __version__
from eiesim.base.errors import ConfigError, EnergyError
from eiesim.base.tables import Row
from eiesim.energy.area import describe_wider_words, estimate_area
from eiesim.energy.calibrate import MODULES, PARTS, calibrate, read_table2
from eiesim.energy.clock import check_clock, fits_clock
from eiesim.energy.estimate import find_chip_power_mw, find_steady_power_mw
from eiesim.energy.machine import price_machine
from eiesim.energy.prices import PriceTable
from eiesim.energy.registers import PAPER
from eiesim.hardware import Hardware
from eiesim.report.report import Report

SCHEMA = "eiesim chip 1"
SHOWN = ("component", "part", "action", "value", "unit", "per", "kind", "source")
REASONS = ("no_power", "no_area")


def describe_modules(hw: Hardware, prices: PriceTable) -> list[Row]:
    """Return power and area of one PE by module, and beside them Table II on the paper's chip.

    Raises
    ------
    EnergyError
        An SRAM has no price or no area.
    """
    power_mw, area = find_steady_power_mw(hw, prices), estimate_area(hw)
    area_um2 = area.by_component()
    rows = [
        _describe(module, {part: power_mw[module, part] for part in PARTS}, area_um2[module])
        for module in MODULES
    ]
    rows.append({"module": "filler_cell", "area_um2": area_um2["filler_cell"]})
    whole = {part: sum(power_mw[module, part] for module in MODULES) for part in PARTS}
    rows.append(_describe("pe", whole, area.pe_um2))
    if hw == PAPER:
        _set_beside_table2(rows)
    return [{key: row.get(key) for key in rows[0]} for row in rows]


def _describe(module: str, parts_mw: dict[str, float], area_um2: float) -> Row:
    powers = {f"{part}_mw": power_mw for part, power_mw in parts_mw.items()}
    return {"module": module, **powers, "power_mw": sum(parts_mw.values()), "area_um2": area_um2}


def _set_beside_table2(rows: list[Row]) -> None:
    """Add the printed power and area and the residuals of each module."""
    for key in ("power_mw", "area_um2"):
        printed = {**read_table2(key, "module"), "pe": read_table2(key, "total")["total"]}
        for row in rows:
            paper = printed.get(row["module"])
            row[f"paper_{key}"] = paper
            row[f"{key}_residual_percent"] = paper and 100 * (row[key] / paper - 1)


def summarise_chip(hw: Hardware, prices: PriceTable) -> Row:
    """Return a machine as the content of `summary.json` of ``eiesim chip``.

    Raises
    ------
    EnergyError
        An SRAM has no price or no area.
    """
    area = estimate_area(hw)
    return {
        "schema": SCHEMA,
        "eiesim": __version__,
        "hardware": asdict(hw),
        "chip_power_mw": find_chip_power_mw(hw, prices),
        "chip_area_mm2": area.chip_mm2,
        "lnzd_nodes": hw.lnzd_nodes,
        "clock": check_clock(hw, prices).to_dict(),
        "calibration": {
            "energy_over_cacti": dict(calibrate().energy_factors),
            "area_over_cacti": dict(calibrate().area_factors),
        },
        "modules": describe_modules(hw, prices),
        "areas": [asdict(row) for row in area.rows],
        "prices": [asdict(price) for price in prices.prices],
        "overrides": list(prices.overrides),
    }


def report_chip(
    hw: Hardware, prices: PriceTable, variations: Sequence[str], overrides: str | None
) -> Report:
    """Return the report of a machine.

    Parameters
    ----------
    variations : sequence of str
        As in `vary_chip`.
    overrides : str or None
        As in `vary_chip`.

    Raises
    ------
    EieError
        As in `summarise_chip` and `vary_chip`.
    """
    summary = summarise_chip(hw, prices)
    varied = vary_chip(hw, variations, overrides)
    summary |= {"variations": varied, "wider_words": describe_widths(hw, varied)}
    return Report(
        title="Power, area and prices of a machine",
        summary=summary,
        shown=(
            summary["modules"],
            f"{hw.n_pes} PEs and {hw.lnzd_nodes} LNZD units, none waiting: "
            f"{summary['chip_power_mw']:.1f} mW, {summary['chip_area_mm2']:.2f} mm2",
            summary["clock"]["text"],
            *(_tell_calibration(*entry) for entry in summary["calibration"].items()),
            [{key: row[key] for key in SHOWN} for row in summary["prices"]],
            [{key: row[key] for key in row if key not in REASONS} for row in varied],
            *(
                f"missing with {row['key']}={row['value']}: {reason}"
                for row in varied
                for reason in dict.fromkeys(row[key] for key in REASONS if row[key] is not None)
            ),
            summary["wider_words"],
            *(f"price of {override}" for override in prices.overrides),
        ),
        list_tables=lambda: {
            name: summary[name] for name in ("modules", "areas", "prices", "variations")
        },
        hardware=hw,
    )


def _tell_calibration(what: str, factors: Row) -> str:
    words = ", ".join(f"{module} {factor:.3f}" for module, factor in factors.items())
    return f"calibrated to Table II, {what.replace('_', ' ')}: {words}"


def vary_chip(hw: Hardware, variations: Sequence[str], overrides: str | None) -> list[Row]:
    """Return power and area with one field at a time at several values.

    Parameters
    ----------
    variations : sequence of str
        Texts of the form ``key=value,value,...``.
    overrides : str or None
        A CSV file of prices, as in `price_machine`.

    Returns
    -------
    list of dict
        One row a value; power and area are None where an SRAM has no price or no area, and
        ``no_power`` and ``no_area`` say why.

    Raises
    ------
    ConfigError
        A text is not of that form, or key or value are not accepted.
    """
    rows = []
    for text in variations:
        for key, value, machine in _list_machines(hw, text):
            power = _measure_power(machine, price_machine(machine, overrides))
            fits = {"clock_fits": fits_clock(machine)}
            rows.append({"key": key, "value": value, **fits, **power, **_measure_area(machine)})
    return rows


def _measure_power(hw: Hardware, prices: PriceTable) -> Row:
    try:
        pe_mw = sum(find_steady_power_mw(hw, prices).values())
        chip_mw = find_chip_power_mw(hw, prices)
    except EnergyError as error:
        return {"pe_power_mw": None, "chip_power_mw": None, "no_power": str(error)}
    return {"pe_power_mw": pe_mw, "chip_power_mw": chip_mw, "no_power": None}


def _measure_area(hw: Hardware) -> Row:
    try:
        area = estimate_area(hw)
    except EnergyError as error:
        return {"pe_area_um2": None, "chip_area_mm2": None, "no_area": str(error)}
    return {"pe_area_um2": area.pe_um2, "chip_area_mm2": area.chip_mm2, "no_area": None}


def describe_widths(hw: Hardware, variations: Sequence[Row]) -> str:
    """Return a sentence on the area of wider words, where they are among the variations.

    Parameters
    ----------
    variations : sequence of dict
        From `vary_chip`.
    """
    widths = [int(row["value"]) for row in variations if row["key"] == "spmat_width_bits"]
    return describe_wider_words(hw, widths)


def _list_machines(hw: Hardware, text: str) -> Iterator[tuple[str, str, Hardware]]:
    key, equals, values = (part.strip() for part in text.partition("="))
    if not equals or not all(map(str.strip, values.split(","))):
        raise ConfigError(f"vary {text!r}: expected key=value,value,...")
    for value in values.split(","):
        try:
            yield key, value.strip(), hw.with_settings([f"{key}={value}"])
        except ConfigError as error:
            raise ConfigError(
                *(f"vary {text!r}: {problem}" for problem in error.problems)
            ) from error
