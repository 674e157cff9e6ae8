"""Where MLflow keeps the runs and shows them, and what every process of it is told."""

from __future__ import annotations

HOST = "127.0.0.1"
PORT = 5000
STORE = "mlflow.db"  # in the folder of the runs

# No telemetry, no fetching of a model catalogue, no unpickling of models, and no job processes: 2 processes and
# 0.4 GB instead of 15 and 1.5 GB.
ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_MODEL_CATALOG_URI": "",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "GIT_PYTHON_REFRESH": "quiet",
}
