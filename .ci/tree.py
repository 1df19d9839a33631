"""What no other tool looks at: the size of files and functions, hosts in lock files, secrets in the tree."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

LONGEST_FILE = 400  # lines; tests are told as a whole and may be twice as long
LONGEST_TEST = 800
LONGEST_FUNCTION = 60  # lines of its body, without docstring
HOST = re.compile(r"https?:|--(?:extra-)?index-url|--find-links|--trusted-host|file:|git\+")
SECRETS = {
    "a private key": re.compile(rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----"),
    "an access key": re.compile(rb"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a token": re.compile(rb"\b(?:ghp_|github_pat_|glpat-|xox[abp]-|sk_live_|desk_)[0-9A-Za-z_-]{30,}"),
}


def tracked() -> list[Path]:
    """The files of the project, as git knows them; new ones that are not ignored count too."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, check=True).stdout.decode().split("\0")
    return sorted(path for path in map(Path, set(listed) - {""}) if path.is_file())


def long_files_and_functions(path: Path, text: str) -> Iterator[str]:
    """A file or a function that has outgrown one idea."""
    lines, is_test = text.count("\n"), path.parts[0] == "tests"
    if lines > (limit := LONGEST_TEST if is_test else LONGEST_FILE):
        yield f"{path}: {lines} lines, at most {limit}: split it by what it can do"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not is_test:
            begins = node.body[1 if ast.get_docstring(node) and len(node.body) > 1 else 0].lineno
            length = (node.end_lineno or begins) - begins + 1
            if length > LONGEST_FUNCTION:
                yield f"{path}:{node.lineno}: {node.name} has {length} lines, at most {LONGEST_FUNCTION}"


def hosts(path: Path, text: str) -> Iterator[str]:
    """A lock names versions and hashes; where they come from is the matter of each machine."""
    for number, line in enumerate(text.splitlines(), start=1):
        if HOST.search(line):
            yield f"{path}:{number}: a lock file names no host"


def secrets(path: Path, data: bytes) -> Iterator[str]:
    """Something that looks like a real secret."""
    for what, pattern in SECRETS.items():
        if pattern.search(data):
            yield f"{path}: holds what looks like {what}"


def findings() -> Iterator[str]:
    """All that is wrong, file by file."""
    for path in tracked():
        data = path.read_bytes()
        yield from secrets(path, data)
        if path.suffix == ".py" and "migrations" not in path.parts:
            yield from long_files_and_functions(path, data.decode())
        elif path.parent == Path("requirements"):
            yield from hosts(path, data.decode())


if __name__ == "__main__":
    wrong = list(findings())
    print("\n".join(wrong) or "sizes, locks and secrets are in order")
    sys.exit(1 if wrong else 0)
