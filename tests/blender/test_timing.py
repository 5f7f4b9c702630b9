"""What is seen and what is heard happen at the same time."""

# SPDX-License-Identifier: GPL-3.0-or-later
import wave
from dataclasses import replace
from fractions import Fraction

import bpy
import numpy as np
import pytest
from keyed import add_mesh
from support.performance import one_shape
from support.stand_in import make_take, make_template
from support.video import write_talkie, write_video

from faceanything_addon.blender.retarget import Options, find_character, retarget
from faceanything_addon.blender.scene import SceneOptions, build_take
from faceanything_addon.blender.scene.timing import fps_pair
from faceanything_addon.retarget import Mapping, Target
from faceanything_addon.retarget.placement import Start

ONE_KEY = Mapping("one", {"jawOpen": Target((("jawOpen", 1.0),))})
RATES = (24.0, 25.0, 30000 / 1001, 30.0, 60000 / 1001, 60.0, 24000 / 1001)


def set_rate(rate):
    render = bpy.context.scene.render
    render.fps, render.fps_base = fps_pair(rate)


def ramp(rate, seconds, start=0.0):
    """jawOpen rises from 0 to 1 over the performance: its value tells the moment."""
    count = int(seconds * rate)
    played = one_shape("jawOpen", 0.0, count)
    coefficients = played.coefficients.astype(np.float64)
    coefficients[:, played.names.index("jawOpen")] = np.linspace(0, 1, count)
    return replace(played, time=start + np.arange(count) / rate, coefficients=coefficients, rate=rate)


@pytest.mark.parametrize("scene_rate", [24.0, 25.0, 24000 / 1001, 30000 / 1001])
def test_ten_minutes_at_23_976_are_in_step_to_the_end(scene_rate):
    set_rate(scene_rate)
    face = add_mesh("Face", ["jawOpen"])
    played = ramp(24000 / 1001, 600.0)
    retarget(bpy.context.scene, played, find_character(bpy.context.scene), Options(ONE_KEY))
    render = bpy.context.scene.render
    for second in (0, 100, 599):
        frame = 1 + round(second * scene_rate)
        bpy.context.scene.frame_set(frame)
        shown = face.data.shape_keys.key_blocks["jawOpen"].value * (played.time[-1] - played.time[0])
        real = (frame - 1) * render.fps_base / render.fps
        assert shown == pytest.approx(real, abs=1e-3)


@pytest.mark.parametrize("rate", RATES)
def test_the_scene_takes_over_the_takes_rate_when_asked(rate):
    add_mesh("Face", ["jawOpen"])
    set_rate(50.0)
    scene = bpy.context.scene
    for adopt, wanted in ((False, 50.0), (True, rate)):
        played = ramp(rate, 2.0)
        report = retarget(scene, played, find_character(scene), Options(ONE_KEY, adopt_rate=adopt))
        assert scene.render.fps / scene.render.fps_base == pytest.approx(wanted, rel=1e-6)
        assert report.frames[1] == pytest.approx(1 + played.time[-1] * wanted, abs=1)


def test_a_time_code_places_the_performance_and_speed_only_stretches_what_is_seen():
    add_mesh("Face", ["jawOpen"])
    set_rate(25.0)
    scene, played = bpy.context.scene, replace(ramp(25.0, 2.04), start=3602.0)
    options = Options(ONE_KEY, first=Start(by_timecode=True, zero="01:00:00:00"), speed=0.5)
    assert retarget(scene, played, find_character(scene), options).frames == (50, 150)


def strips():
    editor = bpy.context.scene.sequence_editor
    if editor is None:
        return []
    return list(editor.strips if hasattr(editor, "strips") else editor.sequences)


@pytest.fixture
def heard(tmp_path):
    """The second of the scene at which the click is heard."""
    if not bpy.app.build_options.audaspace:
        pytest.skip("this bpy is built without sound")

    def listen():
        file = tmp_path / "mix.wav"
        bpy.ops.sound.mixdown(filepath=str(file), container="WAV", codec="PCM", format="S16")
        with wave.open(str(file)) as mix:
            samples = np.frombuffer(mix.readframes(mix.getnframes()), np.int16).reshape(-1, mix.getnchannels())
            return float(np.argmax(np.abs(samples[:, 0].astype(int)) > 5000)) / mix.getframerate()

    return listen


@pytest.mark.parametrize("rate", [Fraction(25), Fraction(24000, 1001), Fraction(60)])
@pytest.mark.parametrize("start", [0, 20])
def test_a_takes_sound_is_heard_when_its_picture_is_seen(tmp_path, heard, rate, start):
    clip = write_talkie(tmp_path / "clip.mov", 3.0, rate, click=1.6)
    take = make_take(make_template(), 40, footage=str(clip), fps=float(rate))
    time = (start + np.arange(40)) / float(rate)
    take = replace(take, info=replace(take.info, start=start), frames=replace(take.frames, time=time))
    built = build_take(bpy.context.scene, take, make_template(), SceneOptions())
    seen = (built.clock.frame_of(1.6) - 1) / float(rate)
    bpy.context.scene.frame_end = 300
    assert heard() == pytest.approx(seen, abs=1e-3) and seen == pytest.approx(1.6 - start / float(rate))


@pytest.mark.parametrize("scene_rate", [24.0, 30000 / 1001])
def test_a_retargeted_takes_sound_is_in_step_although_the_take_begins_at_frame_40(tmp_path, heard, scene_rate):
    set_rate(scene_rate)
    clip, face, scene = write_talkie(tmp_path / "clip.mov", click=2.2), add_mesh("Face", ["jawOpen"]), bpy.context.scene
    time = np.arange(40, 70) / 25
    played = replace(one_shape("jawOpen", 0.0, 30), time=time, rate=25.0, footage=str(clip))
    played.coefficients[time >= 2.2, played.names.index("jawOpen")] = 1
    report = retarget(scene, played, find_character(scene), Options(ONE_KEY, first=11.0, sound=True))
    assert "sound: clip" in report.lines()
    frames = [f for f in range(1, 60) if scene.frame_set(f) or face.data.shape_keys.key_blocks["jawOpen"].value > 0.99]
    assert heard() == pytest.approx((2.2 - 1.6 + 10 / scene_rate), abs=1e-3)
    assert heard() == pytest.approx((frames[0] - 1) / scene_rate, abs=1 / scene_rate)


def test_applied_again_the_sound_moves_along_and_is_not_doubled(tmp_path, heard):
    clip, scene = write_talkie(tmp_path / "clip.mov"), bpy.context.scene
    set_rate(25.0)
    add_mesh("Face", ["jawOpen"])
    played = replace(one_shape("jawOpen", 0.5, 30), rate=25.0, footage=str(clip))
    for first in (1.0, 51.0):
        retarget(scene, played, find_character(scene), Options(ONE_KEY, first=first, sound=True))
    assert len(strips()) == 1 and heard() == pytest.approx(3.0, abs=1e-3)


def test_the_sound_of_a_take_and_of_its_characters_is_heard_once_where_it_is_the_same(tmp_path, heard):
    clip, scene = write_talkie(tmp_path / "clip.mov", click=1.6), bpy.context.scene
    take = make_take(make_template(), 40, footage=str(clip), fps=25.0)
    for _ in range(2):
        build_take(scene, take, make_template(), SceneOptions())
    add_mesh("Face", ["jawOpen"])
    played = replace(one_shape("jawOpen", 0.5, 30), rate=25.0, footage=str(clip))
    for first, count in ((1.0, 1), (11.0, 2), (1.0, 1)):
        retarget(scene, played, find_character(scene, "Face"), Options(ONE_KEY, first=first, sound=True))
        assert len(strips()) == count, "the take's own stays, the character's moves"
    scene.frame_end = 300
    assert heard() == pytest.approx(1.6, abs=1e-3)


def test_footage_without_sound_makes_no_strip(tmp_path):
    clip, scene = write_video(tmp_path / "mute.mp4"), bpy.context.scene
    add_mesh("Face", ["jawOpen"])
    for footage in (str(clip), str(tmp_path / "gone.mp4")):
        played = replace(one_shape("jawOpen"), footage=footage)
        report = retarget(scene, played, find_character(scene), Options(ONE_KEY, sound=True))
        assert not strips() and "no sound: the footage has none, or was not found" in report.lines()
