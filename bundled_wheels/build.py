"""Build the extension's zips with Blender's own tool: `python bundled_wheels/build.py [OUT]`, default dist/.

Run it with a Python that has bpy, whose copy of the tool is used; run collect.py first. Makes one zip a platform, for
those platforms whose wheels are there. A stage in a temporary folder gets the manifest with the wheels' names, so that
the manifest in git never changes.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from collect import PACKAGES, PLATFORMS

ROOT = Path(__file__).resolve().parent.parent
MARKS = {"linux-x64": "manylinux", "windows-x64": "win_amd64", "macos-arm64": "macosx"}


def tool() -> Path:
    """Blender's blender_ext.py in the installed bpy."""
    places = Path(sysconfig.get_paths()["purelib"]).glob("bpy/*/scripts/addons_core/bl_pkg/cli/blender_ext.py")
    found = next(iter(places), None)
    if found is None:
        raise SystemExit("bpy is not installed in this Python; install it with: pip install '.[scene]'")
    return found


def wheels_of(platform: str) -> list[Path]:
    return sorted(w for w in (ROOT / "bundled_wheels").glob("*.whl") if MARKS[platform] in w.name)


def complete_platforms() -> list[str]:
    """Platforms for which every bundled package has a wheel."""
    names = {p: {w.name.partition("-")[0] for w in wheels_of(p)} for p in PLATFORMS}
    return [p for p, have in names.items() if {n.replace("-", "_") for n in PACKAGES} <= have]


def stage(folder: Path, platforms: list[str]) -> None:
    """Copy what goes into the zips, and write the manifest's list of wheels."""
    shutil.copytree(ROOT / "faceanything_addon", folder / "faceanything_addon", ignore=_caches)
    wheels = [wheel for platform in platforms for wheel in wheels_of(platform)]
    (folder / "bundled_wheels").mkdir()
    for wheel in wheels:
        shutil.copy2(wheel, folder / "bundled_wheels")
    for name in ("__init__.py", "LICENSE", "NOTICE"):
        shutil.copy2(ROOT / name, folder)
    (folder / "blender_manifest.toml").write_text(manifest(platforms, wheels), encoding="utf-8")


_caches = shutil.ignore_patterns("__pycache__")


def manifest(platforms: list[str], wheels: list[Path]) -> str:
    """The manifest in git with platforms and wheels filled in."""
    text = (ROOT / "blender_manifest.toml").read_text(encoding="utf-8")
    lines = "".join(f'  "./bundled_wheels/{w.name}",\n' for w in wheels)
    quoted = ", ".join(f'"{p}"' for p in platforms)
    text = re.sub(r"^wheels = \[\]$", lambda _: f"wheels = [\n{lines}]", text, flags=re.M)
    return re.sub(r"^platforms = .*$", lambda _: f"platforms = [{quoted}]", text, flags=re.M)


def main(out: Path) -> None:
    platforms = complete_platforms()
    if not platforms:
        raise SystemExit("bundled_wheels/ holds no platform's wheels; run bundled_wheels/collect.py first")
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        stage(Path(folder), platforms)
        command = [sys.executable, str(tool()), "build", "--source-dir", folder, "--output-dir", str(out)]
        if subprocess.run([*command, "--split-platforms"]).returncode:
            raise SystemExit("Blender's tool could not build the extension; see its message above")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "dist"))
