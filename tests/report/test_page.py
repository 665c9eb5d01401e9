"""The page: text stays text, nothing is fetched, the same content gives the same bytes."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser

import pytest
from report.browser import CHROMIUM, visit
from report.payload import PAYLOADS
from report.sample import hostile, sample

from steepest.report.content import Content
from steepest.report.page import figures, render, write


class Tree(HTMLParser):
    """Collects start and end tags with their attributes, and the contents of scripts and styles."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[object, ...]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.styles: list[str] = []
        self.inside = ""

    def handle_starttag(self, tag, attrs):
        """Note the element and its attributes."""
        self.tags.append((tag, *attrs))
        self.inside = tag
        if tag == "script":
            self.scripts.append((dict(attrs), ""))

    def handle_endtag(self, tag):
        """Note the end."""
        self.tags.append(("/" + tag,))
        self.inside = ""

    def handle_data(self, data):
        """Keep what stands in scripts and styles."""
        if self.inside == "script":
            attributes, text = self.scripts.pop()
            self.scripts.append((attributes, text + data))
        elif self.inside == "style":
            self.styles.append(data)


def parse(page: str) -> Tree:
    tree = Tree()
    tree.feed(page)
    tree.close()
    return tree


@cache
def hostile_tree(text: str) -> Tree:
    return parse(render(hostile(text)))


PLAIN = hostile_tree("x").tags


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_text_becomes_markup(payload):
    """Any text in every free field leaves the tree of elements and attributes as it was."""
    assert hostile_tree(payload).tags == PLAIN


@pytest.mark.parametrize("payload", PAYLOADS)
def test_data_survive_the_embedding(payload):
    """The block of JSON reads back to the names that were put in."""
    scripts = hostile_tree(payload).scripts
    assert json.loads(scripts[0][1])["arms"] == [arm.name for arm in hostile(payload).arms]


def test_tree_would_show_an_unescaped_name():
    """The comparison of trees fails for a page with markup in it."""
    page = render(hostile("x")).replace("<bdi>x</bdi>", "<bdi><b>x</b></bdi>", 1)
    assert parse(page).tags != PLAIN


def test_page_names_no_outside_address():
    """No attribute, style or own script points anywhere."""
    page = render(sample())
    tree = parse(page)
    pointing = {"src", "href", "action", "srcset", "data", "poster", "formaction"}
    values = [v for _, *attrs in tree.tags for name, v in attrs if name in pointing]
    assert all(value.startswith(("#", "data:")) for value in values)
    assert not re.search(r"@import|url\(", "".join(tree.styles))
    assert not re.search(r"https?:|fetch\(|XMLHttpRequest|import\(", tree.scripts[-1][1])
    assert "sourceMappingURL" not in page


def test_policy_allows_this_page_only():
    """The content security policy holds the hash of every script that runs and of the style."""
    tree = parse(render(sample()))
    policy = next(
        dict(attrs)["content"]
        for tag, *attrs in tree.tags
        if ("http-equiv", "Content-Security-Policy") in attrs
    )
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    running = [text for attributes, text in tree.scripts if "type" not in attributes]
    assert len(running) == 2
    for text in (*running, *tree.styles):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


def test_same_content_gives_same_bytes(tmp_path):
    """Two pages of one study are equal, and writing replaces the file whole."""
    first = write(sample(), tmp_path / "a" / "report.html").read_bytes()
    assert write(sample(), tmp_path / "a" / "report.html").read_bytes() == first
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["report.html"]


def test_normal_study_is_small():
    """Seven arms with ten seeds and twenty epochs fit in 1.3 MB, library included."""
    assert len(render(sample()).encode()) < 1_300_000


def test_thousand_runs_are_small():
    """A report of 1,000 runs takes at most 3 MB, and says what it leaves out."""
    content = sample(seeds=48, epochs=50, copies=3)
    assert len(content.curves) > 1000
    page = render(content)
    assert len(page.encode()) < 3_000_000
    assert "for the first 19 of 48 seeds" in page


def test_empty_study_still_has_a_page():
    """A study without any result yet is shown without charts and tables."""
    page = render(Content("s", "Does it help?", "Nothing has run yet.", "today"))
    assert "Nothing has run yet." in page
    assert "<figure" not in page
    assert "<table" not in page


def test_values_that_are_not_finite_are_absent():
    """NaN and infinities appear neither in the data nor as text."""
    content = sample()
    odd = replace(content.arms[1], mean=float("nan"), delta=float("inf"), seconds=float("nan"))
    page = render(replace(content, arms=(content.arms[0], odd, *content.arms[2:])))
    scripts = parse(page).scripts
    json.loads(scripts[0][1], parse_constant=pytest.fail)
    assert not re.search(r">\s*(nan|inf)", page)


def test_all_pairs_study_shows_scores():
    """Without a reference the strip shows scores and the table has no differences."""
    content = sample(reference=None)
    assert figures(content)[0].title == "How do the arms score?"
    assert "Wins" not in render(content)


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="headless Chromium is not installed")
@pytest.mark.parametrize(
    ("content", "charts"),
    [(sample(), 5), (sample(reference=None), 5), (hostile("</script><img src=x>'\"\\u0022$&"), 5)],
    ids=["reference", "pairs", "hostile"],
)
def test_browser_draws_every_chart(content, charts, tmp_path):
    """Chromium draws all charts under the policy, without a word on the console."""
    page = write(content, tmp_path / "report.html")
    seen = visit(page, tmp_path / "profile")
    assert seen.console == ()
    assert seen.document.count('data-drawn="yes"') == charts
    assert len(re.findall(r'<svg[^>]*class="marks"', seen.document)) == charts
    assert "<img" not in seen.document
