"""Refuse changes that a page of another origin makes with the cookie of a visitor (CSRF).

Browsers say in `Sec-Fetch-Site` or in `Origin` where a request comes from. A request with neither
does not come from a browser, so no page can have caused it. A bearer token is never sent by itself,
so requests that have one are not checked.
"""

from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from litestar import Request, Response

from libs.core.web.problems import problem
from libs.core.web.session import session_of

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

JSON = "application/json"
FORM_DATA = "multipart/form-data"

_OUR_SITES = ("same-origin", "none")
"""Requests of our own page, and those started by the user (address bar, bookmark)."""
_DEFAULT_PORTS = (":80", ":443")


def refuse_forgery(
    request: Request[Any, Any, Any], origins: Collection[str]
) -> Response[Any] | None:
    """Answer 403 or 415 to a change that another site's page could make; None for all others.

    Routes whose GET creates something have the option `makes_items`.

    Args:
        request: The request, before its body is read.
        origins: Origins of our page besides that of the request itself.
    """
    # A link on any page sends the cookie of a visitor who follows it, with SameSite=Lax, too.
    if request.method in SAFE_METHODS and not request.route_handler.opt.get("makes_items"):
        return None
    if not session_of(request).is_bearer and not _is_ours(request, origins):
        return problem(403, "forbidden", "This request comes from the page of another site.")
    return _refuse_media_type(request)


def _is_ours(request: Request[Any, Any, Any], origins: Collection[str]) -> bool:
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in _OUR_SITES
    origin = request.headers.get("origin")
    if origin is None or origin in origins:
        return True
    # No page can make a browser send another Host, or X-Forwarded-Host without a CORS preflight.
    hosts = (request.headers.get("host", ""), request.headers.get("x-forwarded-host", ""))
    try:
        given = _without_port(urlsplit(origin).netloc)
    except ValueError:
        return False
    return bool(given) and given in (_without_port(host) for host in hosts)


def _without_port(host: str) -> str:
    """Return a host without its port if that is one of the default ports."""
    host = host.strip().lower()
    return next((host.removesuffix(port) for port in _DEFAULT_PORTS if host.endswith(port)), host)


def _refuse_media_type(request: Request[Any, Any, Any]) -> Response[Any] | None:
    """Answer 415 to a body of a type that the route does not take.

    Forms can send other types than JSON across sites without a CORS preflight. Routes that take
    other types name them as `media_types` in their options; None stands for any but form data.
    """
    if not _has_body(request):
        return None
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    taken = request.route_handler.opt.get("media_types", (JSON,))
    if (taken is None and given != FORM_DATA) or (taken is not None and given in taken):
        return None
    expected = " or ".join(taken or ("application/octet-stream",))
    return problem(
        415,
        "media_type_unsupported",
        f"Send the body as Content-Type: {expected}.",
    )


def _has_body(request: Request[Any, Any, Any]) -> bool:
    headers = request.headers
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
