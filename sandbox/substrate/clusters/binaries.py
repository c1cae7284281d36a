"""Where Kubernetes' programs are on this machine."""

from sandbox.substrate.errors import SubstrateError
from sandbox.toolchain import go_build
from sandbox.toolchain.programs import COMPONENTS, ETCD, KUBERNETES, METRICS_SERVER

_PROGRAMS = {ETCD.name: ETCD, METRICS_SERVER.name: METRICS_SERVER, **dict.fromkeys(COMPONENTS, KUBERNETES)}


def path(name: str) -> str:
    """The executable of `etcd`, `metrics-server` or one of Kubernetes' own programs.

    Raises SubstrateError if it has not been built here.
    """
    program = _PROGRAMS[name]
    built = go_build.here(program)
    if built is None:
        raise SubstrateError(
            f"{program.title} {program.version} is not on this machine: 'make up' or 'make test' builds it"
        )
    return str(built.with_name(name))
