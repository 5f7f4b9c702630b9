# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest
from support.performance import one_shape

from faceanything_addon.errors import UserError
from faceanything_addon.retarget import Mapping, Target, fit_mapping, load_table, recognise, table_names
from faceanything_addon.retarget.tables import FOLDER
from faceanything_addon.template.names import arkit_names

TABLES = table_names()
APPLE = tuple(load_table("apple").targets)


def value(mapping: Mapping, shape: str, key: str) -> float:
    played = one_shape(shape)
    return dict(zip(mapping.targets, mapping.evaluate(played.names, played.coefficients)[0], strict=True))[key]


def test_all_tables_name_only_known_coefficients_and_keys():
    assert TABLES[0] == "apple" and len(TABLES) == len(list(FOLDER.glob("*.json")))
    for name in TABLES:
        table = load_table(name)
        assert table.label and len(table.targets) >= 10
        assert all(other in table.targets for others in table.unless.values() for other in others)


def test_apples_table_is_the_52_in_order():
    assert arkit_names() == APPLE


@pytest.mark.parametrize("name", TABLES)
def test_each_naming_is_recognised_whole(name):
    match = recognise(load_table(name).targets)
    assert (match.table.name, match.confidence, match.missing, match.unknown) == (name, 1.0, (), ())


@pytest.mark.parametrize("name", TABLES)
def test_each_naming_is_recognised_among_other_keys_and_with_a_fifth_missing(name):
    keys = list(load_table(name).targets)
    there = [key for number, key in enumerate(keys) if number % 5 != 2] + ["Fat", "Ears_Long", "Key 7"]
    match = recognise(there)
    same = {"apple", "ready_player_me"}  # without its visemes the one is the other
    assert match.sure and (match.table.name == name or {match.table.name, name} == same)
    assert set(match.unknown) >= {"Fat", "Ears_Long", "Key 7"}


@pytest.mark.parametrize(
    "spelling",
    [
        str.upper,
        lambda n: f"blendShape1.{n}",
        lambda n: f"head_lod0_mesh__{n}",
        lambda n: f"{n}_ARKit",
        lambda n: f"{n}.001",
        lambda n: n.replace("Left", "_left").replace("Right", "-right"),
        lambda n: f"Wolf3D Head:{n}",
    ],
)
def test_case_separators_prefix_and_suffix_do_not_matter(spelling):
    keys = [spelling(name) for name in APPLE]
    match = recognise(keys)
    assert match.confidence == 1 and list(match.mapping().targets) == keys
    assert value(match.mapping(), "jawOpen", spelling("jawOpen")) == 1


def test_keys_of_no_naming_are_not_sure():
    for keys in ([], ["Basis", "Key 1", "Fat", "Smile"], ["A", "I"]):
        assert not recognise(keys).sure


def test_missing_and_unknown_keys_are_listed():
    match = recognise([n for n in APPLE if n not in ("tongueOut", "cheekPuff")] + ["earWiggle"])
    assert match.missing == ("cheekPuff", "tongueOut") and match.unknown == ("earWiggle",)
    assert match.mapping().unused(arkit_names()) == ("cheekPuff", "tongueOut")


def test_both_lids_are_not_closed_twice():
    both = recognise(load_table("vrm1").targets).mapping()
    assert "blink" not in both.targets and value(both, "eyeBlinkLeft", "blinkLeft") == 1
    one = recognise([k for k in load_table("vrm1").targets if k not in ("blinkLeft", "blinkRight")]).mapping()
    assert value(one, "eyeBlinkLeft", "blink") == 0.5


def test_visemes_rest_where_the_arkit_keys_are_there_too():
    full = recognise(load_table("ready_player_me").targets).mapping()
    assert "viseme_aa" not in full.targets and "jawOpen" in full.targets
    speech = recognise(load_table("oculus").targets).mapping()
    assert value(speech, "jawOpen", "viseme_aa") == 1 and value(speech, "mouthPucker", "viseme_U") > 0.5


def test_looking_in_is_towards_the_nose():
    cc4 = recognise(load_table("cc4_extended").targets).mapping()
    assert value(cc4, "eyeLookInLeft", "Eye_L_Look_R") == 1 and value(cc4, "eyeLookInRight", "Eye_R_Look_L") == 1
    vrm = recognise(load_table("vrm1").targets).mapping()
    assert value(vrm, "eyeLookOutLeft", "lookLeft") == 0.5 and value(vrm, "eyeLookInRight", "lookLeft") == 0.5


def test_one_coefficient_drives_all_parts_of_a_metahuman_mouth():
    mapping = recognise(load_table("metahuman").targets).mapping()
    for part in ("UL", "UR", "DL", "DR"):
        assert value(mapping, "mouthFunnel", f"CTRL_expressions_mouthFunnel{part}") == 1


def test_a_mapping_finds_the_characters_own_spelling():
    mapping = Mapping("mine", {"jawOpen": Target((("jawOpen", 1.0),)), "Horns": Target((("browInnerUp", 1.0),))})
    fitted, missing = fit_mapping(mapping, ["Jaw_Open", "Eyes"])
    assert list(fitted.targets) == ["Jaw_Open"] and missing == ("Horns",)


def test_an_unknown_naming_is_told_with_the_known_ones():
    with pytest.raises(UserError, match="no such naming; choose one of apple"):
        load_table("klingon")


def test_tables_are_sound_json_of_this_version():
    for file in FOLDER.glob("*.json"):
        data = json.loads(file.read_text())
        assert (data["format"], data["version"]) == ("faceanything-names", 1), file
