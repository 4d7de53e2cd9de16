"""The engine under test, seen from outside: a process that is started, asked over its socket, and killed."""

import http.client
import json
import os
import signal
import socket
import subprocess
import time
import urllib.parse


class Gone(Exception):
    """Nobody answered. Whether the request was carried out is not known."""


class Failure(Exception):
    """What a test found; the text says what, where and how to see it."""


class _SocketConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout_s):
        super().__init__("baton", timeout=timeout_s)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Engine:
    """One `baton serve` after another in one data directory. What they say goes to the file `log` beside it."""

    def __init__(self, binary, data, mutant=None):
        self.binary = binary
        self.data = data
        self.log = data + ".log"
        self.timeout_s = 30
        self.process = None
        self.connection = None
        self.environment = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
        # A ledger built with sanitizers, run as a command, reserves more memory than commands are given.
        self.environment["BATON_COMMAND_LIMITS"] = "memory=none"
        if mutant:
            self.environment["BATON_MUTANT"] = mutant

    # ---- life

    def start(self, fail=None):
        """Begins; does not wait. `fail` is BATON_FAIL of the test build."""
        environment = dict(self.environment)
        if fail:
            environment["BATON_FAIL"] = fail
        self.drop_connection()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([self.binary, "serve", "--data", self.data], env=environment,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def wait_ready(self, timeout_s=20):
        """Until it answers. Gone if it died first; the seconds it took."""
        began = time.monotonic()
        while time.monotonic() - began < timeout_s:
            try:
                self.ask("GET", "/v1/status")
                return time.monotonic() - began
            except Gone:
                if self.process.poll() is not None:
                    raise
                time.sleep(0.002)
        raise Failure(f"the engine did not answer for {timeout_s} s after its start (see {self.log})")

    def said(self, words):
        with open(self.log, encoding="utf-8") as log:
            return words in log.read()

    def helper(self):
        """Process id of the helper that starts commands, None if there is none (yet)."""
        try:
            with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as f:
                return int(f.read().split()[0])
        except (OSError, IndexError):
            return None

    def kill(self, helper_first=False):
        """SIGKILL, as a crash is; the exit code it had if it was dead already, else None."""
        if helper_first:
            pid = self.helper()
            if pid:
                os.kill(pid, signal.SIGKILL)
                time.sleep(0.005)
        died = self.process.poll()
        if died is None:
            self.process.kill()
            self.process.wait()
        self.drop_connection()
        return died

    def stop(self, timeout_s=30):
        """A clean stop; its exit code."""
        self.process.terminate()
        try:
            code = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failure(f"the engine did not stop within {timeout_s} s of SIGTERM (see {self.log})") from None
        self.drop_connection()
        return code

    # ---- asking

    def drop_connection(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def ask(self, method, path, body=None):
        """(status, answer). Gone if there was no whole answer."""
        try:
            if not self.connection:
                self.connection = _SocketConnection(self.data + "/sock", self.timeout_s)
            text = None if body is None else json.dumps(body)
            self.connection.request(method, path, text, {"Content-Type": "application/json"} if text else {})
            response = self.connection.getresponse()
            return response.status, json.loads(response.read() or "null")
        except (OSError, http.client.HTTPException, ValueError) as e:
            self.drop_connection()
            raise Gone(str(e)) from None

    def run_path(self, run, rest=""):
        return "/v1/runs/" + urllib.parse.quote(run, safe="") + rest

    def all_runs(self):
        """Every run of the list, page by page."""
        runs, page = [], ""
        while True:
            status, answer = self.ask("GET", "/v1/runs?limit=1000" + page)
            if status != 200:
                raise Failure(f"GET /v1/runs: {status} {answer}")
            runs += answer["runs"]
            if not answer["runs"] or not answer["next_page"]:
                return runs
            page = "&page=" + answer["next_page"]

    def command(self, *words, timeout_s=60):
        """(exit code, stdout, stderr) of another command of the same binary."""
        done = subprocess.run([self.binary, *words, "--data", self.data], env=self.environment, capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=timeout_s, check=False)
        return done.returncode, done.stdout.decode(), done.stderr.decode()
