"""What a public dataset says of its files: where they come from and where they lie."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from deltavae.data.dataset import GroundTruthData
from deltavae.errors import UserError


@dataclass(frozen=True)
class PublicFile:
    """A file as its publisher offers it.

    Attributes:
        path: where it goes under the data folder.
        urls: its addresses, tried in turn; empty if it can only be fetched by hand.
        size: bytes, if known.
        checksum: "sha256:..." or "md5:...", if known.
        unpack: the folder inside a tar archive that becomes `path`, for an archive.
        others: where else it may lie, unzipped or in another form that is read too.
    """

    path: str
    urls: tuple[str, ...] = ()
    size: int | None = None
    checksum: str | None = None
    unpack: str | None = None
    others: tuple[str, ...] = ()

    def within(self, data_dir: Path) -> Path | None:
        """Return where the file lies under the data folder, None if it isn't there."""
        candidates = (data_dir / path for path in (self.path, *self.others))
        return next((path for path in candidates if path.exists()), None)


class PublicData(GroundTruthData):
    """A published dataset, made by `Class(data_dir)` from the files under a data folder.

    Each public dataset derives from this class and from the one that holds its images. Its
    class attributes say what can be known without opening a file.

    Attributes:
        name: by which it is opened.
        grid: the factors of the published files.
        image_shape: (height, width, channels).
        page: the publisher's page.
        files: what has to lie under the data folder.
    """

    page: ClassVar[str]
    files: ClassVar[Sequence[PublicFile]]

    @classmethod
    def find(cls, file: PublicFile, data_dir: Path) -> Path:
        """Return where one of `files` lies.

        Raises:
            UserError: it is missing; says where it was expected and how to get it.
        """
        found = file.within(data_dir)
        if found is None:
            by_command = all(file.urls for file in cls.files)
            command = f"by `python -m deltavae data download {cls.name}` or from"
            raise UserError(
                f"the files of {cls.name} are missing",
                expected=" or ".join(str(data_dir / path) for path in (file.path, *file.others)),
                advice=f"Get them {command if by_command else 'by hand from'} {cls.page}; "
                "DISENTANGLEMENT_LIB_DATA names the folder.",
            )
        return found

    @classmethod
    def missing(cls, data_dir: Path) -> list[PublicFile]:
        """Return the files that aren't under the data folder yet."""
        return [file for file in cls.files if file.within(data_dir) is None]
