"""`deltavae train`: flags to a configured call, all that can be wrong found first."""

import contextlib
import dataclasses
import shlex
import shutil
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from deltavae.aicrowd.events import Events, environment
from deltavae.cli.flags import Parser
from deltavae.cli.startup import hush, quick_imports, start_tensorflow
from deltavae.errors import command as called
from deltavae.io import locked
from deltavae.run_dir import RunDir, folder_to_train_in
from deltavae.training.interrupts import Interrupted, StopRequest
from deltavae.training.settings import STRATEGIES

# The platform's time limit could not be confirmed: a run that ends by itself also exports.
GRADING_HOURS = 7.0


def parser(prog: str) -> Parser:
    """The flags of `train`."""
    flags = Parser(
        prog,
        "Train a Diffusion VAE and export its representation.",
        [
            "--gin_config gin/demo.gin --output_dir runs/demo",
            "--resume --output_dir runs/demo",
        ],
    )
    add = flags.add_argument
    add(
        "--gin_config",
        metavar="FILE",
        action="append",
        default=[],
        help="Gin file; repeat for several. Default: gin/base.gin, or on --resume the saved one.",
    )
    add(
        "--gin_bindings",
        metavar="BINDING",
        action="append",
        default=[],
        help='Binding that overrides, "train.steps = 1000"; repeat for several.',
    )
    add("--dataset", metavar="NAME", help="Data set; default: the gin binding dataset.name.")
    add(
        "--output_dir",
        metavar="DIR",
        help="The run's folder; default: $AICROWD_OUTPUT_PATH/$AICROWD_EVALUATION_NAME, else "
        "./scratch/shared/local.",
    )
    flags.boolean("resume", "Continue an interrupted run from its newest checkpoint.")
    flags.boolean("overwrite", "Replace the run that is already in the folder.")
    add(
        "--strategy",
        default="none",
        choices=STRATEGIES,
        help="Devices to share each batch between: the GPUs of this machine, or TF_CONFIG's "
        "workers.",
    )
    flags.data_dir()
    return flags


def command(options: Namespace) -> int:
    """Train as the flags say."""
    train_command(
        files=options.gin_config,
        bindings=options.gin_bindings,
        dataset=options.dataset,
        output_dir=options.output_dir,
        resume=options.resume,
        overwrite=options.overwrite,
        strategy=options.strategy,
    )
    return 0


def train_command(
    *,
    files: Sequence[str],
    bindings: Sequence[str],
    dataset: str | None,
    output_dir: str | None,
    resume: bool,
    overwrite: bool,
    strategy: str = "none",
    bindings_checked: bool = False,
) -> None:
    """Train and export.

    Tells the platform of start, progress and failure. The last event, `submit`, is left to a
    process that comes after this one (`run.sh`), when the GPU is free again. SIGTERM and
    Ctrl-C end the run after its step with a checkpoint and `Interrupted`; on the grader,
    where nobody would resume it, with the export of what there is.

    A binding that nothing reads is refused, unless `bindings_checked` says that this was seen
    to: those of a study, which its runs share, need not be read by each of them.

    Raises:
        UserError: what was asked for is impossible.
        Interrupted: a signal ended the run.
    """
    hush()
    events = Events()
    stop = StopRequest()
    try:
        events.started()
        output = Path(output_dir or environment().run_path).expanduser()
        target = _where(output, resume, overwrite, bool(files))
        chosen = list(files)
        if not chosen:
            saved = resume and target.config.is_file()
            chosen = [str(target.config)] if saved else ["gin/base.gin"]
        extra = list(bindings)
        if dataset is not None:
            extra.append(f"dataset.name = {dataset!r}")
        try:
            with stop.installed():
                _train(
                    chosen,
                    extra,
                    output,
                    resume,
                    overwrite,
                    bool(files),
                    strategy,
                    bindings_checked,
                    events,
                    stop,
                )
        except Interrupted as error:
            if RunDir(output).checkpoints.exists() or target.checkpoints.exists():
                error.message += (
                    f". Continue with: {called('train')} --resume --output_dir "
                    f"{shlex.quote(str(output))}"
                )
            raise
    except BaseException as error:
        events.error(error)
        raise
    sys.stderr.write(f"run written to {output}\n")


def _train(
    files: list[str],
    bindings: list[str],
    output: Path,
    resume: bool,
    overwrite: bool,
    configuration_given: bool,
    strategy: str,
    bindings_checked: bool,
    events: Events,
    stop: StopRequest,
) -> None:
    # imported here, so that a wrong flag is answered at once, --help needs no TensorFlow, and
    # signals are answered while it starts
    start_tensorflow()
    from deltavae.training.strategy import is_chief, make_strategy

    # before anything else of TensorFlow: workers find each other when it starts
    chief, group = is_chief(strategy), make_strategy(strategy)

    with quick_imports():
        from deltavae.config import configured, require_same_experiment
        from deltavae.models.readouts import require_fitting
        from deltavae.training.tensorboard import TensorBoardLog
        from deltavae.training.train import seed_everything, train

    console = Console(stderr=True)
    grading = environment().is_grading
    with configured(files, bindings) as experiment:
        settings, capacity, readout = experiment.settings, experiment.capacity, experiment.readout
        every = experiment.tensorboard_every
        if settings.max_hours is None and grading:
            settings = dataclasses.replace(settings, max_hours=GRADING_HOURS)
        seed_everything(settings.seed, settings.deterministic)
        data = experiment.data()
        with group.scope():
            model = experiment.model(data.image_shape)
        if not bindings_checked:
            experiment.require_read(model)
        model.objective.require_batch(settings.batch_size)
        require_fitting(
            readout,
            model.posterior.manifold,
            experiment.final_capacity(model.objective, data.num_images),
        )
        with locked(output) if chief else contextlib.nullcontext():
            # again, now that nobody else can change the answer
            target = _where(output, resume, overwrite, configuration_given)
            warnings = [*data.warnings, *experiment.capacity_notes(model, data.num_images)]
            notes = [f"warning: {warning}" for warning in warnings]
            if resume and chief and target.config.is_file():
                notes += require_same_experiment(target, experiment, data)
            limit = "" if settings.max_hours is None else f", {settings.max_hours:g} hours at most"
            for line in (
                f"training in {output}, by {', '.join(files)}",
                f"{data.name}: {data.num_images:,} images; {model.count_params():,} weights; "
                f"{settings.steps:,} steps of batch {settings.batch_size}{limit}",
                *notes,
            ):
                console.print(line, markup=False, soft_wrap=True)
            if chief and target.path != output:
                RunDir(output).remove_remains()
                if overwrite:
                    shutil.rmtree(target.path, ignore_errors=True)
            log = TensorBoardLog(target, every, experiment.text()) if chief else None
            train(
                model,
                data,
                settings,
                capacity,
                target,
                config=experiment.text(),
                readout=readout,
                resume=resume,
                on_progress=events.progress,
                console=console,
                stop=stop,
                export_when_stopped=grading,
                log=log,
                strategy=group,
                chief=chief,
            )
            if chief and target.path != output:
                RunDir(output).adopt_replacement()


def _where(output: Path, resume: bool, overwrite: bool, configured: bool) -> RunDir:
    return folder_to_train_in(
        output,
        resume=resume,
        overwrite=overwrite,
        configured=configured,
        restarted=environment().is_grading,
    )
