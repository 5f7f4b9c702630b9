"""Bones without Blender: tables of rigs, the face they span, and what is solved."""

# SPDX-License-Identifier: GPL-3.0-or-later
import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from support.performance import make_performance

from faceanything_addon.errors import UserError
from faceanything_addon.retarget.bones import (
    Bone,
    BoneMap,
    Delta,
    Eyes,
    chosen_bones,
    fit_map,
    known_rig,
    load_bones,
    recognise_rig,
    rig_names,
    save_bones,
)
from faceanything_addon.retarget.bones.anchors import MIRROR, anchor_points
from faceanything_addon.retarget.bones.bonemap import in_their_place
from faceanything_addon.retarget.bones.face import fit_face
from faceanything_addon.retarget.bones.motion import Motion, add_head, aim_moves, eye_turns, gaze_of, posed
from faceanything_addon.retarget.bones.solve import Response, settled_trust, solve_bones
from faceanything_addon.retarget.mirror import mirrored
from faceanything_addon.template import load_template

UPRIGHT = np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])


@pytest.mark.parametrize("name", rig_names())
def test_each_known_rig_is_recognised_by_its_own_bones_and_lacks_none(name):
    names = known_rig(name).names()
    match = recognise_rig((*names, "spine", "hand.L"))
    assert match.bones.name == name and match.sure and not match.missing


@pytest.mark.parametrize("name", rig_names())
def test_both_sides_of_a_known_rig_lie_on_mirrored_points(name):
    anchors = [bone.anchor for bone in known_rig(name).bones.values() if bone.anchor]
    assert len(anchors) == len(set(anchors))
    for anchor in anchors:
        assert anchor.replace("left", "right") in anchors and anchor.replace("right", "left") in anchors


def test_names_differ_in_case_and_separators_and_what_lacks_is_named():
    wanted = BoneMap("mine", bones={"lip.T": Bone("lip_upper"), "chin": Bone()}, head="head", neck=("neck",))
    match = fit_map(wanted, ["char:Lip_T", "Head"])
    assert match.bones.bones == {"char:Lip_T": Bone("lip_upper")} and match.bones.head == "Head"
    assert match.missing == ("chin", "neck") and match.confidence == 0.5


def test_a_bone_of_the_very_name_comes_before_one_that_looks_alike():
    wanted = BoneMap("mine", bones={"brow_L": Bone("brow_mid_left")})
    for names in (["brow.L", "brow_L"], ["brow_L", "brow.L"]):
        assert list(fit_map(wanted, names).bones.bones) == ["brow_L"]


def test_a_body_without_a_face_is_no_known_rig():
    assert not recognise_rig(["spine", "neck", "head", "upper_arm.L", "hand.L"]).sure


def test_a_preset_comes_back_from_its_file(tmp_path):
    delta = Delta((0.1, 0, 0), (0.6, 0.8, 0, 0), (1, 2, 1))
    bones = BoneMap(
        "mine",
        "My Rig",
        {"a": Bone("lip_upper"), "b": Bone(None, True, "both")},
        "head",
        ("n1", "n2"),
        Eyes("aim", "l", "r", "both", "lc", "rc"),
        {"jawOpen": {"b": delta}},
        {"a": Delta(turn=(0.1, 0, 0))},
    )
    assert load_bones(save_bones(bones, tmp_path / "mine.json")) == bones


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"format": "x"}, "is no bone preset"),
        ({"version": 9}, "version 9"),
        ({"bones": {"a": {"anchor": "elbow"}}}, "puts the bone 'a' on 'elbow'"),
        ({"bones": {"a": {"moves": "sings"}}}, "'a'"),
        ({"bones": []}, "'bones' that is no table"),
        ({"poses": {"smile": {}}}, "'smile', which is no ARKit coefficient"),
        ({"poses": {"jawOpen": {"a": {"rotation": [0, 0, 0, 0]}}}}, "no size or no rotation"),
        ({"poses": {"jawOpen": {"a": {"location": [1, 2]}}}}, "location that is not 3 numbers"),
        ({"poses": {"jawOpen": {"a": {"location": [1, 2, 10**400]}}}}, "location that is not 3 numbers"),
        ({"eyes": {"moves": "roll"}}, "neither turn nor aim"),
        ({"neck": "neck"}, "no list of bones"),
        ({"sides": ["L"]}, "not two texts"),
        ({"extra": 1}, "unknown entry 'extra'"),
    ],
)
def test_a_bad_preset_is_one_line_that_names_the_file(tmp_path, change, told):
    file = tmp_path / "bad.json"
    file.write_text(json.dumps({"format": "faceanything-bones", "version": 1, **change}))
    with pytest.raises(UserError, match="bad.json") as caught:
        load_bones(file)
    assert told in str(caught.value) and "\n" not in str(caught.value)


def test_a_rig_that_is_not_there_is_told_with_those_that_are():
    with pytest.raises(UserError, match="rigify"):
        chosen_bones("klingon")
    assert chosen_bones("rigify").head == "head"


def test_landmarks_mirror_onto_the_other_side():
    template = load_template()
    marks = template.landmarks(template.vertices)
    assert np.abs(marks[list(MIRROR)] * [-1, 1, 1] - marks).max() < 0.002


def anchors():
    template = load_template()
    return np.array(list(anchor_points(template, template.vertices.astype(np.float64)).values()))


@pytest.mark.parametrize("axes", [UPRIGHT, np.eye(3), UPRIGHT @ Rotation.from_euler("y", 90, degrees=True).as_matrix()])
def test_axes_scale_and_place_of_a_face_are_found(axes):
    points = anchors()
    face = fit_face(points, 25 * points @ axes.T + [1, 2, 3], UPRIGHT)
    assert np.allclose(face.axes, axes) and face.scale == pytest.approx(25)
    assert np.allclose(face.place(points * 1.1), 27.5 * points @ axes.T + [1, 2, 3])


def test_a_lid_that_closes_on_the_template_closes_on_eyes_twice_as_large():
    template = load_template()
    neutral = template.vertices.astype(np.float64)
    at = anchor_points(template, neutral)
    rig = {name: point * ([1, 2, 1] if name.startswith("lid") else 1) for name, point in at.items()}
    face = fit_face(np.array(list(at.values())), np.array(list(rig.values())), np.eye(3))
    upper, lower = at["lid_upper_left"], at["lid_lower_left"]
    assert np.allclose(face.place(lower), rig["lid_lower_left"], atol=1e-6)
    moved = face.place(lower) - face.place(upper)
    assert moved == pytest.approx(rig["lid_lower_left"] - rig["lid_upper_left"], abs=1e-6)


def respond(channels=4, probes=9, seed=0):
    random = np.random.default_rng(seed)
    linear = random.normal(size=(channels, probes, 3))
    square = 0.05 * random.normal(size=(channels, probes, 3))
    return Response(linear, square, np.full(channels, 3.0), np.ones(channels), 1.0)


def answer(response, x):
    return np.tensordot(x, response.linear, axes=1) + np.tensordot(x**2, response.square, axes=1)


def test_channels_are_recovered_from_the_motion_that_they_made():
    response = respond()
    x = np.random.default_rng(1).uniform(-1.5, 1.5, (20, 4))
    found = solve_bones(response, np.ones(9), answer(response, x))
    assert np.abs(found - x).max() < 0.02


def test_channels_stay_within_their_limits_and_the_others_make_up_for_it():
    response = respond()
    x = np.array([[9.0, 0.5, -0.5, 1.0]])
    found = solve_bones(response, np.ones(9), answer(response, x))
    free = np.clip(x, -3, 3)
    assert np.abs(found).max() <= 3 + 1e-9
    misfit = [np.linalg.norm(answer(response, y) - answer(response, x)) for y in (found, free)]
    assert misfit[0] < misfit[1]


def test_skin_that_lies_on_another_part_of_the_face_is_not_trusted():
    response = respond(probes=30)
    shapes = answer(response, np.random.default_rng(2).normal(size=(52, 4)))
    shapes[:, [3, 20]] *= -1
    trust = settled_trust(response, np.ones(30), shapes, bones=10)
    assert trust[20] == 0 and trust.sum() == 29, "a bone's own point stays"


def test_poses_add_up_and_half_a_coefficient_turns_half_as_far():
    face = fit_face(anchors(), anchors(), np.eye(3))
    motion, rest = Motion(3), {"jaw": np.eye(3)}
    quarter = Rotation.from_euler("x", 90, degrees=True).as_quat()
    pose = {"jaw": Delta((0, 2.0, 0), (quarter[3], *quarter[:3]), (1, 4, 1)), "absent": Delta()}
    motion.add_pose(pose, np.array([0, 0.5, 1]), face, rest, rest)
    location, rotation, scale = posed(motion.of("jaw"), Delta())
    assert location[:, 1] == pytest.approx([0, 1, 2]) and scale[:, 1] == pytest.approx([1, 2, 4])
    assert np.degrees(Rotation.from_matrix(rotation).magnitude()) == pytest.approx([0, 45, 90])
    assert list(motion.bones) == ["jaw"]


def test_poses_of_known_rigs_are_measured_by_the_distance_between_the_eyes():
    points = anchors()
    face = fit_face(points, 10 * points @ UPRIGHT.T, UPRIGHT)
    motion = Motion(1)
    rolled = Rotation.from_euler("xyz", [10, 40, 70], degrees=True).as_matrix()
    axes = {"tongue": rolled}
    motion.add_pose({"tongue": Delta(move=(0, 0, 0.5))}, np.ones(1), face, axes, axes)
    assert rolled @ motion.of("tongue").location[0] == pytest.approx([0, -0.31, 0], abs=1e-3)


@pytest.mark.parametrize("inherits", [0.0, 0.5, 1.0])
def test_neck_and_head_together_turn_as_the_actor_does(inherits):
    turn = Rotation.from_euler("xyz", [10, 30, -5], degrees=True).as_matrix()[None]
    random = Rotation.from_rotvec(np.random.default_rng(1).normal(size=(3, 3))).as_matrix()
    rest: dict[str, np.ndarray] = dict(zip(["n1", "n2", "head"], random, strict=True))
    motion = Motion(1)
    add_head(motion, turn, "head", ("n1", "n2"), 0.4, inherits, UPRIGHT, rest)
    made = {name: random @ Rotation.from_rotvec(motion.of(name).turn[0]).as_matrix() for name, random in rest.items()}
    turns = {name: Rotation.from_matrix(made[name] @ rest[name].T).as_rotvec() for name in rest}
    whole = UPRIGHT @ Rotation.from_matrix(turn[0]).as_rotvec()
    assert inherits * (turns["n1"] + turns["n2"]) + turns["head"] == pytest.approx(whole)
    assert turns["n1"] + turns["n2"] == pytest.approx(0.4 * whole)


def test_eyes_turn_and_their_targets_move_to_where_they_look():
    gaze = np.array([[np.sin(0.3), 0, np.cos(0.3)], [0, 0, 1]])  # to its left, ahead
    rest = Rotation.from_rotvec([0.4, -1.1, 0.8]).as_matrix()
    turned = rest @ Rotation.from_rotvec(eye_turns(gaze, UPRIGHT, rest)).as_matrix() @ rest.T
    assert turned[0] @ [0, -1, 0] == pytest.approx([np.sin(0.3), -np.cos(0.3), 0], abs=1e-6)
    moves = aim_moves(gaze, np.zeros(3), np.array([0, -2.0, 0]), UPRIGHT)
    assert moves[0] == pytest.approx([2 * np.sin(0.3), 2 - 2 * np.cos(0.3), 0]) and moves[1] == pytest.approx(0)


def test_without_a_measured_gaze_the_coefficients_tell_it():
    played = make_performance(10)
    looks = replace(played, coefficients=np.zeros_like(played.coefficients), gaze=None)
    looks.coefficients[:, looks.names.index("eyeLookOutLeft")] = 1.0
    gaze = gaze_of(looks)
    assert gaze[0, 0] == pytest.approx([0.5, 0, np.sqrt(0.75)]) and gaze[0, 1] == pytest.approx([0, 0, 1])


def test_a_mirrored_performance_winks_with_the_other_eye_and_twice_is_as_before():
    played = make_performance(5)
    seen = mirrored(played)
    left, right = (p.coefficients[:, p.names.index(n)] for p, n in ((played, "eyeBlinkLeft"), (seen, "eyeBlinkRight")))
    assert np.array_equal(left, right)
    assert played.gaze is not None and seen.gaze is not None
    assert np.allclose(seen.gaze[:, 0], played.gaze[:, 1] * [-1, 1, 1])
    again = mirrored(seen)
    assert again.gaze is not None and np.allclose(again.gaze, played.gaze) and again.names == played.names


def test_lids_whose_chains_begin_at_the_other_corner_are_turned_round():
    """MPFB's Rigify lids begin at the inner corner, Rigify's own at the outer one, under the same names."""
    bones = known_rig("rigify_skin").bones
    at = anchor_points(load_template(), load_template().vertices.astype(np.float64))
    own = {name: at[bone.anchor] for name, bone in bones.items() if bone.anchor}
    assert in_their_place(bones, own) == bones
    swapped = {name: replace(bone, anchor=other(bone.anchor)) for name, bone in bones.items()}
    theirs = {name: at[bone.anchor] for name, bone in swapped.items() if bone.anchor}
    assert in_their_place(bones, theirs) == swapped
    assert swapped["lid.T.L"].anchor == "lid_inner_left" and swapped["lid.T.L.002"] == bones["lid.T.L.002"]


def other(anchor):
    """inner for outer and the other way round, on lids."""
    if not anchor or not anchor.startswith("lid_"):
        return anchor
    return anchor.replace("inner", "?").replace("outer", "inner").replace("?", "outer")
