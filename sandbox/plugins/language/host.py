"""The LanguageRuntime service."""

import json
import queue
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2, json_format

from sandbox.plugins.language import environment
from sandbox.plugins.language.children import Children
from sandbox.plugins.language.environment import EnvironmentMissing
from sandbox.plugins.language.policy_proxy import PolicyProxy
from sandbox.plugins.protocol.stubs import language_pb2, language_pb2_grpc, plugin_pb2

VERSION = "3.259.0"
"""The engine release this host was written for."""
PROGRAM = Path(__file__).with_name("program.py")
"""Started, never imported: it loads the whole SDK, and the host needs the protocol alone."""
FAILED_AND_SAID_SO = 32
"""The exit code that PROGRAM gives for it."""


def _options(info: language_pb2.ProgramInfo) -> dict[str, Any]:
    return dict(json_format.MessageToDict(info.options))


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """Runs programs and policy packs for the engine at `engine_address`."""

    def __init__(self, engine_address: str) -> None:
        self._engine = engine_address
        self.children = Children()

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> language_pb2.LanguageHandshakeResponse:
        """Sent when the engine attaches to a running host."""
        self._engine = request.engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        """The host's version."""
        return plugin_pb2.PluginInfo(version=VERSION)

    def About(self, request: language_pb2.AboutRequest, context: grpc.ServicerContext) -> language_pb2.AboutResponse:
        """The interpreter, for `pulumi about`."""
        python = self._python(request.info, context)
        return language_pb2.AboutResponse(
            executable=str(python),
            version=environment.version_of(python),
            metadata={"toolchain": "Pip", "typechecker": "none"},
        )

    def GetRequiredPackages(
        self, request: language_pb2.GetRequiredPackagesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetRequiredPackagesResponse:
        """The plugins that the program's installed packages belong to."""
        found = environment.required_packages(self._python(request.info, context))
        packages = [
            plugin_pb2.PackageDependency(name=p.name, kind="resource", version=p.version, server=p.server)
            for p in found
        ]
        return language_pb2.GetRequiredPackagesResponse(packages=packages)

    def GetProgramDependencies(
        self, request: language_pb2.GetProgramDependenciesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetProgramDependenciesResponse:
        """Installed distributions, for `pulumi about`."""
        installed = environment.dependencies(self._python(request.info, context))
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[language_pb2.DependencyInfo(name=name, version=version) for name, version in installed]
        )

    def Run(self, request: language_pb2.RunRequest, context: grpc.ServicerContext) -> language_pb2.RunResponse:
        """Run the program to its end. A failure the program has told already is a bail, not an error."""
        python = self._python(request.info, context)
        child = self.children.start(
            [python, PROGRAM, *self._program_arguments(request)],
            cwd=Path(request.info.program_directory),
            env={
                "PULUMI_CONFIG": json.dumps(dict(request.config)),
                "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
            },
            piped=False,
        )
        context.add_callback(lambda: self.children.end(child))
        code = child.wait()
        self.children.forget(child)
        if code == 0:
            return language_pb2.RunResponse()
        if code == FAILED_AND_SAID_SO:
            return language_pb2.RunResponse(bail=True)
        return language_pb2.RunResponse(error=f"program exited with non-zero exit code: {code}")

    def _program_arguments(self, request: language_pb2.RunRequest) -> list[str]:
        named = {
            "monitor": request.monitor_address,
            "engine": self._engine,
            "project": request.project,
            "stack": request.stack,
            "organization": request.organization,
            "root_directory": request.info.root_directory,
            "pwd": request.pwd,
            "dry_run": "true" if request.dryRun else "false",
            "parallel": str(request.parallel or 16),
        }
        words = [word for name, value in named.items() if value for word in (f"--{name}", value)]
        return [*words, request.info.entry_point or ".", *request.args]

    def InstallDependencies(
        self, request: language_pb2.InstallDependenciesRequest, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.InstallDependenciesResponse]:
        """Make the virtual environment from the lock file beside Pulumi.yaml, hashes checked."""
        root = Path(request.info.root_directory or request.directory)
        venv = root / str(_options(request.info).get("virtualenv") or ".venv")
        lock = root / "requirements.lock"
        if not lock.exists():
            return
        steps = (
            ["python3", "-m", "venv", str(venv)],
            [str(venv / "bin/python"), "-m", "pip", "install", "--require-hashes", "-r", str(lock)],
            [str(venv / "bin/python"), "-m", "pip", "install", "--no-deps", "--no-build-isolation", "-e", str(root)],
        )
        for step in steps:
            done = subprocess.run(step, capture_output=True, check=False)
            yield language_pb2.InstallDependenciesResponse(stdout=done.stdout, stderr=done.stderr)
            if done.returncode:
                context.abort(grpc.StatusCode.UNKNOWN, f"{' '.join(step)}: exit code {done.returncode}")

    def RunPlugin(
        self, request: language_pb2.RunPluginRequest, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.RunPluginResponse]:
        """Run a plugin written in Python; a policy pack goes through a proxy that waits for the stack's name."""
        python = self._python(request.info, context)
        if request.kind == "analyzer":
            yield from self._run_policy_pack(python, request, context)
            return
        argv = [python, "-u", request.info.program_directory, *request.args]
        child = self.children.start(
            argv, Path(request.pwd), dict(item.split("=", 1) for item in request.env), piped=True
        )
        context.add_callback(lambda: self.children.end(child))
        yield from _output(child)
        self.children.forget(child)

    def _run_policy_pack(
        self, python: Path, request: language_pb2.RunPluginRequest, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.RunPluginResponse]:
        chunks: queue.Queue[language_pb2.RunPluginResponse | None] = queue.Queue()
        given = dict(item.split("=", 1) for item in request.env)

        def start(env: dict[str, str]) -> int:
            argv = [python, "-u", "-m", "pulumi.policy", *request.args, request.info.program_directory]
            child = self.children.start(argv, Path(request.pwd), {**given, **env}, piped=True)
            context.add_callback(lambda: self.children.end(child))
            if child.stdout is None:
                raise RuntimeError("a piped child has a standard output")
            first = child.stdout.readline().decode().strip()
            threading.Thread(target=_pump, args=(child, chunks), daemon=True).start()
            if not first.isdigit():
                raise RuntimeError(f"the policy pack said '{first}' where its port was expected")
            return int(first)

        proxy = PolicyProxy(start)

        def leave() -> None:
            chunks.put(None)
            proxy.stop()

        context.add_callback(leave)
        yield language_pb2.RunPluginResponse(stdout=f"{proxy.port}\n".encode())
        while (chunk := chunks.get()) is not None:
            yield chunk

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Interrupt what runs."""
        self.children.end_all()
        return empty_pb2.Empty()

    @staticmethod
    def _python(info: language_pb2.ProgramInfo, context: grpc.ServicerContext) -> Path:
        try:
            return environment.python_of(_options(info), Path(info.root_directory))
        except EnvironmentMissing as missing:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(missing))
            raise


def _pump(child: subprocess.Popen[bytes], into: "queue.Queue[language_pb2.RunPluginResponse | None]") -> None:
    for chunk in _output(child):
        into.put(chunk)
    into.put(None)


def _output(child: subprocess.Popen[bytes]) -> Iterator[language_pb2.RunPluginResponse]:
    """What a piped child prints, line by line from both ends, then its exit code."""
    lines: queue.Queue[language_pb2.RunPluginResponse | None] = queue.Queue()

    def read(stream: Any, kind: str) -> None:
        for line in stream:
            lines.put(language_pb2.RunPluginResponse(**{kind: line}))
        lines.put(None)

    for stream, kind in ((child.stdout, "stdout"), (child.stderr, "stderr")):
        threading.Thread(target=read, args=(stream, kind), daemon=True).start()
    open_streams = 2
    while open_streams:
        line = lines.get()
        if line is None:
            open_streams -= 1
        else:
            yield line
    yield language_pb2.RunPluginResponse(exitcode=child.wait())
