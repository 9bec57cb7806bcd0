"""`fengding check`: one screen about the installation, the policies, the reference tables and the home folder."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from flows.configuration import DATA, load_configuration
from schemas.layouts import load_layouts
from stores import lake
from stores.errors import OperatorError
from stores.home import Home
from stores.state import read_published

Finding = dict[str, str]
PACKAGES = ("polars", "duckdb", "pyarrow", "pandera", "prefect")
BOUNDED = {"fastapi": (0, 140), "sqlalchemy": (2, 1)}


def findings(root: Path) -> list[Finding]:
    """All checks in order; state is ok, warning (needs a person) or error (nothing will run)."""
    home = Home(root)
    checks: list[tuple[str, Callable[[Home], tuple[str, str]]]] = [
        ("程序包", _installation),
        ("政策文件", _policies),
        ("参考表", _reference),
        ("版式文件", _layouts),
        ("数据目录", _home),
        ("密钥", _secret),
        ("收到的文件", _files),
        ("查询库", _warehouse),
    ]
    found = []
    for what, check in checks:
        try:
            state, message = check(home)
        except (OperatorError, ValueError, OSError) as error:
            state, message = "error", str(error)
        found.append({"what": what, "state": state, "message": message})
    return found


def _installation(_: Home) -> tuple[str, str]:
    versions = {name: importlib.metadata.version(name) for name in (*PACKAGES, *BOUNDED)}
    for name, bound in BOUNDED.items():
        if tuple(int(part) for part in versions[name].split(".")[:2]) >= bound:
            return "error", f"{name} {versions[name]} 与 Prefect 不兼容，请按 requirements.lock 重新安装"
    return "ok", "，".join(f"{name} {versions[name]}" for name in PACKAGES)


def _policies(home: Home) -> tuple[str, str]:
    policies = load_configuration(home, None).policies
    return "ok", f"{len(policies.policies)} 份：" + "，".join(policy.document for policy in policies.policies)


def _reference(home: Home) -> tuple[str, str]:
    reference = load_configuration(home, None).reference
    empty = [
        name
        for name in ("income", "negative_list", "special_disease", "premium_standard")
        if reference.is_empty(name)
    ]
    if empty:
        return "ok", f"没有数据的表：{'，'.join(empty)}；需要它们的规则不出结果，可放入 {home.reference}"
    return "ok", "完整"


def _layouts(_: Home) -> tuple[str, str]:
    return "ok", f"{len(load_layouts(DATA / 'layouts'))} 种"


def _home(home: Home) -> tuple[str, str]:
    if not home.root.exists():
        return "ok", f"{home.root} 尚未建立，第一次运行时建立"
    free = shutil.disk_usage(home.root).free // 2**30
    if not os.access(home.root, os.W_OK):
        return "error", f"{home.root} 不能写入，请检查权限"
    closed = [zone for zone in (home.inbox, home.archive, home.vault, home.exports) if zone.exists()]
    open_to_others = [zone.name for zone in closed if zone.stat().st_mode & 0o077]
    if open_to_others:
        return "warning", f"{'，'.join(open_to_others)} 其他用户也能打开，请改为仅本账户（chmod 700）"
    return ("ok" if free >= 5 else "warning"), f"{home.root}，剩余空间 {free} GiB"


def _secret(home: Home) -> tuple[str, str]:
    if os.environ.get("FENGDING_SECRET"):
        return "ok", "来自环境变量 FENGDING_SECRET"
    if os.environ.get("FENGDING_SECRET_FILE"):
        return "ok", "来自 FENGDING_SECRET_FILE 指定的文件"
    if (home.vault / "secret.key").exists():
        return "ok", f"{home.vault / 'secret.key'}（请另外备份）"
    return "ok", "尚未配置，第一次运行时生成"


def _files(home: Home) -> tuple[str, str]:
    if not home.files.exists():
        return "ok", "还没有收到文件"
    held = lake.manifests(home)
    refused = sum(manifest.status == "refused" for manifest in held)
    state = "warning" if refused else "ok"
    return (
        state,
        f"{len(held)} 个，其中未能读入 {refused} 个，已撤回 {sum(m.status == 'withdrawn' for m in held)} 个",
    )


def _warehouse(home: Home) -> tuple[str, str]:
    if not (home.warehouse / "fengding.duckdb").exists():
        return "ok", "还没有发布"
    published = read_published(home)
    return "ok", f"已发布年度：{'，'.join(map(str, sorted(published.years)))}；运行 {published.run_id}"
