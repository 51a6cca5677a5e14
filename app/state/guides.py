"""Which pages' guides a visitor has seen, as their browser remembers it: in a cookie that says nothing else."""

import re

COOKIE = "robustscope_guides"
MAX_AGE = 365 * 24 * 3600  # seconds


def pages_in(cookie: object) -> tuple[str, ...]:
    """The pages that a cookie names, which may come from anyone: at most 40."""
    return tuple(re.findall("[a-z]{1,20}", cookie[:400]))[:40] if isinstance(cookie, str) else ()


def remembering(page: str) -> str:
    """A script that has the browser remember a page besides those that it knows."""
    return (
        f'<script>{{ const known = document.cookie.match(/(?:^|; ){COOKIE}=([a-z.]*)/)?.[1] ?? "";'
        f' const pages = new Set(known.split(".")).add("{page}"); pages.delete("");'
        f' document.cookie = `{COOKIE}=${{[...pages].join(".")}}; path=/; max-age={MAX_AGE}; samesite=lax`; }}</script>'
    )
