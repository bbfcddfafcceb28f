"""What pages of the site may use beside Sphinx' own: pictures, drawings and names of imgconv.

`picture` shows a block of code and the pictures that its expressions make, `drawing` a figure of
`drawings`. Names of imgconv in backticks link to their page.
"""

import ast
import hashlib
import posixpath
import re
from pathlib import Path
from typing import Any, ClassVar

import comparisons
import drawings
import numpy as np
import reference
import shown
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective

import imgconv
import samples

__all__ = ["setup"]

MADE = Path(__file__).resolve().parent.parent / "made"


class Picture(SphinxDirective):
    """Code, and a picture of each of its expressions: ``image`` is the named sample."""

    required_arguments = 1
    optional_arguments = 0
    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {
        "hide-code": directives.flag,
        "captions": directives.unchanged,
    }

    def run(self) -> list[nodes.Node]:
        code = "\n".join(self.content)
        self.env.note_dependency(samples.__file__)
        try:
            values = run(code, self.arguments[0])
        except Exception as error:
            raise self.error(f"{type(error).__name__}: {error}") from error
        captions = self.options.get("captions")
        texts = captions.split(" | ") if captions else [source for source, _ in values]
        row = nodes.container(classes=["pictures"])
        for text, (source, value) in zip(texts, values, strict=True):
            name = hashlib.sha256(f"{self.arguments[0]}\n{code}\n{source}".encode()).hexdigest()
            path = MADE / "pictures" / f"{name[:16]}.png"
            shown.write(value, path)
            figure = nodes.figure()
            relative = "/" + path.relative_to(MADE.parent).as_posix()
            figure += nodes.image(uri=relative, alt=text, candidates={"*": relative})
            caption = nodes.caption()
            caption += nodes.Text(text) if captions else nodes.literal(text=text)
            figure += caption
            row += figure
        # Captions without any other line than theirs are the code.
        if "hide-code" in self.options or (
            not captions and len(ast.parse(code).body) == len(values)
        ):
            return [row]
        return [nodes.literal_block(code, code, language="python"), row]


def run(code: str, name: str) -> list[tuple[str, Any]]:
    """Run code on a sample, and return source and value of each of its expressions."""
    known = {"np": np, "imgconv": imgconv, "image": samples.sample(name), "marked": shown.marked}
    values = []
    for statement in ast.parse(code).body:
        source = ast.get_source_segment(code, statement) or ""
        if isinstance(statement, ast.Expr):
            values.append((source, eval(source, known)))
        else:
            exec(source, known)
    return values


class Drawing(SphinxDirective):
    """A figure or an animation that a function of `drawings` makes; the content describes it."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(drawings.__file__)
        path = drawings.draw(self.arguments[0], MADE / "drawings")
        relative = "/" + path.relative_to(MADE.parent).as_posix()
        alt = " ".join(self.content) or self.arguments[0]
        figure = nodes.figure(classes=["drawing"])
        figure += nodes.image(uri=relative, alt=alt, candidates={"*": relative})
        if self.content:
            figure += nodes.caption(text=alt)
        return [figure]


class Names(SphinxPostTransform):
    """Make links of the names of imgconv that stand in text as code and have a page."""

    default_priority = 5

    def run(self, **kwargs: Any) -> None:
        for literal in list(self.document.findall(nodes.literal)):
            target = reference.target(literal.astext(), self.env.current_document.docname)
            if target is None or inside_link(literal):
                continue
            link = addnodes.pending_xref(
                "", literal.deepcopy(), refdomain="py", reftype="obj", reftarget=target
            )
            link["refdoc"] = self.env.current_document.docname
            link["refwarn"] = True
            literal.replace_self(link)


def inside_link(node: nodes.Node) -> bool:
    kinds = nodes.reference | nodes.title | addnodes.pending_xref
    while node := node.parent:
        if isinstance(node, kinds):
            return True
    return False


def plain_bars(
    app: Sphinx, what: str, name: str, documented: Any, options: Any, lines: list[str]
) -> None:
    """Show |x| of an equation as it is: reStructuredText would look for a substitution."""
    example = False
    for place, line in enumerate(lines):
        example = line.lstrip().startswith(">>>") or (example and bool(line.strip()))
        if not example and "|" in line:
            parts = line.split("`")
            parts[::2] = [part.replace("|", r"\|") for part in parts[::2]]
            lines[place] = "`".join(parts)


def within_site(app: Sphinx, name: str, source: list[str]) -> None:
    """Make text of the links to files of the repository that have no page."""
    if Path(app.env.doc2path(name)).suffix != ".md":
        return

    def link(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(name), match[2]))
        if not target.startswith("../"):
            return match[0]
        page = reference.PAGES_OF_FILES.get(target.removeprefix("../"))
        return f"[{match[1]}](/{page})" if page else match[1]

    source[0] = re.sub(r"(?<!!)\[([^\]]+)\]\((\.\./[^)#]+)(?:#[^)]*)?\)", link, source[0])


def generate(app: Sphinx) -> None:
    reference.write(MADE / "reference")
    comparisons.write(MADE / "coming")


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("picture", Picture)
    app.add_directive("drawing", Drawing)
    app.add_post_transform(Names)
    # Before sphinx-gallery, whose pages may name ours.
    app.connect("builder-inited", generate, priority=400)
    app.connect("autodoc-process-docstring", plain_bars, priority=900)
    app.connect("source-read", within_site)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
