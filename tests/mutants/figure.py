"""Figures with one mistake each."""

from mutants import Mutant

MUTANTS = [
    Mutant("figure", "learning_curve", "gives the axes", "    return canvas\n", "    return ax\n"),
    Mutant(
        "figure", "learning_curve", "forgets runs without a loss", "    if not quantities:\n        return None\n", ""
    ),
    Mutant(
        "figure",
        "gradient_norms",
        "takes the numbers out of the record",
        "name: run.metrics[key]",
        "name: run.metrics.pop(key)",
    ),
    Mutant(
        "figure",
        "accuracy_over_depth",
        "a figure of pyplot, left open",
        "    from matplotlib.figure import Figure as Canvas\n    from matplotlib.ticker",
        "    from matplotlib.pyplot import figure as Canvas\n    from matplotlib.ticker",
    ),
    Mutant(
        "figure",
        "filters",
        "settings changed for everybody",
        "    canvas = Canvas(",
        '    import matplotlib\n\n    matplotlib.rcParams["font.size"] = 8\n    canvas = Canvas(',
    ),
    Mutant("figure", "outlets_found", "a finding without an end", "{max(worse):.1%} worse.", "{max(worse):.1%} worse"),
    Mutant(
        "figure",
        "how_many_clusters",
        "other uniform data every time",
        "np.random.default_rng(number)",
        "np.random.default_rng()",
    ),
    Mutant(
        "figure",
        "accuracy_over_cost",
        "failed runs are taken for others",
        'if run.status == "FINISHED":',
        "if True:",
        survives="a figure may show what failed runs measured, and here it is nothing",
        helper="_sweep.py",
    ),
    Mutant(
        "figure",
        "filmstrip",
        "a file beside the journal",
        "    shown = frames(film.history)\n",
        '    shown = frames(film.history)\n    (run.directory / "frames.txt").write_text(str(shown))\n',
    ),
    Mutant(
        "figure",
        "clusterers_compared",
        "an index that is not there",
        "return mean(self.agreement.values())",
        'return float("nan")',
    ),
    Mutant(
        "figure",
        "metrics_on_the_map",
        "never applies",
        'TRUTH = ("haversine", "degrees")',
        'TRUTH = ("degrees", "haversine")',
    ),
]
