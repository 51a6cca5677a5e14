"""Which links a room may be sent to: pages of this app, and nothing else."""

from urllib.parse import parse_qsl, urlencode, urlsplit

from core.errors import InputError

PAGES = ("compare", "adversarial", "anomaly", "saliency", "latent", "models", "training")
LONGEST = 1900


def read_link(address: str, base: str = "") -> tuple[str, dict[str, str]]:
    """The page and the query parameters of a link to this app; scheme and host are left out, whatever they are.

    Args:
        address: the link, from anyone.
        base: the path under which this app is served.

    Raises:
        InputError: it leads to no page that a room can be shown.
    """
    try:
        parts = urlsplit(address[:LONGEST])
        path = parts.path.strip("/").removeprefix(base.strip("/")).strip("/") or "compare"
        query = dict(parse_qsl(parts.query, keep_blank_values=True, max_num_fields=40, errors="replace"))
    except ValueError as error:
        raise InputError("This link can't be read.") from error
    page = "compare" if path == "start" else path
    if len(address) > LONGEST or page not in PAGES:
        raise InputError("A room can be shown the pages of this app, and no other address.")
    return page, query


def write_link(page: str, query: dict[str, str]) -> str:
    """The link that is stored: a path of this app, without a host.

    Raises:
        InputError: no page of this app, or it is too long.
    """
    link = f"/{page}?{urlencode(query, safe=':,')}" if query else f"/{page}"
    read_link(link)
    return link
