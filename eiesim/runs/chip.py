"""One machine without a layer: its power when no PE waits, its area, and its prices."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace

from eiesim import __version__
from eiesim.base.errors import ConfigError, EnergyError
from eiesim.base.tables import Row
from eiesim.energy.area import describe_wider_words, estimate_area
from eiesim.energy.calibrate import MODULES, PARTS, calibrate, read_table2
from eiesim.energy.clock import check_clock, fits_clock
from eiesim.energy.estimate import (
    find_chip_power_mw,
    find_pes_power_mw,
    find_steady_power_mw,
    find_wires_power_mw,
)
from eiesim.energy.kinds import weigh_kinds
from eiesim.energy.machine import price_machine
from eiesim.energy.prices import PriceTable
from eiesim.energy.registers import PAPER
from eiesim.hardware import Hardware
from eiesim.report.report import Report
from eiesim.runs.answers import describe_clock

SCHEMA = "eiesim chip 1"
SHOWN = ("component", "part", "action", "value", "unit", "per", "kind", "source")
REASONS = ("no_power", "no_area")


def report_chip(
    hw: Hardware, prices: PriceTable, variations: Sequence[str], overrides: str | None
) -> Report:
    """Return the report of a machine.

    Parameters
    ----------
    variations : sequence of str
        Texts ``key=value,value,...``: one field of the machine at several values.
    overrides : str or None
        A CSV file of prices, as in `price_machine`.

    Raises
    ------
    ConfigError
        A variation is not of that form, or its key or value is not accepted.
    EnergyError
        An SRAM of `hw` has no price or no area. A variation's reason is in its row.
    """
    area, chip_power_mw = estimate_area(hw), find_chip_power_mw(hw, prices)
    wires_mw = find_wires_power_mw(hw, prices)
    clock = check_clock(hw, prices).to_dict()
    factors = calibrate()
    tables = {
        "modules": _describe_modules(hw, prices),
        "areas": [asdict(row) for row in area.rows],
        "prices": [asdict(price) for price in prices.prices],
    }
    summary: Row = {
        "schema": SCHEMA,
        "eiesim": __version__,
        "hardware": asdict(hw),
        "chip_power_mw": chip_power_mw,
        "pes_power_mw": find_pes_power_mw(hw, prices),
        "wires_power_mw": wires_mw,
        "kinds": weigh_kinds(_split_power(hw, prices), "power", "mw"),
        "chip_area_mm2": area.chip_mm2,
        "lnzd_nodes": hw.lnzd_nodes,
        "clock": clock,
        "calibration": {
            "energy_over_cacti": dict(factors.energy_factors),
            "area_over_cacti": dict(factors.area_factors),
        },
        **tables,
        "overrides": list(prices.overrides),
    }
    varied = [row for text in variations for row in _vary(hw, text, overrides)]
    widths = [int(row["value"]) for row in varied if row["key"] == "spmat_width_bits"]
    summary |= {"variations": varied, "wider_words": describe_wider_words(hw, widths)}
    reasons = [
        f"missing with {row['key']}={row['value']}: {reason}"
        for row in varied
        for reason in dict.fromkeys(row[key] for key in REASONS if row[key] is not None)
    ]
    return Report(
        title="Power, area and prices of a machine",
        summary=summary,
        answer=(
            f"{hw.n_pes} PEs and {hw.lnzd_nodes} LNZD units, none waiting: "
            f"{chip_power_mw:.1f} mW, of which the broadcast's wires {wires_mw:.1f} mW; "
            f"{area.chip_mm2:.2f} mm2",
            *describe_variations(varied),
        ),
        brief=(
            _set_beside_paper(varied, overrides) if varied
            else [_describe_briefly(row) for row in tables["modules"]],
            *reasons,
            summary["wider_words"],
            *(f"price of {override}" for override in prices.overrides),
            describe_clock(clock),
        ),
        shown=(
            tables["modules"],
            summary["kinds"],
            clock["text"],
            *(_describe_calibration(*entry) for entry in summary["calibration"].items()),
            [{key: row[key] for key in SHOWN} for row in tables["prices"]],
            [{key: row[key] for key in row if key not in REASONS} for row in varied],
            *reasons,
            summary["wider_words"],
            *(f"price of {override}" for override in prices.overrides),
        ),
        list_tables=lambda: tables | {"variations": varied},
        hardware=hw,
    )  # fmt: skip


def describe_variations(varied: Sequence[Row]) -> list[str]:
    """Return for each field that is varied where the chip draws least and most power."""
    by_key: dict[str, list[Row]] = {}
    for row in varied:
        if row["chip_power_mw"] is not None:
            by_key.setdefault(row["key"], []).append(row)
    sentences = []
    for key, rows in by_key.items():
        least, most = (pick(rows, key=lambda row: row["chip_power_mw"]) for pick in (min, max))
        draws = f"{least['chip_power_mw']:,.1f} mW"
        if least["chip_power_mw"] == most["chip_power_mw"]:
            values = ", ".join(row["value"] for row in rows)
            sentences.append(f"{key}: the chip draws {draws} with {values}.")
            continue
        sentences.append(
            f"{key}: least power with {least['value']}, {draws}{_name_area(least)}; most with "
            f"{most['value']}, {most['chip_power_mw']:,.1f} mW{_name_area(most)}."
        )
    return sentences


def _name_area(row: Row) -> str:
    return "" if row["chip_area_mm2"] is None else f" in {row['chip_area_mm2']:.2f} mm2"


def _set_beside_paper(varied: Sequence[Row], overrides: str | None) -> list[Row]:
    """Return power and area at each value, and how many times those of the paper's chip."""
    paper = _find_power_and_area(PAPER, price_machine(PAPER, overrides))
    return [
        {
            "key": row["key"],
            "value": row["value"],
            "chip_power_mw": row["chip_power_mw"],
            "power_over_paper": _divide(row["chip_power_mw"], paper["chip_power_mw"]),
            "chip_area_mm2": row["chip_area_mm2"],
            "area_over_paper": _divide(row["chip_area_mm2"], paper["chip_area_mm2"]),
            "clock_fits": row["clock_fits"],
        }
        for row in varied
    ]


def _divide(value: float | None, paper: float) -> float | None:
    return None if value is None else value / paper


def _describe_briefly(row: Row) -> Row:
    """Return power and area of a module, and beside the paper's how far off they are."""
    brief = {
        "module": row["module"], "power_mw": row["power_mw"], "area_mm2": row["area_um2"] / 1e6,
    }  # fmt: skip
    off = {"power_off_percent": "power_mw_residual_percent",
           "area_off_percent": "area_um2_residual_percent"}  # fmt: skip
    return brief | {name: row[key] for name, key in off.items() if key in row}


def _split_power(hw: Hardware, prices: PriceTable) -> dict[str, float]:
    """Return what of the chip's power rests on prices of each kind, mW: all others are 0 then."""
    return {
        kind: find_chip_power_mw(hw, PriceTable(tuple(
            price if price.kind == kind else replace(price, value=0.0) for price in prices.prices
        )))
        for kind in dict.fromkeys(price.kind for price in prices.prices)
    }  # fmt: skip


def _describe_modules(hw: Hardware, prices: PriceTable) -> list[Row]:
    """Return power and area of one PE by module, and beside them Table II on the paper's chip."""
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


def _describe_calibration(quantity: str, factors: Row) -> str:
    words = ", ".join(f"{module} {factor:.3f}" for module, factor in factors.items())
    return f"calibrated to Table II, {quantity.replace('_', ' ')}: {words}"


def _vary(hw: Hardware, text: str, overrides: str | None) -> Iterator[Row]:
    """Yield power and area with one field at each of its values."""
    for key, value, machine in _list_machines(hw, text):
        fits = {"key": key, "value": value, "clock_fits": fits_clock(machine)}
        yield fits | _find_power_and_area(machine, price_machine(machine, overrides))


def _find_power_and_area(hw: Hardware, prices: PriceTable) -> Row:
    power = _take(
        ("pe_power_mw", "chip_power_mw", "no_power"),
        lambda: (sum(find_steady_power_mw(hw, prices).values()), find_chip_power_mw(hw, prices)),
    )
    return power | _take(
        ("pe_area_um2", "chip_area_mm2", "no_area"),
        lambda: (estimate_area(hw).pe_um2, estimate_area(hw).chip_mm2),
    )


def _take(keys: tuple[str, str, str], find: Callable[[], tuple[float, float]]) -> Row:
    """Return two numbers, or None twice and the reason; the last key is that of the reason."""
    try:
        return dict(zip(keys, (*find(), None), strict=True))
    except EnergyError as error:
        return dict(zip(keys, (None, None, str(error)), strict=True))


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
