"""Requests to Slurm, states of its queue, and arguments of agents."""

import pytest

from tuner.devices.scheduler import own_job
from tuner.launchers.slurm.settings import SlurmSettings
from tuner.launchers.slurm.spec import (
    AgentJob,
    Phase,
    agents_text,
    batch_options,
    ended_text,
    failed,
    log_tail,
    missing,
    news,
    read_queue,
    taken_options,
    warning_seconds,
)

RUNNING = AgentJob(id="7_0", state="RUNNING", node="n1")
WAITING = AgentJob(id="7_0", state="PENDING", reason="BeginTime")
DONE = AgentJob(id="7_0", state="COMPLETED", node="n1")


def test_the_queue_names_jobs_and_what_it_does_not_name_has_ended():
    told = (
        "7_0   |RUNNING   |None                |n1 |0     \n"
        "7_1   |PENDING   |(Resources, n[1-2]) |   |2     \n"
        "8     |COMPLETED |None                |n2 |0     \n"
    )
    found = read_queue(told, ["7_0", "7_1", "6"])
    assert list(found) == ["7_0", "7_1", "6"]
    assert found["7_0"] == RUNNING
    assert found["7_1"].reason == "(Resources, n[1-2])"
    assert found["7_1"].restarts == 2
    assert found["6"] == AgentJob(id="6")
    assert found["6"].phase is Phase.ENDED


def test_a_process_knows_the_task_of_an_array_that_it_is():
    assert own_job({}) is None
    assert own_job({"SLURM_JOB_ID": "17"}) == "17"
    array = {"SLURM_ARRAY_JOB_ID": "17", "SLURM_ARRAY_TASK_ID": "3"}
    assert own_job({"SLURM_JOB_ID": "17", **array}) == "17_3"


@pytest.mark.parametrize(
    ("state", "phase"),
    [
        ("PENDING", Phase.PENDING),
        ("REQUEUED", Phase.PENDING),
        ("REQUEUE_HOLD", Phase.PENDING),
        ("CONFIGURING", Phase.RUNNING),
        ("SUSPENDED", Phase.RUNNING),
        ("COMPLETING", Phase.RUNNING),
        ("NODE_FAIL", Phase.ENDED),
        ("TIMEOUT", Phase.ENDED),
        ("", Phase.ENDED),
    ],
)
def test_what_a_state_means(state, phase):
    assert AgentJob(id="1", state=state).phase is phase


def test_agents_are_missing_that_do_not_live():
    assert missing(4, []) == 4
    assert missing(4, [RUNNING, WAITING, DONE]) == 2
    assert missing(1, [RUNNING, WAITING]) == 0


def test_what_happened_between_two_looks_is_told():
    def told(before, now):
        return news({"7_0": before} if before else {}, {"7_0": now})

    assert told(WAITING, RUNNING) == ["agent 7_0 runs on n1"]
    assert told(None, RUNNING) == ["agent 7_0 runs on n1"]
    elsewhere = AgentJob(id="7_0", state="RUNNING", node="n2")
    assert told(RUNNING, elsewhere) == ["agent 7_0 runs on n2"]
    assert told(RUNNING, RUNNING) == []
    assert told(RUNNING, WAITING)[0].startswith("agent 7_0 lost its node n1")
    assert told(RUNNING, DONE) == ["agent 7_0 ended on n1: COMPLETED"]
    assert told(DONE, DONE) == []
    assert told(RUNNING, AgentJob(id="7_0")) == ["agent 7_0 ended: Slurm knows it no more"]


def test_agents_are_counted_and_those_that_wait_say_why():
    other = AgentJob(id="7_2", state="PENDING", reason="Resources")
    text = agents_text([RUNNING, WAITING, other, other, DONE])
    assert text == "agents: 1 running, 3 pending (BeginTime, Resources), 1 ended"
    assert agents_text([]) == "agents: none"


def test_what_did_not_come_to_its_end_has_failed():
    lost = AgentJob(id="7_1", state="FAILED", reason="NonZeroExitCode", node="n2")
    assert failed([RUNNING, DONE, lost]) == [lost]
    assert ended_text(lost) == "7_1 ended on n2: FAILED (NonZeroExitCode)"


def test_only_a_job_that_was_requeued_and_waits_for_nothing_else_rests():
    def rests(reason, restarts):
        return AgentJob(id="1", state="PENDING", reason=reason, restarts=restarts).rests

    assert rests("BeginTime", 1)
    assert not rests("BeginTime", 0)  # It is the user who wants it so.
    assert not rests("Resources", 1)


def test_the_warning_grows_with_the_limit():
    assert [warning_seconds(limit) for limit in (1, 10, 60, 6000)] == [20, 60, 120, 120]


def test_the_batch_options_come_from_the_keys():
    launcher = SlurmSettings(
        agents=4,
        partition="gpu",
        gpus_per_node=2,
        cpus_per_node=8,
        memory="64G",
        time_limit=90,
        options={"mail_type": "END", "qos": "high", "exclusive": False},
        setup=["module load cuda"],
    )
    options = batch_options(launcher, "mine")
    assert options["job_name"] == "tuner-mine"
    assert (options["gpus_per_node"], options["mem"], options["time"]) == (2, "64G", 90)
    assert options["srun_args"] == ["--cpus-per-task", "8"]
    assert options["additional_parameters"] == {
        "requeue": True,
        "mail-type": "END",
        "qos": "high",
    }
    assert batch_options(SlurmSettings(gpus_per_node=0), "a")["setup"] is None


def test_options_that_have_a_key_of_their_own_are_named():
    launcher = SlurmSettings(options={"cpus_per_task": 4, "qos": "high"})
    assert taken_options(launcher) == ["cpus_per_task: launcher.cpus_per_node"]


def test_a_log_without_what_submitit_says_of_itself():
    text = "submitit INFO (2026-11-21) - Loading pickle\ntuner: no space left\n  where: /data\n"
    assert log_tail(text) == "tuner: no space left\n  where: /data"
    assert log_tail("\n".join("abcdef"), lines=2) == "e\nf"
