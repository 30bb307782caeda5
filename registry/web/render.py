"""From views to HTML: language, links, the frame that all pages share, headers.

Rules
- the language is ?lang=, else what Accept-Language prefers, else Chinese
- no script, no inline style, nothing from elsewhere: the content security policy forbids them
- every page states its size, and says if the log is a sample, not witnessed, or started alone
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from urllib.parse import urlencode

import jinja2
from fastapi import Request
from fastapi.responses import HTMLResponse
from msgspec import UNSET, UnsetType

from registry.ledger.quantities import format_tonnes
from registry.ports import Snapshot
from registry.service.reading import log
from registry.web import formats
from registry.web.words import Language, has, word

SAMPLE_ORIGIN = "sample.invalid/"
"""Every page of a log whose origin begins so carries the banner."""
_STYLE = resources.files("registry.web").joinpath("static/style.css").read_bytes()
STYLE_PATH = f"/style.css?v={hashlib.sha256(_STYLE).hexdigest()[:12]}"
"""A new style sheet has a new address, so an old one may be kept for ever."""
_HEADERS = {
    "cache-control": "no-cache",
    "content-security-policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "vary": "Accept-Language",
    "x-content-type-options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Frame:
    """What the log says of itself on every page."""

    origin: str
    region: str
    size: int
    time_ms: int
    published_size: int
    published_ms: int
    witnessed: bool
    offset_min: int

    @property
    def sample(self) -> bool:
        """Whether nothing here has any legal effect."""
        return self.origin.startswith(SAMPLE_ORIGIN)


NO_FRAME = Frame("", "", -1, 0, -1, 0, witnessed=False, offset_min=480)
"""For a page that could not ask the log."""


def frame(snapshot: Snapshot, *, witnessed: bool) -> Frame:
    """The frame as of a snapshot."""
    opened, published = log(snapshot), snapshot.published()
    return Frame(
        origin=opened.origin if opened else "",
        region=opened.region if opened else "",
        size=snapshot.head.size,
        time_ms=snapshot.head.time_ms,
        published_size=published.size if published else -1,
        published_ms=published.time_ms if published else 0,
        witnessed=witnessed,
        offset_min=opened.offset_min if opened else 480,
    )


def style() -> bytes:
    """The one style sheet."""
    return _STYLE


def choose_language(request: Request) -> tuple[Language, bool]:
    """The page's language, and whether the address names it."""
    named = request.query_params.get("lang", "")
    if named == "en":
        return "en", True
    if named == "zh":
        return "zh", True
    best: tuple[float, Language] = (0.0, "zh")
    for part in request.headers.get("accept-language", "")[:200].lower().split(","):
        tag, _, weight = part.partition(";q=")
        try:
            quality = float(weight) if weight else 1.0
        except ValueError:
            continue
        code = tag.strip()[:2]
        if quality > best[0] and code == "en":
            best = (quality, "en")
        elif quality > best[0] and code == "zh":
            best = (quality, "zh")
    return best[1], False


class Page:
    """Renders one answer: a template with what it shows, in one language."""

    def __init__(self, request: Request, about: Frame, *, alone: bool = False) -> None:
        self.language, self._named = choose_language(request)
        self.times = formats.Times(about.offset_min)
        self._request = request
        self._frame = about
        self._alone = alone

    def html(self, template: str, status: int = 200, /, **shown: object) -> HTMLResponse:
        """The page; `shown` are the template's names."""
        text = _environment.get_template(template).render(**self._context(), **shown)
        headers = _HEADERS | {"content-language": "zh-CN" if self.language == "zh" else "en"}
        return HTMLResponse(text, status, headers=headers)

    def word(self, key: str, **places: object) -> str:
        """Words in the page's language, their places filled."""
        text = word(key, self.language)
        return text.format(**places) if places else text

    def to(self, path: str, query: Mapping[str, str] | None = None) -> str:
        """A link within the pages; keeps a language that the address names."""
        pairs = {name: text for name, text in (query or {}).items() if text}
        if self._named:
            pairs["lang"] = self.language
        return f"{path}?{urlencode(pairs)}" if pairs else path

    def _context(self) -> dict[str, object]:
        return {
            "alone": self._alone,
            "base": _address(self._request),
            "frame": self._frame,
            "lang": self.language,
            "named_language": self._named,
            "other": self._other_language(),
            "style": STYLE_PATH,
            "times": self.times,
            "to": self.to,
            "w": self.word,
        }

    def _other_language(self) -> str:
        pairs = [(n, t) for n, t in self._request.query_params.multi_items() if n != "lang"]
        pairs.append(("lang", "en" if self.language == "zh" else "zh"))
        return f"{self._request.url.path}?{urlencode(pairs)}"


def _address(request: Request) -> str:
    """The address under which the reader came, for the commands that a page shows."""
    scheme = request.headers.get("x-forwarded-proto", request.url.scheme)
    return f"{'https' if scheme == 'https' else 'http'}://{request.url.netloc}"


def _is_set(value: object) -> bool:
    return value is not UNSET and value is not None and not isinstance(value, UnsetType)


def _share(part: int, whole: int) -> int:
    """A share in thousandths, for bars; nothing is calculated with it."""
    return part * 1000 // whole if whole > 0 else 0


def _make_environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("registry.web"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = formats.number
    environment.filters["tonnes"] = format_tonnes
    environment.tests["set"] = _is_set
    environment.globals["share"] = _share
    environment.globals["has_word"] = has
    environment.globals["holder"] = formats.holder
    environment.globals["account_piece"] = formats.account
    return environment


_environment = _make_environment()
