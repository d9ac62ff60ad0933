"""How fast `stocktake validate` is beside check-jsonschema, with the same schema on the same files, and
what a thousand mistakes cost it.

    cargo build --release
    python3 -m venv target/ci/python && target/ci/python/bin/pip install -r .ci/requirements.txt
    target/ci/python/bin/python benches/validators.py [FILES]

FILES (10000) files of ten jobs each are written to a temporary folder; check-jsonschema gets every
TENTH of them where --tenth is given, because it takes minutes for all.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile
import time

PROJECT = pathlib.Path(__file__).resolve().parent.parent
SCHEMA = PROJECT / "schema" / "jobfile.schema.json"
PROGRAM = PROJECT / "target" / "release" / "stocktake"
MISTAKES = 1000

SETTINGS = """[targets.local]
service = "embedded"
bucket = "demo-1250000000"
region = "ap-beijing"
"""
JOB = """  job-{file}-{job}:
    description: Thumbnails for what was uploaded before the workflow existed
    input: {{ prefix: folder-{file}/{job}/ }}
    operation:
      workflow_ids: w7476ff3564ee45b7b490d64bccaba6cc
      time_interval: {{ start: 2022-02-01T12:00:00+0800, end: 2022-05-01T12:00:00+0800 }}
"""


def write(folder, files):
    """A workspace of as many files."""
    (folder / "stocktake.toml").write_text(SETTINGS)
    jobs = folder / "jobs"
    jobs.mkdir()
    for file in range(files):
        text = "jobs:\n" + "".join(JOB.format(file=file, job=job) for job in range(10))
        (jobs / f"{file:05}.yaml").write_text(text)
    return sorted(jobs.iterdir())


def spoil(files):
    """Mistakes of every kind, evenly spread."""
    kinds = [
        ("input:", "inptu:"),
        ("workflow_ids: w", "workflow_ids: 1 w"),
        ("2022-05-01", "2021-05-01"),
        ("folder-", "${ vars.nobody }-"),
    ]
    for number in range(MISTAKES):
        path = files[number * len(files) // MISTAKES]
        written, wrong = kinds[number % len(kinds)]
        # One job each, also where a file gets several.
        parts = path.read_text().split("  job-")
        place = 1 + number % 10
        parts[place] = parts[place].replace(written, wrong, 1)
        path.write_text("  job-".join(parts))


def seconds(command, code, runs=3):
    """The shortest of some runs, and what the last one printed."""
    best = None
    for _ in range(runs):
        started = time.perf_counter()
        run = subprocess.run(command, capture_output=True, text=True)
        taken = time.perf_counter() - started
        if run.returncode != code:
            sys.exit(f"{command[0]} ended with {run.returncode}\n{run.stdout[-2000:]}{run.stderr[-2000:]}")
        best = taken if best is None else min(best, taken)
    return best, run.stdout.strip().splitlines()[-1]


def main():
    options = argparse.ArgumentParser()
    options.add_argument("files", nargs="?", type=int, default=10_000)
    options.add_argument("--tenth", action="store_true")
    options = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        files = write(folder, options.files)
        ours = [PROGRAM, "-C", folder, "validate"]
        clean, words = seconds(ours, 0)
        print(f"stocktake         {clean:8.2f} s  {words}")
        theirs = files[::10] if options.tenth else files
        check = [sys.executable, "-m", "check_jsonschema", "--schemafile", SCHEMA, *theirs]
        other, words = seconds(check, 0, runs=1)
        print(f"check-jsonschema  {other:8.2f} s  {len(theirs)} files: {words}")
        per_file = (other / len(theirs)) / (clean / len(files))
        print(f"                  {per_file:8.0f} times as long for a file")
        spoil(files)
        spoilt, words = seconds(ours, 1)
        print(f"with mistakes     {spoilt:8.2f} s  {words}")
        print(f"                  {spoilt / clean:8.2f} times as long")


main()
