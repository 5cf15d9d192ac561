# `just` alone lists these. Set up first: pip install -e ".[test,dev]"

_default:
    @just --list

# Every test that is not slow, the browser tests among them
test *options:
    pytest {{ options }}

# Style, types and layers: what must hold before a commit
check:
    ruff check .
    ruff format --check .
    mypy
    lint-imports

# All that a submission must pass, in fresh environments; about five minutes
ci:
    bash .ci/run

# Pin every package of run, test and development, with hashes; run it on Python 3.11 (CONTRIBUTING)
lock *options:
    CUSTOM_COMPILE_COMMAND="just lock" pip-compile {{ options }} \
        --quiet --strip-extras --allow-unsafe --generate-hashes \
        --extra test --extra dev --all-build-deps \
        --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
        --output-file requirements.lock pyproject.toml

# Make the sample study's data again; the same seed gives the same bytes
sample:
    python sample_data/generate.py

# Race this package beside its peers; PEERS is the Python of their environment (benchmarks/README)
bench peers:
    python -m benchmarks.inference --peers {{ peers }} --into docs/benchmarks.md
    python -m benchmarks.estimators --peers {{ peers }} --into docs/benchmarks.md
    python -m benchmarks.care_homes --peers {{ peers }} --into docs/benchmarks.md

# Measure the methods where the truth is known and write docs/calibration.md; half an hour on 2 cores
calibrate *options:
    PILOT_EVAL_TABLE=docs/calibration.md pytest -m slow -s tests/simulation {{ options }}
