"""The form in which JupyterLab saves notebooks here: that of the repository."""

from typing import Any


def as_committed(model: dict[str, Any], **_place: object) -> None:
    """Leave out what a kernel tells of its language, as its version is another on each machine.

    JupyterLab adds it as soon as a notebook has a kernel, and its autosave writes it. It is a hook
    of Jupyter's contents manager, which `make lab` names.

    Args:
        model: what is about to be saved.
    """
    if model["type"] != "notebook" or not isinstance(model.get("content"), dict):
        return
    told = model["content"].get("metadata", {}).get("language_info", {})
    for name in set(told) - {"name"}:
        del told[name]
