#include "cli/background.h"

#include "cli/link.h"
#include "cli/place.h"
#include "cli/say.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_TRIES 500 /* of 20 ms: recovery of a large directory comes before the socket */
#define WAIT_US (20 * 1000)

/* In the child: nothing of the terminal stays. */
_Noreturn static void become_server(const char *dir, int log) {
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    setsid();
    dup2(null, 0);
    dup2(log, 1);
    dup2(log, 2);
    execl("/proc/self/exe", "baton", "serve", "--exit-when-idle", "--data", dir, (char *)NULL);
    _exit(127);
}

int background_serve(const Args *args) {
    const char *dir = place_data(args);
    if (link_listens(dir))
        return 0;
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return say_error(EXIT_INTERNAL, "cannot make %s: %s", "", dir, strerror(errno));
    Str path = arena_fmt(args->arena, "%s/log", dir);
    int log = open(path.p, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log < 0)
        return say_error(EXIT_INTERNAL, "cannot write %s: %s", "", path.p, strerror(errno));
    pid_t child = fork();
    if (child == 0)
        become_server(dir, log);
    close(log);
    if (child < 0)
        return say_error(EXIT_INTERNAL, "cannot start the engine in the background: %s", "",
                         strerror(errno));
    for (int i = 0; i < WAIT_TRIES; i++) {
        int status;
        if (link_listens(dir))
            return 0;
        if (waitpid(child, &status, WNOHANG) == child && !link_listens(dir))
            break;
        usleep(WAIT_US);
    }
    return say_error(EXIT_INTERNAL, "the engine in the background did not begin", "see %s", path.p);
}
