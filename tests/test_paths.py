"""A path that may not be looked at ends a command with one line: is_file, is_dir and exists raise there."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os

import pytest
from support.performance import make_performance
from support.stand_in import make_take, make_template
from support.store import store_take
from support.video import write_video

from faceanything_addon import cli
from faceanything_addon.errors import UserError
from faceanything_addon.exchange.arkit_json import write_arkit_json
from faceanything_addon.retarget import Mapping, Target, save_preset
from faceanything_addon.retarget.bones.tables import chosen_bones, known_rig, rig_names, save_bones

COMMANDS = [
    "export {take} --format pc2 --out {bad}.pc2",
    "export {take} --format npz --out {bad}.npz",
    "export {phone} --format livelink --out {bad}.csv",
    "export {phone} --format arkit-json --out {bad}.json",
    "export {bad}.csv --format arkit-json --out {out}.json",
    "export {bad} --format arkit-json --out {out}.json",
    "export {take} --format gltf --out {bad}.glb",
    "calibrate {phone} --out {bad}.json",
    "calibrate {bad}.json --out {out}.json",
    "retarget {bad}.csv --character {hero} --out {out}.blend",
    "retarget {phone} --character {bad}.glb --out {out}.blend",
    "retarget {phone} --character {hero} --out {out}.blend --preset {bad}",
    "retarget {phone} --character {hero} --out {out}.blend --preset {bad} --bones",
    "make-shapes {bad}.obj --out {out}.blend",
    "import-raw {bad}.npz --footage {clip} --out {out}",
]


@pytest.fixture(params=["too long", "no rights"])
def bad(request, tmp_path):
    """The begin of a file's name of which nothing can be asked."""
    if request.param == "too long":
        yield tmp_path / ("x" * 300)
        return
    if os.name == "nt" or os.geteuid() == 0:
        pytest.skip("no folder is closed to this user")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    yield closed / "x"
    closed.chmod(0o700)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_path_that_may_not_be_looked_at_is_one_line(tmp_path, capsys, bad, command):
    phone = write_arkit_json(make_performance(3), tmp_path / "phone.json")
    (tmp_path / "hero.glb").write_text("no")
    names = {"bad": bad, "phone": phone, "out": tmp_path / "out", "hero": tmp_path / "hero.glb"}
    if "{clip}" in command:
        names["clip"] = write_video(tmp_path / "clip.mp4", 3)
    if "{take}" in command:
        names["take"] = store_take(make_take(make_template(4), 2), tmp_path / "take")
    if command.startswith(("retarget", "make-shapes")) or "gltf" in command:
        pytest.importorskip("bpy")
    code = cli.main([word.format(**names) for word in command.split()])
    error = capsys.readouterr().err
    assert code == 2 and error.count("\n") == 1 and f"{bad}" in error, error
    assert not list(tmp_path.glob("out*"))


def test_presets_are_told_in_one_line_too(bad):
    """The interface writes them."""
    mapping, bones = Mapping("mine", {"a": Target((("jawOpen", 1.0),))}), known_rig(rig_names()[0])
    for do in (lambda: save_preset(mapping, bad), lambda: save_bones(bones, bad), lambda: chosen_bones(str(bad))):
        with pytest.raises(UserError, match="x: (cannot|may not) be") as caught:
            do()
        assert "\n" not in str(caught.value)
