"""Writes the shell steps of an action and of a GitLab pipeline into files of their own."""

import pathlib
import sys

import ruamel.yaml


def flat(value):
    """The lines of a script, also of lists within it."""
    if isinstance(value, str):
        return [value]
    return [line for part in value for line in flat(part)]


def steps(document):
    """Each script with a name."""
    if "runs" in document:
        for step in document["runs"]["steps"]:
            if "run" in step:
                yield step["name"], step["run"]
        return
    prologue = flat(document[".stocktake"]["before_script"])
    for name, job in document.items():
        if isinstance(job, dict) and "script" in job:
            yield name, "\n".join(prologue + flat(job["script"]))
            if "after_script" in job:
                yield f"{name}-after", "\n".join(flat(job["after_script"]))


def main(target, *paths):
    folder = pathlib.Path(target)
    folder.mkdir(parents=True)
    for path in map(pathlib.Path, paths):
        document = ruamel.yaml.YAML(typ="safe").load(path)
        for name, script in steps(document):
            file = folder / f"{path.stem.strip('.')}-{name.lower().replace(' ', '-')}.sh"
            file.write_text(script)


main(*sys.argv[1:])
