"""A stand-in for Airflow's REST API on loopback: answers what a test gives it, notes what it was asked."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

USER, PASSWORD = "admin", "right"
DAG = "/api/v2/dags/s3_access_logs"


class FakeAirflow:
    """`answers` maps "METHOD /path" to JSON, to (status, JSON), or to a function of query and body."""

    def __init__(self):
        self.answers = {}
        self.asked = []  # (method, path, query, body)
        self.token = "token-1"
        self.page_limit = 100

    def answer(self, method, address, body, token):
        url = urlsplit(address)
        path, query = unquote(url.path), parse_qs(url.query)
        self.asked.append((method, path, query, body))
        if path == "/auth/token":
            good = body == {"username": USER, "password": PASSWORD}
            return (201, {"access_token": self.token}) if good else (401, {"detail": "Invalid credentials"})
        if token != f"Bearer {self.token}":
            return 401, {"detail": "Not authenticated"}
        found = self.answers.get(f"{method} {path}", (404, {"detail": f"no {path}"}))
        found = found(query, body) if callable(found) else found
        return found if isinstance(found, tuple) else (200, found)

    def pages(self, key, items):
        """Return an answer that gives the items in pages, never more than the limit."""

        def page(query, _):
            offset, limit = int(query["offset"][0]), min(int(query["limit"][0]), self.page_limit)
            return {key: items[offset : offset + limit], "total_entries": len(items)}

        return page

    def run(self, run_id, state, steps, days=(), **more):
        """Answer for a run: `steps` are (task, map index, state) or (task, map index, state, tries)."""
        run = {"dag_run_id": run_id, "state": state, "partition_key": None, "note": None, **more}
        listed = [
            {
                "dag_run_id": run_id,
                "task_id": task,
                "map_index": index,
                "state": step_state,
                "try_number": tries[0] if tries else 1,
                "rendered_map_index": None,
            }
            for task, index, step_state, *tries in steps
        ]
        address = f"{DAG}/dagRuns/{run_id}"
        self.answers[f"GET {address}"] = run
        self.answers[f"GET {address}/taskInstances"] = self.pages("task_instances", listed)
        xcom = f"GET {address}/taskInstances/discover/xcomEntries/return_value"
        self.answers[xcom] = {"value": list(days)} if days else (404, {"detail": "no XCom"})


@contextmanager
def fake_airflow():
    """Serve a FakeAirflow; yields it and its address."""
    fake = FakeAirflow()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self):
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            status, content = fake.answer(self.command, self.path, body, self.headers.get("Authorization"))
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = _serve  # noqa: N815

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield fake, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
