"""The command `fengding` (封顶): one function a command; the work is in `flows.pipeline` and below.

Prefect is imported only to run a flow, so that `check` and the like start at once. Exit status: 0 done; 1 done, but
something needs a person; 2 the call or the configuration is wrong; 3 failed, and nothing published has changed.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import date
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from flows import messages
from stores.errors import OperatorError, RunError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="封顶 fengding：县级医保局因病致贫返贫防范数据流水线。",
)
DONE, ATTENTION, USAGE, FAILED = 0, 1, 2, 3

HomeOption = Annotated[Path, typer.Option("--home", envvar="FENGDING_HOME", help="数据目录")]
JsonOption = Annotated[bool, typer.Option("--json", help="在标准输出打印一个 JSON 对象")]
RegionOption = Annotated[str | None, typer.Option("--region", help="只替换这个区划的结果")]
OnOption = Annotated[str | None, typer.Option("--on", help="假定的运行日期，默认今天")]
DEFAULT_HOME = Path("data/home")


def say(line: str) -> None:
    """One line of progress, on the error stream: standard output belongs to the result."""
    print(line, file=sys.stderr, flush=True)


def fail(code: int, message: str, as_json: bool) -> NoReturn:
    """Leave with a message and an exit status."""
    if as_json:
        print(json.dumps({"status": "failed", "exit": code, "message": message}, ensure_ascii=False))
    say(message)
    raise typer.Exit(code)


def finish(report: dict[str, Any], lines: list[str], as_json: bool) -> NoReturn:
    """Print a summary and leave: 1 where something needs a person."""
    code = ATTENTION if report.get("attention") else DONE
    if as_json:
        print(json.dumps({"exit": code, **report}, ensure_ascii=False, default=str))
    else:
        print("\n".join(lines))
    raise typer.Exit(code)


@contextmanager
def guarded(as_json: bool) -> Iterator[None]:
    """Turn what goes wrong into a message and an exit status: wrong call or configuration 2, anything else 3.

    Of an unforeseen error only its kind and place are shown: its text may hold what stood in a file.
    """
    try:
        yield
    except typer.Exit:
        raise
    except OperatorError as error:
        fail(USAGE, str(error), as_json)
    except RunError as error:
        fail(FAILED, str(error), as_json)
    except Exception as error:  # noqa: BLE001  # the last line of defence: whatever it is, the status is 3
        from flows.notify import reason

        fail(FAILED, reason(error), as_json)


def parsed(text: str | None, option: str) -> date | None:
    """A date of the command line; OperatorError (exit 2) if it is none."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise OperatorError(f"{option} 要写成 2024-03-31 的样子，写的是 {text}") from None


@app.command()
def ingest(
    paths: Annotated[list[Path] | None, typer.Argument(help="文件或文件夹；不写则读收件箱")] = None,
    received: Annotated[str | None, typer.Option(help="收到日期，默认今天")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只看会怎样，不改变任何东西")] = False,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """读入部门送来的文件：识别、归档、校验，写入数据湖。"""
    from flows import pipeline
    from stores.home import Home
    from stores.state import only_run

    with guarded(as_json):
        on = parsed(received, "--received") or date.today()
        for path in paths or []:
            if not path.exists():
                raise OperatorError(f"找不到文件或文件夹：{path}")
        with nullcontext() if dry_run else only_run(Home(home)):
            summary = pipeline.read_inbox(Home(home), on, say, paths, dry_run)
        finish(messages.ingest_report(summary), messages.ingest_lines(summary), as_json)


@app.command()
def withdraw(
    file_id: Annotated[str, typer.Argument(help="文件编号，见 mart.source_file")],
    reason: Annotated[str, typer.Option(help="撤回原因")],
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """撤回送错的文件：从现在起不再计入任何结果，归档和 --as-of 仍保留它。"""
    from stores.home import Home
    from stores.ingest import withdraw as take_back
    from stores.state import only_run

    with guarded(as_json), only_run(Home(home)):
        take_back(Home(home), file_id, reason, date.today())
        line = f"文件 {file_id} 已撤回。请重新运行 backfill 或 nightly，使结果生效。"
        finish({"status": "done", "file_id": file_id, "message": line}, [line], as_json)


@app.command()
def backfill(
    year: Annotated[int, typer.Option(help="费用年度")],
    region: RegionOption = None,
    as_of: Annotated[str | None, typer.Option("--as-of", help="只用这一天及以前收到的文件")] = None,
    on: OnOption = None,
    publish: Annotated[bool, typer.Option("--publish", help="即使假定了日期也替换正式结果")] = False,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """读入等待的文件，重算一个费用年度并发布。"""
    from flows import pipeline
    from flows.prefect_settings import prepare

    with guarded(as_json):
        cut, day = parsed(as_of, "--as-of"), parsed(on, "--on")
        request = pipeline.new_request(home, "backfill", year, region or None, cut, day, publish)
        if not pipeline.anything_to_do(request):
            say("没有新的文件，配置和程序也没有变化：沿用已发布的结果。")
            outcome = pipeline.nothing_new(request)
        else:
            say("启动 Prefect（约十几秒）……")
            prepare(pipeline.Home(home))
            from flows.runs import backfill as flow

            outcome = flow(str(home), year, region or None, cut, day, publish)
        finish(messages.run_report(outcome), messages.run_lines(outcome), as_json)


@app.command()
def nightly(
    on: OnOption = None,
    push: Annotated[bool, typer.Option("--push", help="不论是不是下发日，都下发乡镇街道全名单")] = False,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """每晚的运行：读入新文件，只重算它们涉及的年度，发布。"""
    from flows.prefect_settings import prepare
    from stores.home import Home

    with guarded(as_json):
        day = parsed(on, "--on")
        prepare(Home(home))
        from flows.runs import nightly as flow

        outcome = flow(str(home), day, push)
        finish(messages.run_report(outcome), messages.run_lines(outcome), as_json)


@app.command()
def close(
    year: Annotated[int, typer.Option(help="费用年度")],
    rule: Annotated[str, typer.Option(help="规则编号，如 L-04")],
    on: OnOption = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """封存已确认的给付名单：以后的变化只作为应补、应退列出。"""
    from flows.closing import close as freeze
    from stores.home import Home
    from stores.state import only_run

    with guarded(as_json), only_run(Home(home)):
        closed = freeze(Home(home), rule, year, parsed(on, "--on") or date.today())
        finish(closed.report(), closed.lines(), as_json)


@app.command()
def serve(
    cron: Annotated[str, typer.Option(help="每晚运行的时间（cron）")] = "30 2 * * *",
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """在已配置的 Prefect 服务器上登记 nightly（定时）和 backfill（手动），并一直等待任务。"""
    from flows.prefect_settings import prepare
    from stores.home import Home

    with guarded(False):
        prepare(Home(home))
        from flows.serving import serve as wait

        wait(home, cron)


@app.command()
def explain(
    of: Annotated[
        str, typer.Argument(metavar="HOUSEHOLD_OR_PERSON", help="家庭编号、H…、P…、B… 编号，或证件号码")
    ],
    year: Annotated[int, typer.Option(help="费用年度")],
    rule: Annotated[str | None, typer.Option("--rule", help="只说这一条规则，如 L-04")] = None,
    on: Annotated[str | None, typer.Option("--on", help="只说这一天的身份、唯一类别、家庭和乡镇街道")] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """说明一个家庭或一个人的每一笔金额怎么来的，每一步依据哪一条。只读出保存的结果，不重新计算。"""
    from flows.explain import explanation
    from flows.explain_on import state_lines, state_on
    from flows.explain_text import explain_lines
    from stores.home import Home

    with guarded(as_json):
        if (day := parsed(on, "--on")) is not None:
            if rule:
                raise OperatorError("--on 只说这一天的身份和家庭，不能和 --rule 一起写")
            state = state_on(Home(home), of, year, day)
            finish(state, state_lines(state), as_json)
        told = explanation(Home(home), of, year, rule or None)
        finish(told, explain_lines(told), as_json)


@app.command()
def simulate(
    year: Annotated[int, typer.Option(help="费用年度")],
    sets: Annotated[list[str] | None, typer.Option("--set", help="KEY=VALUE，可写多个，合成一个情景")] = None,
    scenario: Annotated[
        Path | None, typer.Option("--scenario", help="情景文件（TOML，可有多个情景）")
    ] = None,
    region: Annotated[str | None, typer.Option("--region", help="只看这个区划")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="把表和图写成工作簿，放进这个文件夹")] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """换一个参数或读法会怎样：与现行规定比较金额、受益户、基金需求和谁多谁少。不发布任何东西。

    键：<规则>.<参数>[.<类别>]，如 L-04.cap_yuan.DIBAO=25000；或读法，如 A-L02=d。
    """
    from flows.simulation import scenarios, simulate
    from flows.simulation_text import simulation_frames, simulation_lines, simulation_report
    from stores.home import Home

    with guarded(as_json):
        found = simulate(Home(home), year, scenarios(sets or [], scenario), region or None)
        report, lines = simulation_report(found), simulation_lines(found)
        if out is not None:
            from reports.scenario_book import write_scenarios

            path = write_scenarios(out, simulation_frames(found), year, found.on)
            report["workbook"] = str(path)
            lines.append(f"表和图：{path}")
        finish(report, lines, as_json)


@app.command()
def synth(
    out: Annotated[Path, typer.Option(help="写到这个文件夹")],
    persons: Annotated[int, typer.Option(help="参保人数")] = 3000,
    year: Annotated[int, typer.Option(help="费用年度")] = 2023,
    region: Annotated[str, typer.Option(help="区划代码")] = "330112",
    seed: Annotated[int, typer.Option(help="随机种子：相同的种子得到相同的文件")] = 1,
    plain: Annotated[bool, typer.Option("--plain", help="只写 UTF-8 的平台文件（用于测速）")] = False,
    as_json: JsonOption = False,
) -> None:
    """生成一个合成县的数据文件和答案（全部虚构，不含任何真实个人信息）。"""
    from synth import write_county

    with guarded(as_json):
        summary = write_county(out, persons=persons, year=year, region=region, seed=seed, plain=plain)
        finish({"status": "done", **summary}, messages.synth_lines(summary, out), as_json)


@app.command()
def check(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """一屏看清：安装、政策、参考表、数据目录是否正常。"""
    from flows.checking import findings

    with guarded(as_json):
        found = findings(home)
        report = {
            "status": "done",
            "checks": found,
            "attention": sum(row["state"] == "warning" for row in found),
        }
        lines = messages.check_lines(found)
        if any(row["state"] == "error" for row in found):
            say("\n".join(lines))
            fail(USAGE, "配置有错误，请按上面的提示改正。", as_json)
        finish(report, lines, as_json)


def main() -> None:
    """Entry point of the console script."""
    if sys.stdout.encoding and sys.stdout.encoding.lower() not in {"utf-8", "utf8"}:
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]  # only text streams are here
    try:
        app(prog_name="fengding", terminal_width=shutil.get_terminal_size().columns)
    except SystemExit as end:
        wrong_call = end.code == USAGE and not isinstance(end.__context__, typer.Exit)
        if wrong_call and "--json" in sys.argv[1:]:
            print(
                json.dumps(
                    {"status": "failed", "exit": USAGE, "message": str(end.__context__)}, ensure_ascii=False
                )
            )
        raise
