from tuner.launchers import kills, room


def test_kills_of_the_group_and_of_the_machine_are_counted(tmp_path, monkeypatch):
    events, machine = tmp_path / "memory.events", tmp_path / "vmstat"
    monkeypatch.setattr(kills, "_own_group", lambda: tmp_path)
    monkeypatch.setattr(kills, "_VMSTAT", machine)
    assert kills.oom_kills() == 0
    events.write_text("low 0\nhigh 0\nmax 41\noom 3\noom_kill 2\noom_group_kill 0\n")
    machine.write_text("nr_free_pages 5\noom_kill 7\nkswapd_inodesteal 0\n")
    assert kills.oom_kills() == 9


def test_a_containers_limit_is_the_room_that_there_is(tmp_path, monkeypatch):
    limit, taken = tmp_path / "memory.max", tmp_path / "memory.current"
    monkeypatch.setattr(room, "_GROUPS", [(str(limit), str(taken))])
    whole = room.host_memory()
    for text in ("max\n", "9223372036854771712\n"):  # none, in either version
        limit.write_text(text)
        taken.write_text("4096\n")
        assert room.host_memory() > whole / 2
    limit.write_text("1000000\n")
    assert room.host_memory() == 1000000 - 4096
