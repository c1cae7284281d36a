"""What `status` says of what the services hold; the rest of it is seen end to end."""

import re
from collections.abc import Generator
from pathlib import Path

import pytest

from sandbox.commands import status
from tests.sandbox.world import REGION, World, world


@pytest.fixture
def cloud(tmp_path: Path) -> Generator[World]:
    with world(tmp_path) as made:
        yield made


def test_services_show_what_carries_traffic(cloud: World) -> None:
    assert status.carriers(cloud.api.store) == "nothing is deployed yet"
    vpc, subnet = cloud.network()
    id = cloud.machine(vpc, subnet, "10.20.1.9")
    shown = status.carriers(cloud.api.store)
    assert re.search(rf"^{REGION} +CVM in {REGION}-3 +{id} +10\.20\.1\.9 +running$", shown, re.MULTILINE), shown


def test_resources_are_counted_by_region_and_bookkeeping_is_not(cloud: World) -> None:
    vpc, subnet = cloud.network()
    cloud.instance(vpc, subnet, cloud.group())
    kinds = cloud.api.store.kinds()
    shown = {line.split()[0]: line.split()[1:] for line in status.resources(cloud.api.store).splitlines()[2:]}
    assert shown["cvm.instance"] == ["1", "0", "0", "0"]
    assert shown["vpc"] == ["1", "0", "0", "0"]
    hidden = {kind for kind in kinds.keys() - shown.keys() if not kind.startswith("_")}
    assert hidden >= {"network_host", "private_address"}
    assert not hidden & {"subnet", "security_group", "route_table"}
