"""Asks a SnapshotMetadata service, by gRPC's own Python: SOCKET PROTO METHOD REQUEST. Prints JSON.

Messages are made from the .proto that is given, by descriptors: no generated code is needed.
"""

import json
import subprocess
import sys
import tempfile

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory


def pool_of(proto):
    """Compiles the .proto by protoc."""
    folder, _, name = proto.rpartition("/")
    with tempfile.NamedTemporaryFile() as out:
        command = ["protoc", "-I", folder, "-I", "/usr/include", "--include_imports"]
        subprocess.run(command + ["--descriptor_set_out", out.name, name], check=True)
        files = descriptor_pb2.FileDescriptorSet.FromString(out.read())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return pool


def main(socket, proto, method, request):
    pool = pool_of(proto)
    factory = message_factory.MessageFactory(pool)
    make = lambda name: factory.GetPrototype(pool.FindMessageTypeByName("csi.v1." + name))
    asks, answers = make(method + "Request"), make(method + "Response")
    message = json_format.Parse(request, asks())
    channel = grpc.insecure_channel("unix:" + socket)
    call = channel.unary_stream(
        "/csi.v1.SnapshotMetadata/" + method,
        request_serializer=lambda one: one.SerializeToString(),
        response_deserializer=answers.FromString,
    )
    told = {"code": "OK", "sizes": [], "ranges": []}
    try:
        for answer in call(message, timeout=60):
            told["sizes"].append(answer.volume_capacity_bytes)
            told["ranges"] += [[one.byte_offset, one.size_bytes] for one in answer.block_metadata]
    except grpc.RpcError as error:
        told["code"] = error.code().name
    print(json.dumps(told))


main(*sys.argv[1:])
