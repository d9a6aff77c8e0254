"""An engine of nothing but the standard library, for pods of an image that has no more.

POST /heard   answers with the request's head       POST /says/503   with that status, and {}
POST /aborts  closes the connection instead         POST /half       in the middle of a document
POST /stream  an event; another after POST /go      POST /left       once a stream's client has hung up
"""

import socket
import threading

STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
HALF = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"
PATIENCE = 60
go, left = threading.Event(), threading.Event()


def main() -> None:
    with socket.create_server(("0.0.0.0", 8000)) as listener:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection,), daemon=True).start()


def serve(connection: socket.socket) -> None:
    with connection:
        head, _, rest = received(connection).partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r")[0] or 0)
        while len(rest) < length:
            rest += connection.recv(65536)
        path = head.split()[1].decode()
        if path == "/stream":
            stream(connection)
        elif path == "/half":
            connection.sendall(HALF)
        elif path != "/aborts":
            answer(connection, path, head)


def received(connection: socket.socket) -> bytes:
    said = b""
    while b"\r\n\r\n" not in said:
        piece = connection.recv(65536)
        if not piece:
            return b"GET / HTTP/1.1\r\n\r\n"
        said += piece
    return said


def answer(connection: socket.socket, path: str, head: bytes) -> None:
    if path == "/go":
        go.set()
    if path == "/left":
        left.wait(PATIENCE)
    body = head if path == "/heard" else b"{}"
    kind = "text/plain" if path == "/heard" else "application/json"
    status = path.rpartition("/")[2] if path.startswith("/says/") else "200"
    lines = [f"HTTP/1.1 {status} X", f"content-type: {kind}", f"content-length: {len(body)}"]
    connection.sendall("\r\n".join([*lines, "connection: close", "", ""]).encode() + body)


def stream(connection: socket.socket) -> None:
    connection.sendall(STREAM + b"9\r\ndata: 1\n\n\r\n")
    go.wait(PATIENCE)
    connection.sendall(b"9\r\ndata: 2\n\n\r\n")
    connection.settimeout(PATIENCE)
    if not connection.recv(1):
        left.set()


if __name__ == "__main__":
    main()
