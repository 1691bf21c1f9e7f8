/* What a machine does to a program, by LD_PRELOAD.

   CHAOS_CLOCK   a file of 8 bytes: seconds (signed, native order) added to the clock of the day.
   CHAOS_FSYNC   a file: while it holds an `x`, fsync fails with EIO; each failure adds a `.`.
   CHAOS_SYNCED  a folder: what lies in it is copied to NAME.synced after each successful fsync,
                 so that the copies are what a power cut would leave.
*/
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int64_t offset(void) {
    static volatile int64_t *shared;
    static int tried;
    if (!tried) {
        const char *path = getenv("CHAOS_CLOCK");
        int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        if (file >= 0) {
            void *at = mmap(NULL, 8, PROT_READ, MAP_SHARED, file, 0);
            if (at != MAP_FAILED) shared = at;
            close(file);
        }
        tried = 1;
    }
    return shared ? *shared : 0;
}

int clock_gettime(clockid_t clock, struct timespec *out) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int done = real(clock, out);
    if (!done && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        out->tv_sec += offset();
    return done;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone) {
    static int (*real)(struct timeval *, void *);
    if (!real) real = dlsym(RTLD_NEXT, "gettimeofday");
    int done = real(out, zone);
    if (!done) out->tv_sec += offset();
    return done;
}

time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}

static int refused(void) {
    const char *path = getenv("CHAOS_FSYNC");
    int file = path ? open(path, O_RDWR | O_APPEND | O_CLOEXEC) : -1;
    char first = 0;
    if (file < 0) return 0;
    int refuses = pread(file, &first, 1, 0) == 1 && first == 'x';
    if (refuses && write(file, ".", 1) != 1) refuses = 1;
    close(file);
    return refuses;
}

static void keep(int file) {
    const char *folder = getenv("CHAOS_SYNCED");
    char link[64], path[PATH_MAX], copy[PATH_MAX + 16], draft[PATH_MAX + 16], part[65536];
    if (!folder) return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return;
    path[length] = 0;
    if (strncmp(path, folder, strlen(folder))) return;
    snprintf(copy, sizeof copy, "%s.synced", path);
    snprintf(draft, sizeof draft, "%s.draft", path);
    int from = open(path, O_RDONLY | O_CLOEXEC);
    if (from < 0) return;
    int to = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    for (ssize_t n; to >= 0 && (n = read(from, part, sizeof part)) > 0;)
        if (write(to, part, n) != n) break;
    if (to >= 0) {
        close(to);
        rename(draft, copy);
    }
    /* To close the database would drop SQLite's locks on it; the write-ahead log has none. */
    if (length > 4 && !strcmp(path + length - 4, "-wal")) close(from);
}

static int synced(const char *name, int file) {
    int (*real)(int) = dlsym(RTLD_NEXT, name);
    if (refused()) {
        errno = EIO;
        return -1;
    }
    int done = real(file);
    if (!done) keep(file);
    return done;
}

int fsync(int file) { return synced("fsync", file); }
int fdatasync(int file) { return synced("fdatasync", file); }
