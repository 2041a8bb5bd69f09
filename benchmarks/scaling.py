"""What a study costs beyond its runs: `python benchmarks/scaling.py --engine local --runs 10000`.

The runs are real processes that do nothing but leave a result, so the time per run is the
scheduler's, the engine's and the file system's.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import deltavae
from deltavae.studies import LocalEngine, StudyFolder, run_study, study
from deltavae.studies.engine import thread_environment


def resident_mb() -> float:
    """Resident memory of this process, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def no_op_study(runs: int, engine_name: str, cores: int | None) -> dict[str, object]:
    """Carry out `runs` empty runs and measure."""
    folder = StudyFolder(tempfile.mkdtemp(prefix="scaling-", dir=os.environ.get("TMPDIR")))
    config = folder.path.parent / f"{folder.path.name}.gin"
    config.write_text("train.steps = 1\n")
    a_study = study(
        name="no-op",
        gin_configs=[str(config)],
        sweep={"CapacityObjective.beta": [1 + i / 100 for i in range(runs // 10)]},
        seeds=list(range(10)),
    )
    row = {
        "setting": "s",
        "variant": "",
        "dataset": "d",
        "seed": 0,
        "readout": "embedding",
        "run": "r",
    }
    row |= {name: 0.123456 for name in (*a_study.scoring.metrics, "elbo", "kl", "reconstruction")}
    result = {"version": deltavae.__version__, "scoring": a_study.scoring.id, "rows": [row]}
    text = json.dumps(result)

    def command(spec_file: Path) -> list[str]:
        target = str(spec_file.parent / "result.json")
        return ["/bin/sh", "-c", 'printf "%s" "$1" > "$2"', "sh", text, target]

    def make_engine() -> object:
        if engine_name == "local":
            return LocalEngine(cores=cores)
        from deltavae.studies.ray_engine import RayEngine

        return RayEngine(folder.path, cores=cores)

    memory: list[tuple[int, float]] = []

    def watch(state: object) -> None:
        if state.done % max(1, runs // 10) == 0:
            memory.append((state.done, round(resident_mb(), 1)))

    start, cpu = time.monotonic(), time.process_time()
    state = run_study(a_study, folder, make_engine, command=command, progress=watch)
    seconds, cpu = time.monotonic() - start, time.process_time() - cpu
    start = time.monotonic()
    again = run_study(a_study, folder, make_engine, command=command)
    resume = time.monotonic() - start
    disk = sum(f.stat().st_blocks * 512 for f in folder.path.rglob("*") if f.is_file())
    shutil.rmtree(folder.path)
    config.unlink()
    return {
        "engine": engine_name,
        "runs": state.done,
        "ms_per_run": round(1000 * seconds / state.done, 2),
        "scheduler_cpu_ms_per_run": round(1000 * cpu / state.done, 2),
        "memory_mb": memory,
        "look_at_a_finished_study_s": round(resume, 2),
        "skipped": again.skipped,
        "disk_kb_per_run": round(disk / state.done / 1000, 1),
    }


def start_up(times: int) -> dict[str, object]:
    """Seconds until a fresh process, its threads limited, has what a run imports."""
    seconds, before = [], resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(times):
        start = time.monotonic()
        subprocess.run(
            [sys.executable, "-c", "import deltavae.config"],
            check=True,
            env={**os.environ, **thread_environment(1)},
        )
        seconds.append(round(time.monotonic() - start, 2))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "start_up_s": sorted(seconds),
        "start_up_cpu_s": round(cpu / times, 2),
        "start_up_mb": round(after.ru_maxrss / 1000),
    }


def main() -> None:
    """Measure what the flags name, and print it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=("local", "ray"), default="local")
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--cores", type=int)
    parser.add_argument("--start_up", type=int, default=0, metavar="TIMES")
    arguments = parser.parse_args()
    if arguments.start_up:
        print(json.dumps(start_up(arguments.start_up)))
    else:
        print(json.dumps(no_op_study(arguments.runs, arguments.engine, arguments.cores)))


if __name__ == "__main__":
    main()
