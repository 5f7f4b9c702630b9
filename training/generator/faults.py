"""What cameras do to pictures. Input linear RGB, output sRGB uint8."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import io

import av
import cv2
import numpy as np

LEAST_TO_SHRINK = 64  # pixels: a smaller picture has lost its detail already


def expose(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Exposure and white balance about a middle grey, (H, W, 3) linear."""
    level = np.percentile(image[::4, ::4], rng.uniform(55, 90)) + 1e-4
    gain = np.clip(0.36 / level, 0.25, 4.0) ** rng.uniform(0.3, 1.0) * np.exp(rng.normal() * 0.28)
    if rng.random() < 0.1:
        gain *= rng.uniform(0.25, 0.6)
    cast = 0.2 if rng.random() < 0.15 else 0.07
    return image * (gain * np.exp(rng.normal(size=3) * cast)).astype(np.float32)


def motion_kernel(length: float, angle: float) -> np.ndarray:
    """Line kernel."""
    r = int(np.ceil(length / 2)) + 1
    k = np.zeros((2 * r + 1, 2 * r + 1), np.float32)
    d = np.array([np.cos(angle), np.sin(angle)]) * length / 2
    a, b = (np.array([r, r]) - d) * 16, (np.array([r, r]) + d) * 16
    cv2.line(k, tuple(int(v) for v in a.round()), tuple(int(v) for v in b.round()), 1.0, 1, cv2.LINE_AA, 4)
    return k / max(k.sum(), 1e-6)


def blur(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Defocus or motion blur, sometimes."""
    scale = image.shape[0] / 192
    u = rng.random()
    if u < 0.18:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 2.2) * scale)
    elif u < 0.30:
        image = cv2.filter2D(image, -1, motion_kernel(rng.uniform(2, 9) * scale, rng.uniform(0, np.pi)))
    return image


def vignette(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Darker corners or a soft gradient."""
    if rng.random() > 0.2:
        return image
    h, w = image.shape[:2]
    y, x = np.mgrid[:h, :w] / max(h, w) - 0.5
    cx, cy = rng.normal(size=2) * 0.2
    return image * np.exp(-rng.uniform(0.2, 1.5) * ((x - cx) ** 2 + (y - cy) ** 2))[..., None].astype(np.float32)


def noise(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Shot and read noise in linear light."""
    if rng.random() > 0.6:
        return image
    strength = np.exp(rng.uniform(np.log(0.003), np.log(0.05)))
    grain = rng.standard_normal(image.shape, np.float32)
    if rng.random() < 0.4:
        grain = cv2.GaussianBlur(grain, (0, 0), rng.uniform(0.5, 1.0)) * 1.8
    return image + grain * strength * np.sqrt(np.maximum(image, 0) + 0.02) * 1.5


def to_srgb(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Tone curve, contrast, saturation, quantisation."""
    image = np.maximum(image, 0)
    soft = rng.random() * 0.6
    image = image / (1 + soft * image) * (1 + soft * 0.6)
    out = np.power(np.minimum(image, 1), np.float32(1 / 2.2))
    contrast = np.exp(rng.normal() * 0.12)
    out = (out - 0.45) * contrast + 0.45 + rng.normal() * 0.03
    grey = out.mean(axis=2, keepdims=True)
    saturation = 0.0 if rng.random() < 0.04 else float(np.exp(rng.normal() * 0.2))
    out = grey + (out - grey) * saturation
    return np.clip(out * 255, 0, 255).astype(np.uint8)


def compress(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Lower resolution and JPEG, sometimes; a sharpening halo, sometimes."""
    h, w = image.shape[:2]
    if rng.random() < 0.2 and h >= LEAST_TO_SHRINK:
        s = rng.uniform(0.35, 0.9)
        down = (cv2.INTER_AREA, cv2.INTER_LINEAR)[rng.integers(2)]
        small = cv2.resize(image, (round(s * w), round(s * h)), interpolation=down)
        image = cv2.resize(small, (w, h), interpolation=(cv2.INTER_LINEAR, cv2.INTER_CUBIC)[rng.integers(2)])
    if rng.random() < 0.15:
        soft = cv2.GaussianBlur(image, (0, 0), 1.0)
        image = cv2.addWeighted(image, 1.8, soft, -0.8, 0)
    if rng.random() < 0.7:
        coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.uniform(25, 95))])[1]
        image = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    return image


def through_codec(image: np.ndarray, quality: int) -> np.ndarray:
    """H.264 and back, as phones and the web store clips. quality: the codec's crf, 18 (good) to 40."""
    data = io.BytesIO()
    with av.open(data, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.height, stream.width = image.shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": str(quality), "preset": "ultrafast", "tune": "zerolatency", "threads": "1"}
        container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    data.seek(0)
    with av.open(data) as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24")


def take_picture(rng: np.random.Generator, linear: np.ndarray) -> np.ndarray:
    """Linear (H, W, 3) f4 -> (H, W, 3) u1."""
    image = expose(rng, vignette(rng, linear))
    image = noise(rng, blur(rng, image))
    image, codec = compress(rng, to_srgb(rng, image)), rng.spawn(1)[0]
    return through_codec(image, int(codec.integers(20, 39))) if codec.random() < 0.25 else image
