"""How a run was started, and how busy its machine is."""

import importlib.metadata
import json
import os
import socket
import subprocess
import sys
import textwrap

import pytest

from ai_manager._capture.facts import facts, packages
from ai_manager._capture.gpu import graphics, visible
from ai_manager._capture.system import System, memory_group


def script(body, *arguments, **environment):
    """What a process of its own prints as JSON."""
    found = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(body), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(found.stdout)


FACTS = "import json; from ai_manager._capture.facts import facts; print(json.dumps(facts()))"


def test_the_command_and_the_machine_are_said_and_no_secret_is():
    found = script(FACTS, "--lr", "0.1", "--api-key=abcdef", "--token", "abcdef", HF_TOKEN="abcdef")
    assert found["command"].endswith(" --lr 0.1 '--api-key=***' --token '***'")
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert (found["host"], found["cwd"]) == (socket.gethostname(), os.getcwd())
    assert found["cpus"] >= 1
    assert "abcdef" not in json.dumps(found)


def test_the_packages_are_those_that_are_installed():
    found = packages()
    for name in ("urllib3", "numpy", "pytest", "typing_extensions"):
        assert found[name.replace("_", "-")] == importlib.metadata.version(name)


def test_a_job_of_slurm_and_the_ranks_of_a_launcher_are_known():
    job = {"SLURM_JOB_ID": "42", "SLURM_JOB_NODELIST": "n[1-2]", "RANK": "3", "WORLD_SIZE": "8", "SLURM_JWT": "abcdef"}
    found = script(FACTS, **job, CUDA_VISIBLE_DEVICES="0,1")
    assert found["slurm"] == {"job_id": "42", "job_nodelist": "n[1-2]"}
    assert found["launcher"] == {"rank": "3", "world_size": "8"}
    assert found["variables"]["CUDA_VISIBLE_DEVICES"] == "0,1"
    assert "slurm" not in script(FACTS)


def test_a_notebook_is_known_with_its_name(monkeypatch):
    assert "notebook" not in facts()
    monkeypatch.setitem(sys.modules, "ipykernel", sys)
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/me/try out.ipynb")
    assert facts()["notebook"] == {"kind": "jupyter", "name": "try out.ipynb"}


def test_what_cannot_be_found_out_is_left_out(monkeypatch):
    def gone(*_):
        raise OSError("gone")

    monkeypatch.setattr(os, "getcwd", gone)
    monkeypatch.setattr(socket, "gethostname", gone)
    found = facts()
    assert "cwd" not in found
    assert "host" not in found
    assert "packages" in found


def test_the_machine_and_the_process_have_numbers_with_their_units():
    found = System().read()
    assert {"system/cpu_percent", "system/memory_used_bytes", "system/memory_percent", "system/disk_percent"} <= {
        *found
    }
    assert {"system/process_cpu_percent", "system/process_threads"} <= {*found}
    assert 1 << 20 < found["system/process_memory_bytes"] < found["system/memory_used_bytes"] * 4
    assert found["system/network_sent_bytes_per_second"] >= 0
    assert all(type(value) is float for value in found.values())


def test_of_several_processes_of_a_run_each_speaks_of_itself_and_one_of_the_machine():
    first, second = System(rank=8, local_rank=0).read(), System(rank=9, local_rank=1).read()
    assert "system/rank8_cpu_percent" in first
    assert "system/rank8_process_memory_bytes" in first
    assert {*second} == {f"system/rank9_process_{name}" for name in ("cpu_percent", "memory_bytes", "threads")}


@pytest.mark.parametrize(
    ("version", "files"),
    [
        ("0::/job/step", {"job/memory.max": "1000", "job/memory.current": "600", "job/step/memory.max": "max"}),
        ("4:memory:/job", {"memory/job/memory.limit_in_bytes": "1000", "memory/job/memory.usage_in_bytes": "600"}),
    ],
)
def test_the_memory_of_a_container_is_measured_by_its_own_limit(tmp_path, version, files):
    (tmp_path / "own").write_text(f"12:cpu:/elsewhere\n{version}\n")
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text + "\n")
        (tmp_path / name).with_name("memory.stat").write_text("anon 1\ninactive_file 100\n")
    assert memory_group(tmp_path, tmp_path / "own")() == (500.0, 1000.0)


def test_without_a_limit_the_memory_is_the_machines(tmp_path):
    (tmp_path / "own").write_text("0::/job\n")
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / "memory.max").write_text("max\n")
    assert memory_group(tmp_path, tmp_path / "own") is None
    assert memory_group(tmp_path, tmp_path / "missing") is None


def test_an_amd_card_is_read_from_what_its_driver_says(tmp_path):
    device = tmp_path / "card1" / "device"
    (device / "hwmon" / "hwmon3").mkdir(parents=True)
    (tmp_path / "card0" / "device").mkdir(parents=True)  # Another maker's.
    for name, text in {
        "gpu_busy_percent": "37",
        "mem_info_vram_used": "4000",
        "mem_info_vram_total": "16000",
        "hwmon/hwmon3/temp1_input": "45000",
        "hwmon/hwmon3/power1_average": "120000000",
    }.items():
        (device / name).write_text(text + "\n")
    assert graphics(tmp_path)() == {
        "gpu0_percent": 37,
        "gpu0_memory_used_bytes": 4000,
        "gpu0_memory_percent": 25,
        "gpu0_temperature_celsius": 45,
        "gpu0_power_watts": 120,
    }


@pytest.mark.parametrize(
    ("setting", "numbers"),
    [(None, [0, 1, 2]), ("2,0", [2, 0]), ("GPU-b", [1]), ("", []), ("-1", []), ("1,9,0", [1])],
)
def test_only_the_devices_that_the_process_may_use_are_read(setting, numbers):
    assert visible(setting, ["GPU-aaa", "GPU-bbb", "GPU-ccc"]) == numbers


NVML = """
#define S(name) int name()
S(nvmlInit_v2) { return 0; }
S(nvmlInitWithFlags) { return 0; }
int nvmlDeviceGetCount_v2(unsigned *n) { *n = 2; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned i, void **h) { *h = (void *)(long)(i + 1); return 0; }
int nvmlDeviceGetUUID(void *h, char *s, unsigned n) { s[0] = 'G'; s[1] = '0' + (long)h; s[2] = 0; return 0; }
int nvmlDeviceGetUtilizationRates(void *h, unsigned *u) { u[0] = 90; u[1] = 10; return 0; }
int nvmlDeviceGetMemoryInfo(void *h, unsigned long long *m) { m[0] = 8000; m[1] = 6000; m[2] = 2000; return 0; }
int nvmlDeviceGetPowerUsage(void *h, unsigned *p) { *p = 250000; return 0; }
"""


def test_nvidia_cards_are_read_by_their_library_and_what_one_does_not_tell_is_left_out(tmp_path):
    (tmp_path / "nvml.c").write_text(NVML)
    library = tmp_path / "libnvidia-ml.so.1"
    try:
        subprocess.run(["cc", "-shared", "-fPIC", "-w", "-o", library, tmp_path / "nvml.c"], check=True)
    except OSError:
        pytest.skip("needs a C compiler")
    body = "import json; from ai_manager._capture.gpu import graphics; print(json.dumps(graphics()()))"
    found = script(body, LD_LIBRARY_PATH=str(tmp_path), CUDA_VISIBLE_DEVICES="1")
    assert found == {
        "gpu1_percent": 90,
        "gpu1_memory_used_bytes": 2000,
        "gpu1_memory_percent": 25,
        "gpu1_power_watts": 250,
    }
