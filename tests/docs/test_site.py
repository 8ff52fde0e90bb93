"""The site of docs/ is built strictly, links lead somewhere, and a browser shows it."""

import ast
import importlib.util
import math
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml

from seqrec.model_registry import MODELS
from tests.cli import chromium
from tests.conftest import ROOT

DOCS = ROOT / "docs"
COMMAND = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]


def without_zensical():
    """Skip where the site cannot be built, but never in CI."""
    reason = "zensical is not installed (make zensical)"
    pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


def build(folder):
    """Build the site of a folder; return how it ended."""
    return subprocess.run(
        COMMAND, cwd=folder, env={**os.environ, "NO_COLOR": "1"}, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300,
    )  # fmt: skip


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """A copy of what the site is built from."""
    if importlib.util.find_spec("zensical") is None:
        without_zensical()
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(ROOT / "mkdocs.yml", folder)
    shutil.copytree(DOCS, folder / "docs", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "src").symlink_to(ROOT / "src")
    return folder


@pytest.fixture(scope="module")
def site(sources):
    """The built site."""
    done = build(sources)
    assert done.returncode == 0, done.stdout[-3000:]
    return sources / "site"


class Page(HTMLParser):
    """What a page links to, loads and can be linked to."""

    def __init__(self, path):
        super().__init__()
        self.path = path
        self.anchors = set()
        self.links = []
        self.loads = []
        self.title = ""
        self._within = []
        self._link = None
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.anchors |= {given[name] for name in ("id", "name") if given.get(name)}
        loads = {"link": "href", "a": ""}.get(tag, "src")
        if given.get(loads) and given.get("rel") not in ("canonical", "next", "prev"):
            self.loads.append(given[loads])
        if tag in ("article", "h1"):
            self._within.append(tag)
        if tag == "a" and given.get("href"):
            self._link = [given["href"], "", "article" in self._within]

    def handle_endtag(self, tag):
        if tag in self._within:
            self._within.remove(tag)
        if tag == "a" and self._link:
            self.links.append(tuple(self._link))
            self._link = None

    def handle_data(self, data):
        if self._link:
            self._link[1] += data
        if "h1" in self._within:
            self.title += data

    def target(self, href):
        """Return the file and the anchor that a link of this page leads to."""
        parts = urlsplit(href)
        path = self.path.parent / unquote(parts.path) if parts.path else self.path
        path = path / "index.html" if path.is_dir() else path
        return Path(os.path.normpath(path)), unquote(parts.fragment)


@pytest.fixture(scope="module")
def pages(site):
    return {path: Page(path) for path in sorted(site.rglob("*.html")) if path.name != "404.html"}


def elsewhere(address):
    return bool(urlsplit(address).scheme or urlsplit(address).netloc)


def test_every_page_is_in_the_navigation_once():
    def files(entries):
        for entry in entries:
            value = next(iter(entry.values())) if isinstance(entry, dict) else entry
            yield from [value] if isinstance(value, str) else files(value)

    listed = list(files(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]))
    there = [str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")]
    assert sorted(listed) == sorted(there)


def test_every_decision_is_listed_once():
    listed = re.findall(
        r"^- \[\d+\]\(([\w-]+\.md)\): .", (DOCS / "adr" / "index.md").read_text(), re.M
    )
    assert sorted(listed) == sorted(path.name for path in (DOCS / "adr").glob("0*.md"))


def test_every_page_has_a_title_and_is_no_stub(pages):
    for path, page in pages.items():
        assert page.title.strip(), path
        assert len(path.read_text(encoding="utf-8").partition("<article")[2]) > 1500, path


def test_every_link_leads_to_a_page_and_an_anchor(pages):
    followed = 0
    for page in pages.values():
        for href, _, _ in page.links:
            if elsewhere(href):
                continue
            path, anchor = page.target(href)
            assert path.is_file(), f"{page.path.name}: {href}"
            if anchor and path in pages:
                assert anchor in pages[path].anchors, f"{page.path.name}: {href}"
            followed += 1
    assert followed > 1000


def test_nothing_is_loaded_from_elsewhere(site, pages):
    for page in pages.values():
        for address in page.loads:
            assert not elsewhere(address) or address.startswith("data:"), address
            if not elsewhere(address):
                assert page.target(address)[0].is_file(), f"{page.path.name}: {address}"
    for style in site.rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        assert not re.search(r"(?:@import|url\()\s*[\"']?(?:https?:)?//", text), style.name


def test_a_broken_link_or_anchor_fails_the_build(sources, tmp_path):
    broken = tmp_path / "broken"
    (broken / "docs").mkdir(parents=True)
    (broken / "docs" / "index.md").write_text("# A page\n\n[there](other.md) [here](#nowhere)\n")
    (broken / "mkdocs.yml").write_text("site_name: x\nstrict: true\n")
    done = build(broken)
    assert done.returncode != 0
    assert "2 issues" in done.stdout


LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")


def slug(heading):
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def readme_links():
    return LINK.findall((ROOT / "README.md").read_text(encoding="utf-8"))


def test_every_link_of_the_readme_leads_somewhere():
    for _, href in readme_links():
        if elsewhere(href):
            continue
        path, _, anchor = href.partition("#")
        text = (ROOT / path).read_text(encoding="utf-8") if path.endswith(".md") else ""
        assert (ROOT / path).is_file(), href
        headings = {slug(line.lstrip("# ")) for line in text.splitlines() if line.startswith("#")}
        assert not anchor or anchor in headings, href


def test_files_named_in_code_and_configuration_are_there():
    named = re.compile(r"docs/[\w./-]+\.(?:md|svg|png)")
    places = [*(ROOT / "src").rglob("*.py"), *(ROOT / "conf").rglob("*.yml")]
    places += [ROOT / "Makefile", ROOT / "runpod_entrypoint.sh", ROOT / "pyproject.toml"]
    places += [*(ROOT / "benchmarks").glob("*.py"), *DOCS.rglob("*.md"), *DOCS.glob("*.py")]
    for place in places:
        for name in named.findall(place.read_text(encoding="utf-8")):
            assert (ROOT / name).is_file(), f"{place}: {name}"


# What somebody who knows Kedro but not the project looks for: words of the links that lead there,
# and what the page says.
LOOKED_FOR = {
    "how to train on own data": (r"own (data|events)", "source.user=customer"),
    "what `known` means": (r"known|query time", "the true time from the last event"),
    "how to resume": (r"resume", "Type the same command again"),
    "how to add a model": (r"add a model", "A model is four files"),
}


@pytest.mark.parametrize("wanted", LOOKED_FOR)
def test_the_site_answers_within_two_clicks(site, pages, wanted):
    words, says = LOOKED_FOR[wanted]
    reached = {site / "index.html"}
    for _ in range(2):
        links = [(page, link) for page in reached for link in pages[page].links if link[2]]
        good = [page.target(href)[0] for page, href in by_words(pages, links, words)]
        if any(path in pages and says in plain(path) for path in good):
            return
        reached |= {pages[page].target(link[0])[0] for page, link in links} & set(pages)
    pytest.fail(f"nobody finds {wanted}")


def by_words(pages, links, words):
    for page, (href, text, _) in links:
        if re.search(words, text, re.IGNORECASE) and not elsewhere(href):
            yield pages[page], href


def plain(path):
    return re.sub(r"<[^>]+>", "", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("wanted", LOOKED_FOR)
def test_the_readme_answers_within_one_click(wanted):
    words, says = LOOKED_FOR[wanted]
    good = [
        href.partition("#")[0]
        for text, href in readme_links()
        if re.search(words, text, re.IGNORECASE) and not elsewhere(href)
    ]
    assert any(says in (ROOT / path).read_text(encoding="utf-8") for path in good)


def messages():
    """Yield the messages that the troubleshooting pages name."""
    for page in ("troubleshooting.md", "guides/pod.md"):
        text = (DOCS / page).read_text(encoding="utf-8")
        for cell in re.findall(r"^\| (`.+?) \|", text, re.MULTILINE):
            if page == "troubleshooting.md" or " " in cell:
                yield from re.findall(r"`([^`]+)`", cell)


OTHERS = {"CUDA out of memory"}
"""Messages that are not ours."""
VALUE = "…"


def literals(path):
    """Yield a module's texts, with … for what is put into them."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            parts = (
                part.value if isinstance(part, ast.Constant) else VALUE for part in node.values
            )
            yield "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield re.sub(r"%[srd]", VALUE, node.value)


def agree(said, written):
    """Count the words of a message that a text has, in order, from its first one on.

    Values in either stand for one word or more.
    """
    if not said:
        return 0
    if not written:
        return -math.inf
    first, other = said[0].strip(".,:;()'\""), written[0].strip(".,:;()'\"")
    best = -math.inf
    if first == other:
        best = (VALUE not in first) + agree(said[1:], written[1:])
    elif VALUE in first or VALUE in other:
        best = max(agree(said[1:], written[1:]), agree(said[1:], written))
        best = max(best, agree(said, written[1:])) if VALUE in first else best
    return best


def is_said(message, texts):
    words = message.split()
    enough = (len([word for word in words if VALUE not in word]) + 1) // 2
    own = {word.strip(".,:;()'\"") for word in words}
    for text in texts:
        written = text.split()
        if len(own & {word.strip(".,:;()'\"") for word in written}) < enough:
            continue
        if any(agree(words, written[start:]) >= enough for start in range(len(written))):
            return True
    return False


def test_the_messages_in_troubleshooting_are_those_of_the_code():
    texts = {text for path in (ROOT / "src").rglob("*.py") for text in literals(path)}
    script = (ROOT / "runpod_entrypoint.sh").read_text(encoding="utf-8")
    texts |= {re.sub(r"\$\(.*?\)|\$\{.*?\}|\$\w+", VALUE, line) for line in script.splitlines()}
    listed = [message for message in messages() if message not in OTHERS]
    assert len(listed) > 50
    assert [message for message in listed if not is_said(message, texts)] == []
    assert not is_said("the moon is in the way: wait until it has gone", texts)


PROBE = """<script>addEventListener("load", () => setTimeout(() => parent.postMessage(
[document.documentElement.scrollWidth, innerWidth, document.querySelector("h1").innerText], "*"),
300))</script></body>"""
HOST = """<body><script>
addEventListener("message", event => {{
  const line = document.createElement("p"); line.className = "said";
  line.innerText = JSON.stringify(event.data); document.body.append(line) }})
</script>{frames}</body>"""
# Types a word into the search field, which lies in a shadow tree, and tells what is found.
SEARCH = """<script>
const all = root => [...root.querySelectorAll("*")].flatMap(
  e => [e, ...(e.shadowRoot ? all(e.shadowRoot) : [])])
const later = (step, ms) => setTimeout(step, ms)
addEventListener("load", () => later(() => {
  document.querySelector(".md-search__button").click()
  later(() => {
    const field = all(document).find(
      e => e.getAttribute("aria-label") == "Search" && e.tagName == "INPUT")
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(field, "resume")
    field.dispatchEvent(new Event("input", { bubbles: true }))
    later(() => {
      const found = all(document).filter(e => e.tagName == "A" && e.getRootNode() != document)
      document.title = "found " + found.map(e => e.getAttribute("href")).join(" ")
    }, 2500)
  }, 1000)
}, 1000))</script></body>"""
LOOKED_AT = [
    "index.html",
    "start.html",
    "guides/index.html",
    "guides/own-data.html",
    "concepts/model.html",
    "results/index.html",
    "results/ml-1m.html",
    "api/models.html",
    "troubleshooting.html",
]


WIDTHS = (390, 1280)
OF_FRAMES = "Blocked autofocusing on a <input> element in a cross-origin subframe"
"""What the browser says of the search field of a page in a frame."""


def test_pages_fit_a_screen_and_have_no_error_in_a_browser(site, tmp_path):
    copy = tmp_path / "site"
    shutil.copytree(site, copy)
    for name in LOOKED_AT:
        page = copy / name
        page.write_text(page.read_text(encoding="utf-8").replace("</body>", PROBE))
    frames = "".join(
        f'<iframe src="{name}" width="{width}" height="800" frameborder="0"></iframe>'
        for width in WIDTHS
        for name in LOOKED_AT
    )
    (copy / "host.html").write_text(HOST.format(frames=frames))
    dumped = chromium(
        "--dump-dom", "--virtual-time-budget=15000", f"file://{copy}/host.html",
        profile=tmp_path / "profile",
    )  # fmt: skip
    body, log = dumped.split("<!-- log -->")
    assert "CONSOLE" not in "".join(x for x in log.splitlines(True) if OF_FRAMES not in x), log
    said = re.findall(r'class="said">\[(\d+),(\d+),"(.+?)"\]', body)
    assert len(said) == len(LOOKED_AT) * len(WIDTHS)
    assert {int(width) for _, width, _ in said} == set(WIDTHS)
    for scrolled, width, title in said:
        assert int(scrolled) <= int(width), f"{title} is {scrolled} pixels wide on {width}"


def test_search_finds_a_page_that_is_opened_from_a_folder(site, tmp_path):
    copy = tmp_path / "site"
    shutil.copytree(site, copy)
    page = copy / "faq.html"
    page.write_text(page.read_text(encoding="utf-8").replace("</body>", SEARCH))
    dumped = chromium(
        "--dump-dom", "--virtual-time-budget=10000", f"file://{page}", profile=tmp_path / "profile"
    )
    assert re.search(r"<title>found [^<]*guides/resume\.html", dumped)


def test_every_model_is_named_where_models_are_explained():
    text = "".join(path.read_text(encoding="utf-8").lower() for path in DOCS.rglob("*.md"))
    assert not [name for name in MODELS if name not in text]
