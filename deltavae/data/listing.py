"""What can be said of every set without opening it."""

from dataclasses import dataclass

_DSPRITES = (
    ("shape", 3),
    ("scale", 6),
    ("orientation", 40),
    ("position_x", 32),
    ("position_y", 32),
)
_MPI3D = (
    ("object_colour", 6),
    ("object_shape", 6),
    ("object_size", 2),
    ("camera_height", 3),
    ("background_colour", 3),
    ("horizontal_axis", 40),
    ("vertical_axis", 40),
)


@dataclass(frozen=True)
class Listing:
    """A set's number of images, its factors with their sizes, and those on a circle."""

    images: int
    factors: tuple[tuple[str, int], ...]
    periodic: tuple[str, ...] = ()


LISTINGS: dict[str, Listing] = {
    "turntable": Listing(
        9216,
        (("azimuth", 24), ("elevation", 4), ("object", 12), ("colour", 8)),
        ("azimuth",),
    ),
    "turntable_marked": Listing(
        9216,
        (("azimuth", 24), ("elevation", 4), ("object", 12), ("colour", 8)),
        ("azimuth",),
    ),
    "turntable_hues": Listing(576, (("azimuth", 24), ("hue", 24)), ("azimuth", "hue")),
    "turntable_azimuth": Listing(24, (("azimuth", 24),), ("azimuth",)),
    "turntable_hard": Listing(
        62208,
        (
            ("azimuth", 24),
            ("elevation", 3),
            ("object", 12),
            ("lighting", 3),
            ("texture", 3),
            ("colour", 8),
        ),
        ("azimuth",),
    ),
    "sprites": Listing(737280, _DSPRITES, ("orientation",)),
    "dsprites_full": Listing(737280, _DSPRITES, ("orientation",)),
    "dsprites_noshape": Listing(737280, _DSPRITES[1:], ("orientation",)),
    "color_dsprites": Listing(737280, _DSPRITES, ("orientation",)),
    "noisy_dsprites": Listing(737280, _DSPRITES, ("orientation",)),
    "scream_dsprites": Listing(737280, _DSPRITES, ("orientation",)),
    "smallnorb": Listing(
        48600,
        (("category", 5), ("elevation", 9), ("azimuth", 18), ("lighting", 6)),
        ("azimuth",),
    ),
    "cars3d": Listing(17568, (("elevation", 4), ("azimuth", 24), ("object", 183)), ("azimuth",)),
    "shapes3d": Listing(
        480000,
        (
            ("floor_hue", 10),
            ("wall_hue", 10),
            ("object_hue", 10),
            ("scale", 8),
            ("shape", 4),
            ("orientation", 15),
        ),
    ),
    "mpi3d_toy": Listing(1036800, _MPI3D),
    "mpi3d_realistic": Listing(1036800, _MPI3D),
    "mpi3d_real": Listing(1036800, _MPI3D),
}
