"""The Exchange panel's operators, in Blender without an interface."""

# SPDX-License-Identifier: GPL-3.0-or-later
import os
import signal

import bpy
import pytest
from support.datagrams import decode_livelink, receiver, waiting
from support.performance import make_performance
from support.stand_in import make_take
from support.store import store_take

from faceanything_addon.blender.exchange import playback
from faceanything_addon.blender.exchange.command import TEMPORARY
from faceanything_addon.blender.exchange.job import ExportJob, ExportProcess
from faceanything_addon.blender.exchange.properties import SUFFIXES, file_filter, with_suffix
from faceanything_addon.blender.jobs import state
from faceanything_addon.errors import UserError
from faceanything_addon.exchange.livelink import write_livelink
from faceanything_addon.exchange.pc2 import read_pc2
from faceanything_addon.exchange.sources import read_performance
from faceanything_addon.template import load_template


@pytest.fixture
def settings(registered):
    return bpy.context.scene.face_anything_exchange


@pytest.fixture
def take(settings, tmp_path):
    settings.source = str(store_take(make_take(load_template(), 4), tmp_path / "take"))


def test_a_cache_is_written_and_its_suffix_added(settings, take, tmp_path):
    settings.kind, settings.space = "pc2", "head"
    assert bpy.ops.face_anything.export(filepath=str(tmp_path / "face")) == {"FINISHED"}
    assert len(read_pc2(tmp_path / "face.pc2")) == 4
    assert state.note.startswith(f"{tmp_path / 'face.pc2'}: written; the skin has no picture: /nowhere/clip.mp4: ")


def test_another_blender_writes_the_file_and_the_open_scene_stays(settings, take, tmp_path):
    settings.kind = "gltf"
    bpy.data.objects.new("mine", None)
    before = {block.name for block in (*bpy.data.objects, *bpy.data.meshes, *bpy.data.scenes)}
    assert bpy.ops.face_anything.export(filepath=str(tmp_path / "face.glb")) == {"FINISHED"}
    assert (tmp_path / "face.glb").stat().st_size > 100_000 and "the skin has no picture" in state.note
    assert {block.name for block in (*bpy.data.objects, *bpy.data.meshes, *bpy.data.scenes)} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["face.glb", "take"]


@pytest.mark.parametrize(
    ("kind", "name", "written"),
    [
        ("gltf", "sep.gltf", "sep.gltf"),
        ("gltf", "sep.GLTF", "sep.GLTF"),
        ("usd", "face.usda", "face.usda"),
        ("usd", "face.usd", "face.usd"),
        ("usd", "face.v2", "face.v2.usdc"),
        ("gltf", "face.usda", "face.usda.glb"),
        ("fbx", "face", "face.fbx"),
        ("livelink", "a.CSV", "a.CSV"),
    ],
)
def test_a_suffix_that_the_format_knows_is_kept_and_another_is_not(kind, name, written):
    assert with_suffix(kind, name).name == written


def test_the_file_browser_shows_all_files_of_the_format():
    assert file_filter("usd") == "*.usdc;*.usda;*.usd" and file_filter("obj") == "*.obj"


def test_separate_gltf_is_written_where_its_suffix_is_chosen(settings, take, tmp_path):
    settings.kind = "gltf"
    assert bpy.ops.face_anything.export(filepath=str(tmp_path / "sep.gltf")) == {"FINISHED"}
    assert {path.name for path in tmp_path.iterdir()} == {"sep.gltf", "sep.bin", "take"}


def test_errors_of_the_other_blender_are_one_line(settings, tmp_path):
    settings.kind, settings.source = "fbx", str(tmp_path)
    with pytest.raises(RuntimeError, match="is not a take"):
        bpy.ops.face_anything.export(filepath=str(tmp_path / "face.fbx"))
    assert "is not a take" in state.error and "\n" not in state.error and list(tmp_path.iterdir()) == []


def test_a_stopped_export_leaves_nothing(settings, take, tmp_path):
    options = {"take": settings.source, "kind": "usd", "content": "mesh", "space": None, "rate": None}
    job = ExportJob({**options, "out": str(tmp_path / "face.usdc")})
    (tmp_path / TEMPORARY.format(stem="face", process=job._process.pid)).mkdir()
    foreign = tmp_path / TEMPORARY.format(stem="face", process=1)
    foreign.mkdir()
    job.cancel()
    while not job.finished:
        job.poll()
    assert job.cancelled and not job.error
    assert {path.name for path in tmp_path.iterdir()} == {"take", foreign.name}  # another run's is its own


def test_an_export_that_ended_half_way_is_to_be_begun_again_as_nothing_can_be_resumed(settings, take, tmp_path):
    options = {"take": settings.source, "kind": "fbx", "content": "rig", "space": None, "rate": None}
    process = ExportProcess({**options, "out": str(tmp_path / "face.fbx")})
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait() and process.error
    assert process.error.startswith("the worker ended with code ") and process.error.endswith("; export again")


def test_without_a_take_the_panel_says_so(settings):
    for operator in (bpy.ops.face_anything.export, bpy.ops.face_anything.send_on_playback):
        with pytest.raises(RuntimeError, match="no take is chosen"):
            operator()


def test_every_format_is_offered_with_its_suffix():
    assert SUFFIXES["gltf"] == ".glb" and SUFFIXES["livelink"] == ".csv" and len(SUFFIXES) == 10


def test_what_is_played_is_sent_and_nothing_before_or_after(settings, tmp_path):
    played = make_performance(20, 60.0)
    settings.source = str(write_livelink(played, tmp_path / "phone.csv"))
    scene = bpy.context.scene
    scene.render.fps = 60
    with receiver() as (opened, address):
        settings.host, settings.protocol = address, "livelink"
        scene.frame_set(3)
        assert bpy.ops.face_anything.send_on_playback() == {"FINISHED"}
        for frame in (1, 8, 500):
            scene.frame_set(frame)
        assert bpy.ops.face_anything.send_on_playback() == {"FINISHED"}
        scene.frame_set(4)
        packets = [decode_livelink(data)["values"]["JawOpen"] for data in waiting(opened)]
    jaw = played.coefficients[:, played.names.index("jawOpen")]
    assert packets == pytest.approx(jaw[[0, 7, 19]].tolist(), abs=1e-5)


def test_sending_ends_with_the_file_and_with_the_extension(settings, tmp_path):
    file = write_livelink(make_performance(3), tmp_path / "phone.csv")
    for end in (lambda: bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True), playback.stop):
        playback.start(read_performance(file), "127.0.0.1:9", "osc")
        assert playback._send in bpy.app.handlers.frame_change_post
        end()
        assert playback.playback.sender is None and playback._send not in bpy.app.handlers.frame_change_post


def test_other_add_ons_handlers_are_called_although_sending_ends_before_them(settings, tmp_path, monkeypatch):
    file, called = write_livelink(make_performance(3), tmp_path / "phone.csv"), []

    def fails(*_):
        raise UserError("127.0.0.1:9: is gone; start it again")

    def other(*_):
        called.append(playback.playback.sender)

    playback.start(read_performance(file), "127.0.0.1:9", "osc")
    bpy.app.handlers.load_pre.append(other)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    assert called == [None]
    playback.start(read_performance(file), "127.0.0.1:9", "osc")
    bpy.app.handlers.frame_change_post.append(other)
    monkeypatch.setattr(playback.playback.sender, "send", fails)
    bpy.context.scene.frame_set(2)
    assert called == [None, None] and "is gone" in state.error
    playback.start(read_performance(file), "127.0.0.1:9", "osc")
    assert [h for h in bpy.app.handlers.frame_change_post if h != other] == [playback._send]
    playback.stop()
    assert playback._forget not in bpy.app.handlers.load_pre
    bpy.app.handlers.frame_change_post.remove(other)


def test_other_machines_need_blenders_leave(settings, tmp_path):
    """192.0.2.1 is an address for documentation; nothing is sent."""
    if getattr(bpy.app, "online_access", True):
        pytest.skip("this Blender may use the network")
    settings.source, settings.host = str(write_livelink(make_performance(3), tmp_path / "a.csv")), "192.0.2.1"
    with pytest.raises(RuntimeError, match="allow online access"):
        bpy.ops.face_anything.send_on_playback()
    assert playback.playback.sender is None
