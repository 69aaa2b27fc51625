"""A job on one picture whose ControlNet units go through folders: a batch over the units' files."""

from pipelines.batch.folders import AllowedFolders
from pipelines.batch.plan import FileBatch
from pipelines.batch.units import list_units
from pipelines.requests import Img2ImgRequest


def batch_over_units(request: Img2ImgRequest, folders: AllowedFolders | None) -> FileBatch | None:
    """One job on the request's picture for each file of its units; None if no unit has a folder.

    Files go by the names of those of the first such unit. All that is opened must lie in `folders`,
    links followed. InvalidPicture for a folder without pictures.
    """
    listed = list_units(request.control).listed
    if not listed:
        return None
    files = next(iter(listed.values()))
    return FileBatch(request=request, files=files, same_picture=True, folders=folders)
