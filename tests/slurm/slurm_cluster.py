"""A real SLURM of one node on loopback, in a folder of its own: munged, slurmctld and slurmd, started and stopped here.

`python tests/slurm/slurm_cluster.py start FOLDER` and `stop FOLDER` do it by hand; then `export SLURM_CONF=FOLDER/slurm.conf`.
"""

from __future__ import annotations

import argparse
import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue")
# The node says that it has more processors than there are, so that several jobs run at once on a small machine.
CPUS = 8
MEMORY_MB = 16_000
# SLURM's programs look for each other in folders that a user's path may lack.
_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])

_CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0,bf_interval=1
SlurmdParameters=config_overrides
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
PreemptType=preempt/partition_prio
PreemptMode=CANCEL
MinJobAge={forget_s}
MaxJobCount=5000
KillWait=2
OverTimeLimit=0
ReturnToService=2
SlurmctldTimeout=30
SlurmdTimeout=60
GresTypes=gpu
NodeName={host} Gres=gpu:2 NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory_mb} State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=600 DefaultTime=5 State=UP PriorityTier=1
PartitionName=urgent Nodes={host} MaxTime=60 DefaultTime=5 State=UP PriorityTier=10
"""


class SlurmCluster:
    """The cluster of a folder."""

    def __init__(self, folder: Path, *, forget_s: int = 300) -> None:
        self.folder = folder.resolve()
        self.host = socket.gethostname().split(".")[0]
        self._forget_s = forget_s

    @staticmethod
    def is_available() -> bool:
        """Tell whether SLURM and munge are installed."""
        return all(shutil.which(name, path=_PATH) for name in PROGRAMS)

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which SLURM's programs find this cluster, and nobody's environment of a job."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "YARDSTICK_"))}
        return inherited | {"SLURM_CONF": str(self.folder / "slurm.conf"), "PATH": _PATH}

    def start(self) -> None:
        """Start everything and wait for the node."""
        self._configure()
        self._spawn(
            "munged",
            f"--socket={self.folder}/munge.socket",
            f"--key-file={self.folder}/munge/key",
            f"--pid-file={self.folder}/munged.pid",
            f"--log-file={self.folder}/log/munged.log",
            f"--seed-file={self.folder}/munge/seed",
        )
        self.start_controller()
        self._spawn("slurmd", "-f", str(self.folder / "slurm.conf"))
        self.wait_for(self.is_idle, 30)

    def is_idle(self) -> bool:
        """Tell whether the node is there and without jobs."""
        return self.run("sinfo", "--noheader", "--format=%T", check=False).startswith("idle")

    def start_controller(self) -> None:
        self._spawn("slurmctld", "-f", str(self.folder / "slurm.conf"))

    def stop_controller(self) -> None:
        """Stop the controller, as when a login node loses it; jobs go on."""
        self._end("slurmctld")

    def stop(self) -> None:
        """Cancel all jobs and stop everything."""
        self.run("scancel", f"--user={getpass.getuser()}", check=False)
        self.wait_for(lambda: not self.run("squeue", "--noheader", check=False), 20, check=False)
        for name in ("slurmd", "slurmctld", "munged"):
            self._end(name)
        for pid in self._left_behind():
            os.kill(pid, signal.SIGKILL)

    def run(self, *command: str, check: bool = True) -> str:
        """Run one of SLURM's programs and return what it prints."""
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60, check=False)
        if check and done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr}")
        return done.stdout.strip()

    def jobs(self, *options: str) -> list[str]:
        """Return ``number state`` of the jobs that SLURM knows, ended ones included."""
        return self.run("squeue", "--noheader", "--states=all", "--format=%i %T", *options).splitlines()

    def wait_for(self, condition, limit_s: float, *, check: bool = True) -> None:
        """Wait until a condition holds."""
        deadline_s = time.monotonic() + limit_s
        while not condition():
            if time.monotonic() > deadline_s:
                if check:
                    raise TimeoutError(f"not within {limit_s} s: {condition}; the logs are in {self.folder}/log")
                return
            time.sleep(0.1)

    def _left_behind(self) -> list[int]:
        """Return the processes of jobs that SLURM has lost sight of, as when their node was said to be down."""
        mark = f"SLURM_CONF={self.folder}/slurm.conf".encode()
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                variables = (process / "environ").read_bytes().split(b"\0")
            except OSError:  # it has ended, or is another user's
                continue
            if mark in variables and any(variable.startswith(b"SLURM_JOB_ID=") for variable in variables):
                found.append(int(process.name))
        return found

    def _configure(self) -> None:
        for name in ("munge", "state", "spool", "log"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "munge").chmod(0o700)
        self.folder.chmod(0o755)
        key = self.folder / "munge" / "key"
        key.touch(mode=0o600)
        key.write_bytes(os.urandom(1024))
        controller_port, node_port = _free_ports(2)
        text = _CONFIGURATION.format(
            host=self.host,
            folder=self.folder,
            user=getpass.getuser(),
            cpus=CPUS,
            memory_mb=MEMORY_MB,
            forget_s=self._forget_s,
            controller_port=controller_port,
            node_port=node_port,
        )
        (self.folder / "slurm.conf").write_text(text)
        # Two devices that are everywhere pose as GPUs, so that asking for one is scheduled for real.
        gres = f"NodeName={self.host} Name=gpu Count=2 File=/dev/null,/dev/zero\n"
        (self.folder / "gres.conf").write_text(gres)

    def _spawn(self, name: str, *arguments: str) -> None:
        done = subprocess.run(
            [name, *arguments], env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"{name} does not start: {done.stderr.strip()}")

    def _end(self, name: str) -> None:
        try:
            pid = int((self.folder / f"{name}.pid").read_text())
            os.kill(pid, signal.SIGTERM)
        except (FileNotFoundError, ValueError, ProcessLookupError):
            return
        self.wait_for(lambda: not Path(f"/proc/{pid}").exists(), 20)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=("start", "stop"))
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    cluster = SlurmCluster(options.folder)
    if options.action == "stop":
        cluster.stop()
    else:
        cluster.start()
        print(f"export SLURM_CONF={cluster.folder}/slurm.conf")
    return 0


if __name__ == "__main__":
    sys.exit(main())
