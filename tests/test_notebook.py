"""The notebook of examples/: each cell runs, and shows a table and a picture."""

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[1] / "examples" / "sweep.ipynb"


@pytest.mark.tf
@pytest.mark.timeout(1800)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_notebook_runs_and_shows_its_results(tmp_path, mlflow_uri):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    client = NotebookClient(
        notebook, timeout=1500, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    )
    environment = {
        **os.environ,
        "MLFLOW_TRACKING_URI": mlflow_uri,
        "TUNER_CACHE": str(tmp_path / "cache"),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    }
    client.execute(env=environment)
    shown = {
        kind
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        for kind in output.get("data", ())
    }
    assert {"text/html", "image/png"} <= shown
    assert "label=" in notebook.cells[-1].outputs[-1]["data"]["text/plain"]
