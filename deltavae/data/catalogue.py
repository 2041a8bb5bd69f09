"""The public sets: where their files lie, where they come from, what is known of them."""

from dataclasses import dataclass
from pathlib import Path

from deltavae.errors import UserError


@dataclass(frozen=True)
class Remote:
    """A file as its publisher offers it.

    Attributes:
        url: where.
        path: where it goes under the data folder.
        size: bytes, if known.
        checksum: "sha256:..." or "md5:...", if known.
        unpack: the folder inside a tar archive that becomes `path`, for an archive.
    """

    url: str
    path: str
    size: int | None = None
    checksum: str | None = None
    unpack: str | None = None


@dataclass(frozen=True)
class PublicSet:
    """A published set: its home page and its files."""

    page: str
    files: tuple[Remote, ...]

    def missing(self, data_dir: Path) -> list[Path]:
        """The files that aren't under the data folder yet."""
        return [data_dir / f.path for f in self.files if not _exists(data_dir / f.path)]


def _exists(path: Path) -> bool:
    return path.exists() or (path.suffix == ".gz" and path.with_suffix("").exists())


_DSPRITES = Remote(
    "https://github.com/google-deepmind/dsprites-dataset/raw/master/"
    "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz",
    "dsprites/dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz",
)
_SCREAM = Remote(
    "https://upload.wikimedia.org/wikipedia/commons/f/f4/The_Scream.jpg", "scream/scream.jpg"
)
_NORB = "smallnorb-5x{}x9x18x6x2x96x96-{}-{}.mat.gz"
_NORB_FILES = {
    ("46789", "training", "dat"): (
        131896188,
        "5ffd6272a07d32695ee1082a26a41a93a37aab8c28da047f8c34ed348d214873",
    ),
    ("46789", "training", "cat"): (
        348,
        "2784e542c1922060691090952b6cd6278879a216c90f81476f0f00256d42cdaa",
    ),
    ("46789", "training", "info"): (
        71052,
        "de7eb932ebe7a4ee16217fead60660d0eb3d23632c2f4d1c51f88c501c17bf32",
    ),
    ("01235", "testing", "dat"): (
        130799817,
        "cf7104eed3e51174d2f65b66d1e5878b9da233b886f161b0d88f4510ba2c7474",
    ),
    ("01235", "testing", "cat"): (
        347,
        "ecaf6d5bb8c3bc5eab9cf0258f6d2198dd474e016e374836fc097f2e5ff509ff",
    ),
    ("01235", "testing", "info"): (
        10428,
        "16adf314226327ee006d1a44db8cfef52773c06c829951d5653a9f6f310248a2",
    ),
}
_MPI3D_MD5 = {
    "mpi3d_toy": "55889cb7c7dfc655d6e0277beee88868",
    "mpi3d_realistic": "59a6225b88b635365f70c91b3e52f70f",
    "mpi3d_real": "0f33f609918fb5c97996692f91129802",
}
_DSPRITES_PAGE = "https://github.com/google-deepmind/dsprites-dataset"

PUBLIC_SETS: dict[str, PublicSet] = {
    "dsprites_full": PublicSet(_DSPRITES_PAGE, (_DSPRITES,)),
    "dsprites_noshape": PublicSet(_DSPRITES_PAGE, (_DSPRITES,)),
    "color_dsprites": PublicSet(_DSPRITES_PAGE, (_DSPRITES,)),
    "noisy_dsprites": PublicSet(_DSPRITES_PAGE, (_DSPRITES,)),
    "scream_dsprites": PublicSet(_DSPRITES_PAGE, (_DSPRITES, _SCREAM)),
    "smallnorb": PublicSet(
        "https://cs.nyu.edu/~ylclab/data/norb-v1.0-small/",
        tuple(
            Remote(
                "https://cs.nyu.edu/~ylclab/data/norb-v1.0-small/" + _NORB.format(*parts),
                "small_norb/" + _NORB.format(*parts),
                size,
                f"sha256:{digest}",
            )
            for parts, (size, digest) in _NORB_FILES.items()
        ),
    ),
    "cars3d": PublicSet(
        "http://www.scottreed.info/",
        (
            Remote(
                "http://www.scottreed.info/files/nips2015-analogy-data.tar.gz",
                "cars",
                unpack="data/cars",
            ),
        ),
    ),
    "shapes3d": PublicSet(
        "https://github.com/google-deepmind/3d-shapes",
        (
            Remote(
                "https://storage.googleapis.com/3d-shapes/3dshapes.h5",
                "3dshapes/3dshapes.h5",
                267573662,
                "sha256:0a0f6ed98baff276a50f3a081a7434d788da63cb135a98189b2a5b5769be1785",
            ),
        ),
    ),
    **{
        name: PublicSet(
            "https://github.com/rr-learning/disentanglement_dataset",
            (
                Remote(
                    "https://storage.googleapis.com/disentanglement_dataset/Final_Dataset/"
                    f"{name}.npz",
                    f"{name}/{name}.npz",
                    checksum=f"md5:{digest}",
                ),
            ),
        )
        for name, digest in _MPI3D_MD5.items()
    },
}


def find(name: str, data_dir: Path, *candidates: str) -> Path:
    """The first of a set's possible files that exists.

    Args:
        name: the set's name.
        data_dir: the data folder.
        candidates: paths under it, the best first.

    Raises:
        UserError: says where the file was expected and how to get it.
    """
    for candidate in candidates:
        if (data_dir / candidate).exists():
            return data_dir / candidate
    raise UserError(
        f"the files of {name} are missing",
        expected=" or ".join(str(data_dir / candidate) for candidate in candidates),
        advice=f"Get them by `python -m deltavae data download {name}` or from "
        f"{PUBLIC_SETS[name].page}; DISENTANGLEMENT_LIB_DATA names the folder.",
    )
