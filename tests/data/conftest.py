"""Files in the public formats, and the sizes that go with them."""

import pytest

from deltavae.data.public import mpi3d, shapes3d
from tests.data import public_files


@pytest.fixture(scope="session")
def public_root(tmp_path_factory):
    """A data folder with a small version of every public set."""
    root = tmp_path_factory.mktemp("public")
    public_files.write_dsprites(root)
    public_files.write_cars(root)
    public_files.write_norb(root)
    public_files.write_shapes3d(root)
    for name in ("mpi3d_toy", "mpi3d_realistic", "mpi3d_real"):
        public_files.write_mpi3d(root, name)
    return root


@pytest.fixture
def small_sizes(monkeypatch):
    """Lets the readers take the small grids, where a file's length alone names the grid."""
    monkeypatch.setattr(shapes3d, "SIZES", public_files.SHAPES3D_SIZES)
    monkeypatch.setattr(mpi3d, "GRIDS", (public_files.MPI3D_SIZES,))
