"""One folder for each Ray Serve app: the unit that a data scientist owns. `generator/serve_apps.py` declares them."""
