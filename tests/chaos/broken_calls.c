/* Breaks the system calls of one task, loaded with LD_PRELOAD: reads or writes of regular files below
   CHAOS_FOLDER fail with CHAOS_ERRNO after CHAOS_AFTER bytes (CHAOS_CALLS is "read" or "write"), and
   the clock is CHAOS_CLOCK seconds off from its CHAOS_AFTER-th reading on. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static long done, readings;

static long number(const char *name) {
    const char *text = getenv(name);
    return text ? atol(text) : 0;
}

/* Whether a call of this kind on fd must fail now. */
static int broken(const char *kind, int fd, size_t n) {
    const char *calls = getenv("CHAOS_CALLS"), *folder = getenv("CHAOS_FOLDER");
    struct stat facts;
    char link[64], path[4096];
    if (!calls || !folder || strcmp(calls, kind) || fd <= 2) return 0;
    if (fstat(fd, &facts) || !S_ISREG(facts.st_mode)) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    if (strncmp(path, folder, strlen(folder))) return 0;
    done += n;
    if (done <= number("CHAOS_AFTER")) return 0;
    errno = (int)number("CHAOS_ERRNO");
    return 1;
}

#define REAL(name) static __typeof__(&name) real; if (!real) real = dlsym(RTLD_NEXT, #name)

static size_t total(const struct iovec *parts, int n) {
    size_t sum = 0;
    for (int i = 0; i < n; i++) sum += parts[i].iov_len;
    return sum;
}

ssize_t write(int fd, const void *text, size_t n) {
    REAL(write);
    return broken("write", fd, n) ? -1 : real(fd, text, n);
}
ssize_t pwrite(int fd, const void *text, size_t n, off_t at) {
    REAL(pwrite);
    return broken("write", fd, n) ? -1 : real(fd, text, n, at);
}
ssize_t pwrite64(int fd, const void *text, size_t n, off64_t at) {
    REAL(pwrite64);
    return broken("write", fd, n) ? -1 : real(fd, text, n, at);
}
ssize_t writev(int fd, const struct iovec *parts, int n) {
    REAL(writev);
    return broken("write", fd, total(parts, n)) ? -1 : real(fd, parts, n);
}
ssize_t read(int fd, void *text, size_t n) {
    REAL(read);
    return broken("read", fd, n) ? -1 : real(fd, text, n);
}
ssize_t pread(int fd, void *text, size_t n, off_t at) {
    REAL(pread);
    return broken("read", fd, n) ? -1 : real(fd, text, n, at);
}
ssize_t pread64(int fd, void *text, size_t n, off64_t at) {
    REAL(pread64);
    return broken("read", fd, n) ? -1 : real(fd, text, n, at);
}
ssize_t readv(int fd, const struct iovec *parts, int n) {
    REAL(readv);
    return broken("read", fd, total(parts, n)) ? -1 : real(fd, parts, n);
}
int fsync(int fd) {
    REAL(fsync);
    return broken("write", fd, 0) ? -1 : real(fd);
}

static long jump(void) {
    return ++readings > number("CHAOS_AFTER") ? number("CHAOS_CLOCK") : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    REAL(clock_gettime);
    int code = real(clock, now);
    if (!code && clock == CLOCK_REALTIME) now->tv_sec += jump();
    return code;
}
int gettimeofday(struct timeval *now, void *zone) {
    REAL(gettimeofday);
    int code = real(now, zone);
    if (!code) now->tv_sec += jump();
    return code;
}
time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}
