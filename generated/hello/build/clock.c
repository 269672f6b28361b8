/*
 * What the programs of a step see of this machine's time, name and disk. It is loaded in front of the C library (ld.so(8),
 * LD_PRELOAD) while a step installs or runs something, and lies in no image. tcc compiles it, without any header:
 * for Linux on x86-64, with glibc.
 *
 * - The time of day stands still: at EPOCH, the recipe's own. For a process that has slept for more than two seconds it goes
 *   on by what it sleeps from then on, since some wait for it.
 * - A file written since then shows EPOCH as its time. Nanoseconds keep the order in which files were written, so that
 *   make and its kind see what is newer; what notes times notes whole seconds.
 * - The host is called stillroom.
 * - A directory has its entries in the order of their names, where a disk has them in an order of its own.
 * - The hash of a password has a salt that does not come of chance: the same password in the same place has the same hash. Keys,
 *   and all else that programs ask the kernel's generator for, are by chance as ever.
 *
 * Time that passes is as ever: CLOCK_MONOTONIC, sleep, timeouts. Programs that are linked statically, or that ask the
 * kernel themselves as those written in Go do, see the machine's clock.
 */
typedef long i64;
typedef unsigned int u32;
struct timespec { i64 sec, nsec; };

extern i64 syscall(i64 number, ...);
extern void *dlopen(const char *name, int flags);
extern void *dlvsym(void *handle, const char *name, const char *version);
extern int *__errno_location(void);
extern void *malloc(unsigned long size);
extern void *calloc(unsigned long count, unsigned long size);
extern void *realloc(void *memory, unsigned long size);
extern void free(void *memory);
extern void *memcpy(void *to, const void *from, unsigned long size);
extern int strcmp(const char *one, const char *other);
extern void qsort(void *items, unsigned long count, unsigned long size, int (*compare)(const void *, const void *));
extern int pthread_mutex_lock(void *mutex);
extern int pthread_mutex_unlock(void *mutex);
extern int __register_atfork(void (*before)(void), void (*parent)(void), void (*child)(void), void *library);

enum { SYS_uname = 63, SYS_clock_gettime = 228, SYS_clock_nanosleep = 230, SYS_newfstatat = 262, SYS_statx = 332 };
enum { AT_FDCWD = -100, AT_SYMLINK_NOFOLLOW = 0x100, AT_EMPTY_PATH = 0x1000 };
#define NEXT ((void *)-1l) /* RTLD_NEXT */
/* late in the second, so that no file is newer than now */
#define NOW_NSEC 999000000l

/* CLOCK_REALTIME, CLOCK_REALTIME_COARSE, CLOCK_TAI */
static int is_time_of_day(i64 clock) { return clock == 0 || clock == 5 || clock == 11; }

/* Nanoseconds that this process has slept, and waited until a timeout. */
static i64 slept;
#define GRACE 2000000000l

/* The time of day in seconds: rounded, so that what sleeps take more or less by chance does not show. */
static i64 shown(void) { return slept > GRACE ? EPOCH + (slept - GRACE + 500000000l) / 1000000000l : EPOCH; }

/* --- the time of day ------------------------------------------------------------------------------------------------ */

int clock_gettime(int clock, struct timespec *time)
{
    if (!is_time_of_day(clock)) return syscall(SYS_clock_gettime, (i64)clock, time);
    time->sec = shown();
    time->nsec = NOW_NSEC;
    return 0;
}

int __clock_gettime(int clock, struct timespec *time) { return clock_gettime(clock, time); }

i64 time(i64 *seconds)
{
    i64 now = shown();
    if (seconds) *seconds = now;
    return now;
}

int gettimeofday(struct timespec *time, void *zone)
{
    if (time) {
        time->sec = shown();
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
static const struct timespec *until(const struct timespec *deadline, struct timespec *real)
{
    if (!deadline || deadline->sec < 1000000000l) return deadline;
    really_now(real);
    real->sec += deadline->sec - shown();
    real->nsec += deadline->nsec - NOW_NSEC;
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

/* --- sleep: as long as ever, and noted ------------------------------------------------------------------------------ */

static void note_sleep(i64 sec, i64 nsec)
{
    i64 whole = sec * 1000000000l + nsec;
    if (whole > 0) slept += whole;
}

int clock_nanosleep(int clock, int flags, const struct timespec *time, struct timespec *left)
{
    struct timespec moved, now;
    int *number = __errno_location();
    int before = *number;
    i64 result;
    if ((flags & 1) && is_time_of_day(clock)) time = until(time, &moved);
    now.sec = now.nsec = 0;
    if (flags & 1) syscall(SYS_clock_gettime, (i64)clock, &now);
    result = syscall(SYS_clock_nanosleep, (i64)clock, (i64)flags, time, left);
    if (result == 0) { note_sleep(time->sec - now.sec, time->nsec - now.nsec); return 0; }
    result = *number;
    *number = before;
    return result;
}

int nanosleep(const struct timespec *time, struct timespec *left)
{
    static int (*real)(const struct timespec *, struct timespec *);
    int result;
    if (!real) real = (int (*)(const struct timespec *, struct timespec *))dlvsym(NEXT, "nanosleep", "GLIBC_2.2.5");
    result = real(time, left);
    if (result == 0) note_sleep(time->sec, time->nsec);
    return result;
}

u32 sleep(u32 seconds)
{
    struct timespec time;
    time.sec = seconds;
    time.nsec = 0;
    return nanosleep(&time, &time) == 0 ? 0 : time.sec + (time.nsec >= 500000000l);
}

int usleep(u32 microseconds)
{
    struct timespec time;
    time.sec = microseconds / 1000000;
    time.nsec = microseconds % 1000000 * 1000l;
    return nanosleep(&time, 0);
}

/* nsec of a struct timeval is microseconds */
int select(int count, void *read, void *write, void *except, struct timespec *timeout)
{
    static int (*real)(int, void *, void *, void *, struct timespec *);
    i64 sec = timeout ? timeout->sec : 0, nsec = timeout ? timeout->nsec * 1000 : 0;
    int result;
    if (!real) real = (int (*)(int, void *, void *, void *, struct timespec *))dlvsym(NEXT, "select", "GLIBC_2.2.5");
    result = real(count, read, write, except, timeout);
    if (result == 0) note_sleep(sec, nsec);
    return result;
}

int poll(void *files, unsigned long count, int milliseconds)
{
    static int (*real)(void *, unsigned long, int);
    int result;
    if (!real) real = (int (*)(void *, unsigned long, int))dlvsym(NEXT, "poll", "GLIBC_2.2.5");
    result = real(files, count, milliseconds);
    if (result == 0) note_sleep(0, milliseconds * 1000000l);
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

/* --- directories ---------------------------------------------------------------------------------------------------- */

/* struct dirent of x86-64; as long as its name needs */
struct entry { i64 inode, position; unsigned short size; unsigned char type; char name[256]; };
/* What a directory stream (DIR) holds, sorted, from its first reading until it is rewound or closed. */
struct listing { void *stream; struct entry **entries; i64 count, next; struct listing *other; };

static struct listing *listings;
static i64 listings_lock[5]; /* pthread_mutex_t */

static void unlock_listings(void)
{
    i64 i;
    for (i = 0; i < 5; i++) listings_lock[i] = 0;
}

/* A child of fork(2) has one thread, and another one of its parent may have held the lock: it starts unlocked. The list itself
 * changes by single stores. */
static void lock_listings(void)
{
    static int registered;
    if (!registered) { __register_atfork(0, 0, unlock_listings, 0); registered = 1; }
    pthread_mutex_lock(listings_lock);
}

/* The place in the list where the listing of a stream is, or would be. */
static struct listing **find_listing(void *stream)
{
    struct listing **place = &listings;
    while (*place && (*place)->stream != stream) place = &(*place)->other;
    return place;
}

static struct listing *listing_of(void *stream)
{
    struct listing *listing;
    lock_listings();
    listing = *find_listing(stream);
    pthread_mutex_unlock(listings_lock);
    return listing;
}

static int by_name(const void *one, const void *other)
{
    return strcmp((*(struct entry **)one)->name, (*(struct entry **)other)->name);
}

static void release(struct listing *listing)
{
    i64 i;
    for (i = 0; i < listing->count; i++) free(listing->entries[i]);
    free(listing->entries);
    free(listing);
}

/* Reads what is left of a stream; null, with errno, when it can't be read to its end. */
static struct listing *list(void *stream)
{
    static struct entry *(*real)(void *);
    struct listing *listing = calloc(1, sizeof *listing);
    i64 room = 0, i;
    int *number = __errno_location();
    int before = *number;
    struct entry *entry, **more;
    if (!real) real = (struct entry *(*)(void *))dlvsym(NEXT, "readdir", "GLIBC_2.2.5");
    if (!listing) return 0;
    listing->stream = stream;
    for (*number = 0; (entry = real(stream)) != 0; listing->count++) {
        if (listing->count == room) {
            room = 2 * room + 32;
            more = realloc(listing->entries, room * sizeof *more);
            if (!more) break;
            listing->entries = more;
        }
        listing->entries[listing->count] = malloc(entry->size);
        if (!listing->entries[listing->count]) break;
        memcpy(listing->entries[listing->count], entry, entry->size);
    }
    if (*number) { release(listing); return 0; }
    *number = before;
    qsort(listing->entries, listing->count, sizeof *listing->entries, by_name);
    for (i = 0; i < listing->count; i++) listing->entries[i]->position = i + 1;
    lock_listings();
    listing->other = listings;
    listings = listing;
    pthread_mutex_unlock(listings_lock);
    return listing;
}

static void forget(void *stream)
{
    struct listing **place, *listing;
    lock_listings();
    place = find_listing(stream);
    listing = *place;
    if (listing) *place = listing->other;
    pthread_mutex_unlock(listings_lock);
    if (listing) release(listing);
}

struct entry *readdir(void *stream)
{
    struct listing *listing = listing_of(stream);
    if (!listing) listing = list(stream);
    return listing && listing->next < listing->count ? listing->entries[listing->next++] : 0;
}

struct entry *readdir64(void *stream) { return readdir(stream); }

int readdir_r(void *stream, struct entry *entry, struct entry **result)
{
    int *number = __errno_location();
    int before = *number, failed;
    struct entry *next;
    *number = 0;
    next = readdir(stream);
    failed = *number;
    *number = before;
    if (next) memcpy(entry, next, next->size);
    *result = next ? entry : 0;
    return failed;
}

int readdir64_r(void *stream, struct entry *entry, struct entry **result) { return readdir_r(stream, entry, result); }

i64 telldir(void *stream)
{
    struct listing *listing = listing_of(stream);
    return listing ? listing->next : 0;
}

void seekdir(void *stream, i64 position)
{
    struct listing *listing = listing_of(stream);
    if (!listing) listing = list(stream);
    if (listing) listing->next = position;
}

void rewinddir(void *stream)
{
    static void (*real)(void *);
    if (!real) real = (void (*)(void *))dlvsym(NEXT, "rewinddir", "GLIBC_2.2.5");
    forget(stream);
    real(stream);
}

int closedir(void *stream)
{
    static int (*real)(void *);
    if (!real) real = (int (*)(void *))dlvsym(NEXT, "closedir", "GLIBC_2.2.5");
    forget(stream);
    return real(stream);
}

/* --- salts ---------------------------------------------------------------------------------------------------------- */

/* libxcrypt's: what chpasswd, passwd and PAM make salts with, of bytes that they give it or let it find */
typedef char *gensalt(const char *kind, unsigned long rounds, const char *bytes, int count, char *salt, int size);
enum { RTLD_LAZY = 1, SALT_SIZE = 192 };

/* As many bytes as the kinds of today take; others for each salt of a process. */
char *crypt_gensalt_rn(const char *kind, unsigned long rounds, const char *bytes, int count, char *salt, int size)
{
    static gensalt *real;
    static u32 state = 1;
    char own[16];
    int i;
    if (!real) {
        void *library = dlopen("libcrypt.so.1", RTLD_LAZY);
        if (library) real = (gensalt *)dlvsym(library, "crypt_gensalt_rn", "XCRYPT_2.0");
    }
    if (!real) return 0;
    for (i = 0; i < sizeof own; i++) own[i] = (state = state * 1664525 + 1013904223) >> 24;
    return real(kind, rounds, own, sizeof own, salt, size);
}

char *crypt_gensalt_r(const char *kind, unsigned long rounds, const char *bytes, int count, char *salt, int size)
{
    return crypt_gensalt_rn(kind, rounds, bytes, count, salt, size);
}

char *crypt_gensalt(const char *kind, unsigned long rounds, const char *bytes, int count)
{
    static char salt[SALT_SIZE];
    return crypt_gensalt_rn(kind, rounds, bytes, count, salt, SALT_SIZE);
}

char *crypt_gensalt_ra(const char *kind, unsigned long rounds, const char *bytes, int count)
{
    char *salt = malloc(SALT_SIZE), *made = salt ? crypt_gensalt_rn(kind, rounds, bytes, count, salt, SALT_SIZE) : 0;
    if (!made) free(salt);
    return made;
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
