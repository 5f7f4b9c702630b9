"""A rig held still while it is measured, and put back as it was, whatever happens."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

# The mode first: when it is set, Blender converts the rotation that is there and overwrites the other channels.
POSE = ("rotation_mode", "location", "rotation_quaternion", "rotation_euler", "rotation_axis_angle", "scale")


@contextmanager
def held_still(rig: Any, meshes: Iterable[Any], alone: bool = True) -> Iterator[None]:
    """Nothing but what is posed by hand moves the rig: no action and, where it is alone, no constraint to other
    objects; its meshes show the armature's deformation alone.

    Action, constraints, modifiers, shape keys and pose are as before at the end, on errors too.
    """
    with ExitStack() as stack:
        _without_animation(stack, rig)
        _remember(stack, rig.data, "pose_position", "POSE")
        for bone in rig.pose.bones if alone else ():
            _without_others(stack, rig, bone)
        for mesh in meshes:
            _bare(stack, mesh, rig)
        _keep_pose(stack, rig)
        yield


def _without_others(stack: ExitStack, rig: Any, bone: Any) -> None:
    """Mute a bone's constraints to other objects."""
    for constraint in bone.constraints:
        target = getattr(constraint, "target", None)
        if target is not None and target != rig:
            _remember(stack, constraint, "mute", True)


def _remember(stack: ExitStack, item: Any, name: str, value: Any) -> None:
    """Set a property until the stack unwinds."""
    stack.callback(setattr, item, name, getattr(item, name))
    setattr(item, name, value)


def _without_animation(stack: ExitStack, rig: Any) -> None:
    data = rig.animation_data
    if data is None:
        return
    action, slot = data.action, getattr(data, "action_slot", None)

    def restore() -> None:
        data.action = action
        if slot is not None:
            data.action_slot = slot

    _remember(stack, data, "use_nla", False)
    if action is not None:
        data.use_tweak_mode = False
        stack.callback(restore)
        data.action = None


def _bare(stack: ExitStack, mesh: Any, rig: Any) -> None:
    for modifier in mesh.modifiers:
        keep = modifier.type == "ARMATURE" and modifier.object == rig
        _remember(stack, modifier, "show_viewport", keep and modifier.show_viewport)
    shapes = mesh.data.shape_keys
    for block in shapes.key_blocks if shapes is not None else ():
        _remember(stack, block, "mute", True)


def _keep_pose(stack: ExitStack, rig: Any) -> None:
    for bone in rig.pose.bones:
        before = [(name, _plain(getattr(bone, name))) for name in POSE]
        stack.callback(_set_all, bone, before)
        bone.location, bone.scale = (0, 0, 0), (1, 1, 1)
        bone.rotation_mode = "QUATERNION"
        bone.rotation_quaternion = (1, 0, 0, 0)


def _set_all(item: Any, values: Iterable[tuple[str, Any]]) -> None:
    for name, value in values:
        setattr(item, name, value)


def _plain(value: Any) -> Any:
    return value if isinstance(value, str) else tuple(value)
