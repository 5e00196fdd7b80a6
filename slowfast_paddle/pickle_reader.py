"""An interpreter for the pickles that hold weights, which never runs code from the file.

Only names on a short list mean anything, and what they mean is decided here, not by the file: an array is rebuilt by
our own function from its shape, type and bytes. Every object a stream makes is paid for by bytes the stream has, so
that a small file cannot fill the memory.
"""

import pickle
import re
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Any

import numpy as np

# What a damaged or forged stream raises inside the standard unpickler, which trusts its input.
DAMAGED = (
    pickle.UnpicklingError, EOFError, ValueError, KeyError, IndexError, AttributeError, TypeError,
    ArithmeticError, MemoryError, RuntimeError, AssertionError, struct.error,
)  # fmt: skip

_STORAGES = {
    "Float": "f4", "Double": "f8", "Half": "f2", "BFloat16": "bfloat16", "Long": "i8", "Int": "i4", "Short": "i2",
    "Char": "i1", "Byte": "u1", "Bool": "b1",
}  # fmt: skip
# Bookkeeping objects of other projects: read over and forgotten.
_INERT = ("mmengine.", "mmcv.", "mmaction.", "fvcore.", "yacs.", "slowfast.", "pytorchvideo.", "pathlib.", "argparse.")
_DTYPE = re.compile(r"[biufc]\d{1,2}|[SU]\d{1,6}")


class UnreadablePickle(Exception):
    """A stream that is damaged or asks for something that weights never need."""


class BoundedFile:
    """A binary file that refuses to read past its end, so that a declared size is checked before memory is taken."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self.file, self.size = file, size

    def read(self, count: int) -> bytes:
        """The next `count` bytes.

        Raises:
            UnreadablePickle: The file ends before.
        """
        at = self.file.tell()
        if not 0 <= count <= self.size - at:
            raise UnreadablePickle(f"wants {count} bytes at offset {at} but the file ends at {self.size}: truncated")
        return self.file.read(count)

    def readline(self) -> bytes:
        """The next line with its newline."""
        return self.file.readline()


class Storage:
    """The flat memory of torch tensors; `data` is filled in once the container says where it lies."""

    def __init__(self, dtype: str, key: str, numel: int) -> None:
        self.dtype, self.key, self.numel = dtype, key, numel
        self.data: np.ndarray | None = None

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return 2 if self.dtype == "bfloat16" else np.dtype(self.dtype).itemsize

    def fill(self, raw: "np.ndarray | bytes | memoryview", byteorder: str = "<") -> None:
        """Give it its bytes; bfloat16, which numpy lacks, becomes float32."""
        if self.dtype == "bfloat16":
            self.data = (np.frombuffer(raw, byteorder + "u2").astype("<u4") << 16).view("<f4")
        else:
            self.data = np.frombuffer(raw, np.dtype(self.dtype).newbyteorder(byteorder))  # type: ignore[arg-type]


def _shown(item: Any) -> str:
    """What an error says of an item: text as it is, anything else, which may be endless to print, by its type."""
    return repr(item[:60]) if isinstance(item, str) else f"a {type(item).__name__}"


def _check_keys(keys: Iterable[Any]) -> None:
    # A tuple's hash visits all it holds on every way there: doubled 40 times, which takes 100 bytes, that never ends.
    if any(isinstance(key, (tuple, frozenset)) for key in keys):
        raise UnreadablePickle("has a container for a key or in a set, which weights never have: refused")


def _checking(load: Callable[[Any], None], keys: slice) -> Callable[[Any], None]:
    def checked(reader: Any) -> None:
        _check_keys(reader.stack[keys])
        load(reader)

    return checked


class _Pending:
    """An object whose parts arrive later in the stream."""

    def set_state(self, state: Any) -> None:
        raise UnreadablePickle(f"sets the state of a {type(self).__name__}, which has none")

    def value(self) -> Any:
        return None


class _Inert(_Pending):
    """Stands for a bookkeeping object; swallows everything and becomes None."""

    def __new__(cls, *_args: Any, **_kwargs: Any) -> "_Inert":
        return object.__new__(cls)

    def set_state(self, state: Any) -> None:
        pass

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def append(self, item: Any) -> None:
        pass

    def extend(self, items: Any) -> None:
        pass


class _DType(_Pending):
    def __init__(self, code: str, *_flags: Any) -> None:
        if not isinstance(code, str) or not _DTYPE.fullmatch(code):
            raise UnreadablePickle(f"holds an array of type {_shown(code)}; only plain numbers and strings are weights")
        self.dtype = np.dtype(code)

    def set_state(self, state: Any) -> None:
        order, parts = state[1], state[2:5]
        if order not in ("<", ">", "|", "=") or any(part is not None for part in parts):
            raise UnreadablePickle("holds an array of a structured type; only plain numbers and strings are weights")
        self.dtype = self.dtype.newbyteorder(order) if order in "<>" else self.dtype


class _Array(_Pending):
    """An array between the call that makes it and the state that fills it."""

    array: np.ndarray | None = None

    def __init__(self, pay: Callable[[int], None]) -> None:
        self.pay = pay

    def set_state(self, state: Any) -> None:
        _version, shape, dtype, fortran, data = state
        if isinstance(data, str):  # a Python 2 string
            self.pay(len(data))
            data = data.encode("latin1")
        if not isinstance(data, bytes):
            raise UnreadablePickle(f"fills an array with a {type(data).__name__} instead of bytes")
        self.array = np.frombuffer(data, dtype.dtype).reshape(shape, order="F" if fortran else "C")

    def value(self) -> np.ndarray:
        if self.array is None:
            raise UnreadablePickle("holds an array without contents")
        return self.array


class _Tensor(_Pending):
    def __init__(self, storage: Storage, offset: int, shape: tuple[int, ...], stride: tuple[int, ...], *_: Any) -> None:
        numbers = (offset, *shape, *stride)
        if not isinstance(storage, Storage) or any(type(n) is not int or n < 0 for n in numbers) or len(shape) != len(stride):
            raise UnreadablePickle("holds a tensor with impossible shape, stride or offset; expected whole numbers from 0")
        self.storage, self.offset, self.shape, self.stride = storage, offset, shape, stride

    def value(self) -> np.ndarray:
        data = self.storage.data
        if data is None:
            raise UnreadablePickle(f"holds no bytes for tensor storage {self.storage.key!r}")
        count = int(np.prod(self.shape, dtype=object)) if self.shape else 1
        last = self.offset + sum((n - 1) * s for n, s in zip(self.shape, self.stride, strict=True)) if count else 0
        if count > data.size or last >= max(data.size, 1):
            raise UnreadablePickle(
                f"declares a tensor of {count} elements in a storage of {data.size}; the file is truncated or forged"
            )
        if not count:
            return np.empty(self.shape, data.dtype)
        steps = [s * data.itemsize for s in self.stride]
        return np.lib.stride_tricks.as_strided(data[self.offset :], self.shape, steps, writeable=False)


class PickleReader(pickle._Unpickler):  # type: ignore[misc,name-defined]
    """Reads one pickle into dicts, lists, tuples, numbers, strings and numpy arrays.

    The unpickler written in Python is the base, because the one in C takes memory for any declared size, and zeroes
    it, before it looks whether the file is that long.
    """

    dispatch = dict(pickle._Unpickler.dispatch)  # type: ignore[attr-defined]
    # Opcodes that hash, and where on the stack their keys lie.
    for _code, _keys in (
        (pickle.SETITEM, slice(-2, -1)), (pickle.SETITEMS, slice(0, None, 2)), (pickle.DICT, slice(0, None, 2)),
        (pickle.ADDITEMS, slice(0, None)), (pickle.FROZENSET, slice(0, None)),
    ):  # fmt: skip
        dispatch[_code[0]] = _checking(dispatch[_code[0]], _keys)

    def __init__(self, file: BoundedFile) -> None:
        super().__init__(file, encoding="latin1")
        self.storages: dict[str, Storage] = {}
        self._budget = file.size
        self._names: dict[str, Any] = {
            "collections.OrderedDict": self._mapping, "collections.defaultdict": self._mapping,
            "builtins.set": self._list, "builtins.list": self._list, "builtins.dict": self._mapping,
            "builtins.tuple": self._tuple, "builtins.eval": self._dense_tensor, "builtins.bytes": self._bytes,
            "builtins.bytearray": self._bytes, "_codecs.encode": self._bytes,
            "numpy.ndarray": _Inert, "numpy.dtype": _DType,
            "numpy.core.multiarray._reconstruct": self._new_array, "numpy.core.multiarray.scalar": self._scalar,
            "numpy.core.numeric._frombuffer": self._frombuffer,
            "torch.Size": self._list, "torch._utils._rebuild_tensor_v2": _Tensor, "torch._utils._rebuild_tensor": _Tensor,
            "torch._utils._rebuild_parameter": lambda data, *_: data,
            "torch.device": _Inert,
        }  # fmt: skip

    def find_class(self, module: str, name: str) -> Any:
        """What a name in the stream means here; a name that is not on the list is an error, never an import."""
        full = f"{module}.{name}".replace("numpy._core.", "numpy.core.").replace("__builtin__.", "builtins.")
        if full in self._names:
            return self._names[full]
        storage = re.fullmatch(r"torch\.(?:storage\.)?(\w+)Storage", full)
        if storage and storage[1] in _STORAGES:
            return _STORAGES[storage[1]]
        if full.startswith(_INERT) or re.fullmatch(r"torch\.(float|bfloat|int|uint|bool)\d*", full):
            return _Inert
        raise UnreadablePickle(f"wants to run {module}.{name}, which weights never need: refused, nothing was run")

    def persistent_load(self, pid: Any) -> Storage:
        """A torch storage: ('storage', type, key, device, elements[, view])."""
        kind, dtype, key, _device, numel, *view = pid
        numbered = isinstance(key, str) and isinstance(numel, int) and numel >= 0
        if kind != "storage" or dtype not in _STORAGES.values() or not numbered or any(view):
            raise UnreadablePickle(f"refers to an object outside the file: {_shown(kind)}")
        return self.storages.setdefault(key, Storage(dtype, key, numel))

    def load_build(self) -> None:
        """Give an object its state. Attributes of dicts (torch's `_metadata`) are dropped."""
        state, target = self.stack.pop(), self.stack[-1]  # type: ignore[attr-defined]
        if isinstance(target, _Pending):
            target.set_state(state)
        elif type(target) is not dict:
            raise UnreadablePickle(f"changes the attributes of a {type(target).__name__}")

    dispatch[pickle.BUILD[0]] = load_build  # type: ignore[assignment]

    def resolve(self, root: Any) -> Any:
        """The finished object: pending arrays and tensors replaced by numpy arrays, everything unknown by None."""
        done: dict[int, Any] = {}

        def walk(item: Any) -> Any:
            if item is None or isinstance(item, (bool, int, float, complex, str, bytes, np.generic)):
                return item
            if id(item) in done:
                if done[id(item)] is done:
                    raise UnreadablePickle("holds a container inside itself")
                return done[id(item)]
            done[id(item)] = done  # marks a container that is being walked
            if isinstance(item, _Pending):
                made = item.value()
            elif isinstance(item, dict):
                made = {walk(key): walk(value) for key, value in item.items()}
            elif isinstance(item, (list, tuple, set, frozenset)):
                made = type(item)(map(walk, item))
            else:
                made = bytes(item) if isinstance(item, bytearray) else None
            done[id(item)] = made
            return made

        return walk(root)

    def _pay(self, count: int) -> None:
        self._budget -= count
        if self._budget < 0:
            raise UnreadablePickle("makes more items than the file has bytes; it was forged to fill the memory")

    def _items(self, args: tuple[Any, ...]) -> Iterator[Any]:
        items = args[0] if args and not callable(args[0]) else ()
        self._pay(len(items))
        return iter(items)

    def _mapping(self, *args: Any) -> dict[Any, Any]:
        pairs = list(self._items(args))
        _check_keys(key for key, _ in pairs)
        return dict(pairs)

    def _list(self, *args: Any) -> list[Any]:
        return list(self._items(args))

    def _tuple(self, *args: Any) -> Any:
        items = tuple(self._items(args))
        # paddle.save writes a tensor inside a nested object as (name, array); paddle.load gives the array back.
        return items[1] if len(items) == 2 and isinstance(items[1], _Array) else items

    def _dense_tensor(self, expression: str, scope: dict[str, Any]) -> Any:
        # paddle.save writes a bare tensor as eval("data", {"data": array}).
        if expression != "data" or not isinstance(scope, dict) or set(scope) != {"data"}:
            raise UnreadablePickle(f"wants to evaluate {_shown(expression)}: refused, nothing was run")
        return scope["data"]

    def _bytes(self, text: Any = b"", encoding: str = "latin1") -> bytes:
        if encoding not in ("latin1", "latin-1") or not isinstance(text, (str, bytes)):
            raise UnreadablePickle("makes bytes out of something that is no latin1 text")
        self._pay(len(text))
        return text.encode("latin1") if isinstance(text, str) else text

    def _new_array(self, *_args: Any) -> _Array:
        return _Array(self._pay)

    def _frombuffer(self, data: Any, dtype: _DType, shape: tuple[int, ...], order: str) -> _Array:
        array = _Array(self._pay)
        array.set_state((1, shape, dtype, order == "F", bytes(data) if isinstance(data, bytearray) else data))
        return array

    def _scalar(self, dtype: _DType, data: Any) -> Any:
        raw = data.encode("latin1") if isinstance(data, str) else data
        return np.frombuffer(raw, dtype.dtype, 1)[0]
