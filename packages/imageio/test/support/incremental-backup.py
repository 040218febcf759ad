"""Backs an image up, as imageio's documentation tells its clients: URL CAFILE zero|dirty FILE.

Asks for the options, goes on over the unix socket that they tell of, and reads what the extents say.
"""

import http.client
import json
import socket
import ssl
import sys
from urllib.parse import urlparse

PIECE = 1024 * 1024


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self.path)


def ask(connection, method, path, headers={}, expected=200):
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    body = response.read()
    if response.status != expected:
        raise RuntimeError("%s %s: %d %r" % (method, path, response.status, body))
    return body


def main(url, cafile, context, target):
    url = urlparse(url)
    tls = ssl.create_default_context(cafile=cafile)
    connection = http.client.HTTPSConnection(url.hostname, url.port, context=tls)
    options = json.loads(ask(connection, "OPTIONS", url.path))
    if "extents" not in options["features"]:
        raise RuntimeError("no extents: %r" % options)
    connection.close()
    connection = UnixConnection(options["unix_socket"])
    extents = json.loads(ask(connection, "GET", url.path + "/extents?context=" + context))
    read = 0
    with open(target, "r+b") as backup:
        for extent in extents:
            if context == "dirty" and not extent["dirty"]:
                continue
            start, end = extent["start"], extent["start"] + extent["length"]
            backup.seek(start)
            while start < end:
                length = min(PIECE, end - start)
                if extent["zero"]:
                    data = bytes(length)
                else:
                    chosen = {"Range": "bytes=%d-%d" % (start, start + length - 1)}
                    data = ask(connection, "GET", url.path, chosen, expected=206)
                    read += len(data)
                if len(data) != length:
                    raise RuntimeError("%d bytes in place of %d" % (len(data), length))
                backup.write(data)
                start += length
    size = extents[-1]["start"] + extents[-1]["length"]
    print(json.dumps({"over": options["unix_socket"], "size": size, "read": read}))


main(*sys.argv[1:])
