"""A world for one engine: a directory, the ledger, and somebody who starts runs, sends signals and settles doubts."""

import os
import signal
import subprocess
import time

from book import Book, Findings, check_book, check_run
from engine import Engine, Failure, Gone

STUCK_S = 20  # nothing ends for so long: nothing will; timers are far shorter


class Run:
    def __init__(self, run_id, workflow):
        self.id, self.workflow = run_id, workflow
        self.accepted = False  # somebody was told so
        self.signals = 0       # acknowledged
        self.seen = None       # output that somebody was told of
        self.document = None   # how it ended, at the end


class World:
    def __init__(self, path, build, binary, flaky, mutant=None):
        os.makedirs(path)
        self.path = path
        self.book_path = path + "/book"
        self.ledger = subprocess.Popen([build + "/tests/crash/ledger", "serve", self.book_path, str(flaky)],
                                       stdout=subprocess.PIPE)
        port = int(self.ledger.stdout.readline())
        self.names = {"ledger": build + "/tests/crash/ledger", "book": self.book_path, "flaky": flaky, "port": port}
        self.engine = Engine(binary, path + "/data", mutant)
        self.runs = {}

    def close(self):
        if self.engine.process and self.engine.process.poll() is None:
            self.engine.kill()
        self.kill_strays()
        self.ledger.kill()
        self.ledger.wait()
        self.ledger.stdout.close()

    def strays(self):
        """Engines of this directory that we did not start ourselves: `baton run --detach` may have."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    words = f.read().split(b"\0")
            except OSError:
                continue
            if b"serve" in words and self.engine.data.encode() in words:
                found.append(int(pid))
        return found

    def kill_strays(self):
        """Until none is left: whoever still dies has the lock of the directory."""
        while pids := self.strays():
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.005)

    # ---- what people do; Gone if the engine dies meanwhile

    def start_run(self, run):
        """The same id may be sent again and again: it is one run."""
        self.runs[run.id] = run
        name = run.id + ".yaml"
        status, answer = self.engine.ask("POST", "/v1/runs", {"id": run.id, "files": {name: run.workflow.text},
                                                              "main": name, "dir": self.path})
        self.told(run, status in (200, 201), f"{status} {answer}")

    def start_run_detached(self, run):
        """By the command line; it may have to start the engine itself."""
        self.runs[run.id] = run
        file = f"{self.path}/{run.id}.yaml"
        with open(file, "w", encoding="utf-8") as f:
            f.write(run.workflow.text)
        code, _, err = self.engine.command("run", file, "--id", run.id, "--detach")
        if code == 1:
            raise Gone(err)
        self.told(run, code == 0, err)

    def told(self, run, accepted, answer):
        if not accepted and "stopping" not in answer:
            raise Failure(f"run {run.id} was not accepted: {answer}")
        run.accepted = run.accepted or accepted

    def send_signal(self, run):
        """The next one; said twice it must count once."""
        n = run.signals + 1
        body = {"name": "go", "id": f"{run.id}-go-{n}", "data": {"n": n}}
        status, answer = self.engine.ask("POST", self.engine.run_path(run.id, "/signals"), body)
        if status == 200:
            run.signals = n
            self.engine.ask("POST", self.engine.run_path(run.id, "/signals"), body)
        elif status == 404 and run.accepted:
            raise Failure(f"run {run.id} was accepted and is not there: {answer}")

    def look(self, run):
        """Its document, None if there is no such run. What was read is a promise, too."""
        status, document = self.engine.ask("GET", self.engine.run_path(run.id))
        if status == 404:
            return None
        if status != 200:
            raise Failure(f"GET {run.id}: {status} {document}")
        if document["status"] == "succeeded":
            run.seen = document["output"]
        return document

    def settle_doubts(self, run, document):
        """Truthfully: what the ledger has happened, what it does not have did not. The ledger is read after the doubt was seen."""
        doubts = [want for want in document.get("waiting", []) if want["for"] == "doubt"]
        book = Book(self.book_path) if doubts else None
        for want in doubts:
            n = book.effect_of(run.id, want["step"])
            body = {"address": want["step"], "decision": "not_done"} if n is None else {
                "address": want["step"], "decision": "done", "result": {"n": n}}
            self.engine.ask("POST", self.engine.run_path(run.id, "/effects"), body)

    # ---- the end

    def finish(self):
        """Starts the engine a last time, gives every run what it waits for, and says what is wrong."""
        found = Findings()
        self.kill_strays()
        self.engine.start()
        self.engine.wait_ready()
        time.sleep(0.2)  # what left the last engine before its death has arrived by now
        self.finish_runs(found)
        self.check_list(found)
        code = self.engine.stop()
        if code != 0:
            found.wrong.append(f"a clean stop ended with exit code {code} (see {self.engine.log})")
        code, out, err = self.engine.command("verify", timeout_s=300)
        if code != 0:
            found.wrong.append(f"baton verify: {err}{out}")
        book = Book(self.book_path)
        found.add(check_book(book))
        for run in self.runs.values():
            if run.document:
                found.add(check_run(book, run, run.document))
        return found

    def finish_runs(self, found):
        left = dict(self.runs)
        ended = time.monotonic()
        while left and time.monotonic() - ended < STUCK_S:
            states = {run["id"]: run["state"] for run in self.engine.all_runs()}
            for run in list(left.values()):
                if states.get(run.id) == "active":
                    continue
                if self.go_on(run, found):
                    del left[run.id]
                    ended = time.monotonic()
            time.sleep(0.02)
        for run in left.values():
            document = self.look(run)
            found.stuck.append(f"run {run.id}: {document['status']}, waiting {document.get('waiting')} {document.get('problem', '')}")

    def go_on(self, run, found):
        """Gives a run what it waits for. True if there is nothing more to be done for it."""
        document = self.look(run)
        if document is None and not run.accepted:
            del self.runs[run.id]  # nobody was told that it was accepted, and it was not
        elif document is None:
            found.lost.append(f"run {run.id} was accepted and is not there")
        elif document["status"] in ("succeeded", "failed", "cancelled"):
            run.document = document
        else:
            if run.signals < run.workflow.signals:
                self.send_signal(run)
            self.settle_doubts(run, document)
            return False
        return True

    def check_list(self, found):
        listed = [run["id"] for run in self.engine.all_runs()]
        for run in set(listed):
            if listed.count(run) > 1:
                found.duplicated.append(f"run {run} is listed twice")
            if run not in self.runs:
                found.wrong.append(f"run {run} is listed and nobody started it")
        for run in self.runs.values():
            if run.id not in listed:
                found.lost.append(f"run {run.id} is not in the list")
