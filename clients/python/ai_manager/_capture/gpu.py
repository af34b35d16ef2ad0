"""Graphics processors: NVIDIA's by their library, AMD's by what the Linux kernel says of them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

Read = Callable[[], "dict[str, float]"]


def graphics(root: Path = Path("/sys/class/drm")) -> Read:
    """How to read all processors that this process may use; their numbers are those of `nvidia-smi` or `rocm-smi`."""
    parts = [*_nvidia(), *_amd(root)]

    def read() -> dict[str, float]:
        values: dict[str, float] = {}
        for part in parts:
            with contextlib.suppress(Exception):
                values.update(part())
        return values

    return read


def _nvidia() -> list[Read]:
    """One reader for each device of CUDA_VISIBLE_DEVICES. Without the library or the driver: none."""
    try:
        import pynvml

        pynvml.nvmlInit()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(number) for number in range(pynvml.nvmlDeviceGetCount())]
        names = [pynvml.nvmlDeviceGetUUID(handle) for handle in handles]
    except Exception:
        return []
    seen = visible(
        os.environ.get("CUDA_VISIBLE_DEVICES"), [name if isinstance(name, str) else name.decode() for name in names]
    )
    return [_nvidia_reader(pynvml, number, handles[number]) for number in seen]


def visible(setting: str | None, names: list[str]) -> list[int]:
    """The numbers of the devices that CUDA_VISIBLE_DEVICES leaves: numbers, or beginnings of the devices' names."""
    if setting is None:
        return list(range(len(names)))
    found = []
    for word in setting.split(","):
        word = word.strip()
        matching = [
            number for number, name in enumerate(names) if word and (word == str(number) or name.startswith(word))
        ]
        if not matching:  # As CUDA does: what follows an invalid entry does not count.
            break
        found.append(matching[0])
    return found


def _nvidia_reader(nvml: Any, number: int, handle: Any) -> Read:
    def read() -> dict[str, float]:
        name = f"gpu{number}_"
        values: dict[str, float] = {}
        with contextlib.suppress(Exception):
            values[name + "percent"] = nvml.nvmlDeviceGetUtilizationRates(handle).gpu
        with contextlib.suppress(Exception):
            memory = nvml.nvmlDeviceGetMemoryInfo(handle)
            values[name + "memory_used_bytes"] = memory.used
            values[name + "memory_percent"] = 100 * memory.used / memory.total
        with contextlib.suppress(Exception):
            values[name + "temperature_celsius"] = nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU)
        with contextlib.suppress(Exception):
            values[name + "power_watts"] = nvml.nvmlDeviceGetPowerUsage(handle) / 1000
        return values

    return read


def _amd(root: Path) -> list[Read]:
    """One reader for each card whose driver says how busy it is, which only AMD's does."""
    try:
        cards = sorted(root.glob("card*/device/gpu_busy_percent"))
    except OSError:
        return []
    return [_amd_reader(number, busy.parent) for number, busy in enumerate(cards)]


def _amd_reader(number: int, device: Path) -> Read:
    def value(pattern: str) -> float:
        return float(next(device.glob(pattern)).read_text())

    def read() -> dict[str, float]:
        name = f"gpu{number}_"
        values: dict[str, float] = {}
        with contextlib.suppress(Exception):
            values[name + "percent"] = value("gpu_busy_percent")
        with contextlib.suppress(Exception):
            used = value("mem_info_vram_used")
            values[name + "memory_used_bytes"] = used
            values[name + "memory_percent"] = 100 * used / value("mem_info_vram_total")
        with contextlib.suppress(Exception):
            values[name + "temperature_celsius"] = value("hwmon/hwmon*/temp1_input") / 1000
        with contextlib.suppress(Exception):
            values[name + "power_watts"] = value("hwmon/hwmon*/power1_average") / 1e6
        return values

    return read
