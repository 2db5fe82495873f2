"""A Slurm of two nodes on this machine, as root; what it needs `install.sh` installs.

A node has two cores; jobs of one go to the node with most room, and two have room on one.
"""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time

import psutil

NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "setpriv")
NODES = ("n1", "n2")

CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core,CR_LLN
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
ReturnToService=2
SlurmctldTimeout=30
SlurmdTimeout=10
KillWait=15
MinJobAge=300
SlurmctldParameters=node_reg_mem_percent=0
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=2,bf_interval=2
{nodes}
PartitionName=main Nodes=ALL Default=YES PriorityTier=1 MaxTime=INFINITE State=UP
PartitionName=patient Nodes=ALL PriorityTier=1 GraceTime=20 MaxTime=INFINITE State=UP
PartitionName=urgent Nodes=ALL PriorityTier=2 MaxTime=INFINITE State=UP
"""


def missing():
    """Why there can be no Slurm here; empty where there can."""
    absent = [name for name in NEEDED if shutil.which(name) is None]
    if absent:
        return f"no {', '.join(absent)}: tests/engines/install.sh installs them"
    return "" if os.geteuid() == 0 else "Slurm's daemons are started as root"


class Slurm:
    """Its daemons, of which nodes can be killed; no accounting."""

    def __init__(self, folder):
        self.folder = folder
        self._daemons = {}
        os.environ["SLURM_CONF"] = str(folder / "slurm.conf")

    def start(self):
        for name in ("state", *(f"spool-{node}" for node in NODES)):
            (self.folder / name).mkdir()
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o600)
        nodes = "\n".join(
            f"NodeName={node} NodeHostname={host()} NodeAddr=127.0.0.1 Port={free_port()} "
            "CPUs=2 RealMemory=1024 State=UNKNOWN"
            for node in NODES
        )
        (self.folder / "slurm.conf").write_text(
            CONFIGURATION.format(host=host(), port=free_port(), folder=self.folder, nodes=nodes)
        )
        self._daemon(
            "munged", "--foreground", "--force", f"--key-file={key}",
            f"--socket={self.folder}/munge.socket", f"--pid-file={self.folder}/munged.pid",
            f"--log-file={self.folder}/munged.log", f"--seed-file={self.folder}/munged.seed",
        )  # fmt: skip
        until((self.folder / "munge.socket").exists)
        self._daemon("slurmctld", "-D")
        for node in NODES:
            self.start_node(node)
        until(lambda: self("sinfo", "--noheader", "--format=%D %T") == "2 idle")

    def start_node(self, node):
        self._daemon(node, "-D", "-N", node, program="slurmd")

    def __call__(self, *command):
        """Return the output of a Slurm command, which may fail."""
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        return (done.stdout + done.stderr).strip()

    def state(self, job):
        return self("squeue", "--noheader", "--states=all", f"--jobs={job}", "--format=%T")

    def restarts(self, job):
        return self("squeue", "--noheader", "--states=all", f"--jobs={job}", "--Format=RestartCnt")

    def kill_node(self, node):
        """The node is gone at once with all that ran there."""
        daemon = self._daemons.pop(node)
        daemon.kill()
        daemon.wait()
        for process in self.processes(node):
            kill(process)

    def processes(self, node=None):
        """Ids of the processes of jobs, on one node or on all, and of those that started them."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                environment = process.environ()
                ours = environment.get("SLURM_CONF") == os.environ["SLURM_CONF"]
                name = environment.get("SLURMD_NODENAME")
                if ours and name and node in (None, name):
                    found.append(process.pid)
                    parent = process.parent()
                    if parent and parent.name() == "slurmstepd":
                        found.append(parent.pid)
        return found

    def stop(self):
        for process in self.processes():
            kill(process)
        for daemon in reversed(self._daemons.values()):
            daemon.terminate()
        for daemon in self._daemons.values():
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        del os.environ["SLURM_CONF"]

    def _daemon(self, name, *arguments, program=""):
        with (self.folder / f"{name}.out").open("wb") as log:
            self._daemons[name] = subprocess.Popen(
                ["setpriv", "--pdeathsig=TERM", program or name, *arguments],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


def host():
    return socket.gethostname().partition(".")[0]


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def kill(process):
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def until(condition, seconds=400.0):
    """Waits until something is so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to be"
        time.sleep(0.1)
