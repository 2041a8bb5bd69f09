"""The platform's variables, and events with and without a Redis server."""

import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time

import pytest

from deltavae.aicrowd.events import Events, environment
from deltavae.errors import UserError

SET = {
    "AICROWD_OUTPUT_PATH": "/shared",
    "AICROWD_EVALUATION_NAME": "run",
    "AICROWD_DATASET_NAME": "mpi3d_toy",
    "DISENTANGLEMENT_LIB_DATA": "/data",
}


def test_local_defaults():
    found = environment({})
    assert not found.is_grading
    assert found.run_path == pathlib.Path("scratch/shared/local")


def test_grading_even_when_set_to_nothing():
    found = environment(SET | {"AICROWD_IS_GRADING": ""})
    assert found.is_grading and found.run_path == pathlib.Path("/shared/run")


@pytest.mark.parametrize("missing", SET)
def test_no_defaults_while_grading(missing):
    given = {name: value for name, value in SET.items() if name != missing}
    with pytest.raises(UserError, match=missing):
        environment(given | {"AICROWD_IS_GRADING": "1"})


class Recorder:
    """Stands in for the client."""

    def __init__(self):
        self.sent = []

    def register_event(self, kind, message, payload, blocking):
        self.sent.append((kind, message, payload, blocking))


def test_progress_is_throttled_but_its_ends_are_sent():
    events, recorder = Events(), Recorder()
    events._asked, events._api = True, recorder
    for step in range(1001):
        events.progress(step / 1000)
    sent = [payload["training_progress"] for _, _, payload, _ in recorder.sent]
    assert sent == [0.0, 1.0]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def environment_of(port):
    return os.environ | {
        "CROWDAI_IS_GRADING": "1",
        "CROWDAI_REDIS_HOST": "127.0.0.1",
        "CROWDAI_REDIS_PORT": str(port),
    }


WHOLE_RUN = """
from deltavae.aicrowd.events import Events
events = Events(patience=1.0)
events.started()
for step in range(11):
    events.progress(step / 10)
{middle}
events.submit()
"""


def whole_run(variables, middle=""):
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", WHOLE_RUN.format(middle=middle)],
        env=variables,
        timeout=60,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return time.monotonic() - begun


def test_a_local_run_asks_no_redis():
    variables = environment_of(free_port())
    del variables["CROWDAI_IS_GRADING"]
    assert whole_run(variables) < 10


def test_a_missing_redis_does_not_hang_a_run():
    pytest.importorskip("crowdai_api")
    assert whole_run(environment_of(free_port())) < 15


@contextlib.contextmanager
def server():
    if shutil.which("redis-server") is None:
        pytest.fail("redis-server is not installed: apt-get install redis-server")
    port = free_port()
    process = subprocess.Popen(
        ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""],
        stdout=subprocess.DEVNULL,
    )
    redis = pytest.importorskip("redis")
    client = redis.Redis(port=port)
    for _ in range(100):
        with contextlib.suppress(redis.ConnectionError):
            if client.ping():
                break
        time.sleep(0.05)
    try:
        yield port, client, process
    finally:
        process.kill()
        process.wait()


def acknowledge(client):
    client.lpush("CROWDAI_BLOCKING_RESPONSE_CHANNEL", json.dumps("ok"))


def received(client):
    while item := client.rpop("CROWDAI_REDIS_COMMUNICATION_CHANNEL"):
        event = json.loads(item)
        yield event["event_type"], event["payload"]


@pytest.mark.redis
def test_redis_receives_the_events_in_order():
    with server() as (port, client, _):
        acknowledge(client)
        whole_run(environment_of(port))
        kinds, payloads = zip(*received(client), strict=True)
    names = [payload["event_type"] for payload in payloads]
    assert set(names) == {
        f"disentanglement_challenge:{name}"
        for name in ("execution_started", "register_progress", "submit")
    }
    assert names[0].endswith("execution_started") and names[-1].endswith("submit")
    assert kinds[-1] == "CROWDAI_EVENT_SUCCESS"
    fractions = [payload["training_progress"] for payload in payloads[1:-1]]
    assert fractions[0] == 0.0 and fractions[-1] == 1.0 and fractions == sorted(fractions)


@pytest.mark.redis
def test_redis_receives_the_error():
    with server() as (port, client, _):
        acknowledge(client)
        command = [sys.executable, "-m", "deltavae", "submission", "event", "error", "loss is NaN"]
        subprocess.run(command, env=environment_of(port), check=True, timeout=60)
        ((kind, payload),) = received(client)
    assert kind == "CROWDAI_EVENT_ERROR"
    assert payload == {
        "event_type": "disentanglement_challenge:execution_error",
        "error": "loss is NaN",
    }


@pytest.mark.redis
def test_submit_waits_for_the_acknowledgement():
    with server() as (port, client, _):
        command = [sys.executable, "-m", "deltavae", "submission", "event", "submit"]
        process = subprocess.Popen(command, env=environment_of(port))
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=5)
        acknowledge(client)
        assert process.wait(timeout=20) == 0


@pytest.mark.redis
def test_a_redis_that_dies_does_not_hang_a_run():
    with server() as (port, _, process):
        middle = f"import os, time; os.kill({process.pid}, 9); time.sleep(1)"
        assert whole_run(environment_of(port), middle) < 20
