"""What is asked of a figure: that it draws made-up runs or sweeps, and leaves them and everything else as they are."""

from __future__ import annotations

import functools
import hashlib
import io
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.experiment.run import Run
from workbench.experiment.sweep import Sweep
from workbench.specs import Figure
from workbench.testing.checks import CheckSkipped, CheckWarning, raised, refuse
from workbench.testing.instruments import records

DPI = 40  # enough to see whether anything is drawn


@dataclass
class Drawing:
    """What came of one record: the picture, PNG, of what was drawn, and what went wrong beside."""

    record: str
    picture: bytes | None = None
    problem: str = ""  # what keeps it from being a picture
    opened: str = ""  # in pyplot
    changed: str = ""  # of the record
    finding: Any = ""


def check_draws(figure: Figure) -> str:
    """It draws made-up records, and none of those it draws is blank; the others get None."""
    drawn = _drawn(figure)
    for each in drawn:
        if each.problem:
            refuse(figure, f"{each.record}: {each.problem}")
    shown = [each.record for each in drawn if each.picture is not None]
    if not shown:
        raise CheckWarning(f"it draws none of the made-up records, so nothing is known of it: {_names(drawn)}.")
    return ", ".join(shown)


def check_pyplot(figure: Figure) -> None:
    """It leaves no figure open in pyplot, and none of Matplotlib's settings changed."""
    for each in _drawn(figure):
        if each.opened:
            refuse(figure, f"{each.record}: {each.opened}")


def check_record(figure: Figure) -> None:
    """The record and its folder stay as they are."""
    for each in _drawn(figure):
        if each.changed:
            refuse(figure, f"{each.record}: it {each.changed}; a record is what happened.")


def check_finding(figure: Figure) -> str:
    """``finding``, if it has one, says in whole sentences what a picture shows."""
    if figure.finding is None:
        raise CheckSkipped("it has none")
    said = {each.record: each.finding for each in _drawn(figure) if each.picture is not None}
    if not said:
        raise CheckSkipped("it draws none of the made-up records")
    for record, text in said.items():
        if isinstance(text, Exception):
            refuse(figure, f"{record}: its finding cannot be stated: {raised(text)}")
        if not isinstance(text, str):
            refuse(figure, f"{record}: its finding is {text!r}, no text.")
        if not text.endswith(".") or "\n" in text or text != text.strip():
            refuse(figure, f"{record}: its finding is no whole sentences in one line: {text!r}")
        if number := re.search(r"\b(nan|inf)\b", text):
            refuse(figure, f"{record}: its finding speaks of {number.group()}: {text}")
    return next(iter(said.values()))


def check_repeatable(figure: Figure) -> None:
    """It draws the same record the same way again."""
    first = next((each for each in _drawn(figure) if each.picture is not None), None)
    if first is None:
        raise CheckSkipped("it draws none of the made-up records")
    with _records(figure) as subjects:
        again = _draw(figure, first.record, subjects[first.record])
    if again.picture != first.picture:
        refuse(figure, f"{first.record}: it looks different the second time.")


CHECKS = (check_draws, check_pyplot, check_record, check_finding, check_repeatable)


@functools.lru_cache(2)  # every check asks for the same
def _drawn(figure: Figure) -> list[Drawing]:
    if figure.of not in ("run", "sweep"):
        refuse(figure, f"of={figure.of!r} should be 'run' or 'sweep'.")
    with _records(figure) as subjects:
        return [_draw(figure, name, subject) for name, subject in subjects.items()]


@contextmanager
def _records(figure: Figure) -> Iterator[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        yield (records.runs if figure.of == "run" else records.sweeps)(Path(folder))


def _draw(figure: Figure, name: str, subject: Run | Sweep) -> Drawing:
    drawing, before, (numbers, settings) = Drawing(name), _state(subject), _matplotlib()
    try:
        found = figure.function(subject)
        if found is not None:
            drawing.picture = _picture(found)
            drawing.finding = _finding(figure, subject)
            if drawing.picture is None:
                drawing.problem = f"it gives {found!r}, neither a matplotlib Figure or Animation nor None."
            elif not _anything(drawing.picture):
                drawing.problem = "the picture is blank."
    except Exception as error:  # a stranger's figure may raise anything
        drawing.problem = raised(error)
    drawing.changed = _changed(before, _state(subject))
    drawing.opened = _tidied(numbers, settings)
    return drawing


def _changed(before: dict[str, Any], after: dict[str, Any]) -> str:
    """The first difference between two states of a record."""
    for what in before | after:
        if before.get(what) != after.get(what):
            return f"{'changes' if what in before else 'writes'} {what}"
    return ""


def _tidied(numbers: list[int], settings: dict[str, Any]) -> str:
    """What is left of a drawing in Matplotlib, put back in order."""
    left, others = _matplotlib()
    if opened := set(left) - set(numbers):
        import matplotlib.pyplot as plt

        for number in opened:
            plt.close(number)
        return "it leaves a figure open in pyplot: make a matplotlib.figure.Figure of your own."
    if changed := [key for key, value in others.items() if settings.get(key, value) != value]:
        import matplotlib

        matplotlib.rcParams.update({key: settings[key] for key in changed})  # type: ignore[misc]
        return f"it changes Matplotlib's setting {changed[0]} for everybody: use matplotlib.rc_context."
    return ""


def _picture(found: Any) -> bytes | None:
    """The figure as PNG; of one that moves the frames as GIF; None of what is neither."""
    from matplotlib.animation import Animation
    from matplotlib.figure import Figure as Canvas

    if isinstance(found, Canvas):
        into = io.BytesIO()
        found.savefig(into, format="png", dpi=DPI, metadata={"Software": None})
        return into.getvalue()
    if isinstance(found, Animation):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "film.gif")
            found.save(path, writer="pillow", dpi=DPI)
            return path.read_bytes()
    return None


def _anything(picture: bytes) -> bool:
    """Whether not all of it is one colour."""
    import numpy as np
    from PIL import Image

    pixels = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))
    return bool((pixels != pixels[0, 0]).any())


def _finding(figure: Figure, subject: Run | Sweep) -> Any:
    try:
        return figure.finding(subject) if figure.finding else ""
    except Exception as error:
        return error


def _state(subject: Run | Sweep) -> dict[str, Any]:
    """What there is of a record, in memory and in its folder, to be compared with later."""
    found: dict[str, Any] = {}
    for path in sorted(subject.directory.rglob("*")):
        if path.is_file():
            found[f"the file {path.relative_to(subject.directory)}"] = hashlib.sha256(path.read_bytes()).hexdigest()
    for run in subject.runs if isinstance(subject, Sweep) else [subject]:
        found[f"metrics of the run {run.name!r}"] = repr(run.metrics)
        found[f"params of the run {run.name!r}"] = repr(run.params)
    found["its figures, links or tags"] = repr((subject.figures, subject.links, subject.tags, subject.problems))
    if isinstance(subject, Sweep):
        found["its list of runs"] = [run.id for run in subject.runs]
    return found


def _matplotlib() -> tuple[list[int], dict[str, Any]]:
    """Figures open in pyplot, and the settings."""
    if "matplotlib" not in sys.modules:
        return [], {}
    import matplotlib

    pyplot = sys.modules.get("matplotlib.pyplot")
    settings = {str(key): value for key, value in matplotlib.rcParams.items() if not key.startswith("backend")}
    return list(pyplot.get_fignums()) if pyplot else [], settings


def _names(drawn: list[Drawing]) -> str:
    return ", ".join(each.record for each in drawn)
