"""Every shipped experiment, shrunk: it runs from its one command, draws its figures and states a finding."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

import workbench as wb
from workbench.experiment.grid import grid
from workbench.experiment.sweep import Sweep
from workbench.registry import registry

FILES = sorted((Path(__file__).parent.parent / "conf" / "experiment").glob("*.yaml"))
ONCE = "learner.epochs=1"
SMALLER = {
    "clusterers_compared": ["dataset.n_samples=60", "training_samples=50"]
    + ["dataset=blobs,moons", "learner=kmeans,gaussian_mixture,dbscan"],
    "dqn_frames": [ONCE, "dataset.frames=1,2", "dataset.n_samples=50", "dataset.size=36"],  # the least that dqn takes
    "how_many_outlets": ["dataset.n_samples=60", "learner.n_clusters=1,2,3", "learner.n_init=1"],
    "learned_filters": [ONCE, "learner.filters=[1],[2]", "snapshots=[0]", "training_samples=100"],
    "metrics_on_the_map": ["dataset.n_samples=60"],
    "outlets": ["dataset.n_samples=60", "seed=0,1,2,3"],
    "overfitting": [ONCE, "learner.dropout=0,0.25", "learner.weight_decay=0", "learner.patience=null,1"]
    + ["training_samples=40,80"],
    "stride": [ONCE, "learner.stride=1,4", "learner.kernel_size=3", "training_samples=100"],
    "vanishing_gradient": [ONCE, "learner.depth=2,4"],
}
TRACKED = "learned_filters"  # the one whose runs have figures too


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_shipped_experiment_ends_in_its_figures_and_a_finding(file, workbench, project, monkeypatch):
    if file.stem != TRACKED:
        monkeypatch.setenv("WORKBENCH_DISABLE_PLUGINS", "tracking.mlflow")
    result = workbench("run", f"experiment={file.stem}", "seed=0,1", *SMALLER[file.stem])
    assert result.code == 0, result.err
    (directory,) = (project / "runs").glob(f"*_{file.stem}")
    sweep = Sweep.replay(directory)
    assert sweep.problems == [problem for run in sweep.runs for problem in run.problems] == []
    assert len(sweep.runs) >= 4
    for name in OmegaConf.load(file).figures:
        for record in [sweep] if wb.get("figure", name).of == "sweep" else sweep.runs:
            picture = record.figures[name]
            assert picture.read_bytes().startswith({".png": b"\x89PNG", ".gif": b"GIF8"}[picture.suffix]), name
            assert picture.stat().st_size > 10_000, name  # an empty picture has 3 kB
    assert sweep.finding in result.out
    assert sweep.finding.endswith(".")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_shipped_experiment_says_how_it_is_run(file):
    assert file.read_text().splitlines()[1] == f"# workbench run experiment={file.stem}"
    assert OmegaConf.load(file).name == file.stem


def test_every_clusterer_there_is_is_compared():
    compared = OmegaConf.load(FILES[0].parent / "clusterers_compared.yaml").hydra.sweeper.params.learner
    entries = [entry for entry in registry().entries() if entry.spec.kind == "clusterer"]
    assert set(compared.split(",")) == {entry.spec.name for entry in entries if entry.origin == "built-in"}


def test_an_option_that_some_learners_of_a_sweep_have_is_theirs_alone(project):
    jobs = grid(["experiment=clusterers_compared", "dataset=blobs,moons", "learner=kmeans,dbscan", "seed=0"]).jobs
    learners = {job.name: job.config.learner for job in jobs}
    assert [learners[f"{data} kmeans"]["n_clusters"] for data in ("blobs", "moons")] == [3, 2]
    assert learners["moons dbscan"]["eps"] == 0.3
    assert "eps" not in learners["moons kmeans"]
    assert "n_clusters" not in learners["moons dbscan"]
    assert [job.config.dataset.get("noise") for job in jobs] == [None, None, 0.06, 0.06]


@pytest.mark.parametrize("misspelt", ["+learner.n_cluster=3", "+learner.eps=0.1,0.2"])
def test_an_option_that_none_has_or_that_is_varied_itself_is_refused(misspelt, workbench):
    result = workbench("run", "-m", "learner=kmeans,dbscan", "dataset=blobs", misspelt)
    assert result.code == 2
    assert "has no option" in result.err


def test_a_choice_of_files_is_told_by_the_settings_that_differ(project):
    jobs = grid(["experiment=metrics_on_the_map", "seed=0,1"])
    assert jobs.varied == ["dataset.coordinates", "learner.metric", "seed"]
    assert [job.name for job in jobs.jobs[::2]] == [
        f"{name} seed=0" for name in ("great_circle", "straight_line", "city_block", "raw_degrees")
    ]
