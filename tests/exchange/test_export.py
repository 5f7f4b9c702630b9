"""Meshes of takes as PC2, MDD and OBJ."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.stand_in import make_take, make_template
from support.store import store_take

from faceanything_addon import cli
from faceanything_addon.errors import UserError
from faceanything_addon.exchange import export as door
from faceanything_addon.exchange.export import MESH_FORMATS, ExportOptions, export
from faceanything_addon.exchange.mdd import read_mdd
from faceanything_addon.exchange.meshes import open_meshes, resampled
from faceanything_addon.exchange.obj import sequence_file
from faceanything_addon.exchange.pc2 import read_pc2
from faceanything_addon.exchange.surface import load_look, quad_materials, visible_surface
from faceanything_addon.take.files import TakeReader, read_take
from faceanything_addon.take.take import Take, camera_vertices
from faceanything_addon.template import Part

FRAMES = 70  # more than one chunk on disk
UPRIGHT = [1, -1, -1]


@pytest.fixture(scope="module")
def template():
    return make_template(4)


@pytest.fixture(autouse=True)
def stand_in(template, monkeypatch):
    monkeypatch.setattr(door, "load_template", lambda: template)


@pytest.fixture(scope="module")
def folder(template, tmp_path_factory):
    return store_take(make_take(template, FRAMES, fps=25.0), tmp_path_factory.mktemp("export") / "take")


def quiet(done, total):
    pass


def read_obj(file: Path):
    """Vertices, texture coordinates, corners (vertex, texture) of the quads, materials of the quads; counted from 0."""
    rows = [line.split() for line in file.read_text().splitlines()]
    vertices, uvs = (np.array([r[1:] for r in rows if r[0] == kind], float) for kind in ("v", "vt"))
    corners, materials, material = [], [], ""
    for row in rows:
        material = row[1] if row[0] == "usemtl" else material
        if row[0] == "f":
            corners.append([[int(n) - 1 for n in corner.split("/")] for corner in row[1:]])
            materials.append(material)
    return vertices, uvs, np.array(corners), materials


def in_camera_space(folder):
    return camera_vertices(read_take(folder).frames) * UPRIGHT


def test_caches_hold_every_frame_before_the_camera(folder, tmp_path):
    seen = []
    for kind, read in (("pc2", read_pc2), ("mdd", lambda file: read_mdd(file)[1])):
        files = export(folder, kind, tmp_path / f"a.{kind}", ExportOptions(), lambda *counts: seen.append(counts))
        assert [file.name for file in files] == [f"a.{kind}", "a_neutral.obj"]
        assert np.abs(read(files[0]) - in_camera_space(folder)).max() < 1e-6
        assert seen[0] == (0, FRAMES) and seen[-1] == (FRAMES, FRAMES)
    assert read_mdd(tmp_path / "a.mdd")[0] == pytest.approx(np.arange(FRAMES) / 25, abs=1e-6)


def test_in_head_space_meshes_are_those_of_the_take(folder, tmp_path):
    export(folder, "pc2", tmp_path / "a.pc2", ExportOptions(space="head"), quiet)
    assert np.array_equal(read_pc2(tmp_path / "a.pc2"), read_take(folder).frames.vertices)
    neutral = read_obj(tmp_path / "a_neutral.obj")[0]
    assert np.abs(neutral - TakeReader(folder).actor.neutral).max() < 1e-6


def test_an_obj_a_frame_with_texture_coordinates_and_materials(folder, template, tmp_path):
    first, last = export(folder, "obj", tmp_path / "face.obj", ExportOptions(), quiet)
    assert (first.name, last.name) == ("face.0001.obj", f"face.{FRAMES:04d}.obj")
    assert len(list(tmp_path.glob("face.*.obj"))) == FRAMES
    truth = in_camera_space(folder)
    for number in (0, 64, FRAMES - 1):
        vertices, uvs, corners, materials = read_obj(sequence_file(tmp_path / "face.obj", number + 1))
        assert np.abs(vertices - truth[number]).max() < 1e-6
        # Quads stand together by material, else in the template's order.
        order = np.lexsort(corners[..., 0].T)
        expected = np.lexsort(template.quads.T)
        assert np.array_equal(corners[order][..., 0], template.quads[expected])
        assert np.allclose(uvs[corners[order][..., 1]], template.uvs[template.uv_quads[expected]], atol=1e-6)
        assert set(materials) == {"skin", "eye", "iris", "teeth", "tongue"}
    text = (tmp_path / "face.mtl").read_text()
    assert all(f"newmtl {name}\n" in text for name in load_look().colors) and "map_Kd" not in text


def test_the_skins_picture_lies_beside_the_mesh(template, tmp_path):
    folder = store_take(make_take(template, 3), tmp_path / "take")
    cv2.imwrite(str(folder / "texture.png"), np.full((8, 8, 3), 99, np.uint8))
    export(folder, "obj", tmp_path / "face.obj", ExportOptions(), quiet)
    assert "map_Kd face_skin.png" in (tmp_path / "face.mtl").read_text()
    assert (tmp_path / "face_skin.png").read_bytes() == (folder / "texture.png").read_bytes()


def test_shoulders_are_left_out(template, tmp_path):
    mask = (template.vertices[:, 1] < -0.1).astype(np.float32)
    surface = visible_surface(replace(template, regions={**template.regions, "shoulders": mask}))
    assert not mask[surface.index].any() and len(surface.quads) < len(template.quads)
    corners = template.vertices[surface.index][surface.quads]
    kept = (mask[template.quads] == 0).all(axis=1)
    assert np.array_equal(corners, template.vertices[template.quads[kept]])
    assert np.array_equal(surface.uvs[surface.uv_quads], template.uvs[template.uv_quads[kept]])


def test_eyes_have_irises_that_look_ahead(template):
    surface = visible_surface(template)
    names = np.array(list(load_look().colors))[quad_materials(surface, template.vertices)]
    for part, side in ((Part.EYE_LEFT, 1), (Part.EYE_RIGHT, -1)):
        centers = template.vertices[surface.quads[surface.part == part]].mean(axis=1)
        coloured = np.isin(names[surface.part == part], ["iris", "pupil"])
        assert 0 < coloured.sum() < len(coloured) / 2 and centers[coloured, 2].min() > centers[~coloured, 2].mean()
        assert (centers[:, 0] * side > 0).all()


def test_a_varying_rate_is_resampled_in_time_and_never_squeezed(template, tmp_path):
    take = make_take(template, 5, fps=25.0)
    stamps = np.array([0, 1, 4, 5, 7])
    take = Take(take.info, take.actor, replace(take.frames, time=2.0 + stamps / 25))
    folder = store_take(take, tmp_path / "take")
    export(folder, "pc2", tmp_path / "a.pc2", ExportOptions(space="head"), quiet)
    shown, truth = read_pc2(tmp_path / "a.pc2"), read_take(folder).frames.vertices
    assert len(shown) == 8 and np.array_equal(shown[stamps], truth)
    assert np.allclose(shown[2], truth[1] * 2 / 3 + truth[2] / 3, atol=1e-7)


@pytest.mark.parametrize(("rate", "count"), [(50, 139), (12.5, 35), (24, 67)])
def test_another_rate_keeps_the_length_in_seconds(folder, rate, count):
    stream = open_meshes(TakeReader(folder), make_template(4), "head", rate)
    shown = np.stack(list(stream.samples()))
    assert len(shown) == stream.count == count
    own = np.interp(np.arange(count) / rate, np.arange(FRAMES) / 25, read_take(folder).frames.vertices[:, 7, 1])
    assert np.abs(shown[:, 7, 1] - own).max() < 1e-6


def test_memory_does_not_grow_with_the_take(template, tmp_path):
    def peak(count):
        folder = store_take(make_take(template, count), tmp_path / f"take{count}")
        reader = TakeReader(folder)
        tracemalloc.start()
        for _ in open_meshes(reader, template).samples():
            pass
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(512) < 1.3 * peak(128)


def test_samples_between_and_after_the_frames():
    meshes = [np.full((1, 3), value, np.float32) for value in (0.0, 2.0, 3.0)]
    out = [float(mesh[0, 0]) for mesh in resampled(zip([0.0, 2.0, 2.995], meshes, strict=True), 4)]
    assert out == [0.0, 1.0, 2.0, 3.0]


@pytest.mark.parametrize("kind", MESH_FORMATS)
def test_a_stopped_or_impossible_export_leaves_nothing(folder, tmp_path, kind):
    class Stopped(Exception):
        pass

    def stop(done, total):
        if done == 30:
            raise Stopped

    with pytest.raises(Stopped):
        export(folder, kind, tmp_path / f"a.{kind}", ExportOptions(), stop)
    assert list(tmp_path.iterdir()) == []
    for out in (tmp_path / "missing" / "a", tmp_path):
        with pytest.raises(UserError, match="give the name of a file"):
            export(folder, kind, out, ExportOptions(), quiet)


@pytest.mark.parametrize("kind", MESH_FORMATS)
def test_a_full_disk_is_told_and_leaves_nothing(folder, tmp_path, kind, monkeypatch):
    import errno

    def full(done, total):
        if done == 5:
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(UserError, match="the disk is full"):
        export(folder, kind, tmp_path / f"a.{kind}", ExportOptions(), full)
    assert list(tmp_path.iterdir()) == []


def test_a_shorter_sequence_does_not_mix_with_a_longer_one(folder, template, tmp_path):
    export(folder, "obj", tmp_path / "a.obj", ExportOptions(), quiet)
    short = store_take(make_take(template, 3), tmp_path / "short")
    before = (tmp_path / "a.0001.obj").read_bytes()
    with pytest.raises(UserError, match="is left of a longer sequence"):
        export(short, "obj", tmp_path / "a.obj", ExportOptions(), quiet)
    assert (tmp_path / "a.0001.obj").read_bytes() == before


@pytest.mark.parametrize("missing", [[4], [4, 5, 6], [1, 2, 3, 4], list(range(4, FRAMES))])
def test_whatever_is_left_of_a_longer_sequence_is_seen(folder, template, tmp_path, missing):
    """Files that somebody removed hide no others, and nothing is written."""
    export(folder, "obj", tmp_path / "a.obj", ExportOptions(), quiet)
    for number in missing:
        sequence_file(tmp_path / "a.obj", number).unlink()
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    short = store_take(make_take(template, 3), tmp_path / "short")
    with pytest.raises(UserError, match=r"a\.00\d\d\.obj: is left of a longer sequence"):
        export(short, "obj", tmp_path / "a.obj", ExportOptions(), quiet)
    assert before == {file: file.read_bytes() for file in tmp_path.iterdir() if file.is_file()}


def test_files_of_other_names_are_not_of_the_sequence(template, tmp_path):
    """Those of a name that begins alike, of another kind, or numbered by hand."""
    for name in ("a.b.0009.obj", "a.0009.png", "a.9.obj", "a.00009.obj", "a.new.obj", "aa.0009.obj"):
        (tmp_path / name).write_text("mine")
    short = store_take(make_take(template, 3), tmp_path / "short")
    export(short, "obj", tmp_path / "a.obj", ExportOptions(), quiet)
    assert sum(file.read_text() == "mine" for file in tmp_path.glob("*.*")) == 6 and (tmp_path / "a.0003.obj").exists()


def run(capsys, *arguments):
    code = cli.main(["export", *map(str, arguments)])
    return (code, *capsys.readouterr())


def test_the_command_line_writes_meshes(folder, tmp_path, capsys):
    code, said, _ = run(
        capsys, folder, "--format", "mdd", "--out", tmp_path / "a.mdd", "--rate", "50", "--space", "head"
    )
    assert code == 0 and said == f"{tmp_path}/a.mdd: written\n{tmp_path}/a_neutral.obj: written\n"
    assert len(read_mdd(tmp_path / "a.mdd")[0]) == 139


def test_options_that_do_not_suit_are_told(folder, tmp_path, capsys):
    cases = [
        (("--format", "npz", "--rate", "30"), "--rate: npz keeps"),
        (("--format", "livelink", "--space", "head"), "--space: livelink keeps"),
        (("--format", "pc2", "--content", "rig"), "--content: pc2 has one content only"),
        (("--format", "pc2", "--rate", "0"), "give 1 to 1000 frames a second"),
        (("--format", "obj", "--rate", "nan"), "give 1 to 1000 frames a second"),
    ]
    for arguments, told in cases:
        code, said, error = run(capsys, folder, *arguments, "--out", tmp_path / "a.x")
        assert code == 2 and told in error and said == "" and error.count("\n") == 1, error
    assert list(tmp_path.iterdir()) == []
