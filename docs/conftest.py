"""Pytest reads the pages here; Sphinx runs the code of the site and the gallery."""

collect_ignore_glob = ["conf.py", "site/*", "examples/*", "made/*", "_build/*"]
