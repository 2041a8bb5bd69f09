"""The twelve objects of the turntable: each faces +x, stands on z = 0 and fills about a ball
of radius 1.4.

All have a front that differs from the back on a large scale: a pale part, dark glass or eyes,
lamps or a beak in front; a dark rear with something red on it. What has the material "body"
takes the colour factor; where a pattern covers it, it is pale.
"""

from deltavae.data.synthetic.solids import Solid, box, cone, cylinder, ellipsoid, profile

_PALE = (0.93, 0.90, 0.82)
MATERIALS: dict[str, tuple[float, float, float]] = {
    "body": _PALE,
    "pale": _PALE,
    "dark": (0.13, 0.13, 0.16),
    "glass": (0.16, 0.24, 0.34),
    "metal": (0.55, 0.56, 0.60),
    "lamp": (1.00, 0.86, 0.38),
    "orange": (0.98, 0.55, 0.12),
    "red": (0.85, 0.10, 0.10),
    "wood": (0.52, 0.33, 0.18),
}


def _wheels(front: float, rear: float, y: float, radius: float) -> list[Solid]:
    solids = []
    for x in (front, rear):
        for side in (-1.0, 1.0):
            at = (x, side * y, radius)
            solids.append(cylinder("dark", at, radius, 0.12, yaw=90))
            hub = (x, side * (y + 0.02), radius)
            solids.append(cylinder("metal", hub, 0.5 * radius, 0.12, yaw=90))
    return solids


def _pair(material: str, x: float, y: float, z: float, radius: float) -> list[Solid]:
    radii = (radius, radius, radius)
    return [ellipsoid(material, (x, side * y, z), radii) for side in (-1.0, 1.0)]


def _car() -> list[Solid]:
    return [
        profile("body", [(-1.35, 0.2), (0.25, 0.2), (0.25, 0.72), (-1.3, 0.72)], 0.6),
        profile("pale", [(0.25, 0.2), (1.35, 0.2), (1.3, 0.5), (0.25, 0.72)], 0.6),
        profile("glass", [(-0.85, 0.7), (0.55, 0.7), (0.05, 1.18), (-0.6, 1.18)], 0.52),
        profile("body", [(-0.62, 1.12), (0.08, 1.12), (0.0, 1.22), (-0.55, 1.22)], 0.54),
        box("red", (-1.33, 0.0, 0.55), (0.04, 0.58, 0.1)),
        *_pair("lamp", 1.3, 0.42, 0.42, 0.13),
        *_wheels(0.8, -0.8, 0.58, 0.28),
    ]


def _truck() -> list[Solid]:
    return [
        box("body", (-0.5, 0.0, 0.95), (0.85, 0.6, 0.62)),
        box("dark", (-0.05, 0.0, 0.26), (1.3, 0.45, 0.08)),
        profile("pale", [(0.5, 0.25), (1.3, 0.25), (1.3, 0.75), (1.05, 1.25), (0.5, 1.25)], 0.55),
        profile("glass", [(1.05, 0.78), (1.315, 0.78), (1.085, 1.2), (0.85, 1.2)], 0.48),
        box("red", (-1.36, 0.0, 0.5), (0.03, 0.55, 0.12)),
        *_pair("lamp", 1.3, 0.38, 0.45, 0.11),
        *_wheels(0.9, -0.85, 0.52, 0.29),
    ]


def _locomotive() -> list[Solid]:
    return [
        cylinder("body", (0.25, 0.0, 0.85), 0.42, 0.8),
        cylinder("pale", (0.95, 0.0, 0.85), 0.44, 0.22),
        box("body", (-0.85, 0.0, 0.9), (0.42, 0.55, 0.55)),
        box("dark", (-0.85, 0.0, 1.5), (0.52, 0.62, 0.06)),
        box("glass", (-0.85, 0.0, 1.15), (0.25, 0.57, 0.18)),
        cone("dark", (0.75, 0.0, 1.2), 0.13, 0.5, 0.22, pitch=90),
        ellipsoid("lamp", (0.1, 0.0, 1.28), (0.18, 0.18, 0.2)),
        ellipsoid("lamp", (1.18, 0.0, 0.95), (0.1, 0.16, 0.16)),
        profile("red", [(1.0, 0.1), (1.5, 0.1), (1.05, 0.45)], 0.4),
        box("dark", (-0.05, 0.0, 0.4), (1.2, 0.4, 0.1)),
        box("red", (-1.28, 0.0, 0.6), (0.03, 0.5, 0.1)),
        *_wheels(0.6, -0.1, 0.45, 0.26),
        *_wheels(-0.75, -0.75, 0.45, 0.36)[:4],
    ]


def _duck() -> list[Solid]:
    return [
        ellipsoid("body", (-0.2, 0.0, 0.6), (1.0, 0.68, 0.6)),
        ellipsoid("pale", (0.45, 0.0, 0.62), (0.55, 0.52, 0.48)),
        cone("body", (-0.85, 0.0, 0.75), 0.38, 0.65, 0.05, yaw=180, pitch=35),
        ellipsoid("body", (0.55, 0.0, 1.32), (0.45, 0.42, 0.42)),
        ellipsoid("orange", (1.02, 0.0, 1.22), (0.36, 0.24, 0.09)),
        *_pair("dark", 0.83, 0.26, 1.45, 0.09),
        ellipsoid("pale", (-0.3, 0.62, 0.7), (0.5, 0.14, 0.3)),
        ellipsoid("pale", (-0.3, -0.62, 0.7), (0.5, 0.14, 0.3)),
        ellipsoid("red", (-1.3, 0.0, 1.15), (0.13, 0.13, 0.13)),
    ]


def _pig() -> list[Solid]:
    legs = [
        cylinder("dark", (x, y, 0.2), 0.16, 0.2, pitch=90)
        for x in (-0.65, 0.4)
        for y in (-0.3, 0.3)
    ]
    return [
        ellipsoid("body", (-0.2, 0.0, 0.85), (0.95, 0.62, 0.58)),
        ellipsoid("pale", (0.75, 0.0, 1.0), (0.5, 0.46, 0.46)),
        cylinder("orange", (1.22, 0.0, 0.92), 0.2, 0.12),
        *_pair("dark", 1.08, 0.24, 1.18, 0.085),
        cone("body", (0.6, 0.3, 1.32), 0.16, 0.32, 0.02, yaw=0, pitch=80),
        cone("body", (0.6, -0.3, 1.32), 0.16, 0.32, 0.02, yaw=0, pitch=80),
        ellipsoid("red", (-1.15, 0.0, 1.0), (0.18, 0.2, 0.18)),
        *legs,
    ]


def _boat() -> list[Solid]:
    return [
        profile("body", [(-1.15, 0.0), (0.4, 0.0), (0.4, 0.5), (-1.35, 0.5)], 0.52),
        cone("pale", (0.4, 0.0, 0.24), 0.56, 1.0, 0.06, sides=4),
        box("pale", (-0.15, 0.0, 0.72), (0.5, 0.36, 0.24)),
        box("glass", (0.1, 0.0, 0.78), (0.28, 0.38, 0.12)),
        cylinder("red", (-0.45, 0.0, 1.2), 0.2, 0.3, pitch=90),
        cylinder("dark", (-0.45, 0.0, 1.48), 0.21, 0.08, pitch=90),
        cylinder("wood", (0.45, 0.0, 1.0), 0.05, 0.55, pitch=90),
        box("red", (-1.3, 0.0, 0.62), (0.06, 0.4, 0.1)),
    ]


def _aeroplane() -> list[Solid]:
    return [
        ellipsoid("body", (-0.2, 0.0, 0.75), (1.15, 0.34, 0.34)),
        ellipsoid("pale", (0.65, 0.0, 0.75), (0.55, 0.36, 0.36)),
        box("body", (0.2, 0.0, 0.72), (0.3, 1.3, 0.06)),
        box("body", (-1.1, 0.0, 0.85), (0.18, 0.5, 0.05)),
        profile("red", [(-1.35, 0.8), (-0.85, 0.8), (-1.15, 1.4), (-1.4, 1.4)], 0.06),
        ellipsoid("glass", (0.35, 0.0, 1.02), (0.35, 0.22, 0.2)),
        box("dark", (1.24, 0.0, 0.75), (0.03, 0.07, 0.5), yaw=0),
        ellipsoid("orange", (1.24, 0.0, 0.75), (0.15, 0.12, 0.12)),
        cylinder("dark", (0.4, 0.3, 0.2), 0.2, 0.06, yaw=90),
        cylinder("dark", (0.4, -0.3, 0.2), 0.2, 0.06, yaw=90),
        box("metal", (0.38, 0.0, 0.4), (0.06, 0.3, 0.06)),
    ]


def _snail() -> list[Solid]:
    return [
        ellipsoid("pale", (0.1, 0.0, 0.22), (1.25, 0.36, 0.22)),
        cylinder("body", (-0.3, 0.0, 0.85), 0.7, 0.36, yaw=90),
        cylinder("dark", (-0.3, 0.0, 0.85), 0.5, 0.4, yaw=90),
        cylinder("body", (-0.3, 0.0, 0.85), 0.32, 0.44, yaw=90),
        ellipsoid("pale", (0.95, 0.0, 0.6), (0.3, 0.28, 0.42)),
        cone("pale", (0.95, 0.14, 0.9), 0.07, 0.4, 0.05, pitch=75),
        cone("pale", (0.95, -0.14, 0.9), 0.07, 0.4, 0.05, pitch=75),
        *_pair("orange", 1.06, 0.15, 1.32, 0.11),
        ellipsoid("red", (-1.1, 0.0, 0.28), (0.2, 0.22, 0.18)),
    ]


def _tank() -> list[Solid]:
    return [
        box("dark", (-0.05, 0.5, 0.3), (1.2, 0.17, 0.3)),
        box("dark", (-0.05, -0.5, 0.3), (1.2, 0.17, 0.3)),
        profile("body", [(-1.25, 0.3), (0.6, 0.3), (0.6, 0.72), (-1.25, 0.72)], 0.55),
        profile("pale", [(0.6, 0.3), (1.2, 0.3), (1.25, 0.45), (0.6, 0.72)], 0.55),
        cone("body", (-0.3, 0.0, 0.72), 0.62, 0.38, 0.42, pitch=90),
        cylinder("pale", (0.75, 0.0, 0.95), 0.11, 0.7),
        cylinder("dark", (1.4, 0.0, 0.95), 0.14, 0.1),
        cylinder("red", (-0.85, 0.0, 0.95), 0.17, 0.3, yaw=90),
        *_pair("lamp", 1.2, 0.4, 0.5, 0.1),
    ]


def _helicopter() -> list[Solid]:
    return [
        ellipsoid("body", (0.0, 0.0, 0.8), (0.75, 0.5, 0.5)),
        ellipsoid("glass", (0.5, 0.0, 0.85), (0.45, 0.42, 0.38)),
        ellipsoid("pale", (0.5, 0.0, 0.65), (0.5, 0.44, 0.34)),
        cone("body", (-0.5, 0.0, 0.9), 0.2, 0.95, 0.07, yaw=180),
        profile("red", [(-1.5, 0.85), (-1.15, 0.85), (-1.3, 1.4), (-1.55, 1.4)], 0.06),
        cylinder("metal", (0.0, 0.0, 1.4), 0.06, 0.15, pitch=90),
        box("dark", (0.0, 0.0, 1.53), (1.3, 0.07, 0.025), yaw=25),
        box("dark", (0.0, 0.0, 1.53), (1.3, 0.07, 0.025), yaw=115),
        cylinder("metal", (0.05, 0.42, 0.1), 0.07, 0.8),
        cylinder("metal", (0.05, -0.42, 0.1), 0.07, 0.8),
        box("metal", (0.25, 0.0, 0.25), (0.05, 0.42, 0.16)),
        ellipsoid("lamp", (0.95, 0.0, 0.6), (0.1, 0.12, 0.1)),
    ]


def _teapot() -> list[Solid]:
    return [
        ellipsoid("body", (-0.1, 0.0, 0.72), (0.8, 0.8, 0.7)),
        cylinder("pale", (-0.1, 0.0, 1.36), 0.42, 0.06, pitch=90),
        ellipsoid("red", (-0.1, 0.0, 1.5), (0.15, 0.15, 0.14)),
        cone("pale", (0.5, 0.0, 0.6), 0.3, 0.95, 0.12, pitch=38),
        ellipsoid("orange", (1.22, 0.0, 1.2), (0.17, 0.17, 0.1), pitch=-50),
        box("dark", (-1.0, 0.0, 1.1), (0.3, 0.12, 0.09)),
        box("dark", (-1.22, 0.0, 0.78), (0.09, 0.12, 0.38)),
        box("dark", (-1.0, 0.0, 0.45), (0.3, 0.12, 0.09)),
        cylinder("dark", (-0.1, 0.0, 0.05), 0.5, 0.05, pitch=90),
    ]


def _robot() -> list[Solid]:
    return [
        box("body", (0.0, 0.0, 0.72), (0.42, 0.6, 0.42)),
        box("pale", (0.36, 0.0, 0.75), (0.12, 0.5, 0.34)),
        box("body", (0.05, 0.0, 1.42), (0.36, 0.4, 0.26)),
        box("pale", (0.38, 0.0, 1.42), (0.06, 0.36, 0.22)),
        *_pair("orange", 0.44, 0.17, 1.46, 0.1),
        box("dark", (-0.55, 0.0, 0.8), (0.2, 0.42, 0.36)),
        ellipsoid("red", (-0.78, 0.0, 0.85), (0.08, 0.2, 0.2)),
        cylinder("metal", (-0.1, 0.25, 1.82), 0.03, 0.2, pitch=90),
        ellipsoid("red", (-0.1, 0.25, 2.0), (0.08, 0.08, 0.08)),
        cylinder("pale", (0.4, 0.72, 0.8), 0.13, 0.5),
        cylinder("pale", (0.4, -0.72, 0.8), 0.13, 0.5),
        *_pair("dark", 0.92, 0.72, 0.8, 0.17),
        box("dark", (0.08, 0.34, 0.15), (0.4, 0.18, 0.15)),
        box("dark", (0.08, -0.34, 0.15), (0.4, 0.18, 0.15)),
    ]


def all_objects() -> dict[str, list[Solid]]:
    """Return the solids of each object by its name, in the order of the factor's values."""
    return {
        "car": _car(),
        "duck": _duck(),
        "locomotive": _locomotive(),
        "pig": _pig(),
        "truck": _truck(),
        "teapot": _teapot(),
        "aeroplane": _aeroplane(),
        "snail": _snail(),
        "boat": _boat(),
        "robot": _robot(),
        "tank": _tank(),
        "helicopter": _helicopter(),
    }
