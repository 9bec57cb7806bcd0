"""What holds for the repository as a whole: no registry hosts, no real people, bounded versions, cited figures."""

import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
IGNORED = {".git", ".venv", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis"}
IGNORED_DATA = {"home", "demo", "bench"}
TEXT = {".py", ".toml", ".csv", ".md", ".sql", ".txt", ".in", ".lock", ".yaml", ".yml", ".json", ".html", ""}


def tracked() -> list[Path]:
    """Tracked files, and those that would be; by hand where git is missing or this is no clone."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
        names = [ROOT / name for name in listed.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        names = list(walk(ROOT))
    return [path for path in names if path.is_file()]


def walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name in IGNORED or path.name.endswith(".egg-info"):
            continue
        if path.is_dir():
            if not (folder.name == "data" and path.name in IGNORED_DATA):
                yield from walk(path)
        else:
            yield path


def readable() -> list[tuple[str, str]]:
    """Name and content of the tracked text files."""
    found = []
    for path in tracked():
        if path.suffix in TEXT:
            found.append((str(path.relative_to(ROOT)), path.read_bytes().decode("utf-8", errors="replace")))
    return found


def test_no_registry_host_is_named() -> None:
    """The project is installed from whatever index a machine has; the pattern is spelled so as not to match."""
    hosts = [
        r"py[p]i\.org",
        r"python[h]osted",
        r"registry\.[n]pm",
        r"deb\.[d]ebian",
        r"\b[t]una\.",
        r"mirrors\.[a]liyun",
        r"npm[m]irror",
        r"[f]iles\.python",
    ]
    pattern = re.compile("|".join(hosts))
    hits = [name for name, text in readable() if pattern.search(text)]
    assert hits == []
    options = re.compile(r"^\s*--?(index-url|extra-index-url|find-links|i|f)\b", re.MULTILINE)
    assert [n for n, text in readable() if n.endswith(".lock") and options.search(text)] == []


def test_locks_pin_every_version_with_hashes_and_keep_the_bounds() -> None:
    """fastapi 0.140 breaks prefect's server at import, sqlalchemy 2.1 its scheduler without a word."""
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text(encoding="utf-8")
        entries = re.findall(r"^([A-Za-z0-9][\w.-]*)(?:\[[^]]*\])?==([^\s;\\]+)", text, re.MULTILINE)
        versions = {package.lower(): version for package, version in entries}
        blocks = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)
        assert all("--hash=sha256:" in block for block in blocks if "==" in block)
        assert version_of(versions["fastapi"]) < (0, 140)
        assert version_of(versions["sqlalchemy"]) < (2, 1)
        assert versions["prefect"] == "3.8.8"
        assert (2, 1) <= version_of(versions["polars"]) < (2, 2)
        assert (2, 0) <= version_of(versions["duckdb"]) < (2, 1)
        assert "setuptools" in versions  # the editable install builds without fetching anything


def version_of(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:2])


def test_the_dev_lock_repeats_the_first() -> None:
    pinned = re.compile(r"^\S+==\S+", re.MULTILINE)
    first, second = (
        set(pinned.findall((ROOT / name).read_text(encoding="utf-8")))
        for name in ("requirements.lock", "requirements-dev.lock")
    )
    assert first <= second


def test_every_package_is_installed_by_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    listed = set(project["tool"]["setuptools"]["packages"])
    present = {
        str(path.parent.relative_to(ROOT)).replace("/", ".")
        for path in tracked()
        if path.name == "__init__.py" and path.parent.relative_to(ROOT).parts[0] != "tests"
    }
    assert listed == present


def cited(node: object, path: str) -> Iterator[str]:
    """Every place in a policy file where a value stands without an article and a citation."""
    if isinstance(node, dict):
        if {"value", "values", "same_as", "ends"} & set(node) and not (
            node.get("article") and node.get("citation")
        ):
            yield path
        for key, child in node.items():
            yield from cited(child, f"{path}.{key}")
    elif isinstance(node, list):
        for number, child in enumerate(node):
            yield from cited(child, f"{path}[{number}]")


@pytest.mark.parametrize("path", sorted((ROOT / "data" / "policies").glob("*.toml")), ids=lambda p: p.name)
def test_every_policy_value_has_its_article(path: Path) -> None:
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    assert list(cited(content, path.name)) == []
    for rule in content.get("rule", []):
        assert rule["article"] and rule["quote"]


WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def looks_like_a_certificate(number: str) -> bool:
    """18 characters with a birth date and the right check digit: may be a living person's."""
    body, last = number[:17], number[17].upper()
    plausible = (
        1900 <= int(body[6:10]) <= 2030 and 1 <= int(body[10:12]) <= 12 and 1 <= int(body[12:14]) <= 31
    )
    total = sum(int(digit) * weight for digit, weight in zip(body, WEIGHTS, strict=True))
    return plausible and "10X98765432"[total % 11] == last


def test_no_certificate_or_telephone_number_outside_the_synthetic_sample() -> None:
    """The sample is made by `synth` (its answer key lies beside it); nowhere else may such a number stand."""
    certificate = re.compile(r"(?<![0-9A-Za-z])\d{17}[0-9Xx](?![0-9A-Za-z])")
    mobile = re.compile(r"(?<![0-9A-Za-z.])1[3-9]\d{9}(?![0-9A-Za-z.])")
    hits = []
    for name, text in readable():
        if name.startswith(("data/sample/", "tests/")) or name.endswith(".lock"):
            continue
        numbers = [n for n in certificate.findall(text) if looks_like_a_certificate(n)]
        if numbers or (name.startswith("data/") and mobile.search(text)):
            hits.append(name)
    assert hits == []


def test_the_sample_says_that_it_is_synthetic() -> None:
    sample = ROOT / "data" / "sample"
    if not any(path.is_file() for path in sample.rglob("*")):
        pytest.fail("data/sample/ is empty: a small synthetic county belongs there")
    readme = (sample / "README.md").read_text(encoding="utf-8")
    assert "synthetic" in readme and "--seed" in readme  # how it was made, so that it can be made again


def test_no_file_is_heavy() -> None:
    assert [str(path) for path in tracked() if path.stat().st_size > 2 * 1024 * 1024] == []


def test_only_known_rooms() -> None:
    """synth may import nothing from the code it tests; transforms touch no file and no clock."""
    forbidden = {
        "synth": re.compile(r"^\s*(from|import)\s+(transforms|stores|flows)\b", re.MULTILINE),
        "transforms": re.compile(
            r"^\s*(from|import)\s+(stores|flows|reports)\b|date\.today\(|datetime\.now\(|time\.time\("
            r"|\bopen\(|\bread_csv\(|\bread_parquet\(|\bscan_\w+\(",
            re.MULTILINE,
        ),
    }
    for room, pattern in forbidden.items():
        hits = [
            path.name
            for path in (ROOT / room).rglob("*.py")
            if pattern.search(path.read_text(encoding="utf-8"))
        ]
        assert hits == [], room
