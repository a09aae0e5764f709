"""The notebooks run from top to bottom."""

from pathlib import Path

import pytest

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
LAST = {  # what the last cells show
    "01_first_forecast": "best_value",
    "02_inside_an_lstm": "attribution_figure",
    "03_why_this_forecast": "exact.usage()",
    "04_naming_sequences": "fc.name_run(folder",
    "05_sentiment_with_a_bilstm": "said=[",
    "06_will_it_rain": "ahead.to_frame()",
    "07_a_sine_as_in_the_textbook": "board",
    "08_prices_and_why_not": "by all days before",
    "09_a_study_of_your_own": "np.array_equal(",
}


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
@pytest.mark.filterwarnings("default")  # what jupyter and its kernel warn of is not ours
def test_a_notebook_runs(path, monkeypatch):
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook, timeout=240, kernel_name="python3", resources={"metadata": {"path": str(NOTEBOOKS)}}
    ).execute()
    printed = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    shown = [cell.source for cell in notebook.cells if cell.cell_type == "code" and cell.outputs]
    assert any(LAST[path.stem] in source for source in shown)
    assert not [output for output in printed if output.output_type == "error"]
