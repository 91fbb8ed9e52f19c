"""Copy the built page to its bucket."""

import mimetypes
from typing import Any

from deploy.aws.installation import ROOT
from deploy.errors import DeployError

BUILT = ROOT / "frontend" / "dist"


def upload_page(s3: Any, bucket: str) -> int:
    """Put every file of the page, and return how many there are. Raises DeployError.

    Files in `assets/` have their digest in their name and are cached for a year. The others are put
    last, because they name the assets.
    """
    files = sorted(path for path in BUILT.rglob("*") if path.is_file())
    if not files:
        raise DeployError("The page is not built: make page")
    assets = [path for path in files if path.is_relative_to(BUILT / "assets")]
    for path in [*assets, *(path for path in files if path not in assets)]:
        kept = "public, max-age=31536000, immutable" if path in assets else "no-cache"
        s3.put_object(
            Bucket=bucket,
            Key=path.relative_to(BUILT).as_posix(),
            Body=path.read_bytes(),
            ContentType=mimetypes.guess_type(path.name)[0] or "application/octet-stream",
            CacheControl=kept,
        )
    return len(files)
