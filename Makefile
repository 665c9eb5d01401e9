# Two commands: `make demo` compares seven optimizers on bundled data, `make test` runs the tests.
# Each builds its own virtual environment with pip from a fresh clone.
PYTHON ?= python3
DEMO := .venv-demo
TEST := .venv
RIVALS := .venv-rivals

.PHONY: demo test lint types floors bench bench-gpu clean

demo: $(DEMO)/ready
	$(DEMO)/bin/steepest compare --data mnist1d --tunings 10 --seeds 3

test: $(TEST)/ready
	$(TEST)/bin/python -m pytest -n 2 --dist worksteal

$(DEMO)/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(DEMO)
	$(DEMO)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt .
	touch $@

# PyTorch serves the tests as an oracle and as the second engine; TORCH= leaves it out.
TORCH ?= torch
$(TEST)/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(TEST)
	$(TEST)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt $(TORCH) -e ".[dev,export]"
	touch $@

lint: $(TEST)/ready
	$(TEST)/bin/ruff check .
	$(TEST)/bin/ruff format --check .

types: $(TEST)/ready
	$(TEST)/bin/mypy

floors: $(TEST)/ready
	$(TEST)/bin/lint-imports

# Every table on one thread and two, beside rivals in an environment of their own (about an hour on an
# idle machine; MNIST in STEEPEST_DATA): benchmarks/results, docs/speed.md, README's section on speed.
bench: $(RIVALS)/ready
	$(RIVALS)/bin/python benchmarks/step.py --threads 1,2 --rounds 5
	$(RIVALS)/bin/python benchmarks/cnn.py --threads 1,2 --rounds 3
	$(RIVALS)/bin/python benchmarks/rules.py --threads 1,2 --rounds 3 --seconds 0.15
	$(RIVALS)/bin/python benchmarks/study.py --rounds 3 --runs keras=21,lightning=21
	$(RIVALS)/bin/python benchmarks/speed_table.py --write

$(RIVALS)/ready: pyproject.toml benchmarks/requirements-rivals.txt
	$(PYTHON) -m venv $(RIVALS)
	$(RIVALS)/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/requirements-rivals.txt -e .
	touch $@

# Needs a CUDA device, PyTorch for it and this package; without one it says so and stops.
bench-gpu:
	python benchmarks/gpu.py

clean:
	rm -rf $(DEMO) $(TEST) $(RIVALS) build dist .mypy_cache .ruff_cache .pytest_cache
