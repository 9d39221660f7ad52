# Every command a reader, a student, an instructor or a maintainer needs. `make` alone lists them.
# The work is done by .ci/prepare.py (the environment) and the lecture5 command; this file only names them.
MAKEFLAGS += --silent --no-print-directory
PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help environment book serve lab test lint grade-demo release notebooks bench lock clean

help:
	echo "make book         build the book and say where to open it"
	echo "make test         run every test, in the browser and in the sandbox too"
	echo "make serve        build the book and show it at a local address"
	echo "make lab          open the exercises in JupyterLab"
	echo "make grade-demo   grade a small class of submissions"
	echo "make bench        measure our convolutions beside torch, scipy and teaching code"
	echo ""
	echo "For maintainers:"
	echo "make release      write exercises/ and the kill table anew from solutions/"
	echo "make notebooks    run the book's notebooks and store their outputs"
	echo "make lint         ruff, on code and notebooks"
	echo "make lock         choose the newest versions for constraints.txt"
	echo "make clean        remove what was built (not .venv)"

environment:
	command -v $(PYTHON) >/dev/null || { echo "lecture5: $(PYTHON) is missing. Install Python 3.11 or newer (on Debian: apt-get install python3 python3-venv)."; exit 1; }
	$(PYTHON) .ci/prepare.py

book: environment
	$(BIN)/lecture5 book

serve: environment
	$(BIN)/lecture5 book --serve

lab: environment
	$(BIN)/lecture5 lab

test: environment
	$(PYTHON) .ci/prepare.py --test
	$(BIN)/ruff format --check --quiet . || { echo "lecture5: some files are not formatted: make lint mends them."; exit 1; }
	$(BIN)/ruff check --quiet .
	$(BIN)/lecture5 book
	$(BIN)/pytest -n 2 --dist worksteal

lint: environment
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

grade-demo: environment
	$(BIN)/lecture5 grade tests/demo_class --exercise 01 --out _build/grade-demo

release: environment
	$(BIN)/lecture5 release

notebooks: environment
	$(BIN)/python -m lecture5.exercise.notebooks book/*.ipynb

bench: environment
	$(BIN)/lecture5 bench

lock: environment
	$(BIN)/python .ci/lock.py

clean:
	rm -rf _build build *.egg-info
