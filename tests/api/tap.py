"""What the tests of the real binary share: a data directory for each case, commands with time limits, and TAP."""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

BATON = os.path.abspath(sys.argv[1])


class Case:
    """One directory with workflow files and .baton; every process started in it is gone when the case ends."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="baton-api-")
        self.started = []
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("BATON")}
        self.env["NO_COLOR"] = "1"

    def write(self, name, text):
        with open(os.path.join(self.dir, name), "w") as f:
            f.write(text)

    def read(self, name):
        try:
            with open(os.path.join(self.dir, name)) as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def start(self, *args, **more):
        options = dict(cwd=self.dir, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, text=True)
        options.update(more)
        process = subprocess.Popen([BATON, *args], **options)
        self.started.append(process)
        return process

    def baton(self, *args, code=0, timeout=60, input=None):
        """Runs a command to its end and checks its exit code; gives (stdout, stderr)."""
        more = {"stdin": subprocess.PIPE} if input is not None else {}
        process = self.start(*args, **more)
        out, err = process.communicate(input, timeout=timeout)
        said = f"baton {' '.join(args)}\nstdout: {out}\nstderr: {err}"
        assert code in (None, process.returncode), f"exit {process.returncode}, expected {code}: {said}"
        return out, err

    def until(self, holds, seconds=30):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if holds():
                return
            time.sleep(0.02)
        raise AssertionError("what was waited for did not come")

    def close(self):
        for process in self.started:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


def main(cases):
    failed = 0
    print(f"1..{len(cases)}")
    for number, case in enumerate(cases, 1):
        context = Case()
        try:
            case(context)
            print(f"ok {number} - {case.__name__}")
        except Exception:
            failed += 1
            print(f"not ok {number} - {case.__name__}")
            for line in traceback.format_exc().splitlines():
                print(f"# {line}")
        finally:
            context.close()
        sys.stdout.flush()
    sys.exit(1 if failed else 0)
