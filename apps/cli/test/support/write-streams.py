"""Writes streams as virtnbdbackup does, by its own module: one for each line of JSON on standard input."""
import json
import sys
from argparse import Namespace

from libvirtnbdbackup.sparsestream import streamer, types

stream = streamer.SparseStream(types)
kinds = types.SparseStreamTypes()
for line in sys.stdin:
    spec = json.loads(line)
    checkpoint = Namespace(name=spec["checkpoint"], parent=spec["parent"])
    args = Namespace(cpt=checkpoint, compress=spec["compress"], level=spec["level"])
    disk = Namespace(target=spec["disk"], format="qcow2")
    data = sum(length for _, length, is_data in spec["extents"] if is_data)
    with open(spec["raw"], "rb") as raw, open(spec["file"], "wb") as out:
        raw.seek(0, 2)
        meta = stream.dumpMetadata(args, raw.tell(), data, disk)
        stream.writeFrame(out, kinds.META, 0, len(meta))
        out.write(meta + kinds.TERM)
        for offset, length, is_data in spec["extents"]:
            stream.writeFrame(out, kinds.DATA if is_data else kinds.ZERO, offset, length)
            if is_data:
                raw.seek(offset)
                out.write(raw.read(length) + kinds.TERM)
        stream.writeFrame(out, kinds.STOP, 0, 0)
