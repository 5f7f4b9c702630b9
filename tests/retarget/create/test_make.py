"""The 52 shapes on a stranger's head, made from nothing but its meshes."""

# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest
from support.heads import SCALE, SHIFT, TO_WORLD, box, gums, head_pieces, members, stranger

from faceanything_addon.errors import UserError
from faceanything_addon.retarget.create import Carrier, Piece, lay_template, make_shapes
from faceanything_addon.template import Part, load_template

NAMES = load_template().expression_names


def quiet(done, total):
    pass


@pytest.fixture(scope="module")
def pieces():
    return [*head_pieces(load_template()), gums(load_template()), box("Plinth", SHIFT + [0, 0, -12], 4.0)]


@pytest.fixture(scope="module")
def told():
    return []


@pytest.fixture(scope="module")
def made(pieces, told):
    return make_shapes(pieces, load_template(), lambda done, total: told.append(done / total), threads=1)


@pytest.fixture(scope="module")
def back(made, pieces):
    """(52, V, 3) what was made, in the template's order and space; gums and plinth left out."""
    template = load_template()
    out = np.zeros((52, len(template.vertices), 3))
    for piece, offsets in zip(pieces[:-2], made.offsets, strict=False):
        out[:, members(template, piece.name)] = offsets @ TO_WORLD / SCALE
    return out


def shape(back, **weights):
    """The stranger with an expression, template space."""
    template = load_template()
    return stranger(template) + sum(w * back[NAMES.index(n)] for n, w in weights.items())


def gap(vertices, upper, lower):
    """Metres between landmarks above and below an opening."""
    points = load_template().landmarks(vertices)
    return float(np.linalg.norm(points[list(upper)].mean(axis=0) - points[list(lower)].mean(axis=0)))


def test_each_shape_moves_the_skin_as_the_template_does(back):
    template = load_template()
    skin = (template.part == Part.SKIN) & (template.regions["face"] > 0.5)
    for name, own, true in zip(NAMES, back[:, skin], template.expressions[:, skin], strict=True):
        if np.linalg.norm(true, axis=1).max() < 1e-3:
            continue  # tongueOut moves no skin
        cosine = (own * true).sum() / np.linalg.norm(own) / np.linalg.norm(true)
        assert cosine > 0.8, f"{name}: {cosine:.2f}"
        assert 0.7 < np.linalg.norm(own) / np.linalg.norm(true) < 1.4, name


def test_all_openings_are_found_and_no_shape_is_empty(made):
    assert made.openings == ("eyeLeft", "eyeRight", "mouth")
    assert made.empty == ()
    assert made.names == NAMES


@pytest.mark.parametrize(("side", "upper", "lower"), [("Left", (43, 44), (47, 46)), ("Right", (37, 38), (41, 40))])
def test_a_blink_shuts_the_lids_as_far_as_the_templates(back, side, upper, lower):
    template = load_template()
    blink = template.expressions[template.expression_names.index(f"eyeBlink{side}")]
    own = gap(template.vertices + blink, upper, lower) / gap(template.vertices, upper, lower)
    open_eye = gap(shape(back), upper, lower)
    assert gap(shape(back, **{f"eyeBlink{side}": 1}), upper, lower) < (own + 0.03) * open_eye
    other = "Right" if side == "Left" else "Left"
    assert gap(shape(back, **{f"eyeBlink{other}": 1}), upper, lower) == pytest.approx(open_eye, rel=0.1)


def test_lids_do_not_sink_into_the_eyeball(back):
    template = load_template()
    blink = shape(back, eyeBlinkLeft=1)
    ball = stranger(template)[template.part == Part.EYE_LEFT]
    center = (ball.max(axis=0) + ball.min(axis=0)) / 2
    lids = blink[(template.regions["lids_left"] > 0.5) & (stranger(template)[:, 2] > center[2] + 0.006)]
    radius = np.median(np.linalg.norm(ball - center, axis=1))
    assert np.percentile(np.linalg.norm(lids - center, axis=1), 5) > 0.93 * radius


def test_the_jaw_parts_the_lips_and_mouth_close_shuts_them(back):
    lips = ((61, 62, 63), (67, 66, 65))
    rest = gap(shape(back), *lips)
    wide = gap(shape(back, jawOpen=1), *lips)
    assert wide > rest + 0.02
    assert gap(shape(back, jawOpen=1, mouthClose=1), *lips) < rest + 0.1 * (wide - rest)


def test_the_upper_lip_stays_when_the_jaw_opens(back):
    jaw = load_template().landmarks(back[NAMES.index("jawOpen")])
    assert np.linalg.norm(jaw[[51, 62]], axis=1).max() < 0.25 * np.linalg.norm(jaw[[57, 66]], axis=1).min()


def test_lower_teeth_and_tongue_go_with_the_jaw_and_upper_teeth_stay(back):
    template = load_template()
    jaw, rest = back[NAMES.index("jawOpen")], stranger(template)
    true = template.expressions[NAMES.index("jawOpen")]
    for part in (Part.TEETH, Part.TONGUE):
        chosen = template.part == part
        assert np.abs(jaw[chosen] - true[chosen]).max() < 0.008
    teeth = np.flatnonzero(template.part == Part.TEETH)
    still = teeth[np.linalg.norm(true[teeth], axis=1) < 1e-4]
    assert len(still) and np.abs(jaw[still]).max() < 1e-3
    assert rest.shape == jaw.shape


def test_gums_go_with_the_teeth_that_they_are_at(made, pieces):
    """One sheet holds both rows; what stands up between the lower teeth is near the upper ones through the air."""
    template, jaw = load_template(), NAMES.index("jawOpen")
    moved = made.offsets[-2][jaw] @ TO_WORLD / SCALE
    places = (pieces[-2].vertices - SHIFT) @ TO_WORLD / SCALE
    lower = np.flatnonzero((template.part == Part.TEETH) & (template.expressions[jaw].any(axis=1)))
    motion = np.linalg.lstsq(_homogeneous(stranger(template)[lower]), template.expressions[jaw][lower], rcond=None)[0]
    hinged = _homogeneous(places) @ motion
    share = ((moved * hinged).sum(axis=1) / (hinged**2).sum(axis=1)).reshape(7, 17)
    assert np.abs(share[0]).max() < 0.1
    assert share[4:].min() > 0.85
    assert 0.3 < share[2].mean() < 0.9


def _homogeneous(points):
    return np.column_stack([points, np.ones(len(points))])


def test_eyes_and_what_is_far_away_stay(made, back):
    template = load_template()
    eyes = np.isin(template.part, (Part.EYE_LEFT, Part.EYE_RIGHT))
    assert np.abs(back[:, eyes]).max() == 0
    assert np.abs(made.offsets[-1]).max() < 1e-4 * SCALE


def test_progress_goes_up_to_the_end(made, told):
    assert told == sorted(told) and told[-1] > 0.9


def test_a_motion_is_carried_as_the_shapes_are(made, pieces):
    """Half a smile of the template is half of the shape made of it."""
    template = load_template()
    laid = lay_template(pieces, template, quiet, threads=1)
    number = NAMES.index("mouthSmileLeft")
    carried = Carrier(template, laid, template.vertices).carry(0.5 * template.expressions[[number]])
    whole = np.concatenate([offsets[number] for offsets in made.offsets])
    assert np.abs(carried[0, laid.body.nodes] - 0.5 * whole).max() < 0.02 * np.abs(whole).max()


def test_what_has_no_face_is_told_in_one_line():
    grid = np.stack([*np.meshgrid(np.arange(9.0), np.arange(9.0)), np.zeros((9, 9))], axis=-1).reshape(-1, 3)
    corner = (np.arange(8)[:, None] * 9 + np.arange(8)).ravel()
    quads = np.stack([corner, corner + 1, corner + 10, corner + 9], axis=1)
    plane = Piece("Floor", grid, np.arange(0, quads.size, 4), quads.ravel())
    with pytest.raises(UserError, match="Floor: no face is recognised on it") as error:
        make_shapes([plane], load_template(), quiet, front=np.eye(3), threads=1)
    assert "\n" not in str(error.value)
