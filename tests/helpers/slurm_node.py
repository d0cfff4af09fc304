"""A SLURM of one node in a temporary folder: munged, slurmctld and slurmd as plain daemons of the
user who runs the tests.

Two partitions, cpu and gpu, on the same node; its one GPU is /dev/null, which SLURM counts and
hands out like a real one. Memory is counted and not enforced: there are no cgroups here. Knows
nothing of Nextflow.
"""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

COMMANDS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "sinfo")
CPUS = 4
"""Said, not counted: the node takes two tasks of the test profile at a time, whatever the machine
has."""
START_S = 60
STOP_S = 20

CONFIGURATION = """\
ClusterName=gfmtrust
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
SchedulerParameters=batch_sched_delay=0,sched_interval=1
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=64000 Gres=gpu:1 State=UNKNOWN
PartitionName=cpu Nodes={host} Default=YES MaxTime=INFINITE State=UP
PartitionName=gpu Nodes={host} MaxTime=INFINITE State=UP
"""


def missing() -> list[str]:
    """Commands of SLURM and munge that are not on the search path."""
    return [name for name in COMMANDS if find(name) is None]


def find(name: str) -> str | None:
    return shutil.which(name, path=os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"]))


@contextmanager
def running() -> Iterator[dict[str, str]]:
    """Start the node, give the environment in which sbatch and its like reach it, and stop what was
    started.

    Raises RuntimeError with the end of the daemons' logs where the node is not idle within START_S.
    """
    folder = Path(tempfile.mkdtemp(prefix="gfmtrust-slurm-"))
    folder.chmod(0o755)  # munged refuses a socket in a folder that others cannot enter
    variables = os.environ | {"SLURM_CONF": str(folder / "slurm.conf")}
    daemons: list[subprocess.Popen] = []
    try:
        write(folder)
        daemons.append(
            start(
                folder,
                "munged",
                "--foreground",
                f"--socket={folder}/munge/socket",
                f"--key-file={folder}/munge/key",
                f"--pid-file={folder}/munge/pid",
                f"--log-file={folder}/munge/log",
                f"--seed-file={folder}/munge/seed",
            )
        )
        wait(folder, "munged", lambda: (folder / "munge" / "socket").exists())
        daemons.append(start(folder, "slurmctld", "-D", "-f", variables["SLURM_CONF"]))
        daemons.append(start(folder, "slurmd", "-D", "-f", variables["SLURM_CONF"]))
        wait(folder, "the node", lambda: is_idle(variables))
        yield variables
    finally:
        for daemon in reversed(daemons):
            daemon.terminate()
        for daemon in reversed(daemons):
            try:
                daemon.wait(STOP_S)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        shutil.rmtree(folder, ignore_errors=True)


def write(folder: Path) -> None:
    """Configuration, a munge key of its own, and the folders that the daemons ask for."""
    for name in ("state", "spool", "munge"):
        (folder / name).mkdir(mode=0o755)
    key = folder / "munge" / "key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o600)
    controller, node = free_ports(2)
    host = socket.gethostname().split(".")[0]
    (folder / "slurm.conf").write_text(
        CONFIGURATION.format(
            host=host,
            folder=folder,
            user=getpass.getuser(),
            cpus=CPUS,
            controller_port=controller,
            node_port=node,
        )
    )
    (folder / "gres.conf").write_text("Name=gpu File=/dev/null\n")


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on at this moment."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def start(folder: Path, name: str, *options: str) -> subprocess.Popen:
    with open(folder / f"{name}.out", "wb") as out:
        return subprocess.Popen(
            [find(name), *options],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=os.environ | {"SLURM_CONF": str(folder / "slurm.conf")},
            start_new_session=True,
        )


def is_idle(variables: dict[str, str]) -> bool:
    states = subprocess.run(
        ["sinfo", "--noheader", "--format=%T"],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    return set(states.stdout.split()) == {"idle"}


def wait(folder: Path, what: str, ready) -> None:
    end = time.monotonic() + START_S
    while not ready():
        if time.monotonic() > end:
            logs = "\n".join(
                f"{path.name}: {path.read_text()[-600:]}"
                for path in sorted([*folder.glob("*.out"), *folder.glob("*.log")])
            )
            raise RuntimeError(f"{what} is not ready after {START_S} s\n{logs}")
        time.sleep(0.2)
