/* A death while a run is applied counts against that run. One by a fault (a failed assertion, a bad pointer) is proof enough
 * the second time; one by SIGKILL more likely comes from outside - a person, the kernel out of memory - and must happen
 * eight times in a row, or killing a busy engine at random would put away runs that did nothing. Which of both it was is
 * noted by a signal handler in the same page. */
#include "host/mark.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define MARK_MAGIC "baton-mark-1"
#define RUN_BYTES_MAX 64
#define POINTS_FAULT 4
#define POINTS_KILLED 1
#define POINTS_SUSPECT 8
#define PAGE_BYTES 4096

struct MarkPage {
    char magic[16];
    uint32_t run_len, faulted;
    char run[RUN_BYTES_MAX];
    uint32_t last_len, points; /* who was being applied at the deaths before, and how sure we are */
    char last[RUN_BYTES_MAX];
};

static MarkPage *watched; /* by the signal handler; one host per process */

/* ---- faults ------------------------------------------------------------------------------------------------------------ */

static const int fault_signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };

static void note_fault(int signal_number) {
    if (watched)
        watched->faulted = 1;
    raise(signal_number); /* the default is back (SA_RESETHAND): die as we would have */
}

/* Only where nobody else has a handler (sanitizers do), and on a stack of its own: the fault may be an overflow. */
static void watch_faults(void) {
    static char stack[16 * 1024];
    stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };
    stack_t old;
    if (sigaltstack(NULL, &old) == 0 && (old.ss_flags & SS_DISABLE))
        sigaltstack(&alternate, NULL);
    for (size_t i = 0; i < ARRAY_LEN(fault_signals); i++) {
        struct sigaction now, note = { .sa_handler = note_fault,
                                       .sa_flags = (int)SA_RESETHAND | SA_ONSTACK | SA_NODEFER };
        if (sigaction(fault_signals[i], NULL, &now) == 0 && !(now.sa_flags & SA_SIGINFO) &&
            now.sa_handler == SIG_DFL)
            sigaction(fault_signals[i], &note, NULL);
    }
}

/* ---- judging ----------------------------------------------------------------------------------------------------------- */

static Str marked_run(const MarkPage *p) { return (Str){ p->run, MIN(p->run_len, RUN_BYTES_MAX) }; }

static Str last_run(const MarkPage *p) { return (Str){ p->last, MIN(p->last_len, RUN_BYTES_MAX) }; }

static void judge(Mark *m) {
    MarkPage *p = m->page;
    Str run = marked_run(p);
    if (run.len == 0) {
        p->last_len = p->points = 0;
    } else {
        uint32_t before = str_eq(run, last_run(p)) ? MIN(p->points, POINTS_SUSPECT) : 0;
        p->points = before + (p->faulted ? POINTS_FAULT : POINTS_KILLED);
        memcpy(p->last, p->run, RUN_BYTES_MAX);
        p->last_len = (uint32_t)run.len;
    }
    if (p->points >= POINTS_SUSPECT)
        snprintf(m->suspect, sizeof(m->suspect), "%.*s", STR_FMT(last_run(p)));
    p->run_len = p->faulted = 0;
}

int mark_open(Mark *m, const char *dir) {
    char path[4096];
    *m = (Mark){ 0 };
    if (snprintf(path, sizeof(path), "%s/mark", dir) >= (int)sizeof(path))
        return -ENAMETOOLONG;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    /* Allocated for good: a full disk must not turn the first store into a fault. */
    int err = posix_fallocate(fd, 0, PAGE_BYTES);
    void *page = err ? MAP_FAILED
                     : mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (!err && page == MAP_FAILED)
        err = errno;
    close(fd);
    if (err)
        return -err;
    m->page = page;
    if (memcmp(m->page->magic, MARK_MAGIC, sizeof(MARK_MAGIC)) != 0) {
        memset(m->page, 0, sizeof(*m->page));
        memcpy(m->page->magic, MARK_MAGIC, sizeof(MARK_MAGIC));
    }
    judge(m);
    watched = m->page;
    watch_faults();
    return 0;
}

/* The length last when setting and first when clearing, so that a death in between names no half of a name. */
void mark_set(Mark *m, Str run) {
    MarkPage *p = m->page;
    if (!p)
        return;
    ASSERT(run.len <= RUN_BYTES_MAX);
    p->run_len = 0;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (run.len == 0)
        return;
    memcpy(p->run, run.p, run.len);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    p->run_len = (uint32_t)run.len;
}

void mark_clear(Mark *m) {
    mark_set(m, STR(""));
    if (m->page)
        m->page->last_len = m->page->points = 0;
}

void mark_close(Mark *m) {
    if (!m->page)
        return;
    watched = NULL;
    munmap(m->page, PAGE_BYTES);
    m->page = NULL;
}
