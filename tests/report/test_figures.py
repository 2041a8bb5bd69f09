"""Figures and pictures: what they show, and that everybody can tell it apart."""

import itertools
import math
from types import SimpleNamespace

import numpy as np
import pytest

from deltavae.data import ArrayData, Factor
from deltavae.data.image_grid import frames, grid, pairs, to_rgb
from deltavae.errors import UserError
from deltavae.report.figure_files import animation_gif, animation_webp, figure_png, figure_svg
from deltavae.report.figures.codes import colourings, importance, information, mutual_information
from deltavae.report.figures.latent_maps import (
    Colouring,
    circle_map,
    equal_area_map,
    globe,
    plane_map,
    torus_square,
)
from deltavae.report.figures.learning_curves import capacity_curve, curve, kl_bars
from deltavae.report.figures.projections import (
    circle_plane,
    means_plane,
    mollweide_point,
    pca_plane,
)
from deltavae.report.figures.scores import comparison_plot, dot_plot, heat_map
from deltavae.report.figures.style import CYCLIC
from deltavae.report.render import number

RNG = np.random.default_rng(0)
# Machado, Oliveira and Fernandes (2009), complete deuteranopia, on linear RGB
DEUTERANOPIA = np.array([[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]])


def history(**columns):
    length = len(next(iter(columns.values())))
    return [
        {"epoch": i, "step": 10 * i} | {name: values[i] for name, values in columns.items()}
        for i in range(length)
    ]


def test_the_cyclic_map_closes_and_opposite_angles_differ_for_the_colour_blind():
    angles = np.linspace(0, 1, 17)
    rgb = CYCLIC(angles)[:, :3]
    np.testing.assert_allclose(rgb[0], rgb[-1], atol=0.02)
    seen = np.clip(rgb[:-1] ** 2.2 @ DEUTERANOPIA.T, 0, 1) ** (1 / 2.2)
    for i, j in itertools.combinations(range(16), 2):
        if min(j - i, 16 - j + i) >= 4:
            assert np.linalg.norm(seen[i] - seen[j]) > 0.15, (i, j)


def test_a_circle_hidden_in_ten_dimensions_is_found():
    basis = np.linalg.qr(RNG.normal(size=(10, 2)))[0]
    angles = RNG.uniform(0, 2 * np.pi, 400)
    circle = np.stack([np.cos(angles), np.sin(angles)], 1)
    codes = circle @ basis.T + 0.01 * RNG.normal(size=(400, 10))
    found, score = circle_plane(codes, angles)
    np.testing.assert_allclose(found @ found.T, basis @ basis.T, atol=0.03)
    np.testing.assert_allclose(found.T @ found, np.eye(2), atol=1e-9)
    assert score > 0.99
    assert circle_plane(codes, RNG.permutation(angles))[1] < 0.1


def test_planes_of_means_and_of_most_variance():
    values = RNG.integers(0, 3, 600)
    means = np.zeros((3, 6))
    means[[0, 1, 2], [0, 1, 0]] = [1, 1, -1]
    codes = means[values] + 0.05 * RNG.normal(size=(600, 6))
    codes[:, 5] += 2 * RNG.normal(size=600)
    between, share = means_plane(codes, values)
    np.testing.assert_allclose((between @ between.T)[:2, :2], np.eye(2), atol=0.3)
    assert 0 < share <= 1
    largest, kept = pca_plane(codes)
    assert abs(largest[5, 0]) > 0.99 and kept > 0.9


def test_longitude_and_latitude():
    longitude, latitude = mollweide_point(np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, -1]]))
    np.testing.assert_allclose(longitude[:2], [0, np.pi / 2])
    np.testing.assert_allclose(latitude, [0, 0, -np.pi / 2])


def test_mutual_information_of_a_copy_is_one_and_of_noise_almost_none():
    factor = RNG.integers(0, 5, 4000)
    codes = np.stack([factor.astype(float), RNG.normal(size=4000)], 1)
    matrix = mutual_information(codes, factor[:, None])
    # the plug-in estimate of nothing is about (bins - 1)(values - 1) / 2n nats
    np.testing.assert_allclose(matrix[:, 0], [1, 0], atol=3 * 19 * 4 / 8000 / math.log(5))


def test_a_code_that_varies_by_rounding_alone_knows_nothing():
    """Its range has no room for 20 bins of float32; the page says what it is, as scores do."""
    factors = RNG.integers(0, 4, (200, 1))
    collapsed = np.float32(0.7) + np.float32(6e-8) * (factors > 1)
    codes = np.concatenate([factors, collapsed], 1, dtype=np.float32)
    assert len(np.unique(codes[:, 1])) == 2
    data = SimpleNamespace(factor_names=("shape",))
    run = SimpleNamespace(codes=codes, factors=factors, data=data, has=lambda part: False)
    for make in (information, importance):
        (drawn,) = make(run).content.axes[0].images
        np.testing.assert_allclose(drawn.get_array(), [[1.0], [0.0]], atol=1e-9)


def test_a_number_that_rounds_to_zero_has_no_sign():
    assert [number(x) for x in (-1e-17, -0.0, -0.25)] == ["0.000", "0.000", "-0.250"]


def test_grids_keep_every_pixel_in_its_place():
    images = RNG.integers(0, 256, (2, 3, 4, 5, 1), dtype=np.uint8)
    whole = grid(images, gap=1)
    assert whole.shape == (9, 17, 3)
    np.testing.assert_array_equal(whole[5:9, 6:11], np.repeat(images[1, 1], 3, -1))
    assert (whole[4] == 255).all()
    assert pairs(images[0], images[1], 2).shape == (4, 2, 4, 5, 3)
    moving = frames(images, columns=2, gap=0)
    np.testing.assert_array_equal(moving[2][:, 5:, 0], images[1, 2, ..., 0])


def test_decoded_images_outside_the_range_are_clipped():
    values = np.array([-0.5, 0.5, 1.7, np.nan]).reshape(2, 2, 1)
    assert to_rgb(values)[..., 0].ravel().tolist() == [0, 128, 255, 0]
    with pytest.raises(UserError):
        to_rgb(np.zeros((4, 4, 2)))


def test_a_curve_says_which_epochs_are_missing():
    figure = curve(history(loss=[3.0, float("nan"), None, 1.0]), "loss", "Loss")
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ["2 of 4 epochs are not finite (marked)"]
    with pytest.raises(UserError):
        curve(history(loss=[float("nan")]), "loss", "Loss")


def test_the_capacity_is_drawn_beside_the_kl():
    (axes,) = capacity_curve(history(kl=[1.0, 2.0], capacity=[0.0, 3.0])).axes
    drawn = {line.get_label(): list(line.get_ydata()) for line in axes.lines}
    assert drawn["capacity C"] == [0.0, 3.0]
    assert axes.get_xlabel() == "epoch" and "nats" in axes.get_ylabel()


def test_bars_of_the_kl_per_factor_add_up_to_the_kl():
    rows = [{"epoch": 0, "kl_per_factor": [0.5, 0.25]}, {"epoch": 1, "kl_per_factor": [2.0, 1.0]}]
    (axes,) = kl_bars([*rows, {"epoch": 2}]).axes
    tops = {bar.get_y() + bar.get_height() for bar in axes.patches}
    assert tops == {0.5, 0.75, 2.0, 3.0}
    labels = [container.get_label() for container in axes.containers]
    assert labels == ["factor 1: 2.00", "factor 2: 1.00"]
    with pytest.raises(UserError, match="KL per factor"):
        kl_bars([{"epoch": 0, "kl": 1.0}])


def points(size: int) -> np.ndarray:
    x = RNG.normal(size=(40, size))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


EIGHTHS = tuple(2 * np.pi * np.arange(8) / 8)
PERIODIC = Colouring("azimuth", RNG.integers(0, 8, 40), 8, angles=EIGHTHS)
NAMED = Colouring("colour", RNG.integers(0, 3, 40), 3, ("red", "green", "blue"))


@pytest.mark.parametrize("colouring", [PERIODIC, NAMED])
@pytest.mark.parametrize(
    "draw",
    [
        lambda c: circle_map(points(2), c),
        lambda c: globe(points(3), c),
        lambda c: equal_area_map(points(3), c),
        lambda c: torus_square(np.hstack([points(2), points(2)]), c, (0, 1)),
        lambda c: plane_map(points(2), c, ("a", "b"), circle=True),
    ],
    ids=["circle", "globe", "equal-area", "torus", "plane"],
)
def test_every_map_draws_each_image_once(draw, colouring):
    figure = draw(colouring)
    drawn = [c for axes in figure.axes for c in axes.collections if len(c.get_offsets()) > 1]
    assert sum(len(collection.get_offsets()) for collection in drawn) == 40
    assert figure_png(figure)[:8] == b"\x89PNG\r\n\x1a\n"


def test_a_factor_on_a_circle_has_the_colour_of_its_angle():
    """0, 90, 180 and 360 degrees: half a turn is the third of four values, and a turn is none."""
    data = ArrayData(
        "uneven",
        [Factor("angle", 4, symmetry=1, angles=tuple(np.radians([0, 90, 180, 360])))],
        np.zeros((4, 8, 8, 1), np.uint8),
    )
    run = SimpleNamespace(data=data, factors=np.arange(4)[:, None])
    (colouring,) = colourings(run)
    figure = plane_map(points(2)[:4], colouring, ("a", "b"))
    (dots,) = figure.axes[0].collections
    colours = dots.to_rgba(dots.get_array(), alpha=1.0)
    np.testing.assert_allclose(colours, CYCLIC([0.0, 0.25, 0.5, 0.0]))
    bar = figure.axes[1]
    half = bar.get_yticks()[[text.get_text() for text in bar.get_yticklabels()].index("½")]
    np.testing.assert_allclose(dots.to_rgba(half, alpha=1.0), CYCLIC(0.5))
    # angles beyond a turn, as custom data may have
    drawn = np.radians([0, 90, 180, 360, -90, 450])
    shades = Colouring("angle", np.arange(6), 6, angles=tuple(drawn)).shades
    np.testing.assert_allclose(shades, [0, 0.25, 0.5, 0, 0.75, 0.25])


def test_score_figures_are_the_same_bytes_each_time():
    def drawn() -> bytes:
        return figure_svg(dot_plot({"mig": 0.2, "dci": None}, {"mig": 0.01}, {"mig": 0.05}))

    assert drawn() == drawn()
    runs = {"a": [{"mig": 0.1}, {"mig": 0.3}], "b": [{"mig": 0.25}]}
    (axes,) = comparison_plot(runs, ["mig"]).axes
    means = [c.lines[0].get_xdata()[0] for c in axes.containers]
    np.testing.assert_allclose(means, [0.2, 0.25])
    low, high = axes.containers[0].lines[2][0].get_segments()[0][:, 0]
    # the deviation of 0.1 and 0.3 is sqrt(0.02), its standard error that over sqrt(2)
    np.testing.assert_allclose([low, high], [0.1, 0.3])


def legend(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def test_legends_name_every_kind_of_mark_that_is_drawn():
    # whether or not it has the score of the first row
    runs = {"a": [{"mig": 0.1}], "b": [{"dci": 0.25}], "c": [{"mig": 0.2, "dci": 0.3}]}
    assert legend(comparison_plot(runs, ["mig", "dci"])) == ["a", "b", "c"]
    # long names stay whole, where their ends tell them apart
    long = [f"{'runs of the demo/' * 5}{seed}" for seed in (1, 2)]
    named = legend(comparison_plot({name: [{"mig": 0.1}] for name in long}, ["mig"]))
    assert [name.replace("\n", " ") for name in named] == long
    scores = {"mig": 0.2, "dci": 0.3, "irs": 0.4}
    marks = dot_plot(scores, chance={"dci": 0.1, "irs": 0.1}, pca={"irs": 0.2})
    assert legend(marks) == ["chance level", "PCA of pixels"]
    assert legend(dot_plot(scores, chance={"sap_score": 0.1})) == []


def test_heat_maps_write_their_numbers():
    figure = heat_map(np.array([[0.25, 1.0]]), ["code 0"], ["a", "b"], "share")
    assert [text.get_text() for text in figure.axes[0].texts] == ["0.25", "1.00"]


def test_animations_hold_every_frame():
    from io import BytesIO

    from PIL import Image

    moving = RNG.integers(0, 256, (5, 8, 8, 3), dtype=np.uint8)
    for data in (animation_webp(moving), animation_gif(moving)):
        assert Image.open(BytesIO(data)).n_frames == 5
