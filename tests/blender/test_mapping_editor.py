"""The panel Mapping's rows and operators."""

# SPDX-License-Identifier: GPL-3.0-or-later
import bpy
import pytest
from keyed import add_mesh
from support.performance import make_performance

import faceanything_addon
from faceanything_addon.blender.jobs import state
from faceanything_addon.blender.retarget.editor import in_pairs
from faceanything_addon.exchange.livelink import write_livelink
from faceanything_addon.retarget import load_preset, load_table

KEYS = [*load_table("vrm1").targets, "Extra_L", "Extra_R"]
OPS = bpy.ops.face_anything


@pytest.fixture
def settings(tmp_path):
    faceanything_addon.register()
    settings = bpy.context.scene.face_anything_retarget
    settings.character = add_mesh("Face", KEYS)
    settings.source = str(write_livelink(make_performance(20), tmp_path / "phone.csv"))
    yield settings
    faceanything_addon.unregister()
    state.error = state.note = ""


def choose(settings, key):
    settings.row = list(settings.rows.keys()).index(key)
    return settings.rows[settings.row]


def value(settings, frame):
    bpy.context.scene.frame_set(frame)
    return {block.name: block.value for block in settings.character.data.shape_keys.key_blocks}


def test_editing_begins_with_what_was_recognised_and_lists_every_key(settings):
    assert OPS.edit_mapping() == {"FINISHED"}
    assert list(settings.rows.keys()) == KEYS and settings.naming == "EDITED"
    spoken = {s.coefficient: s.weight for s in settings.rows["aa"].sources}
    assert spoken == pytest.approx(dict(load_table("vrm1").targets["aa"].sources))
    assert not settings.rows["Extra_L"].sources


def test_unchanged_rows_animate_as_the_naming_does(settings):
    OPS.retarget()
    detected = value(settings, 10)
    OPS.edit_mapping()
    assert OPS.retarget() == {"FINISHED"} and state.note.startswith("edited: 11 keys")
    assert value(settings, 10) == pytest.approx(detected, abs=1e-5)


def test_gain_offset_and_limits_of_a_row_are_applied(settings):
    OPS.retarget()
    before = value(settings, 10)["blinkLeft"]
    OPS.edit_mapping()
    row = settings.rows["blinkLeft"]
    row.gain, row.offset = 0.5, 0.1
    OPS.retarget()
    assert value(settings, 10)["blinkLeft"] == pytest.approx(0.5 * before + 0.1, abs=1e-5)
    row.high = row.low = 0.3
    OPS.retarget()
    assert value(settings, 10)["blinkLeft"] == pytest.approx(0.3, abs=1e-5)


def test_sources_are_added_mixed_removed_and_copied_to_the_other_side(settings, tmp_path):
    OPS.edit_mapping()
    row = choose(settings, "Extra_L")
    OPS.mapping_add_source()
    OPS.mapping_add_source()
    row.sources[0].coefficient, row.sources[1].coefficient = "mouthSmileLeft", "cheekSquintLeft"
    row.sources[1].weight = -0.25
    OPS.mapping_mirror_row()
    other = {s.coefficient: s.weight for s in settings.rows["Extra_R"].sources}
    assert other == {"mouthSmileRight": 1.0, "cheekSquintRight": -0.25}
    OPS.mapping_remove_source(number=1)
    assert [s.coefficient for s in row.sources] == ["mouthSmileLeft"]
    OPS.save_retarget_preset(filepath=str(tmp_path / "mine.json"))
    saved = load_preset(tmp_path / "mine.json")
    assert dict(saved.targets["Extra_R"].sources) == {"mouthSmileRight": 1.0, "cheekSquintRight": -0.25}
    assert OPS.retarget() == {"FINISHED"} and value(settings, 10)["Extra_L"] > 0


def test_a_preset_is_loaded_into_the_rows_again(settings, tmp_path):
    OPS.edit_mapping()
    settings.rows["blinkLeft"].gain = 1.4
    OPS.save_retarget_preset(filepath=str(tmp_path / "mine.json"))
    assert settings.naming == "FILE"
    settings.rows.clear()
    OPS.edit_mapping()
    assert settings.rows["blinkLeft"].gain == pytest.approx(1.4)
    assert load_preset(tmp_path / "mine.json").targets["blinkLeft"].gain == 1.4


def test_keys_of_no_known_naming_are_laid_out_empty(settings):
    settings.character = add_mesh("Odd", ["Foo", "Bar"])
    assert OPS.edit_mapping() == {"FINISHED"}
    assert list(settings.rows.keys()) == ["Foo", "Bar"] and "no known naming" in state.note
    with pytest.raises(RuntimeError, match="nothing is mapped"):
        OPS.retarget()
    choose(settings, "Foo")
    OPS.mapping_add_source()
    assert OPS.retarget() == {"FINISHED"}
    with pytest.raises(RuntimeError, match="no such key for the other side"):
        OPS.mapping_mirror_row()


def test_rows_stay_where_they_cannot_be_laid_out_anew(settings, tmp_path):
    OPS.edit_mapping()
    settings.rows["aa"].low = 2.0
    for settings.naming, settings.preset in (("EDITED", ""), ("FILE", str(tmp_path / "none.json")), ("APPLE", "")):
        with pytest.raises(RuntimeError):
            OPS.edit_mapping()
        assert settings.rows["aa"].sources and settings.rows["aa"].low == 2.0, settings.naming


def test_a_head_that_is_not_chosen_yet_does_not_matter_to_the_mapping(settings):
    settings.use_head = True
    assert OPS.edit_mapping() == {"FINISHED"} and settings.rows["aa"].sources and not state.note


def test_pairs_of_coefficients_are_listed_shorter():
    names = ["jawOpen", "mouthLeft", "mouthRight", "mouthFrownLeft", "eyeWideRight", "mouthFrownRight"]
    assert in_pairs(names) == ["jawOpen", "mouth Left/Right", "mouthFrown Left/Right", "eyeWideRight"]


def test_limits_the_wrong_way_round_are_told(settings):
    OPS.edit_mapping()
    settings.rows["aa"].low = 2.0
    with pytest.raises(RuntimeError, match="aa: its lowest value is above its highest"):
        OPS.retarget()
