"""The table of programs that are built from Go modules, and which of them a preparation needs.

A row more is all that a further program takes. A recipe is a Go module. What recipes require in the same versions is
compiled once for all of them (docs/adr/0015).

A built program lies in the cache (`go_build.here(program)`), so that everything on the machine finds it there;
`.sanmen/bin` has links to those that a person may want.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from sandbox import layout
from sandbox.toolchain import found, stack_files

RECIPES = Path(__file__).parent / "recipes"
PULUMI = "github.com/pulumi/pulumi"
PLUGIN_MODULE = "github.com/pulumi/pulumi-kubernetes/provider/v4"


class Need(Enum):
    """Who needs a program."""

    STACKS = "every stack"
    TKE = "stacks with a region on TKE"
    CLUSTERS = "a sandbox with a region on TKE"
    TESTS = "the tests"


@dataclass(frozen=True, kw_only=True)
class Program:
    """A program and how it is made.

    name: of the executable. title: as a person is told. recipe: the folder with go.mod. package: import path, or "."
    for the recipe's own. called: the names by which one executable is several programs; links beside it have them.
    stamp: the Go variable that is given the version. values: further Go variables and their values. overlay: file
    that the recipe's package is to have beside its own -> (module, file in it). expected: how long the build takes, in
    words. build_gib: disk that the build takes while it runs. find: (name, version) -> the program where the machine
    has it.
    """

    name: str
    title: str
    version: str
    recipe: Path
    package: str
    needed_by: Need
    expected: str
    build_gib: int
    called: tuple[str, ...] = ()
    stamp: str = ""
    values: Mapping[str, str] = field(default_factory=dict[str, str])
    overlay: Mapping[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    find: Callable[[str, str], Path | None] = found.nowhere


ENGINE = Program(
    name="pulumi",
    title="Pulumi engine",
    version="3.259.0",
    recipe=RECIPES / "engine",
    package=f"{PULUMI}/pkg/v3/cmd/pulumi",
    needed_by=Need.STACKS,
    expected="about 6 min on 2 cores",
    build_gib=6,
    stamp=f"{PULUMI}/sdk/v3/go/common/version.Version",
    find=found.as_recent,
)
"""The oldest engine that the project's tests have run with."""
KUBERNETES_PLUGIN = Program(
    name="pulumi-resource-kubernetes",
    title="Pulumi's Kubernetes plugin",
    version="4.25.0",
    recipe=RECIPES / "kubernetes_plugin",
    package=".",
    needed_by=Need.TKE,
    expected="about 7 min on 2 cores, 9 when built alone",
    build_gib=5,
    stamp=f"{PLUGIN_MODULE}/pkg/version.Version",
    overlay={
        name: (PLUGIN_MODULE, f"cmd/pulumi-resource-kubernetes/{name}")
        for name in ("schema.json", "terraform-mapping.json")
    },
    find=found.plugin,
)
"""The version of the locked Python package: the engine takes no other. The module is the newest before that release
that a module proxy serves."""
COMPONENTS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl")
"""What the one executable of Kubernetes is, by the name it is called by."""
_VERSION = "k8s.io/component-base/version"
KUBERNETES = Program(
    name="kubernetes",
    title="Kubernetes",
    version="1.34.4",
    recipe=RECIPES / "kubernetes",
    package=".",
    called=COMPONENTS,
    needed_by=Need.CLUSTERS,
    expected="about 7 min on 2 cores",
    build_gib=5,
    values={f"{_VERSION}.gitVersion": "v1.34.4", f"{_VERSION}.gitMajor": "1", f"{_VERSION}.gitMinor": "34"},
)
"""1.34 is the last that takes both versions of control groups and of containerd as Debian 12 has them."""
ETCD = Program(
    name="etcd",
    title="etcd",
    version="3.6.16",
    recipe=RECIPES / "kubernetes",
    package="go.etcd.io/etcd/server/v3",
    needed_by=Need.CLUSTERS,
    expected="about 30 s on 2 cores",
    build_gib=1,
)
METRICS_SERVER = Program(
    name="metrics-server",
    title="Kubernetes' metrics server",
    version="0.8.0",
    recipe=RECIPES / "kubernetes",
    package="sigs.k8s.io/metrics-server/cmd/metrics-server",
    needed_by=Need.CLUSTERS,
    expected="about 30 s on 2 cores",
    build_gib=1,
    values={f"{_VERSION}.gitVersion": "v0.8.0"},
)
"""Built with Kubernetes' own versions of what both are made of, so little of it is compiled anew."""
GO_CLIENT = Program(
    name="use_tencentcloud_go",
    title="Client on Tencent Cloud's Go SDK",
    version="1.0",
    recipe=layout.CHECKOUT / "tests" / "end_to_end" / "clients" / "use_tencentcloud_go",
    package=".",
    needed_by=Need.TESTS,
    expected="about 1 min",
    build_gib=1,
)
PROGRAMS = (ENGINE, KUBERNETES_PLUGIN, KUBERNETES, ETCD, METRICS_SERVER, GO_CLIENT)


def needed(purpose: str, stacks: Iterable[str]) -> list[Program]:
    """What a preparation for this purpose (`preview`, `run` or `test`) and these stacks takes."""
    needs = {Need.STACKS}
    if any(stack_files.on_tke(stack) for stack in stacks):
        needs |= {Need.TKE} if purpose == "preview" else {Need.TKE, Need.CLUSTERS}
    if purpose == "test":
        needs.add(Need.TESTS)
    return [program for program in PROGRAMS if program.needed_by in needs]
