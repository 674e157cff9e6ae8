"""A network as a table: what each layer gives, how many parameters it has, and what a step of training takes."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from workbench.network import Network

FILE = "network.md"  # where a run keeps it


def shapes(network: Network, style: box.Box = box.SIMPLE) -> Table:
    """One row per layer, under the number that names it in ``Network.parameters()``, and their sum."""
    table = Table(box=style)
    table.add_column("layer")
    for heading in ("output shape", "parameters"):
        table.add_column(heading, justify="right", no_wrap=True)
    for place, (name, shape, parameters) in enumerate(network.table()):
        table.add_row(f"{place} {name}", " x ".join(map(str, shape)), f"{parameters:,}")
    table.add_row("total", "", f"{n_parameters(network):,}")
    return table


def n_parameters(network: Network) -> int:
    return sum(parameters for *_, parameters in network.table())


def workspace_mib(network: Network) -> float:
    """Memory of a training step besides the parameters, in MiB."""
    return network.plan.workspace_bytes / 2**20


def workspace(network: Network) -> str:
    """The same as a sentence."""
    rows, taken = network.plan.batch_size, workspace_mib(network)
    return f"A training step on {rows} samples takes {taken:.2f} MiB besides the parameters."


def markdown(network: Network) -> str:
    """Table and workspace as Markdown."""
    text = io.StringIO()
    Console(file=text, width=120).print(shapes(network, box.MARKDOWN))
    return f"{text.getvalue().strip()}\n\n{workspace(network)}\n"
