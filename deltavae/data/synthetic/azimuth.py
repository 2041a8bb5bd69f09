"""`turntable_azimuth`: one object seen from all around, nothing else varying."""

import numpy as np

from deltavae.data.dataset import ArrayData
from deltavae.data.synthetic.turntable import NUM_AZIMUTHS, Turntable


def azimuth_alone() -> ArrayData:
    """The 24 pictures of the first object of `turntable`, in red, from 22°.

    They show what a latent space makes of an angle, and of nothing else.
    """
    whole = Turntable()
    views = np.array([[azimuth, 1, 0, 0] for azimuth in range(NUM_AZIMUTHS)])
    return ArrayData("turntable_azimuth", whole.grid[:1], whole.images(whole.index_of(views)))
