"""Files in the public formats, and the sizes that go with them."""

from dataclasses import replace

import pytest

from deltavae.data.public import isaac3d, mpi3d, shapes3d
from tests.data import public_files


@pytest.fixture(scope="session")
def public_root(tmp_path_factory):
    """A data folder with a small version of every public dataset."""
    root = tmp_path_factory.mktemp("public")
    public_files.write_dsprites(root)
    public_files.write_cars(root)
    public_files.write_norb(root)
    public_files.write_shapes3d(root)
    for name in ("mpi3d_toy", "mpi3d_realistic", "mpi3d_real"):
        public_files.write_mpi3d(root, name)
    public_files.write_mpi3d(root, "mpi3d_real_complex", "real3d_complicated_shapes_ordered")
    public_files.write_rendered(root / "Isaac3D_down128", "labels.npy", public_files.ISAAC3D_SIZES)
    public_files.write_rendered(
        root / "Falcor3D_down128", "train-rec.labels", public_files.FALCOR3D_SIZES
    )
    return root


@pytest.fixture
def small_sizes(monkeypatch):
    """Let the readers take the small grids, where a file's length alone names the grid."""
    for dataset, sizes in (
        (shapes3d.Shapes3D, public_files.SHAPES3D_SIZES),
        (mpi3d.MPI3DToy, public_files.MPI3D_SIZES),
        (mpi3d.MPI3DRealistic, public_files.MPI3D_SIZES),
        (mpi3d.MPI3DReal, public_files.MPI3D_SIZES),
        (mpi3d.MPI3DRealComplex, public_files.MPI3D_SIZES),
        (isaac3d.Isaac3D, public_files.ISAAC3D_SIZES),
        (isaac3d.Falcor3D, public_files.FALCOR3D_SIZES),
    ):
        grid = tuple(
            replace(factor, size=size, labels=factor.labels[:size])
            for factor, size in zip(dataset.grid, sizes, strict=True)
        )
        monkeypatch.setattr(dataset, "grid", grid)
