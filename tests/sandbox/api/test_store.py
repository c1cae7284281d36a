"""Documents and tasks survive, and stay in order."""

import threading
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag

from sandbox.api import sealing
from sandbox.api.errors import ApiError
from sandbox.api.store import Store


def test_documents_are_listed_in_the_order_they_were_made(tmp_path: Path) -> None:
    store = Store(tmp_path / "db")
    for id in ("b", "a", "c"):
        store.put("kind", id, {"Id": id}, "ap-beijing")
    store.put("kind", "b", {"Id": "b", "Changed": True})
    assert [doc["Id"] for doc in store.list("kind", "ap-beijing")] == ["b", "a", "c"]
    assert store.region_of("kind", "b") == "ap-beijing"


def test_a_document_is_a_copy(tmp_path: Path) -> None:
    store = Store(tmp_path / "db")
    store.put("kind", "a", {"List": []})
    store.get("kind", "a")["List"].append(1)
    assert store.get("kind", "a") == {"List": []}


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ApiError, match="ResourceNotFound: The resource `a` does not exist"):
        Store(tmp_path / "db").get("kind", "a")


def test_another_process_finds_everything(tmp_path: Path) -> None:
    first = Store(tmp_path / "db")
    first.put("kind", "a", {"Id": "a"})
    first.add_task(1.0, "t", {"x": 1}, "ap-beijing")
    second = Store(tmp_path / "db")
    assert second.find("kind", "a") == {"Id": "a"}
    assert [(task.name, task.payload) for task in second.tasks()] == [("t", {"x": 1})]


def test_the_lock_keeps_counting_threads_apart(tmp_path: Path) -> None:
    store = Store(tmp_path / "db")
    store.put("kind", "n", {"n": 0})

    def count() -> None:
        for _ in range(50):
            with store.lock:
                store.put("kind", "n", {"n": store.get("kind", "n")["n"] + 1})

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.get("kind", "n") == {"n": 200}


def test_the_database_is_the_owners_alone(tmp_path: Path) -> None:
    Store(tmp_path / "db")
    assert (tmp_path / "db").stat().st_mode & 0o777 == 0o600


def test_sealed_text_opens_only_under_its_label(tmp_path: Path) -> None:
    sealed = sealing.seal(tmp_path / "db", "a", "secret")
    assert "secret" not in sealed
    assert sealing.unseal(tmp_path / "db", "a", sealed) == "secret"
    with pytest.raises(InvalidTag):
        sealing.unseal(tmp_path / "db", "b", sealed)
    assert (tmp_path / "seal.key").stat().st_mode & 0o777 == 0o600
