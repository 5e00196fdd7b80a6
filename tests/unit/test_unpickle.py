"""Every kind of weight file is read without running its code; everything else is one clear error."""

import collections
import os
import pickle
import struct
import zipfile

import numpy as np
import pytest

from slowfast_paddle.convert.torch_file import write_torch
from slowfast_paddle.errors import CheckpointError
from slowfast_paddle.unpickle import load


def _write(path, data: bytes):
    path.write_bytes(data)
    return path


def _dump(path, content, protocol=2):
    return _write(path, pickle.dumps(content, protocol=protocol))


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_arrays_of_every_protocol(tmp_path, protocol):
    content = collections.OrderedDict(
        w=np.arange(24, dtype="f4").reshape(2, 3, 4),
        fortran=np.asfortranarray(np.arange(6, dtype="f8").reshape(2, 3)),
        big=np.arange(3, dtype=">i4"),
        empty=np.zeros((0, 3), "f4"),
        scalar=np.float32(2.5),
        plain={"lr": 0.1, "steps": [1, 2], "name": "ü", "flag": True, "none": None},
    )
    read = load(_dump(tmp_path / "x.pkl", content, protocol))
    assert list(read) == list(content) and read["plain"] == content["plain"] and read["scalar"] == 2.5
    for name in ("w", "fortran", "big", "empty"):
        np.testing.assert_array_equal(read[name], content[name])


@pytest.mark.parametrize("spelling", [b"numpy.core.multiarray", b"numpy._core.multiarray"])
def test_both_spellings_of_numpy(tmp_path, spelling):
    raw = pickle.dumps({"w": np.ones(3, "f4")}, protocol=2)
    raw = raw.replace(b"numpy._core.multiarray", b"numpy.core.multiarray").replace(b"numpy.core.multiarray", spelling)
    np.testing.assert_array_equal(load(_write(tmp_path / "x.pkl", raw))["w"], np.ones(3, "f4"))


def test_python_2_strings(tmp_path):
    """Caffe2 files were pickled by Python 2: array bytes are old strings."""
    data = np.array([1.5, -2], "<f4").tobytes()
    raw = (
        b"\x80\x02}U\x01wcnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR"
        b"(K\x01(K\x02tcnumpy\ndtype\n(U\x02f4K\x00K\x01tR(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89U" + bytes([len(data)]) + data + b"tbs."
    )
    np.testing.assert_array_equal(load(_write(tmp_path / "x.pkl", raw))["w"], [1.5, -2])


def test_paddle_forms(tmp_path):
    """paddle.save: a state dict with its table of names, and tensors of nested objects as (name, array)."""
    table = {"StructuredToParameterName@@": {"w": "param_0"}, "w": np.ones(2, "f4")}
    assert list(load(_dump(tmp_path / "a.pdparams", table))) == ["w"]

    class Tensor:
        def __reduce__(self):
            return tuple, (("param_0", np.ones(2, "f4")),)

    class Dense:
        def __reduce__(self):
            return eval, ("data", {"data": np.ones(2, "f4")})

    read = load(_dump(tmp_path / "b.pdparams", {"a": Tensor(), "b": [Dense()]}, 4))
    np.testing.assert_array_equal(read["a"], np.ones(2))
    np.testing.assert_array_equal(read["b"][0], np.ones(2))


class Evil:
    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    "call",
    [
        (os.system, "touch {}"),
        (eval, "open('{}', 'w')", {}),
        (exec, "open('{}', 'w')"),
        (open, "{}", "w"),
        (getattr, np, "save"),
    ],
)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_hostile_pickles_run_nothing(tmp_path, call, protocol):
    mark = tmp_path / "ran"
    function, *args = call
    args = [arg.format(mark) if isinstance(arg, str) else arg for arg in args]
    if function is getattr:
        args = [np.float32, args[1]]
    with pytest.raises(CheckpointError, match="refused"):
        load(_dump(tmp_path / "evil.pkl", {"w": Evil(function, *args)}, protocol))
    assert not mark.exists()


def test_a_hostile_pickle_inside_a_torch_file(tmp_path):
    path = tmp_path / "evil.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/data.pkl", pickle.dumps(Evil(os.system, "true"), 2))
        archive.writestr("a/version", "3\n")
    with pytest.raises(CheckpointError, match="refused, nothing was run"):
        load(path)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("empty", b"", "is empty"),
        ("lfs", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS pointer"),
        ("html", b"\n<!DOCTYPE html><html>404</html>", "web page"),
        ("gzip", b"\x1f\x8b\x08\x00", "gzip"),
        ("hdf", b"\x89HDF\r\n", "HDF5"),
        ("json", b'{"a": 1}', "JSON"),
        ("text", b"hello there", "not a file of weights"),
        ("diparams", b"\0\0\0\0\0\0\0\0", "inference file"),
        ("memo", b"\x80\x02}r\xff\xff\xff\x7f.", None),
        ("bytes", b"\x80\x04\x8e" + struct.pack("<Q", 1 << 40) + b"x.", "truncated"),
        ("frame", b"\x80\x04\x95" + struct.pack("<Q", 1 << 62) + b"x.", "truncated"),
        ("zip", b"PK\x03\x04 nothing more", "truncated or damaged archive"),
        ("stack", b"\x80\x02.", "damaged"),
        ("safetensors", struct.pack("<Q", 30) + b'{"a":{"dtype":"F32"}}' + b" " * 50, "safetensors"),
    ],
)
def test_strangers_and_bombs(tmp_path, name, data, message):
    path = _write(tmp_path / name, data)
    if message is None:
        load(path)  # a huge memo index costs nothing
        return
    with pytest.raises(CheckpointError, match=message) as caught:
        load(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_missing_and_folder(tmp_path):
    with pytest.raises(CheckpointError, match="no such file"):
        load(tmp_path / "absent")
    with pytest.raises(CheckpointError, match="is a folder"):
        load(tmp_path)


def test_a_pickle_that_multiplies_itself_is_refused(tmp_path):
    """One list, copied over and over by a harmless constructor: small file, unbounded memory."""
    many = b"(" + b"K\x01" * 5000 + b"l"
    copies = b"cbuiltins\nset\n" + many + b"q\x00\x85R0" + b"cbuiltins\nset\nh\x00\x85R0" * 2000
    with pytest.raises(CheckpointError, match="forged to fill the memory"):
        load(_write(tmp_path / "bomb", b"\x80\x02" + copies + b"N."))


def test_shared_structure_stays_cheap(tmp_path):
    """Sixty nested pairs that share their halves would be 2**60 items if walked naively."""
    item = []
    for _ in range(60):
        item = [item, item]
    load(_dump(tmp_path / "x.pkl", item))


TORCH_STORAGE = b"(X\x07\x00\x00\x00storageX\x02\x00\x00\x00f4%bX\x03\x00\x00\x00cpuK\x01tQ"


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (b"}%bK\x01s.", "container for a key"),
        (b"}(%bK\x01u.", "container for a key"),
        (b"(%bK\x01d.", "container for a key"),
        (b"\x8f(%b\x90.", "container for a key"),
        (b"(%b\x91.", "container for a key"),
        (b"ccollections\nOrderedDict\n]%bK\x01\x86a\x85R.", "container for a key"),
        (b"cbuiltins\neval\nX\x04\x00\x00\x00data%b\x86R.", "refused"),
        (b"cbuiltins\neval\n%b}\x86R.", "wants to evaluate a tuple"),
        (b"cnumpy\ndtype\n%b\x85R.", "array of type a tuple"),
        (b"(%bNNNNtQ.", "outside the file: a tuple"),
        (TORCH_STORAGE + b".", "outside the file"),
    ],
)
def test_nested_tuples_are_neither_hashed_nor_printed(tmp_path, stream, message):
    """Twenty doublings take a moment; forty, which need twenty bytes more, would never end."""
    doubled = b")" + b"2\x86" * 20
    with pytest.raises(CheckpointError, match=message) as caught:
        load(_write(tmp_path / "x.pkl", b"\x80\x04" + stream.replace(b"%b", doubled)))
    assert len(str(caught.value)) < 300


def test_every_truncation_is_an_error(tmp_path):
    state = {"w": np.arange(300, dtype="f4"), "b": np.zeros((), "i8")}
    write_torch(tmp_path / "x.pth", {"model_state": state})
    whole = {"pth": (tmp_path / "x.pth").read_bytes(), "pkl": pickle.dumps({"w": state["w"]}, 2)}
    for kind, raw in whole.items():
        for size in [*range(1, 60, 7), *range(60, len(raw), 97), len(raw) - 1]:
            with pytest.raises(CheckpointError):
                load(_write(tmp_path / f"cut.{kind}", raw[:size]))


@pytest.mark.parametrize("damage", ["compressed", "missing", "numel", "stride"])
def test_forged_torch_files(tmp_path, damage):
    path = tmp_path / "x.pth"
    write_torch(path, {"w": np.ones((2, 3), "f4")})
    with zipfile.ZipFile(path) as archive:
        entries = {info.filename: archive.read(info) for info in archive.infolist()}
    if damage == "numel":  # more elements than the entry has bytes
        entries["archive/data.pkl"] = entries["archive/data.pkl"].replace(struct.pack("<q", 6), struct.pack("<q", 6 << 40), 1)
    if damage == "stride":  # a step over the end of the storage
        entries["archive/data.pkl"] = entries["archive/data.pkl"].replace(struct.pack("<q", 3), struct.pack("<q", 3 << 40))
    if damage == "missing":
        entries.pop("archive/data/0")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if damage == "compressed" else zipfile.ZIP_STORED) as archive:
        for name, raw in entries.items():
            archive.writestr(name, raw)
    with pytest.raises(CheckpointError):
        load(path)


def test_a_zip_of_something_else(tmp_path):
    np.savez(tmp_path / "x.npz", a=np.ones(2))
    with pytest.raises(CheckpointError, match="not one of torch.save"):
        load(tmp_path / "x.npz")


def test_bookkeeping_objects_are_read_over(tmp_path):
    stranger = b"cmmengine.logging.history_buffer\nHistoryBuffer\n)\x81}X\x01\x00\x00\x00xK\x01sb"
    raw = b"\x80\x02}(X\x01\x00\x00\x00a" + stranger + b"X\x01\x00\x00\x00bK\x02u."
    assert load(_write(tmp_path / "x.pkl", raw)) == {"a": None, "b": 2}
