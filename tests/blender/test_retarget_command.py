"""The command line's retarget, on real character files."""

# SPDX-License-Identifier: GPL-3.0-or-later
import bpy
import pytest
from keyed import add_armature, add_mesh
from support.performance import make_performance, one_shape
from support.stand_in import make_take, make_template
from support.store import store_take

from faceanything_addon import cli
from faceanything_addon.exchange.arkit_json import write_arkit_json
from faceanything_addon.exchange.livelink import write_livelink
from faceanything_addon.retarget import Mapping, Target, load_table, save_preset
from faceanything_addon.retarget.calibration import ActorProfile, save_profile

KEYS = list(load_table("apple").targets)


@pytest.fixture
def phone(tmp_path):
    return write_livelink(make_performance(30, 25.0), tmp_path / "phone.csv")


def save_character(file):
    """A rigged face in one of the kinds of file that are read."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    rig = add_armature()
    face = add_mesh("Face", KEYS, rig)
    add_mesh("Teeth", ["jawOpen"], rig)
    face.vertex_groups.new(name="head").add([0, 1, 2, 3], 1.0, "REPLACE")
    face.modifiers.new("Armature", "ARMATURE").object = rig
    if file.suffix == ".blend":
        bpy.context.scene.render.fps = 24
        bpy.ops.wm.save_as_mainfile(filepath=str(file))
    elif file.suffix == ".glb":
        bpy.ops.export_scene.gltf(filepath=str(file), export_format="GLB")
    else:
        bpy.ops.export_scene.fbx(filepath=str(file), add_leaf_bones=False)
    return file


def run(capsys, *arguments):
    code = cli.main(["retarget", *map(str, arguments)])
    return (code, *capsys.readouterr())


@pytest.mark.parametrize(("kind", "fps"), [("blend", 24), ("glb", 25), ("fbx", 25)])
def test_a_character_of_each_kind_of_file_is_animated(tmp_path, capsys, phone, kind, fps):
    file, out = save_character(tmp_path / f"hero.{kind}"), tmp_path / "new" / "out.blend"
    code, said, error = run(capsys, phone, "--character", file, "--out", out, "--head", "head")
    assert code == 0, error
    assert "apple: 52 keys on 2 meshes, frames 1 to" in said and f"{out}: written" in said
    bpy.ops.wm.open_mainfile(filepath=str(out))
    scene = bpy.context.scene
    assert scene.render.fps / scene.render.fps_base == pytest.approx(fps, abs=0.05)
    played, shapes = make_performance(30, 25.0), bpy.data.objects["Face"].data.shape_keys
    scene.frame_set(1 + fps)
    shown = [shapes.key_blocks[name].value for name in KEYS]
    assert shown == pytest.approx(played.coefficients[25], abs=0.02)
    rig = bpy.data.objects["Face"].find_armature()
    assert rig.pose.bones["head"].rotation_quaternion.angle > 0.05


def spelled(name):
    """iFacialMocap's eyeBlink_L."""
    pair = name.endswith(("Left", "Right")) and name not in ("mouthLeft", "mouthRight", "jawLeft", "jawRight")
    return name.removesuffix("Left").removesuffix("Right") + ("_L" if name.endswith("Left") else "_R") if pair else name


def test_takes_and_arkit_json_drive_characters_too(tmp_path, capsys):
    file = save_character(tmp_path / "hero.blend")
    take = store_take(make_take(make_template(4), 12), tmp_path / "take")
    plain = write_arkit_json(make_performance(8), tmp_path / "plain.json")
    stream = tmp_path / "phone.txt"
    stream.write_text("".join(f"{spelled(n)}-{number}|" for number, n in enumerate(KEYS)) + "\n")
    for source in (take, plain, stream):
        code, said, error = run(capsys, source, "--character", file, "--out", tmp_path / "out.blend", "--mirror")
        assert code == 0 and "52 keys" in said, error


def test_presets_and_objects_are_chosen_by_name(tmp_path, capsys, phone):
    file, out = save_character(tmp_path / "hero.blend"), tmp_path / "out.blend"
    preset = save_preset(Mapping("mine", {"jaw_open": Target((("mouthPucker", 1.0),))}), tmp_path / "mine.json")
    code, said, _ = run(
        capsys, phone, "--character", file, "--out", out, "--preset", preset, "--object", "Teeth", "--head", "Face"
    )
    assert code == 0 and "mine: 1 key on 2 meshes" in said
    code, said, _ = run(capsys, phone, "--character", file, "--out", out, "--preset", "apple")
    assert code == 0 and "apple: 52 keys" in said


def test_what_is_wrong_is_one_line_and_code_2(tmp_path, capsys, phone):
    file, out = save_character(tmp_path / "hero.blend"), tmp_path / "out.blend"
    (tmp_path / "broken.blend").write_text("no")
    (tmp_path / "broken.glb").write_text("no")
    (tmp_path / "broken.fbx").write_text("no")
    cases = [
        ((tmp_path, "--character", file), "is not a take"),
        ((phone, "--character", tmp_path / "none.glb"), "no such file"),
        ((phone, "--character", phone), "is no character file"),
        ((phone, "--character", tmp_path / "broken.blend"), "cannot be read by Blender"),
        ((phone, "--character", tmp_path / "broken.glb"), "cannot be read by Blender"),
        ((phone, "--character", tmp_path / "broken.fbx"), "cannot be read by Blender"),
        ((phone, "--character", file, "--object", "Nobody"), "there is no such object"),
        ((phone, "--character", file, "--preset", "klingon"), "no preset's file and no naming"),
        ((phone, "--character", file, "--preset", tmp_path / "none.json"), "cannot be read"),
        ((phone, "--character", file, "--head", "skull"), "is neither a bone of"),
    ]
    for arguments, told in cases:
        code, said, error = run(capsys, *arguments, "--out", out)
        assert code == 2 and told in error and "written" not in said and not out.exists(), (arguments, error)
        assert error.startswith("faceanything: ") and error.count("\n") == 1, error


def test_no_command_writes_over_the_characters_own_file_by_whatever_path(tmp_path, capsys, phone):
    file = save_character(tmp_path / "hero.blend")
    (tmp_path / "folder").mkdir()
    (tmp_path / "soft.blend").symlink_to(file)
    (tmp_path / "hard.blend").hardlink_to(file)
    before, take = file.read_bytes(), store_take(make_take(make_template(), 3), tmp_path / "take")
    for name in ("hero.blend", "folder/../hero.blend", "soft.blend", "hard.blend"):
        character = ("--character", file, "--out", tmp_path / name)
        for words in (("retarget", phone), ("retarget", take, "--drive", "mesh"), ("make-shapes",)):
            named = character[1:] if words[0] == "make-shapes" else character
            code = cli.main([str(word) for word in (*words, *named)])
            assert code == 2 and "is the character's own file" in capsys.readouterr().err, (words, name)
    assert file.read_bytes() == before


def test_no_scene_replaces_what_else_it_is_made_from(tmp_path, capsys, phone):
    """Recordings, footage, profiles, presets and landmarks."""
    file, footage = save_character(tmp_path / "hero.blend"), tmp_path / "clip.mp4"
    footage.write_bytes(b"footage")
    take = store_take(make_take(make_template(), 3, footage=str(footage)), tmp_path / "take")
    second = write_arkit_json(make_performance(40, 25.0), tmp_path / "second.json")
    actor = save_profile(ActorProfile(), tmp_path / "actor.json")
    preset = save_preset(Mapping("mine", {"jawOpen": Target((("jawOpen", 1.0),))}), tmp_path / "preset.json")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    more = ("--punch-in", f"{second}:5-15", "--actor", actor, "--preset", preset)
    cases = [((phone, *more), out) for out in (phone, second, actor, preset)]
    cases += [((take, *more), out) for out in (footage, take / "take.json")]
    cases += [((take, "--drive", "mesh"), out) for out in (footage, take / "actor.npz")]
    for words, out in cases:
        code, _, error = run(capsys, *words, "--character", file, "--out", out)
        assert code == 2 and f"{out}: is " in error and "give another name" in error, (words, out, error)
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def key(name, frame):
    bpy.context.scene.frame_set(frame)
    return bpy.data.objects["Face"].data.shape_keys.key_blocks[name].value


def test_a_performance_is_edited_on_the_way(tmp_path, capsys, phone):
    file, plain, out = save_character(tmp_path / "hero.glb"), tmp_path / "plain.blend", tmp_path / "out.blend"
    second = write_arkit_json(make_performance(40, 25.0, start=3.0), tmp_path / "second.json")
    assert run(capsys, phone, "--character", file, "--out", plain)[0] == 0
    bpy.ops.wm.open_mainfile(filepath=str(plain))
    before = {name: key(name, 25) for name in KEYS}
    words = [
        "--gain",
        "mouth=0.5",
        "--mute",
        "brows",
        "--reduce",
        "0.02",
        "--no-head",
        "--head",
        "head",
        "--blend",
        "0",
    ]
    code, said, error = run(capsys, phone, "--character", file, "--out", out, *words, "--punch-in", f"{second}:5-15@2")
    assert code == 0, error
    assert "edited: " in said and "%)" in said
    bpy.ops.wm.open_mainfile(filepath=str(out))
    assert key("mouthSmileLeft", 25) == pytest.approx(before["mouthSmileLeft"] / 2, abs=0.02)
    assert key("browInnerUp", 25) == 0 and key("jawOpen", 25) == pytest.approx(before["jawOpen"], abs=0.02)
    column = make_performance(1).names.index("jawOpen")
    assert key("jawOpen", 10) == pytest.approx(make_performance(40, 25.0, start=3.0).coefficients[8, column], abs=0.02)
    rig = bpy.data.objects["Face"].find_armature()
    assert rig.pose.bones["head"].rotation_quaternion.angle < 1e-3
    tracks = bpy.data.objects["Face"].data.shape_keys.animation_data.nla_tracks
    assert [track.name for track in tracks] == ["Captured", "Punch-in", "Edited"]


def test_layers_alone_and_the_scenes_rate_and_time_code(tmp_path, capsys, phone):
    file, out = save_character(tmp_path / "hero.blend"), tmp_path / "out.blend"
    words = ["--layers", "--adopt-rate", "--speed", "2", "--timecode", "00:00:04:00"]
    code, said, error = run(capsys, phone, "--character", file, "--out", out, *words)
    assert code == 0 and "frames 100 to 114" in said, error
    bpy.ops.wm.open_mainfile(filepath=str(out))
    assert bpy.context.scene.render.fps == 25
    assert bpy.data.objects["Face"].data.shape_keys.animation_data.nla_tracks[0].name == "Captured"


def test_a_time_code_of_frame_zero_alone_places_by_time_code(tmp_path, capsys):
    phone = write_livelink(make_performance(30, 25.0), tmp_path / "phone.csv")
    phone.write_text(phone.read_text().replace("\n00:00:0", "\n10:00:0"))
    file, out = save_character(tmp_path / "hero.blend"), tmp_path / "out.blend"
    words = ["--adopt-rate", "--frame-zero", "09:59:58:00"]
    code, said, error = run(capsys, phone, "--character", file, "--out", out, *words)
    assert code == 0 and "frames 50 to 79" in said, (said, error)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--gain nose=2", "'nose': there is no such region"),
        ("--reduce much", "reduce 'much': is not understood"),
        ("--punch-in second", "--punch-in second: is not understood; write TAKE2:START-END"),
        ("--speed 0", "--speed 0: is out of range"),
        ("--timecode noon", "time code 'noon' is no time code"),
        ("--frame-zero noon", "time code 'noon' is no time code"),
        ("--frame-zero=", "time code '' is no time code"),
        ("--frame-zero 00:00:00:00 --timecode 10:00:00:30", "time code '10:00:00:30' is no time code of 25 frames"),
        ("--frame-zero 10:00:00:00", "by its time code, where Blender has no frames"),
        ("--punch-in {phone}:900-950", "does not cover frames 900 to 950"),
    ],
)
def test_words_that_are_not_understood_are_one_line(tmp_path, capsys, phone, words, told):
    file = save_character(tmp_path / "hero.blend")
    out = tmp_path / "out.blend"
    code, _, error = run(capsys, phone, "--character", file, "--out", out, *words.format(phone=phone).split())
    assert code == 2 and told in error and error.count("\n") == 1 and not out.exists()


def test_second_takes_are_seen_as_the_actors_profile_sees_them(tmp_path, capsys, phone):
    file, out = save_character(tmp_path / "hero.blend"), tmp_path / "out.blend"
    second = write_arkit_json(one_shape("jawOpen", 0.36, 40), tmp_path / "second.json")
    actor = save_profile(ActorProfile(neutral={"jawOpen": 0.2}, gains={"jawOpen": 2.0}), tmp_path / "actor.json")
    words = ["--punch-in", f"{second}:5-15", "--blend", "0", "--actor", actor]
    code, _, error = run(capsys, phone, "--character", file, "--out", out, *words)
    assert code == 0, error
    bpy.ops.wm.open_mainfile(filepath=str(out))
    assert key("jawOpen", 10) == pytest.approx(2 * (0.36 - 0.2) / 0.8, abs=1e-3)


@pytest.mark.parametrize("name", ["out.fbx", "out.glb", "out.usd", "out.mp4"])
def test_a_scene_is_not_written_under_the_name_of_another_kind_of_file(tmp_path, capsys, phone, name):
    file, out = save_character(tmp_path / "hero.blend"), tmp_path / "new" / name
    code, _, error = run(capsys, phone, "--character", file, "--out", out)
    assert code == 2 and error.count("\n") == 1 and "a Blender scene needs a name that ends with .blend" in error
    assert not out.exists() and not out.parent.exists()
