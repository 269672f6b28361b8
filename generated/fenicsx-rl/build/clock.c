/*
 * What the programs of a step see of this machine's time and name. It is loaded in front of the C library (ld.so(8),
 * LD_PRELOAD) while a step installs or runs something, and lies in no image. tcc compiles it, without any header:
 * for Linux on x86-64, with glibc.
 *
 * - The time of day stands still: at EPOCH, the recipe's own.
 * - A file written since then shows EPOCH as its time. Nanoseconds keep the order in which files were written, so that
 *   make and its kind see what is newer; what notes times notes whole seconds.
 * - The host is called stillroom.
 *
 * Time that passes is as ever: CLOCK_MONOTONIC, sleep, timeouts. Programs that are linked statically, or that ask the
 * kernel themselves as those written in Go do, see the machine's clock.
 */
typedef long i64;
typedef unsigned int u32;
struct timespec { i64 sec, nsec; };

extern i64 syscall(i64 number, ...);
extern void *dlvsym(void *handle, const char *name, const char *version);
extern int *__errno_location(void);

enum { SYS_uname = 63, SYS_clock_gettime = 228, SYS_clock_nanosleep = 230, SYS_newfstatat = 262, SYS_statx = 332 };
enum { AT_FDCWD = -100, AT_SYMLINK_NOFOLLOW = 0x100, AT_EMPTY_PATH = 0x1000 };
#define NEXT ((void *)-1l) /* RTLD_NEXT */
/* late in the second, so that no file is newer than now */
#define NOW_NSEC 999000000l

/* CLOCK_REALTIME, CLOCK_REALTIME_COARSE, CLOCK_TAI */
static int is_time_of_day(i64 clock) { return clock == 0 || clock == 5 || clock == 11; }

/* --- the time of day ------------------------------------------------------------------------------------------------ */

int clock_gettime(int clock, struct timespec *time)
{
    if (!is_time_of_day(clock)) return syscall(SYS_clock_gettime, (i64)clock, time);
    time->sec = EPOCH;
    time->nsec = NOW_NSEC;
    return 0;
}

int __clock_gettime(int clock, struct timespec *time) { return clock_gettime(clock, time); }

i64 time(i64 *seconds)
{
    if (seconds) *seconds = EPOCH;
    return EPOCH;
}

int gettimeofday(struct timespec *time, void *zone)
{
    if (time) {
        time->sec = EPOCH;
        time->nsec = NOW_NSEC / 1000;
    }
    if (zone) *(i64 *)zone = 0;
    return 0;
}

int timespec_get(struct timespec *time, int base)
{
    if (base != 1) return 0;
    clock_gettime(0, time);
    return base;
}

/* --- deadlines: given by the time of day as shown, waited for by the kernel's ----------------------------------------- */

static void really_now(struct timespec *time) { syscall(SYS_clock_gettime, 0l, time); }

/* A deadline of another clock counts from when the machine was switched on. */
static const struct timespec *until(const struct timespec *shown, struct timespec *real)
{
    if (!shown || shown->sec < 1000000000l) return shown;
    really_now(real);
    real->sec += shown->sec - EPOCH;
    real->nsec += shown->nsec - NOW_NSEC;
    if (real->nsec < 0) { real->nsec += 1000000000l; real->sec--; }
    if (real->nsec >= 1000000000l) { real->nsec -= 1000000000l; real->sec++; }
    return real;
}

typedef int timed(void *, const struct timespec *);
typedef int timed2(void *, void *, const struct timespec *);
typedef int clocked(void *, int, const struct timespec *);
typedef int clocked2(void *, void *, int, const struct timespec *);

int pthread_cond_timedwait(void *condition, void *mutex, const struct timespec *deadline)
{
    static timed2 *real;
    struct timespec moved;
    if (!real) real = (timed2 *)dlvsym(NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
    return real(condition, mutex, until(deadline, &moved));
}

int pthread_cond_clockwait(void *condition, void *mutex, int clock, const struct timespec *deadline)
{
    static clocked2 *real;
    struct timespec moved;
    if (!real) real = (clocked2 *)dlvsym(NEXT, "pthread_cond_clockwait", "GLIBC_2.30");
    return real(condition, mutex, clock, clock == 0 ? until(deadline, &moved) : deadline);
}

int pthread_mutex_timedlock(void *mutex, const struct timespec *deadline)
{
    static timed *real;
    struct timespec moved;
    if (!real) real = (timed *)dlvsym(NEXT, "pthread_mutex_timedlock", "GLIBC_2.2.5");
    return real(mutex, until(deadline, &moved));
}

int sem_timedwait(void *semaphore, const struct timespec *deadline)
{
    static timed *real;
    struct timespec moved;
    if (!real) real = (timed *)dlvsym(NEXT, "sem_timedwait", "GLIBC_2.2.5");
    return real(semaphore, until(deadline, &moved));
}

int sem_clockwait(void *semaphore, int clock, const struct timespec *deadline)
{
    static clocked *real;
    struct timespec moved;
    if (!real) real = (clocked *)dlvsym(NEXT, "sem_clockwait", "GLIBC_2.30");
    return real(semaphore, clock, clock == 0 ? until(deadline, &moved) : deadline);
}

int clock_nanosleep(int clock, int flags, const struct timespec *time, struct timespec *left)
{
    struct timespec moved;
    int *number = __errno_location();
    int before = *number;
    i64 result;
    if ((flags & 1) && is_time_of_day(clock)) time = until(time, &moved);
    result = syscall(SYS_clock_nanosleep, (i64)clock, (i64)flags, time, left);
    if (result == 0) return 0;
    result = *number;
    *number = before;
    return result;
}

/* --- files ---------------------------------------------------------------------------------------------------------- */

/* struct stat of x86-64, the kernel's and glibc's */
struct stat { i64 before[9]; struct timespec accessed, modified, changed; i64 after[3]; };
struct statx_time { i64 sec; u32 nsec; int pad; };
struct statx { i64 before[8]; struct statx_time accessed, born, changed, modified; i64 after[16]; };

/* When this step began: the file is written by `begin` in layer.sh. */
static i64 beginning(void)
{
    static i64 known;
    struct stat file;
    if (!known) known = syscall(SYS_newfstatat, (i64)AT_FDCWD, "/.stillroom/before", &file, 0l) == 0 ? file.modified.sec : 1;
    return known;
}

/* Nanoseconds within EPOCH for a time after it: later for later ones, over 18 hours of a step. */
static i64 rank(i64 sec, i64 nsec)
{
    i64 since = sec - beginning();
    if (since < 0) return 1;
    if (since > 60000) return NOW_NSEC - 1;
    return 2 + (since * 1000000000l + nsec) / 65536;
}

static void show(struct timespec *time)
{
    if (time->sec <= EPOCH) return;
    time->nsec = rank(time->sec, time->nsec);
    time->sec = EPOCH;
}

static void show_x(struct statx_time *time)
{
    if (time->sec <= EPOCH) return;
    time->nsec = rank(time->sec, time->nsec);
    time->sec = EPOCH;
}

int fstatat(int directory, const char *path, struct stat *file, int flags)
{
    int result;
    int *number = __errno_location();
    result = syscall(SYS_newfstatat, (i64)directory, path, file, (i64)flags);
    if (result == 0) {
        int before = *number;
        show(&file->accessed);
        show(&file->modified);
        show(&file->changed);
        *number = before;
    }
    return result;
}

int stat(const char *path, struct stat *file) { return fstatat(AT_FDCWD, path, file, 0); }
int lstat(const char *path, struct stat *file) { return fstatat(AT_FDCWD, path, file, AT_SYMLINK_NOFOLLOW); }
int fstat(int descriptor, struct stat *file) { return fstatat(descriptor, "", file, AT_EMPTY_PATH); }
int stat64(const char *path, struct stat *file) { return stat(path, file); }
int lstat64(const char *path, struct stat *file) { return lstat(path, file); }
int fstat64(int descriptor, struct stat *file) { return fstat(descriptor, file); }
int fstatat64(int directory, const char *path, struct stat *file, int flags) { return fstatat(directory, path, file, flags); }
/* what programs built against glibc before 2.33 call */
int __xstat(int version, const char *path, struct stat *file) { return stat(path, file); }
int __lxstat(int version, const char *path, struct stat *file) { return lstat(path, file); }
int __fxstat(int version, int descriptor, struct stat *file) { return fstat(descriptor, file); }
int __fxstatat(int version, int directory, const char *path, struct stat *file, int flags) { return fstatat(directory, path, file, flags); }
int __xstat64(int version, const char *path, struct stat *file) { return stat(path, file); }
int __lxstat64(int version, const char *path, struct stat *file) { return lstat(path, file); }
int __fxstat64(int version, int descriptor, struct stat *file) { return fstat(descriptor, file); }
int __fxstatat64(int version, int directory, const char *path, struct stat *file, int flags) { return fstatat(directory, path, file, flags); }

int statx(int directory, const char *path, int flags, u32 mask, struct statx *file)
{
    int result = syscall(SYS_statx, (i64)directory, path, (i64)flags, (i64)mask, file);
    if (result == 0) {
        show_x(&file->accessed);
        show_x(&file->born);
        show_x(&file->changed);
        show_x(&file->modified);
    }
    return result;
}

/* --- the host's name ------------------------------------------------------------------------------------------------ */

static const char HOST[] = "stillroom";

int gethostname(char *name, unsigned long size)
{
    unsigned long i;
    for (i = 0; i < sizeof HOST && i < size; i++) name[i] = HOST[i];
    return 0;
}

/* struct utsname: six fields of 65 bytes, the second is the host's name */
int uname(char *fields)
{
    int result = syscall(SYS_uname, fields);
    int i;
    if (result == 0)
        for (i = 0; i < 65; i++) fields[65 + i] = i < sizeof HOST ? HOST[i] : 0;
    return result;
}
