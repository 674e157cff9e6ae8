"""Every shipped experiment, shrunk: it runs from its one command, draws its figures and states a finding."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

import workbench as wb
from workbench.experiment.sweep import Sweep

FILES = sorted((Path(__file__).parent.parent / "conf" / "experiment").glob("*.yaml"))
SMALLER = {
    "dqn_frames": ["dataset.frames=1,2", "dataset.n_samples=50", "dataset.size=36"],  # 36 is the least that dqn takes
    "learned_filters": ["learner.filters=[1],[2]", "snapshots=[0]", "training_samples=100"],
    "overfitting": ["learner.dropout=0,0.25", "learner.weight_decay=0", "learner.patience=null,1"]
    + ["training_samples=40,80"],
    "stride": ["learner.stride=1,4", "learner.kernel_size=3", "training_samples=100"],
    "vanishing_gradient": ["learner.depth=2,4"],
}
TRACKED = "learned_filters"  # the one whose runs have figures too


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_shipped_experiment_ends_in_its_figures_and_a_finding(file, workbench, project, monkeypatch):
    if file.stem != TRACKED:
        monkeypatch.setenv("WORKBENCH_DISABLE_PLUGINS", "tracking.mlflow")
    result = workbench("run", f"experiment={file.stem}", "learner.epochs=1", "seed=0,1", *SMALLER[file.stem])
    assert result.code == 0, result.err
    (directory,) = (project / "runs").glob(f"*_{file.stem}")
    sweep = Sweep.replay(directory)
    assert sweep.problems == [problem for run in sweep.runs for problem in run.problems] == []
    assert len(sweep.runs) >= 4
    for name in OmegaConf.load(file).figures:
        for record in [sweep] if wb.get("figure", name).of == "sweep" else sweep.runs:
            assert record.figures[name].read_bytes().startswith(b"\x89PNG"), name
            assert record.figures[name].stat().st_size > 10_000, name  # an empty picture has 3 kB
    assert sweep.finding in result.out
    assert sweep.finding.endswith(".")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_shipped_experiment_says_how_it_is_run(file):
    assert file.read_text().splitlines()[1] == f"# workbench run experiment={file.stem}"
    assert OmegaConf.load(file).name == file.stem
