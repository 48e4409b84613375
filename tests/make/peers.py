#!/usr/bin/env python3
"""peers.py serve PORT | peers.py WHAT HOST PORT: a server and clients for shapes of HTTP that nginx and curl do not make:
trailers, early hints, answers without length, resets in the middle, upgrades, pipelining, odd cuts into segments."""
import base64
import hashlib
import socket
import struct
import sys
import threading
import time


def read_head(f):
    """Lines of one request head, or None at the end."""
    lines = []
    while True:
        line = f.readline()
        if not line:
            return None
        if line in (b"\r\n", b"\n"):
            return lines
        lines.append(line.strip().decode("latin-1"))


def read_chunked(f):
    while True:
        n = int(f.readline().split(b";")[0], 16)
        if n == 0:
            while f.readline() not in (b"\r\n", b"\n", b""):
                pass
            return
        f.read(n + 2)


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def websocket(s, f, lines):
    key = [x.split(":", 1)[1].strip() for x in lines if x.lower().startswith("sec-websocket-key:")][0]
    accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
    s.sendall(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Accept: %s\r\n\r\n" % accept).encode())
    while True:
        head = f.read(2)
        if len(head) < 2:
            return
        mask, body = f.read(4), f.read(head[1] & 127)
        text = bytes(b ^ mask[i % 4] for i, b in enumerate(body))
        if head[0] & 15 == 8:
            s.sendall(b"\x88" + bytes([len(text)]) + text)
            return
        s.sendall(b"\x81" + bytes([len(text)]) + text)


def serve_one(s):
    f = s.makefile("rb")
    while True:
        lines = read_head(f)
        if lines is None:
            s.close()
            return
        path = lines[0].split()[1]
        low = [x.lower() for x in lines]
        if "transfer-encoding: chunked" in low:
            read_chunked(f)
        for line in low:
            if line.startswith("content-length:"):
                f.read(int(line.split(":")[1]))
        if path == "/trailers":
            s.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Checksum\r\nContent-Type: text/plain\r\n\r\n"
                      b"5\r\nhello\r\n")
            time.sleep(0.02)
            s.sendall(b"8;name=value\r\n, world!\r")
            time.sleep(0.02)
            s.sendall(b"\n0\r\nX-Checksum: abc\r\nX-Other: 1\r\n\r\n")
        elif path == "/hints":
            s.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n")
            time.sleep(0.02)
            s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n")
        elif path == "/close":
            s.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n" + b"no length here\n" * 40)
            s.shutdown(socket.SHUT_WR)
            s.close()
            return
        elif path == "/reset":
            s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"x" * 1200)
            time.sleep(0.05)
            f.close()
            reset(s)
            return
        elif path == "/silent":
            time.sleep(0.2)
            f.close()
            reset(s)
            return
        elif path == "/ws":
            websocket(s, f, lines)
            s.close()
            return
        elif path.startswith("/split"):
            for b in b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok":
                s.sendall(bytes([b]))
                time.sleep(0.001)
        else:
            s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (len(path) + 1) + path.encode() + b"\n")


def serve(port):
    with socket.create_server(("", port)) as listener:
        while True:
            s, _ = listener.accept()
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=serve_one, args=(s,), daemon=True).start()


def connect(host, port):
    s = socket.create_connection((host, port), 5)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def drain(s):
    s.shutdown(socket.SHUT_WR)
    while s.recv(65536):
        pass
    s.close()


def pipeline(host, port):
    """Three in one segment, the third cut in the middle; then two with a body before the first is answered."""
    s = connect(host, port)
    get = "GET /%s HTTP/1.1\r\nHost: api.shop.example\r\n\r\n"
    text = (get % "a.json" + get % "b.json" + get % "c.json").encode()
    s.sendall(text[:-20])
    time.sleep(0.05)
    s.sendall(text[-20:])
    time.sleep(0.1)
    s.sendall(b"POST /one HTTP/1.1\r\nHost: api.shop.example\r\nContent-Length: 4\r\n\r\nGET "
              b"POST /two HTTP/1.1\r\nHost: api.shop.example\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nPOST\r\n0\r\n\r\n")
    time.sleep(0.2)
    drain(s)


def split(host, port):
    """A request of one byte a segment."""
    s = connect(host, port)
    for b in b"GET /split?n=1 HTTP/1.1\r\nHost: tiny.example\r\n\r\n":
        s.sendall(bytes([b]))
        time.sleep(0.001)
    time.sleep(0.1)
    drain(s)


def trailers(host, port):
    s = connect(host, port)
    s.sendall(b"POST /up HTTP/1.1\r\nHost: peers.example\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
              b"3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nX-Sum: 1\r\n\r\n")
    time.sleep(0.1)
    drain(s)


def ws(host, port):
    s = connect(host, port)
    key = base64.b64encode(hashlib.sha256(b"demo").digest()[:16]).decode()
    s.sendall(("GET /ws HTTP/1.1\r\nHost: peers.example\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
               "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n" % key).encode())
    s.recv(4096)
    for text in (b"one", b"GET /inside HTTP/1.1", b"three"):
        mask = b"\x11\x22\x33\x44"
        s.sendall(b"\x81" + bytes([0x80 | len(text)]) + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(text)))
        s.recv(4096)
    s.sendall(b"\x88\x82\0\0\0\0\x03\xe8")
    time.sleep(0.1)
    drain(s)


def leave(host, port):
    """Asks, reads a little of the answer, and resets."""
    s = connect(host, port)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    s.sendall(b"GET /big.txt HTTP/1.1\r\nHost: api.shop.example\r\n\r\n")
    s.recv(1000)
    time.sleep(0.1)
    reset(s)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(int(sys.argv[2]))
    else:
        {"pipeline": pipeline, "split": split, "trailers": trailers, "ws": ws, "leave": leave}[sys.argv[1]](
            sys.argv[2], int(sys.argv[3]))
