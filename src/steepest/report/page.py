"""One study as one HTML file: no request, no markup from data, the same bytes for the same content.

Every text passes Jinja's escaping; numbers reach the script only through a block of JSON in which
no character can end the block. The content security policy allows exactly the scripts and the
style of this page, by their hashes.
"""

import base64
import hashlib
import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from steepest.errors import DataError
from steepest.report.arrival_chart import arrival
from steepest.report.budget_chart import budget
from steepest.report.chart import Figure, arm_looks, compact
from steepest.report.content import Content
from steepest.report.curve_chart import curves
from steepest.report.factor_chart import effects, interaction
from steepest.report.factor_table import factor_rows
from steepest.report.importance_chart import importances
from steepest.report.isolation_chart import isolation
from steepest.report.number import THIN, margin
from steepest.report.overview import arm_rows, columns, verdict_rows, words
from steepest.report.palette import DARK, LIGHT, SIGNS, colour, dash
from steepest.report.published import reported_cells
from steepest.report.rate_chart import rate
from steepest.report.run_chart import runs
from steepest.report.strip_chart import strip

ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath"
    " d='M2 2C3 11 7 13 14 13.5' fill='none' stroke='%230072b2' stroke-width='2.5'/%3E%3C/svg%3E"
)
KINDS = {
    "better": "better", "worse": "worse", "equivalent": "equivalent", "holds": "better",
    "does not hold": "worse",
}  # fmt: skip
LIBRARY = ("vega.min.js", "vega-lite.min.js", "vega-interpreter.min.js")


def render(content: Content) -> str:
    """Return the page of a study."""
    drawn = figures(content)
    names = [arm.name for arm in content.arms]
    return assemble(
        "page.html", content, drawn, (names, arm_looks(content)),
        verdicts=verdict_rows(content),
        words=words(margin(content.metric)),
        factors=factor_rows(content),
        columns=columns(content),
        arms=arm_rows(content),
        arms_caption=_arms_caption(content),
        claims=content.claims,
        reported=reported_cells(content),
        kinds=KINDS,
        signs=SIGNS,
    )  # fmt: skip


def assemble(
    template: str, content: Any, drawn: list[Figure], legend: tuple[list[str], list[int]],
    **shown: Any,
) -> str:  # fmt: skip
    """Return a page of a template: style, scripts, figures and their data put in.

    `content` has the fields that every page shows (study, question, plan, headline, claim_scope,
    notes, method, created); `legend` the names of what is compared and their looks.
    """
    style, script, library = _style(), asset("templates/page.js"), _library()
    page = environment().get_template(template).render(
        c=content,
        policy=policy(style, [library, script]),
        icon=Markup(ICON),  # noqa: S704 - our own file
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        library=Markup(library),  # noqa: S704 - our own file
        payload=Markup(_json(_payload(legend[0], drawn))),  # noqa: S704 - escaped by _json
        figures=drawn,
        keys=_keys(*legend),
        tables=(
            ("Settings", content.method.settings),
            ("Environment", content.method.environment),
            ("Hashes", content.method.hashes),
        ),
        **shown,
    )  # fmt: skip
    return page.encode("utf-8", "replace").decode("utf-8")


def write(content: Content, path: str | Path) -> Path:
    """Write the page and return its path; folders are made, an older page is replaced whole."""
    return put(render(content), path)


def put(page: str, path: str | Path) -> Path:
    """Write the text of a page to a file, whole or not at all; return its path.

    Raises DataError where it cannot be written.
    """
    target = Path(path)
    if target.is_dir():
        raise DataError(f"cannot write '{path}': it is a folder")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(target.name + ".part")
        part.write_text(page, encoding="utf-8", newline="\n")
        return part.replace(target)
    except OSError as error:
        raise DataError(f"cannot write '{path}': {error.strerror}") from None


def figures(content: Content) -> list[Figure]:
    """Return the charts that this study has data for, in the order of the page."""
    drawn = (strip, effects, interaction, curves, arrival, budget, rate, isolation, importances)
    made = (f(content) for f in (*drawn, runs))
    return [figure for figure in made if figure is not None]


def _arms_caption(content: Content) -> str:
    text = f"Score: mean and 95{THIN}% interval over the runs."
    if content.reference is not None:
        text += (
            f" Difference: from {content.reference}, with simultaneous interval. Wins: the pairs"
            f" of {content.repeated} in which the arm beats {content.reference}, a tie for half."
        )
    if any(arm.boundary for arm in content.arms):
        text += (
            " Edge of range: the best setting lay at the end of the searched range; a wider search"
            " may do better."
        )
    return text


def _keys(names: list[str], looks: list[int]) -> list[dict[str, Any]]:
    return [
        {"i": i, "name": name, "colour": colour(look), "dash": " ".join(map(str, dash(look)))}
        for i, (name, look) in enumerate(zip(names, looks, strict=True))
    ]


def _payload(names: list[str], drawn: list[Figure]) -> dict[str, Any]:
    return {
        "arms": names,
        "figures": {
            figure.name: {
                "spec": figure.spec,
                "choices": [
                    {"name": c.name, "fills": [dict(o.fills) for o in c.options]}
                    for c in figure.choices
                ],
                "tables": {
                    name: {
                        "columns": table.columns,
                        "rows": [[compact(value) for value in row] for row in table.rows],
                    }
                    for name, table in figure.tables.items()
                },
            }
            for figure in drawn
        },
    }


def _json(value: Any) -> str:
    """Return JSON in which nothing can end a script block: ASCII, with < > & written as escapes."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def policy(style: str, scripts: list[str]) -> str:
    """Return the content-security policy that lets this style and these scripts in, no more."""
    hashes = " ".join(f"'sha256-{_hash(script)}'" for script in scripts) or "'none'"
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'sha256-{_hash(style)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@cache
def environment() -> Environment:
    """Return the environment of templates: everything put in is escaped."""
    return Environment(
        loader=PackageLoader("steepest.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def asset(name: str) -> str:
    """Return a file of this room as text."""
    return files("steepest.report").joinpath(name).read_text(encoding="utf-8")


@cache
def _style() -> str:
    """Return the style sheet with the palette put in."""

    def variables(hues: tuple[str, ...]) -> str:
        return " ".join(f"--arm-{i}: {hue};" for i, hue in enumerate(hues))

    classes = "\n".join(f".look-{i} {{ --arm: var(--arm-{i}); }}" for i in range(len(LIGHT)))
    style = asset("templates/page.css").replace("__LOOKS__", classes)
    return style.replace("__LIGHT__", variables(LIGHT)).replace("__DARK__", variables(DARK))


@cache
def _library() -> str:
    """Return the chart library as one script, its licences first, without source-map comments."""
    parts = [f"/*!\n{asset('vendor/LICENSE')}*/"]
    for name in LIBRARY:
        lines = asset(f"vendor/{name}").splitlines()
        parts.append("\n".join(line for line in lines if not line.startswith("//# sourceMapping")))
    return "\n;".join(parts)
