"""The vanishing-gradient sweep as people write it: PyTorch eager, Hydra's basic launcher, one MLflow call a metric.

    python peer_sweep.py -m activation=sigmoid,tanh,relu depth=2,4,8,16 seed=0,1,2

Same data, split, networks, epochs and metrics as ``conf/experiment/vanishing_gradient.yaml``. Batches are rows of a
tensor in memory, which is faster than a ``DataLoader``, and there are no figures.
"""

from dataclasses import dataclass

import hydra
import mlflow
import torch
from hydra.core.config_store import ConfigStore
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn


@dataclass
class Config:
    activation: str = "relu"
    depth: int = 2
    width: int = 32
    batch_size: int = 32
    epochs: int = 30
    lr: float = 0.03
    validation_fraction: float = 0.2
    seed: int = 0


ConfigStore.instance().store(name="config", node=Config)

ACTIVATIONS = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU}
INITIALIZERS = {
    "sigmoid": nn.init.xavier_uniform_,
    "tanh": nn.init.xavier_uniform_,
    "relu": lambda weight: nn.init.kaiming_uniform_(weight, nonlinearity="relu"),
}


def load(cfg):
    X, y = load_digits(return_X_y=True)
    X, X_val, y, y_val = train_test_split(X, y, test_size=cfg.validation_fraction, random_state=cfg.seed, stratify=y)
    scaler = StandardScaler().fit(X)
    X, X_val = (torch.tensor(scaler.transform(part), dtype=torch.float32) for part in (X, X_val))
    return X, torch.tensor(y), X_val, torch.tensor(y_val)


def build(cfg):
    widths = [64, *[cfg.width] * cfg.depth]
    layers = []
    for fan_in, fan_out in zip(widths, widths[1:], strict=False):
        layers += [nn.Linear(fan_in, fan_out), ACTIVATIONS[cfg.activation]()]
    model = nn.Sequential(*layers, nn.Linear(cfg.width, 10))
    for layer in model:
        if isinstance(layer, nn.Linear):
            INITIALIZERS[cfg.activation](layer.weight)
            nn.init.zeros_(layer.bias)
    return model


@hydra.main(version_base="1.3", config_name="config", config_path=None)
def main(cfg):
    torch.manual_seed(cfg.seed)
    X, y, X_val, y_val = load(cfg)
    model, criterion = build(cfg), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=cfg.lr)
    weights = [layer.weight for layer in model if isinstance(layer, nn.Linear)]

    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    mlflow.set_experiment("vanishing_gradient")
    with mlflow.start_run(run_name=f"{cfg.activation} depth={cfg.depth} seed={cfg.seed}"):
        mlflow.log_params(dict(cfg))
        for epoch in range(1, cfg.epochs + 1):
            loss_sum, correct, norm_sums, steps = 0.0, 0, torch.zeros(len(weights)), 0
            for rows in torch.randperm(len(X)).split(cfg.batch_size):
                optimizer.zero_grad()
                logits = model(X[rows])
                loss = criterion(logits, y[rows])
                loss.backward()
                optimizer.step()
                loss_sum += loss.item() * len(rows)
                correct += (logits.argmax(1) == y[rows]).sum().item()
                norm_sums += torch.stack([weight.grad.norm() for weight in weights])
                steps += 1
            norms = (norm_sums / steps).tolist()
            with torch.no_grad():
                logits = model(X_val)
                val_loss = criterion(logits, y_val).item()
                val_accuracy = (logits.argmax(1) == y_val).float().mean().item()
            mlflow.log_metric("train/loss", loss_sum / len(X), step=epoch)
            mlflow.log_metric("train/accuracy", correct / len(X), step=epoch)
            mlflow.log_metric("val/loss", val_loss, step=epoch)
            mlflow.log_metric("val/accuracy", val_accuracy, step=epoch)
            mlflow.log_metric("gradients/first_layer", norms[0], step=epoch)
            mlflow.log_metric("gradients/last_layer", norms[-1], step=epoch)
            if epoch in (1, cfg.epochs):
                key = "gradients/norm_by_layer" if epoch == 1 else "gradients/norm_by_layer_final"
                for layer, norm in enumerate(norms, start=1):
                    mlflow.log_metric(key, norm, step=layer)


if __name__ == "__main__":
    main()
