"""Download the wheels that the extension carries: `python bundled_wheels/collect.py [PLATFORM ...]`.

The pins are those of pyproject.toml, but for what Blender's own numpy (1.24 in 4.2) is too old for. numpy is left out
because Blender brings its own, tqdm because only the command line uses it. Wheels are for Blender's two Pythons, 3.11
(4.2 to 5.0) and 3.13 (5.1 on); they are not kept in git.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
PACKAGES = ("onnxruntime", "opencv-python-headless", "av", "scipy")
PYTHONS = ("3.11", "3.13")
OLDER = {("scipy", "3.11"): "1.15.3"}  # 1.16 and later need numpy 1.25
PLATFORMS = {  # name in the manifest -> pip's platform tags
    "linux-x64": ["manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux2014_x86_64"],
    "windows-x64": ["win_amd64"],
    "macos-arm64": [f"macosx_{n}_0_arm64" for n in (14, 13, 12, 11)],
}


def pins(python: str) -> list[str]:
    """Requirements such as av==18.1.0 for each bundled package."""
    with open(HERE.parent / "pyproject.toml", "rb") as file:
        wanted = tomllib.load(file)["project"]["dependencies"]
    found = [w for w in wanted if w.partition("==")[0] in PACKAGES]
    if len(found) != len(PACKAGES):
        raise SystemExit(f"pyproject.toml: does not pin all of {', '.join(PACKAGES)} with ==; pin them")
    names = [(w.partition("==")[0], w) for w in found]
    return [f"{name}=={OLDER[name, python]}" if (name, python) in OLDER else w for name, w in names]


def download(platform: str, python: str) -> None:
    """Wheels of one platform and Python into this folder."""
    abi = "cp" + python.replace(".", "")
    wanted = pins(python)
    tags = [part for tag in PLATFORMS[platform] for part in ("--platform", tag)]
    abis = [part for name in (abi, "abi3", "none") for part in ("--abi", name)]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary", ":all:", "--dest", str(HERE), "--python-version", python, "--implementation", "cp"]
    if subprocess.run([*command, *tags, *abis, *wanted]).returncode:
        raise SystemExit(f"no wheels of {', '.join(wanted)} for {platform}, Python {python}; see pip's message above")


def main(platforms: list[str]) -> None:
    unknown = set(platforms) - set(PLATFORMS)
    if unknown:
        raise SystemExit(f"unknown platform {', '.join(unknown)}; known are {', '.join(PLATFORMS)}")
    for platform in platforms or PLATFORMS:
        for python in PYTHONS:
            download(platform, python)
    for wheel in sorted(HERE.glob("*.whl")):
        print(f"{wheel.stat().st_size / 1e6:6.1f} MB  {wheel.name}")


if __name__ == "__main__":
    main(sys.argv[1:])
