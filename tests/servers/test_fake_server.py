"""The core of the fakes: true send times, parallel requests, faults, and a process of its own."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

import httpx
import pytest
from servers.fake_openai import FakeOpenAI
from servers.fake_server import FakeServer
from servers.run_fake import KINDS, in_process
from servers.schedule import Schedule, ScriptedModel, planned

BODY = {"model": "tiny", "prompt": "one two three", "max_tokens": 4, "stream": True}
PATH = "/v1/completions"


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False) as client:
        yield client


@pytest.mark.parametrize("kind", KINDS)
def test_every_fake_runs_in_a_process_of_its_own_and_ends_with_its_input(kind: str) -> None:
    with in_process(kind) as fake:
        assert fake.url.startswith("http://127.0.0.1:")
        assert fake.requests == []
        url = fake.url
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, trust_env=False)


def test_chunks_leave_at_their_deadlines_and_errors_do_not_add_up(client: httpx.Client) -> None:
    schedule = Schedule(ttft_ms=20, gaps_ms=(2, 3), tokens_per_chunk=(1, 3))
    with FakeOpenAI(schedule=schedule).running() as server:
        client.post(server.url + PATH, json={**BODY, "max_tokens": 9})
        (seen,) = server.asked(PATH)
    assert [sent.tokens for sent in seen.sent] == [1, 3, 1, 3, 1]
    # Never before its deadline; how long after is the machine's affair.
    due_s = [seen.received_s + offset_ms / 1000 for offset_ms in (20, 22, 25, 27, 30)]
    assert all(sent.time_s >= due for sent, due in zip(seen.sent, due_s, strict=True))
    assert seen.is_whole


def test_times_of_another_process_are_on_the_same_clock(client: httpx.Client) -> None:
    with in_process("openai", schedule={"ttft_ms": 1}) as fake:
        before_s = time.perf_counter()
        client.post(fake.url + PATH, json=BODY)
        after_s = time.perf_counter()
        (seen,) = fake.requests
    times_s = [before_s, seen.received_s, *(sent.time_s for sent in seen.sent), after_s]
    assert all(earlier < later for earlier, later in itertools.pairwise(times_s))


def test_requests_are_served_in_parallel() -> None:
    from concurrent.futures import ThreadPoolExecutor

    # No answer begins before eight are asked for, so serving them one by one would never end.
    with FakeOpenAI(together=8).running() as server, httpx.Client(trust_env=False) as client:
        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(lambda _: client.post(server.url + PATH, json=BODY), range(8)))
        assert server.most_in_flight == 8
    assert {answer.status_code for answer in answers} == {200}


def test_a_cut_connection_is_a_reset_in_the_middle_of_the_stream(client: httpx.Client) -> None:
    with FakeOpenAI().running() as server:
        server.fail("cut", after=2)
        got: list[str] = []
        with (
            pytest.raises(httpx.ReadError, match="reset by peer"),
            client.stream("POST", server.url + PATH, json=BODY) as answer,
        ):
            got.extend(line for line in answer.iter_lines() if line)
        assert len(got) == 2
        assert not server.asked(PATH)[0].is_whole


def test_a_hanging_request_times_out_and_does_not_keep_the_server_from_ending(client: httpx.Client) -> None:
    with FakeOpenAI().running() as server:
        server.fail("hang")
        with pytest.raises(httpx.ReadTimeout):
            client.post(server.url + PATH, json=BODY, timeout=0.05)


def test_a_fault_can_be_for_one_path_and_one_time(client: httpx.Client) -> None:
    with FakeOpenAI().running() as server:
        server.fail("status", PATH, times=1, status=500)
        assert client.get(server.url + "/v1/models").status_code == 200
        assert [client.post(server.url + PATH, json=BODY).status_code for _ in range(2)] == [500, 200]


def test_a_loading_server_refuses_as_many_requests_as_asked(client: httpx.Client) -> None:
    with FakeOpenAI(loading=2).running() as server:
        assert [client.get(server.url + "/v1/models").status_code for _ in range(3)] == [503, 503, 200]


def test_the_end_of_the_server_ends_connections_that_are_kept_open(client: httpx.Client) -> None:
    with FakeOpenAI().running() as server:
        client.get(server.url + "/v1/models")
    with pytest.raises(httpx.ConnectError):
        client.get(server.url + "/v1/models")


def test_a_cached_prefix_makes_the_prefill_shorter() -> None:
    server = FakeServer(schedule=Schedule(ttft_ms=100))
    first = server.plan([1, 2, 3, 4], 1, can_end=False, caches=True)
    same = server.plan([1, 2, 3, 4], 1, can_end=False, caches=True)
    half = server.plan([1, 2, 9, 9], 1, can_end=False, caches=True)
    other = server.plan([9, 2, 3, 4], 1, can_end=False, caches=True)
    assert [plan.cached for plan in (first, same, half, other)] == [0, 4, 2, 0]
    assert [plan.prefill_s for plan in (first, same, half, other)] == [0.1, 0.0, 0.05, 0.1]


def test_the_scripted_model_is_greedy_and_ends_where_it_is_told() -> None:
    model = ScriptedModel(ends_after=5)
    assert len(model.answer([1, 2], 20, can_end=True)) == 5
    assert len(model.answer([1, 2], 3, can_end=True)) == 3
    assert len(model.answer([1, 2], 20, can_end=False)) == 20
    assert len(model.answer([1, 2], 20, can_end=True, least=6)) == 20
    assert model.answer([1, 2], 8, can_end=False) == model.answer([1, 2], 8, can_end=False)
    assert model.answer([1, 2], 8, can_end=False) != model.answer([1, 3], 8, can_end=False)


def test_withheld_text_comes_with_the_next_chunk() -> None:
    plan = planned(Schedule(withheld=(1,)), [7], 0, [5, 6, 8], is_cut=True)
    assert [chunk.text for chunk in plan.chunks] == [" w5", "", " w6 w8"]
    assert plan.text == " w5 w6 w8"
