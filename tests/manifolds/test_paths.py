"""Paths on latent spaces: they stay there, go at even speed, and close."""

import numpy as np
import pytest

from deltavae.errors import UserError
from deltavae.manifolds import (
    SO3,
    EmbeddedTorus,
    Euclidean,
    FlatTorus,
    Hypersphere,
    Product,
    RealProjective,
)
from deltavae.manifolds.geodesic_paths import (
    along_axes,
    great_circle,
    rotation_subgroup,
)

TURN = np.linspace(0, 2 * np.pi, 13)


def unit(*shape: int) -> np.ndarray:
    x = np.random.default_rng(3).normal(size=shape)
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def test_a_great_circle_has_even_steps_on_the_sphere_and_closes():
    points = great_circle(unit(11), np.ones(11), TURN)
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(points[-1], points[0], atol=1e-12)
    np.testing.assert_allclose(points[6], -points[0], atol=1e-12)
    steps = np.sum(points[1:] * points[:-1], axis=1)
    np.testing.assert_allclose(steps, np.cos(np.pi / 6), atol=1e-12)


def test_a_radial_direction_names_no_circle():
    with pytest.raises(UserError):
        great_circle(unit(4), 2 * unit(4), TURN)


def test_a_circle_of_a_torus_turns_one_pair_and_leaves_the_others():
    point = unit(3, 2).reshape(6)
    paths = FlatTorus(3).closed_geodesics(point, np.eye(6), len(TURN))
    assert [path.label for path in paths] == ["circle 1", "circle 2", "circle 3"]
    points = paths[1].points
    np.testing.assert_allclose(points[:, [0, 1, 4, 5]], np.tile(point[[0, 1, 4, 5]], (13, 1)))
    angle = np.unwrap(np.arctan2(points[:, 3], points[:, 2]))
    np.testing.assert_allclose(np.diff(angle), np.pi / 6, atol=1e-12)


def matrix(q: np.ndarray) -> np.ndarray:
    """The rotation matrix of a unit quaternion (w, x, y, z)."""
    w, x, y, z = q
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def test_a_subgroup_of_rotations_turns_about_its_axis_and_closes_up_to_sign():
    q = unit(4)
    points = rotation_subgroup(q, 2, TURN)
    np.testing.assert_allclose(points[-1], -q, atol=1e-12)
    for angle, point in zip(TURN, points, strict=True):
        c, s = np.cos(angle), np.sin(angle)
        about_z = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
        np.testing.assert_allclose(matrix(point), matrix(q) @ about_z, atol=1e-12)


def test_around_a_sphere_leaves_out_the_radial_direction():
    point = np.eye(3)[0]
    paths = Hypersphere(2).closed_geodesics(point, np.eye(3), 9, ["x", "y", "z"])
    assert [path.label for path in paths] == ["y", "z"]
    assert all(path.closed for path in paths)


def test_codes_that_have_collapsed_to_a_point_have_their_circles():
    """The first axis of equal codes is the point itself, in float32 not to all digits."""
    for seed in range(50):
        point = np.random.default_rng(seed).normal(size=11)
        point = (point / np.linalg.norm(point)).astype(np.float32)
        axes = np.linalg.svd(np.tile(point, (500, 1)), full_matrices=False)[2][:4]
        for manifold in (Hypersphere(10), RealProjective(10)):
            paths = manifold.closed_geodesics(point, axes.astype(np.float64), 9)
            assert [path.label for path in paths] == [f"direction {i}" for i in (2, 3, 4)]
            assert all(np.isfinite(path.points).all() for path in paths)


def test_around_a_circle_there_is_one_path():
    (path,) = Hypersphere(1).closed_geodesics(np.array([1.0, 0.0]), np.eye(2), 5)
    np.testing.assert_allclose(path.points[2], [-1, 0], atol=1e-12)


def test_axes_of_a_sphere_run_from_pole_to_pole_on_it():
    (path,) = along_axes(Hypersphere(10), unit(11), np.eye(11)[:1], 7, ["code 0"])
    np.testing.assert_allclose(path.points[:, 0], np.sin(np.linspace(-np.pi / 2, np.pi / 2, 7)))
    np.testing.assert_allclose(np.linalg.norm(path.points, axis=1), 1, atol=1e-12)


def test_axes_of_a_flat_space_change_one_coordinate():
    point = np.array([0.3, -0.7, 1.1])
    (path,) = along_axes(Euclidean(3), point, np.eye(3)[1:2], 5, ["code 1"])
    np.testing.assert_allclose(path.points[:, 1], [-2, -1, 0, 1, 2], atol=1e-12)
    np.testing.assert_allclose(path.points[:, [0, 2]], np.tile(point[[0, 2]], (5, 1)))


@pytest.mark.parametrize(
    ("manifold", "count"),
    [
        (Hypersphere(5), 6),
        (RealProjective(3), 4),
        (SO3(), 3),
        (FlatTorus(3), 3),
        (Product([Hypersphere(1), Hypersphere(2)]), 3),
        (EmbeddedTorus(2.0, 0.5), 2),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])  # a model's point, or a computed one
def test_every_closed_space_has_closed_paths_that_stay_in_it(manifold, count, dtype):
    point = np.asarray(manifold.random_uniform([], seed=(0, 1)), dtype)
    paths = manifold.closed_geodesics(point, np.eye(manifold.ambient_dim), 9)
    assert len(paths) == count and all(path.closed for path in paths)
    for path in paths:
        np.testing.assert_allclose(path.points[0], point, atol=1e-6)
        ends = np.asarray(manifold.embed(path.points[[0, -1]]))
        np.testing.assert_allclose(ends[1], ends[0], atol=1e-6)
        np.testing.assert_allclose(manifold.project(path.points), path.points, atol=1e-6)
