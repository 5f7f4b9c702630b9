# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from support.toy import toy_stages, toy_template
from support.video import write_video

from faceanything_addon.errors import UserError
from faceanything_addon.exchange.npz import export_npz
from faceanything_addon.jobs.clip import ClipOptions, reconstruct_clip
from faceanything_addon.take import camera_vertices, project, read_take


@pytest.fixture(scope="module")
def take(tmp_path_factory):
    folder = tmp_path_factory.mktemp("npz")
    video = write_video(folder / "a.mp4", 70)
    return reconstruct_clip(ClipOptions(str(video), str(folder / "take")), stages=toy_stages())


def test_the_archive_holds_the_take_in_camera_space(tmp_path, take):
    template, whole = toy_template(), read_take(take)
    with np.load(export_npz(take, tmp_path / "a.npz", template), allow_pickle=False) as file:
        data = dict(file)
    shapes = {
        "vertices": (70, 12, 3), "neutral": (12, 3), "faces": (2, 4), "intrinsics": (70, 3, 3),
        "head_pose": (70, 4, 4), "landmarks": (70, 68, 2), "landmarks3d": (70, 68, 3), "arkit": (70, 52),
        "arkit_names": (52,), "gaze": (70, 2, 3), "confidence": (70, 12), "visible": (70, 12), "found": (70,),
        "time": (70,),
    }  # fmt: skip
    assert {k: v.shape for k, v in data.items()} == shapes
    assert data["visible"].dtype == data["found"].dtype == bool
    assert np.allclose(data["vertices"], camera_vertices(whole.frames), atol=1e-6)
    assert np.allclose(data["landmarks3d"], template.landmarks(data["vertices"]), atol=1e-6)
    assert np.allclose(data["landmarks"], project(data["landmarks3d"], data["intrinsics"]), atol=1e-3)
    assert data["arkit_names"].tolist() == list(template.expression_names)


def test_a_file_that_cannot_be_written_is_told(tmp_path, take):
    with pytest.raises(UserError):
        export_npz(take, tmp_path / "missing" / "a.npz", toy_template())
    with pytest.raises(UserError):
        export_npz(take, tmp_path, toy_template())


def test_progress_rises_to_all_frames_and_what_it_raises_leaves_nothing(tmp_path, take):
    seen = []
    export_npz(take, tmp_path / "a.npz", toy_template(), lambda *counts: seen.append(counts))
    assert seen == sorted(seen) and seen[-1] == (70, 70)

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_npz(take, tmp_path / "b.npz", toy_template(), stop)
    assert [file.name for file in tmp_path.iterdir()] == ["a.npz"]


def test_a_take_of_another_template_is_refused(tmp_path, take):
    from dataclasses import replace

    other = replace(toy_template(), vertices=np.zeros((5, 3), np.float32))
    with pytest.raises(UserError, match="another face template"):
        export_npz(take, tmp_path / "a.npz", other)
