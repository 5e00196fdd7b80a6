"""Samples on their way from a reader process to the training process.

Large arrays travel in an anonymous memory file whose descriptor is passed along: written once, mapped once, gone with its last
user. /dev/shm, small in containers and full after a crash, is not involved. Where the system has no memory files everything goes
through the pipe.
"""

import mmap
import os
import pickle
from multiprocessing import reduction
from multiprocessing.connection import Connection

HAS_MEMORY_FILES = hasattr(os, "memfd_create")
INLINE_BYTES = 1 << 16


def send(connection: Connection, message: object) -> None:
    """Sends a message; arrays in it are not copied into the pipe."""
    buffers: list[pickle.PickleBuffer] = []
    head = pickle.dumps(message, protocol=5, buffer_callback=buffers.append)
    views = [buffer.raw() for buffer in buffers]
    sizes = [view.nbytes for view in views]
    if not HAS_MEMORY_FILES or sum(sizes) < INLINE_BYTES:
        connection.send((head, sizes, b"".join(views)))
        return
    descriptor = os.memfd_create("slowfast_sample")
    try:
        for view in views:
            _write(descriptor, view)
        connection.send((head, sizes, None))
        reduction.send_handle(connection, descriptor, None)
    finally:
        os.close(descriptor)


def receive(connection: Connection) -> object:
    """Receives a message; its arrays are writable and own their memory."""
    head, sizes, data = connection.recv()
    if data is None:
        descriptor = reduction.recv_handle(connection)
        try:
            memory = mmap.mmap(descriptor, sum(sizes))
        finally:
            os.close(descriptor)
    else:
        memory = bytearray(data)
    buffers, start = [], 0
    for size in sizes:
        buffers.append(memoryview(memory)[start : start + size])
        start += size
    return pickle.loads(head, buffers=buffers)  # written by our own reader process, never by a file


def _write(descriptor: int, view: memoryview) -> None:
    done = 0
    while done < view.nbytes:
        done += os.write(descriptor, view[done:])
