"""The plugin for addresses, run as a container runtime runs it."""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sandbox.in_cluster.cni import addresses

POOL = ("10.0.2.20", "10.0.2.21", "10.0.2.22")


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """A node's directory, with a pool of three."""
    give(tmp_path, POOL)
    return tmp_path


def give(node: Path, pool: tuple[str, ...]) -> None:
    told = {"addresses": pool, "gateway": "10.0.2.10", "prefix": 24, "leg": "no-such-leg"}
    (node / "pool.json").write_text(json.dumps(told))


def ask(node: Path, command: str, container: str = "", *, version: str = "1.0.0") -> tuple[int, dict[str, Any]]:
    """The plugin's exit status, and what it printed."""
    configuration = {
        "cniVersion": version,
        "name": "pods",
        "type": "ptp",
        "ipam": {"type": "sanmen-addresses", "directory": str(node)},
    }
    environment = {"CNI_COMMAND": command, "CNI_CONTAINERID": container, "CNI_IFNAME": "eth0", "CNI_NETNS": "/none"}
    environment["CNI_ARGS"] = f"IgnoreUnknown=1;K8S_POD_NAMESPACE=gateway;K8S_POD_NAME=pod-{container}"
    done = subprocess.run(
        [addresses.__file__],
        input=json.dumps(configuration),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout) if done.stdout else {}


def add(node: Path, container: str) -> str:
    status, told = ask(node, "ADD", container)
    assert status == 0, told
    return str(told["ips"][0]["address"]).removesuffix("/24")


def test_the_result_is_what_ptp_needs(node: Path) -> None:
    assert ask(node, "ADD", "a") == (
        0,
        {
            "cniVersion": "1.0.0",
            "ips": [{"address": "10.0.2.20/24", "gateway": "10.0.2.10"}],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    )
    assert addresses.read(node).holders == {
        "10.0.2.20": addresses.Pod(container="a", interface="eth0", name="gateway/pod-a")
    }


def test_an_address_that_was_given_back_is_given_out_last(node: Path) -> None:
    assert [add(node, "a"), add(node, "b")] == ["10.0.2.20", "10.0.2.21"]
    ask(node, "DEL", "b")
    ask(node, "DEL", "a")
    assert [add(node, name) for name in "cde"] == ["10.0.2.22", "10.0.2.21", "10.0.2.20"]


def test_a_full_pool_is_an_error_that_says_so_until_a_pod_goes(node: Path) -> None:
    for name in "abc":
        add(node, name)
    status, told = ask(node, "ADD", "d")
    assert (status, told["code"]) == (1, 11)
    assert told["msg"] == "all 3 pod addresses of this node are taken; it has room for no more pods"
    ask(node, "DEL", "b")
    assert add(node, "d") == "10.0.2.21"


def test_the_same_pod_gets_the_same_address_and_may_be_removed_twice(node: Path) -> None:
    assert add(node, "a") == add(node, "a")
    assert [ask(node, "DEL", "a"), ask(node, "DEL", "a")] == [(0, {}), (0, {})]
    assert addresses.read(node).holders == {}


def test_a_pool_that_shrinks_takes_no_address_from_a_pod(node: Path) -> None:
    assert [add(node, name) for name in "ab"] == ["10.0.2.20", "10.0.2.21"]
    give(node, ("10.0.2.21", "10.0.2.22"))
    assert ask(node, "CHECK", "a") == (0, {})
    assert add(node, "c") == "10.0.2.22"


def test_a_check_knows_who_has_an_address(node: Path) -> None:
    status, told = ask(node, "CHECK", "a")
    assert (status, told["msg"]) == (1, "a has no address for eth0")
    add(node, "a")
    assert ask(node, "CHECK", "a") == (0, {})


def test_pods_that_come_at_once_get_addresses_of_their_own(node: Path) -> None:
    many = tuple(f"10.0.2.{number}" for number in range(20, 40))
    give(node, many)
    with ThreadPoolExecutor(8) as pool:
        given = [pool.submit(add, node, f"pod-{number}") for number in range(len(many))]
        assert sorted(future.result() for future in given) == sorted(many)


def test_it_says_what_it_speaks_and_speaks_nothing_else(node: Path) -> None:
    assert ask(node, "VERSION") == (0, {"cniVersion": "1.0.0", "supportedVersions": ["1.0.0"]})
    status, told = ask(node, "ADD", "a", version="0.2.0")
    assert (status, told["code"]) == (1, 1)
    status, told = ask(node, "ADD", "")
    assert (status, told["msg"]) == (1, "CNI_CONTAINERID missing in the environment")
    status, told = ask(node, "GC", "a")
    assert (status, told["code"]) == (1, 4)
