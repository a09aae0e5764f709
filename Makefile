# Two commands do everything: `make run` and `make test`. Each builds .venv first if it is not there.
V := .venv
PY := $(V)/bin/python
.PHONY: setup run test test-slow lint docs pictures clean
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

# The site, into docs/_build/html: pages of reference are made from the code, lessons are run, a warning is an error.
docs: $(V)/.ok
	$(PY) -m pip install -q -e '.[docs]'
	PATH=$(CURDIR)/$(V)/bin:$$PATH OMP_NUM_THREADS=1 $(PY) -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "Open docs/_build/html/index.html"

# The two pictures of README and docs, from data/weather.parquet.
pictures: $(V)/.ok
	$(PY) docs/pictures.py

clean:
	rm -rf docs/_build docs/_extra docs/lessons docs/reference
	rm -rf $(V) runs build dist .pytest_cache .mypy_cache .ruff_cache
