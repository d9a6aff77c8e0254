"""An engine that answers as the echo engine does and starts in a tenth of a second: NAME PORT."""

import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.answer({})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        said = f"Echo from {sys.argv[1]}: {asked['messages'][-1]['content']}"
        message = {"role": "assistant", "content": said}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        self.answer({"id": "1", "object": "chat.completion", "choices": [choice]} | model(asked))

    def answer(self, said: dict[str, Any]) -> None:
        body = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *said: object) -> None:
        """Nothing: what a test reads in the log is its own."""


def model(asked: dict[str, Any]) -> dict[str, Any]:
    return {"model": asked["model"]}


signal.signal(signal.SIGTERM, lambda *_: os._exit(0))  # PID 1 has no other end
ThreadingHTTPServer(("", int(sys.argv[2])), Answers).serve_forever()
