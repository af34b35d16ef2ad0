"""Settings of any library keep their shape, and what cannot be kept is lost alone, by name."""

import argparse
import dataclasses
import enum
import json
import re
import subprocess
import sys
import types
from collections import OrderedDict, namedtuple
from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from ai_manager._config import LARGEST, Settings


class Colour(enum.Enum):
    RED = "red"
    BOTH = (1, 2)


class Level(enum.IntEnum):
    HIGH = 3


@dataclasses.dataclass
class Data:
    rate: float = 0.1
    where: Path = Path("/data")
    unset: int = dataclasses.field(init=False)


class Model(BaseModel):
    model_config = {"extra": "allow"}
    depth: int = 3
    inner: dict = {"a": [1, 2]}


class Plain:
    def __init__(self):
        self.width = 8
        self._secret = "x"


class Attrs:
    """As the library `attrs` makes its classes."""

    __attrs_attrs__ = (types.SimpleNamespace(name="lr"), types.SimpleNamespace(name="unset"))
    lr = 0.5

    def __repr__(self):
        return "Attrs(lr=0.5)"


class ConfigDict:
    """As the library `ml_collections` has it: mapping-like, and no Mapping."""

    def __init__(self, **values):
        self._values = values

    def keys(self):
        return self._values.keys()

    def __getitem__(self, key):
        return self._values[key]


class DictConfig(Mapping):
    """As the library `omegaconf` has it: a value may be an interpolation that leads nowhere."""

    def __init__(self, values):
        self._values = values

    def __getitem__(self, key):
        value = self._values[key]
        if value == "${nowhere}":
            raise LookupError("Interpolation key 'nowhere' not found\n    full_key: model.width")
        return value

    def __iter__(self):
        return iter(self._values)

    def __len__(self):
        return len(self._values)


Pair = namedtuple("Pair", "left right")

KEPT = [
    (None, {}),
    ({"a": 1, "b": [1, "x", None, True], "c": {"d": (1, 2)}}, {"a": 1, "b": [1, "x", None, True], "c": {"d": [1, 2]}}),
    (argparse.Namespace(lr=0.1, layers=[1, 2]), {"lr": 0.1, "layers": [1, 2]}),
    (types.SimpleNamespace(a=types.SimpleNamespace(b=1)), {"a": {"b": 1}}),
    (Model(more="x"), {"depth": 3, "inner": {"a": [1, 2]}, "more": "x"}),
    (Plain(), {"width": 8}),
    (ConfigDict(a=1, b=ConfigDict(c=2)), {"a": 1, "b": {"c": 2}}),
    (OrderedDict(pair=Pair(1, "r")), {"pair": {"left": 1, "right": "r"}}),
    ({"e": Colour.RED, "f": Level.HIGH, "g": Colour.BOTH, Colour.RED: 1}, {"e": "red", "f": 3, "g": "BOTH", "RED": 1}),
    (
        {"p": Path("/a/b"), "t": datetime(2024, 1, 2, tzinfo=timezone.utc), "d": date(2024, 1, 2), "l": timedelta(1)},
        {"p": "/a/b", "t": "2024-01-02T00:00:00+00:00", "d": "2024-01-02", "l": "1 day, 0:00:00"},
    ),
    ({"i": np.int64(3), "f": np.float32(0.5), "b": np.bool_(True), "a": np.arange(3), "z": np.array(7)}, {"i": 3, "f": 0.5, "b": True, "a": [0, 1, 2], "z": 7}),
    ({"n": float("nan"), "i": float("-inf"), "big": 2**70}, {"n": "NaN", "i": "-Infinity", "big": str(2**70)}),
    ({"s": {3, 1, 2}, 4: "key", "c": np.float64, "f": dataclasses.field}, {"s": [1, 2, 3], "4": "key", "c": "numpy.float64", "f": "dataclasses.field"}),
    ({"half": "a\ud800b"}, {"half": "a\ufffdb"}),
    ([1, 2], {"config": [1, 2]}),
]  # fmt: skip


@pytest.mark.parametrize(("given_", "kept"), KEPT)
def test_settings_keep_their_shape(given_, kept):
    settings = Settings(given_)
    assert settings.value == kept
    assert settings.lost == []


LOST = [
    ({"ok": 1, "nul": "a\0b"}, {"ok": 1}, "nul"),
    ({"ok": 1, "deep": {"nul": ["x", "a\0b", "y"]}}, {"ok": 1, "deep": {"nul": ["x", "y"]}}, "deep.nul.1"),
    ({"ok": 1, "big": "x" * 2_000_000}, {"ok": 1}, "big"),
    (Data(), {"rate": 0.1, "where": "/data"}, "unset"),
    (Attrs(), {"lr": 0.5}, "unset"),
    ({"model": DictConfig({"depth": 2, "width": "${nowhere}"})}, {"model": {"depth": 2}}, "model.width"),
    ({"ok": 1, "many": list(range(20_000))}, {"ok": 1}, "many"),
]


@pytest.mark.parametrize(("given_", "kept", "name"), LOST)
def test_a_value_that_cannot_be_kept_is_lost_alone_and_named(given_, kept, name):
    settings = Settings(given_)
    assert settings.value == kept
    assert [lost for lost, _ in settings.lost] == [name]


def test_settings_that_hold_themselves_end():
    settings = {"a": 1}
    settings["self"] = settings
    assert Settings(settings).value == {"a": 1}
    nested = {"bottom": 1}
    for _ in range(100):
        nested = {"in": nested}
    assert Settings({"ok": 1, "nested": nested}).lost[0][0].startswith("nested.in.in")


def test_the_largest_values_go_until_the_rest_fits():
    settings = Settings({f"k{size}": "x" * size for size in range(0, 400_000, 20_000)})
    assert len(json.dumps(settings.value)) <= LARGEST
    assert "k20000" in settings.value
    assert "k380000" not in settings.value


everything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.complex_numbers()),
    lambda inner: st.lists(inner) | st.dictionaries(st.one_of(st.text(), st.integers()), inner),
    max_leaves=20,
)


@given(everything)
def test_anything_becomes_json_that_the_server_takes(value):
    text = json.dumps(Settings({"value": value}).value, allow_nan=False)
    # An even number of backslashes before it is the text `\\u0000`, a letter as any other.
    assert not re.search(r"(?<!\\)(\\\\)*\\u0000", text)


def test_a_value_whose_every_method_raises_is_lost_alone(manager, server, caplog):
    class Hostile:
        def __getattribute__(self, name):
            raise RuntimeError("no")

        def __str__(self):
            raise RuntimeError("no")

    with manager.run(name="r", config={"ok": 1, "hostile": Hostile()}) as run:
        run.update_config({"also": Hostile()}, more=2)
    assert server.state.runs[1]["config"] == {"ok": 1, "more": 2}
    assert caplog.text.count("is left out") == 2


def test_none_of_these_libraries_is_imported():
    code = (
        "import sys, ai_manager; print({'omegaconf', 'pydantic', 'attr', 'ml_collections', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "set()\n"
