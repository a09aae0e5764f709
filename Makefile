# Two commands do everything: `make run` and `make test`. Each builds .venv first if it is not there.
V := .venv
PY := $(V)/bin/python
.PHONY: setup run test test-slow lint clean
.DEFAULT_GOAL := run

$(V)/.ok: pyproject.toml
	test -x $(PY) || python3 -m venv $(V)
	$(PY) -m pip install -q -e '.[test]'
	touch $@

setup: $(V)/.ok

run: $(V)/.ok
	$(V)/bin/forecast fit data/weather.parquet

# One thread a worker: two workers with two threads each would fight for the same two cores.
test: $(V)/.ok
	OMP_NUM_THREADS=1 $(PY) -m pytest -n 2

test-slow: $(V)/.ok
	OMP_NUM_THREADS=1 $(PY) -m pytest -m slow

lint: $(V)/.ok
	$(V)/bin/ruff check .
	$(V)/bin/ruff format --check .
	$(V)/bin/mypy

clean:
	rm -rf $(V) runs build dist .pytest_cache .mypy_cache .ruff_cache
