"""The same runs in MLflow's database, in its own environment: `python ui_mlflow.py FOLDER RUNS.json`."""

from __future__ import annotations

import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path


def main(folder: Path, runs: Path) -> None:
    from mlflow.store.tracking.dbmodels.models import SqlLatestMetric, SqlParam, SqlRun
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    experiment = client.create_experiment("benchmark", artifact_location=str(folder / "artifacts"))
    with client._tracking_client.store.ManagedSessionMaker() as session:
        for place, run in enumerate(json.loads(runs.read_text())):
            ident = f"{place:032x}"
            session.add(
                SqlRun(
                    run_uuid=ident,
                    name=run["name"],
                    experiment_id=int(experiment),
                    user_id="user",
                    status="FINISHED",
                    start_time=run["time"],
                    end_time=run["time"] + 31_500,
                    lifecycle_stage="active",
                    source_type="LOCAL",
                    artifact_uri=str(folder / "artifacts" / ident),
                )
            )
            session.add_all(
                SqlParam(run_uuid=ident, key=name, value=str(value))
                for name, value in run["parameters"].items()
            )
            session.add_all(
                SqlLatestMetric(run_uuid=ident, key=name, value=value, timestamp=0, step=0, is_nan=False)
                for name, value in run["metrics"].items()
            )
    with closing(sqlite3.connect(folder / "mlflow.db")) as database:
        database.execute("ANALYZE")
    print(experiment)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
