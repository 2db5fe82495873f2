from tuner.devices import cgroups, kills


def test_kills_of_the_group_and_of_the_machine_are_counted(tmp_path, monkeypatch):
    machine = tmp_path / "vmstat"
    monkeypatch.setattr(cgroups, "oom_kills", lambda: 2)
    monkeypatch.setattr(kills, "_VMSTAT", machine)
    assert kills.oom_kills() == 2
    machine.write_text("nr_free_pages 5\noom_kill 7\nkswapd_inodesteal 0\n")
    assert kills.oom_kills() == 9
