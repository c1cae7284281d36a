"""`python -m sandbox.in_cluster.service_controller`: the controller of one cluster, until it is ended.

It outlives the cluster's API server and the cloud's API: while one of them is away it tries again.
"""

import argparse
import logging
from pathlib import Path

import httpx2
import msgspec
from lightkube.resources.apiextensions_v1 import CustomResourceDefinition
from lightkube.resources.core_v1 import Pod, Service

from sandbox import layout
from sandbox.in_cluster.api import Api
from sandbox.in_cluster.rounds import Bell, run
from sandbox.in_cluster.service_controller.balancers import Marks
from sandbox.in_cluster.service_controller.cloud import Cloud, CloudError
from sandbox.in_cluster.service_controller.cluster import NAME, LiveCluster
from sandbox.in_cluster.service_controller.controller import Controller
from sandbox.in_cluster.service_controller.installed import RESOURCE

REST_S = 10.0
"""Between rounds when nothing changes: what is changed in the cloud is mended after this."""
SOON_S = 1.0
"""Between rounds while a pod waits for its health check, or something failed."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="service-controller", description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--cluster-id", required=True, help="cls-…, as the mark on load balancers says it")
    parser.add_argument("--vpc-id", required=True)
    parser.add_argument("--region", required=True)
    parser.add_argument("--cloud", default=f"{layout.API_HOST}:{layout.API_PORT}", help="host:port of the cloud's API")
    parser.add_argument("--credentials", type=Path, default=layout.CREDENTIALS)
    return parser.parse_args()


def main() -> None:
    """Do rounds until ended."""
    given = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    api = Api(given.kubeconfig, NAME)
    cloud = Cloud(given.cloud, given.credentials, given.region)
    controller = Controller(LiveCluster(api), cloud, Marks(cloud, given.cluster_id, given.vpc_id))
    bell = Bell()
    for kind in (Service, Pod):
        api.follow(kind, bell.ring)

    installed = False

    def work() -> float | None:
        nonlocal installed
        if not installed:
            api.apply(msgspec.convert(RESOURCE, CustomResourceDefinition))
            installed = True
        done = controller.round()
        return SOON_S if done.failed or done.waiting else None

    run(work, bell, REST_S, (CloudError, httpx2.HTTPError))


if __name__ == "__main__":
    main()
