"""Ask for known vulnerabilities of the locked packages, and never take silence for a pass.

pip-audit exits 0 and says "no known vulnerabilities" also when its service knew none of the packages. Here a
vulnerability fails, and what could not be looked up is counted and said: "not audited: N packages".

Exit status: 0 all were looked up and none is known to be weak, 1 one is, 77 none is but some were not looked up.
"""

import json
import subprocess
import sys
from typing import Any

LIMIT = 240  # seconds for one file
WEAK, UNKNOWN = 1, 77


def audited(path: str) -> list[dict[str, Any]] | None:
    """Ask about one requirements file; None when the service gave no usable answer."""
    command = ["pip-audit", "--requirement", path, "--require-hashes", "--disable-pip"]
    command += ["--format", "json", "--progress-spinner", "off", "--timeout", "30"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)
        dependencies: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except subprocess.TimeoutExpired:
        print(f"{path}: pip-audit gave no answer within {LIMIT} s")
        return None
    except (ValueError, KeyError, TypeError):
        reason = (done.stderr.strip() or f"exit status {done.returncode}").splitlines()[-1]
        print(f"{path}: pip-audit gave no answer ({reason[:200]})")
        return None
    return dependencies


def main(paths: list[str]) -> int:
    """Print what was found and give the exit status."""
    vulnerable = unknown = 0
    for path in paths:
        dependencies = audited(path)
        if dependencies is None:
            with open(path, encoding="utf-8") as lock:
                count = sum("==" in line for line in lock)
            unknown += count
            print(f"{path}: not audited: {count} packages (all)")
            continue
        for package in dependencies:
            for found in package.get("vulns", []):
                vulnerable += 1
                fixed = ", ".join(found.get("fix_versions", [])) or "no version yet"
                print(f"{path}: {package['name']} {package['version']}: {found['id']}, fixed in {fixed}")
        skipped = [package["name"] for package in dependencies if "skip_reason" in package]
        unknown += len(skipped)
        print(f"{path}: audited: {len(dependencies) - len(skipped)} packages")
        if skipped:
            print(f"{path}: not audited: {len(skipped)} packages ({', '.join(skipped[:5])} ...)")
    if vulnerable:
        return WEAK
    return UNKNOWN if unknown else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
