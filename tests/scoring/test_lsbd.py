"""D_LSBD of codes whose value is known in closed form."""

import numpy as np
import pytest

from deltavae.scoring.draws import IndexedData
from deltavae.scoring.lsbd import d_lsbd, orbit_images, turning_factors

TURN = 2 * np.pi * np.arange(24) / 24


def circle(angles, frequency=1, phase=0.0):
    return np.stack([np.cos(frequency * angles + phase), np.sin(frequency * angles + phase)], -1)


@pytest.mark.parametrize("frequency", [1, -1, 3])
def test_uniform_turning_is_perfect_wherever_each_object_starts_and_lies(frequency):
    rng = np.random.default_rng(0)
    orbits = np.stack([circle(TURN, frequency, phase) for phase in rng.uniform(0, 6, 5)])
    basis = np.linalg.qr(rng.normal(size=(6, 6)))[0][:2]
    codes = orbits @ basis + rng.normal(size=(5, 1, 6))
    assert d_lsbd(codes, [TURN])[0] == pytest.approx(0, abs=1e-12)


def test_two_frequencies_leave_the_share_of_the_weaker():
    # |mean of R(-w g) u|^2 is the power at frequency w: 3^2 of 3^2 + 1^2
    codes = (3 * circle(TURN, 1) + circle(TURN, 2))[None]
    assert d_lsbd(codes, [TURN])[0] == pytest.approx(1 / 10, abs=1e-12)


def test_noise_leaves_its_share():
    # whitened: r^2 / 2 + s^2 on each axis; the mean keeps r^2 / 2 of it: D = 2 s^2 / (r^2 + 2 s^2)
    rng = np.random.default_rng(1)
    codes = np.stack([circle(TURN)] * 2000) + 0.5 * rng.normal(size=(2000, 24, 2))
    # the orbit's mean over 24 values still holds 1/24 of the noise
    noise = 2 * 0.5**2
    expected = 1 - (1 + noise / 24) / (1 + noise)
    assert d_lsbd(codes, [TURN])[0] == pytest.approx(expected, abs=0.015)


def test_a_code_that_does_not_move_is_at_one():
    assert d_lsbd(np.ones((3, 24, 4)), [TURN]) == [1.0]


def test_a_code_that_moves_on_a_line_keeps_half():
    # one direction only: u = cos / 1 with variance 1/2, |mean of e^{-ig} cos g|^2 = 1/4 of it
    codes = np.stack([np.cos(TURN), 0 * TURN], -1)[None]
    assert d_lsbd(codes, [TURN])[0] == pytest.approx(3 / 4, abs=1e-12)


def test_two_groups_each_in_its_plane():
    small = 2 * np.pi * np.arange(5) / 5
    one = np.broadcast_to(circle(TURN)[:, None], (24, 5, 2))
    two = np.broadcast_to(circle(small, 2)[None], (24, 5, 2))
    codes = np.concatenate([one, two], -1)[None]
    np.testing.assert_allclose(d_lsbd(codes, [TURN, small]), 0, atol=1e-12)


def test_one_dimension_has_no_rotations():
    assert np.isnan(d_lsbd(np.ones((1, 24, 1)), [TURN])[0])


def test_orbits_are_whole_and_in_order():
    data = IndexedData([2, 24, 3], [0, 1, 2], ["a", "turn", "b"], {"turn": TURN})
    images = orbit_images(data)
    assert turning_factors(data) == ["turn"] and images.shape == (6, 24)
    factors = data.factors(images.ravel()).reshape(6, 24, 3)
    assert (factors[:, :, 1] == np.arange(24)).all()
    assert (np.ptp(factors[:, :, [0, 2]], axis=1) == 0).all()


def test_half_a_turn_is_no_group():
    half = np.pi * np.arange(24) / 24
    assert not turning_factors(IndexedData([24], [0], ["turn"], {"turn": half}))
