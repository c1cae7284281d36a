"""A resource's lock keeps others from that resource, and from no other."""

import threading

from sandbox.api.locks import holding

WAIT_S = 20


def test_one_resource_is_held_by_one_at_a_time_and_another_is_free() -> None:
    inside, other = threading.Event(), threading.Event()

    def same() -> None:
        with holding("box", "b-1"):
            inside.set()

    def different() -> None:
        with holding("box", "b-2"):
            other.set()

    threads = [threading.Thread(target=each) for each in (same, different)]
    with holding("box", "b-1"), holding("box", "b-1"):
        for thread in threads:
            thread.start()
        assert other.wait(WAIT_S)
        assert not inside.is_set()
    assert inside.wait(WAIT_S)
    for thread in threads:
        thread.join()
