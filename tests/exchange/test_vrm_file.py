# SPDX-License-Identifier: GPL-3.0-or-later
"""What exporters leave empty in a .vrm, and what they write that makes no sense."""

import json

import pytest

from faceanything_addon.errors import UserError
from faceanything_addon.exchange.vrm import Bind, read_vrm
from tests.support.vrm import join_glb, split_glb


def glb(extensions, **more):
    """One node with one mesh of two morphs, and a bone."""
    mesh = {"primitives": [{"targets": [{}, {}]}], "extras": None}
    return {"nodes": [{"mesh": 0}, {"name": "neck"}], "meshes": [mesh], "extensions": extensions, **more}


def read(tmp_path, document):
    file = tmp_path / "character.vrm"
    file.write_bytes(join_glb(document, b""))
    return read_vrm(file)


def test_nulls_of_vrm_0_count_as_nothing(tmp_path):
    groups = [
        {"presetName": "a", "name": None, "binds": None},
        {"presetName": None, "name": "Grin", "binds": [{"mesh": 0, "index": 1, "weight": 50}]},
    ]
    told = {"humanoid": None, "firstPerson": None, "blendShapeMaster": {"blendShapeGroups": groups}}
    found = read(tmp_path, glb({"VRM": told}))
    assert found.expressions == {"Grin": (Bind(0, "morph_1", 0.5),)}
    assert found.head == "" and found.eyes == ("", "") and set(found.look.values()) == {0.0}


def test_nulls_of_vrm_1_count_as_nothing(tmp_path):
    presets = {"aa": None, "ih": {"morphTargetBinds": None}, "ou": {"morphTargetBinds": [{"node": 0, "index": 0}]}}
    told = {
        "humanoid": {"humanBones": {"head": {"node": 1}, "jaw": None}},
        "lookAt": None,
        "expressions": {"preset": presets, "custom": None},
    }
    found = read(tmp_path, glb({"VRMC_vrm": told}))
    assert found.expressions == {"ou": (Bind(0, "morph_0", 1.0),)}
    assert found.head == "neck"


def test_numbers_that_name_nothing_are_passed_over(tmp_path):
    binds = [{"mesh": m, "index": i, "weight": 100} for m, i in ((-1, 0), (3, 0), (0, -1), (0, 9))]
    groups = [{"presetName": "a", "binds": binds}]
    bones = [{"bone": "head", "node": -1}, {"bone": "neck", "node": 8}]
    told = {"humanoid": {"humanBones": bones}, "blendShapeMaster": {"blendShapeGroups": groups}}
    found = read(tmp_path, glb({"VRM": told}))
    assert found.expressions == {} and found.head == ""


def test_weights_and_angles_that_are_no_numbers_move_nothing(tmp_path):
    binds = [{"node": 0, "index": 0, "weight": float("nan")}]
    look = {"type": "bone", "rangeMapVerticalUp": {"outputScale": float("inf")}, "rangeMapVerticalDown": {}}
    look["rangeMapHorizontalInner"] = {"outputScale": 10**400}
    told = {"expressions": {"preset": {"aa": {"morphTargetBinds": binds}}}, "lookAt": look}
    found = read(tmp_path, glb({"VRMC_vrm": told}))
    assert found.expressions["aa"][0].weight == 0.0
    assert set(found.look.values()) == {0.0}


def test_names_in_the_file_for_the_importer_are_unique(tmp_path):
    document = glb({"VRM": {}})
    document["nodes"] = [{"name": "same"}, {"name": "same"}, {"name": None}]
    document["meshes"][0]["extras"] = {"targetNames": ["A", "A"]}
    kept, _ = split_glb(read(tmp_path, document).glb)
    assert len({node["name"] for node in kept["nodes"]}) == 3
    assert len(set(kept["meshes"][0]["extras"]["targetNames"])) == 2


@pytest.mark.parametrize("document", [[], {}, {"extensions": {"VRM": 3}}, {"extensions": {"VRMC_vrm": None}}])
def test_what_is_no_character_is_told_with_the_files_name(tmp_path, document):
    with pytest.raises(UserError, match=r"character\.vrm: is no VRM file"):
        read(tmp_path, json.loads(json.dumps(document)))
