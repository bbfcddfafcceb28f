"""The settings of Sphinx; `make docs` builds the pages in docs/_build/html."""

import sys
from importlib import metadata
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS / "site"))

# What people look for first comes first; within a section, by the names of files.
SECTIONS = [
    "edges",
    "thresholds",
    "noise",
    "contrast",
    "sharpening",
    "morphology",
    "lines",
    "points",
    "missing",
    "colour",
    "windows",
    "networks",
    "pipelines",
]

project = "imgconv"
author = "The imgconv developers"
copyright = "The imgconv developers"
release = metadata.version("imgconv")

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.githubpages",
    "numpydoc",
    "myst_parser",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "extension",
]
exclude_patterns = ["_build", "examples", "site", "made/gallery/**/*.py", "made/gallery/**/*.ipynb"]
nitpicky = True
# Options such as --quiet keep their two hyphens.
smartquotes = False
default_role = "literal"
suppress_warnings = ["config.cache"]

# What signatures and docstrings are made of.
autodoc_typehints = "none"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "made/gallery",
    "backreferences_dir": "made/backreferences",
    "filename_pattern": r"/plot_",
    "subsection_order": [f"examples/{section}" for section in SECTIONS],
    "within_subsection_order": "FileNameSortKey",
    "min_reported_time": 1e9,
    "show_memory": False,
    "write_computation_times": False,
    "show_signature": False,
    "remove_config_comments": True,
    "download_all_examples": False,
    "thumbnail_size": (320, 224),
    "abort_on_example_error": True,
}

html_theme = "pydata_sphinx_theme"
html_title = "imgconv"
html_favicon = "site/static/imgconv.svg"
html_static_path = ["site/static"]
html_css_files = ["imgconv.css"]
html_show_sourcelink = False
html_copy_source = False
# The colours of the reader's system, until the reader chooses others.
html_context = {"default_mode": "auto"}
html_theme_options = {
    "logo": {"text": "imgconv"},
    "navbar_end": ["theme-switcher"],
    "header_links_before_dropdown": 7,
    "navbar_persistent": ["search-button"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "back_to_top_button": True,
    "pygments_light_style": "tango",
    "pygments_dark_style": "github-dark",
}
html_sidebars = {"start": [], "index": []}
