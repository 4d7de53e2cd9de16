"""kill -9 against the real engine, with the ledger as the only witness.

  crash.py random --cycles N     kills at random times; every ROUND_CYCLES kills the world comes to rest and is checked
  crash.py every                 kills at each operation of the store during one canonical run (test build)
  crash.py trouble --points N    full disk and broken disk at N operations each, once and from then on (test build)

BUILD is the directory of the test build, BATON the binary for `random` (BUILD/baton). BATON_MUTANT chooses a planted bug.
What failed leaves its world behind and says where. Ends with `N passed, N failed`."""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

from book import Book, Findings
from engine import Failure, Gone
from workflows import canonical_workflow, random_workflow
from world import Run, World

ROUND_CYCLES = 50
KILL_AFTER_MAX_S = 0.4
FLAKY_PERCENT = 4
RUNS_PER_CYCLE = 3


class Totals:
    def __init__(self):
        self.cycles = self.kills = self.runs = self.effects = self.doubts = 0
        self.found = Findings()
        self.recovery_s = 0.0

    def take(self, world, found):
        self.found.add(found)
        self.runs += len(world.runs)
        self.effects += Book(world.book_path).effects()

    def say(self):
        found = self.found
        for sentence in found.all()[:20]:
            print("  " + sentence)
        print(f"{self.cycles} cycles, {self.kills} kills, {self.runs} runs, {self.effects} effects: "
              f"{len(found.lost)} lost, {len(found.duplicated)} duplicated, {len(found.stuck)} stuck, {len(found.wrong)} otherwise wrong; "
              f"slowest recovery {self.recovery_s * 1000:.0f} ms", flush=True)


def leave_or_remove(path, failed, args):
    if failed and not args.scrap:
        print(f"  left for you to look at: {path}", flush=True)
    else:
        shutil.rmtree(path, ignore_errors=True)


# ---- at random times


class Killer(threading.Thread):
    """Kills the engine after a while, its helper sometimes a moment earlier."""

    def __init__(self, engine, after_s, helper_first):
        super().__init__()
        self.engine, self.after_s, self.helper_first = engine, after_s, helper_first

    def run(self):
        time.sleep(self.after_s)
        helper = self.engine.helper() if self.helper_first else None
        if helper:
            os.kill(helper, 9)
            time.sleep(0.003)
        self.engine.process.kill()


def do_something(rng, world):
    """One thing that somebody wants of the engine."""
    runs = list(world.runs.values())
    what = rng.random()
    if what < 0.35 and world.may_start > 0:
        run = Run(f"r{len(world.runs)}", random_workflow(rng, len(world.runs), world.names))
        world.may_start -= 1
        (world.start_run_detached if rng.random() < 0.04 else world.start_run)(run)
    elif what < 0.5 and runs:
        world.start_run(rng.choice(runs))
    elif what < 0.8 and runs:
        run = rng.choice(runs)
        if run.accepted and run.signals < run.workflow.signals:
            world.send_signal(run)
    elif runs:
        world.look(rng.choice(runs[-10:]))
    time.sleep(rng.random() * 0.01)


def cycle(rng, world, totals):
    engine = world.engine
    engine.start()
    killer = Killer(engine, rng.random() * KILL_AFTER_MAX_S, rng.random() < 0.15)
    killer.start()
    world.may_start = RUNS_PER_CYCLE
    try:
        totals.recovery_s = max(totals.recovery_s, engine.wait_ready())
        while True:
            do_something(rng, world)
    except Gone:
        pass
    finally:
        killer.join()
        code = engine.process.wait()
        engine.drop_connection()
    world.kill_strays()
    totals.cycles += 1
    totals.kills += 1
    if code != -9 and not (killer.helper_first and code == 1):  # without its helper an engine ends by itself
        raise Failure(f"the engine ended by itself, with code {code} (see {engine.log})")


def random_round(rng, cycles, root, number, totals, args):
    path = f"{root}/round{number}"
    world = World(path, args.build, args.binary, FLAKY_PERCENT, args.mutant)
    found = Findings()
    try:
        for _ in range(cycles):
            cycle(rng, world, totals)
        found.add(world.finish())
    except (Failure, Gone) as e:
        found.wrong.append(f"{type(e).__name__}: {e}")
    finally:
        world.close()
    totals.take(world, found)
    leave_or_remove(path, found.all(), args)
    return not found.all()


def kill_at_random(args, root):
    rng = random.Random(args.seed)
    totals = Totals()
    good, number = True, 0
    while good and totals.cycles < args.cycles:
        good = random_round(rng, min(ROUND_CYCLES, args.cycles - totals.cycles), root, number, totals, args)
        number += 1
    print(f"kill -9 at random, seed {args.seed}: ", end="")
    totals.say()
    return [good]


# ---- at each operation of the store


class Point:
    """The canonical run with something going wrong at operation k; then a healthy engine takes over."""

    def __init__(self, args, root, k, mode):
        self.args, self.k, self.mode = args, k, mode
        self.path = f"{root}/{mode}-{k}"
        self.reached = False

    def describe(self):
        return f"operation {self.k}, {self.mode}"

    def run(self):
        world = World(self.path, self.args.build, self.args.build + "/baton", 0, self.args.mutant)
        found = Findings()
        try:
            self.go(world)
            if self.reached:
                found = world.finish()
        except (Failure, Gone) as e:
            found.wrong.append(f"{type(e).__name__}: {e}")
        finally:
            world.close()
        self.effects = Book(world.book_path).effects()
        leave_or_remove(self.path, found.all(), self.args)
        return found

    def go(self, world):
        engine = world.engine
        killing, full = self.mode == "kill", self.mode.startswith("full")
        engine.timeout_s = 30 if killing else 2
        engine.start(fail=f"vfs:{self.k}:{self.mode}")
        ended = False
        try:
            engine.wait_ready()
            ended = self.use(world, Run("canonical", canonical_workflow(world.names)))
            code = engine.stop() if ended else engine.kill()
        except Gone:
            code = self.end_of(engine)
        engine.timeout_s = 30
        begun = engine.said("serving ")  # before that a start may fail: nothing has been accepted
        self.reached = code != 0 or not killing
        if killing and code not in (0, -9):
            raise Failure(f"the engine ended by itself, with code {code} (see {engine.log})")
        if not killing and code is not None and code < 0:
            raise Failure(f"a disk in trouble killed the engine by signal {-code} (see {engine.log})")
        if full and begun and code not in (0, None):
            raise Failure(f"a full disk ended the engine, with code {code} (see {engine.log})")
        if self.mode == "full" and begun and not ended:
            raise Failure(f"there was room again, and the run did not go on (see {engine.log})")

    def end_of(self, engine):
        """It did not answer: it is dead, or dies, or waits for room on the disk; then it is killed (None)."""
        try:
            code = engine.process.wait(1 if self.mode != "kill" else 30)
        except subprocess.TimeoutExpired:
            code = engine.kill()
        engine.drop_connection()
        return code

    def use(self, world, run):
        """True if the run ended; with a disk that stays full it cannot."""
        world.start_run(run)
        until = time.monotonic() + (30 if self.mode == "kill" else 2)
        while time.monotonic() < until:
            document = world.look(run)
            if document and document["status"] in ("succeeded", "failed", "cancelled"):
                return True
            if document and run.accepted and run.signals < run.workflow.signals:
                world.send_signal(run)
            time.sleep(0.005)
        if self.mode == "kill":
            raise Failure(f"run {run.id} did not end, and nobody was killed")
        return False


def in_parallel(points, jobs):
    """[(point, findings)], in order."""
    results = [None] * len(points)
    left = iter(range(len(points)))
    lock = threading.Lock()

    def work():
        while True:
            with lock:
                i = next(left, None)
            if i is None:
                return
            results[i] = points[i].run()

    threads = [threading.Thread(target=work) for _ in range(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return list(zip(points, results))


def say_points(what, done, total):
    bad = [(point, found) for point, found in done if found.all()]
    for point, found in bad[:10]:
        for sentence in found.all()[:3]:
            print(f"  {point.describe()}: {sentence}")
    print(f"{what}: {total - len(bad)}/{total}", flush=True)
    return not bad


def count_operations(args, root):
    """How many operations the canonical run makes: the first k in a row of three that nobody reaches. All before are done."""
    done, first, step = [], 1, 2 * args.jobs
    while True:
        done += in_parallel([Point(args, root, k, "kill") for k in range(first, first + step)], args.jobs)
        first += step
        if all(not point.reached and not found.all() for point, found in done[-3:]):
            return [(point, found) for point, found in done if point.reached or found.all()]
        if args.mutant and any(found.all() for _, found in done):
            return done


def kill_at_every_operation(args, root):
    done = count_operations(args, root)
    return [say_points("kill -9 at every operation of the store", done, len(done))]


def trouble(args, root):
    """Where the operations lie is known from the kills; a sample of them is enough here, spread evenly."""
    total, good = 120, []
    for mode, what in (("full", "disk full once"), ("full-from", "disk full from then on"),
                       ("io", "I/O error once"), ("io-from", "I/O errors from then on")):
        ks = sorted({1 + i * total // args.points for i in range(args.points)})
        done = in_parallel([Point(args, root, k, mode) for k in ks], args.jobs)
        good.append(say_points(what, done, len(done)))
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="+", choices=["random", "every", "trouble"])
    parser.add_argument("--cycles", type=int, default=int(os.environ.get("CYCLES", "200")))
    parser.add_argument("--points", type=int, default=12)
    parser.add_argument("--jobs", type=int, default=int(os.environ.get("JOBS", "2")))
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED", str(random.randrange(1 << 30)))))
    parser.add_argument("--scrap", action="store_true", help="leave nothing behind")
    args = parser.parse_args()
    args.build = os.path.abspath(os.environ.get("BUILD", "build-test"))
    args.binary = os.path.abspath(os.environ.get("BATON", args.build + "/baton"))
    args.mutant = os.environ.get("BATON_MUTANT")
    root = tempfile.mkdtemp(prefix="baton-crash-")
    actions = {"random": kill_at_random, "every": kill_at_every_operation, "trouble": trouble}
    results = [good for what in args.what for good in actions[what](args, root)]
    if all(results) or args.scrap:
        shutil.rmtree(root, ignore_errors=True)
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
