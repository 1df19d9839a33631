"""Find the desk's own `tasks.py` files, so that every process knows every kind of work."""

from importlib import import_module
from pathlib import Path

from django.apps import apps
from django.conf import settings


def load_tasks() -> None:
    """Import every `tasks.py` of the desk's own apps and of the rooms inside them."""
    for config in apps.get_app_configs():
        folder = Path(config.path)
        if folder != settings.BASE_DIR.joinpath(*config.name.split(".")):
            continue  # a library
        for path in sorted(folder.rglob("tasks.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            import_module(".".join((config.name, *parts)))
