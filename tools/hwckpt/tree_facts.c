/* tree_facts.c - see tree_facts.h. */
#include "tree_facts.h"

#include "runtime/resources/unix_queue.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL /* Linux 6.9 */
#endif

#define QUEUE_FILE_SYSTEM 0x19800202 /* MQUEUE_MAGIC */

/* Our own descriptor of one that is on its way. */
struct flight {
  int32_t member, number;
  int own;
};

struct gathering {
  struct tree_fact *list;
  size_t count, room;
  const pid_t *pids;
  struct flight *flights;
  size_t flight_count;
};

static struct tree_fact *append(struct gathering *gathering) {
  if (gathering->count == gathering->room) {
    size_t room = gathering->room ? 2 * gathering->room : 256;
    struct tree_fact *grown =
        realloc(gathering->list, room * sizeof *gathering->list);
    if (!grown)
      return NULL;
    gathering->list = grown;
    gathering->room = room;
  }
  return &gathering->list[gathering->count++];
}

/* ---- pseudo terminals ---- */

#define SLAVES 136u /* pty(7): majors, of 256 each, and that of masters */
#define SLAVES_END 144u
#define MASTERS 5u
#define MASTER 2u

/* The number of a master; -1: it is none. */
static long master_number(int folder, const char *name) {
  char path[64], line[128];
  long number = -1;
  snprintf(path, sizeof path, "../fdinfo/%.20s", name);
  int fd = openat(folder, path, O_RDONLY | O_CLOEXEC);
  FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
  while (file && fgets(line, sizeof line, file))
    if (sscanf(line, "tty-index: %ld", &number) == 1)
      break;
  if (file)
    fclose(file);
  return number;
}

/* false: no memory. */
static bool add_terminal(struct gathering *gathering, int folder,
                         const char *name, int32_t member, dev_t device) {
  bool is_master = major(device) == MASTERS && minor(device) == MASTER;
  long number = -1;
  if (is_master)
    number = master_number(folder, name);
  else if (major(device) >= SLAVES && major(device) < SLAVES_END)
    number = (long)(major(device) - SLAVES) * 256 + (long)minor(device);
  struct tree_fact *fact = number < 0 ? NULL : append(gathering);
  if (fact)
    *fact = (struct tree_fact){.device = TREE_TERMINAL_DEVICE,
                               .inode = (uint64_t)number + 1,
                               .mode = S_IFCHR,
                               .flags = is_master ? TREE_TERMINAL_MASTER : 0,
                               .member = member,
                               .number = -1};
  return fact || number < 0;
}

/* false: no memory. */
static bool add(struct gathering *gathering, int folder, const char *name,
                int32_t member) {
  struct stat status;
  if (fstatat(folder, name, &status, 0))
    return true; /* closed: not by the program, which stands still */
  struct tree_fact *fact = append(gathering);
  if (!fact)
    return false;
  memset(fact, 0, sizeof *fact);
  fact->device = status.st_dev;
  fact->inode = status.st_ino;
  fact->mode = status.st_mode;
  fact->member = member;
  fact->number = (int32_t)strtol(name, NULL, 10);
  if (S_ISCHR(status.st_mode))
    return add_terminal(gathering, folder, name, member, status.st_rdev);
  return true;
}

static int by_number(const void *first, const void *second) {
  const struct tree_fact *one = first, *other = second;
  return (one->number > other->number) - (one->number < other->number);
}

static bool gather(struct gathering *gathering, pid_t pid, int32_t member) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/fd", pid);
  DIR *folder = opendir(path);
  const struct dirent *entry;
  int descriptor = folder ? dirfd(folder) : -1;
  bool has_room = true;
  size_t first = gathering->count;
  while (descriptor >= 0 && has_room && (entry = readdir(folder)))
    if (isdigit((unsigned char)*entry->d_name))
      has_room = add(gathering, descriptor, entry->d_name, member);
  if (folder)
    closedir(folder);
  if (gathering->count > first)
    qsort(gathering->list + first, gathering->count - first,
          sizeof *gathering->list, by_number);
  return has_room;
}

/* ---- on their way in sockets ---- */

static const struct flight *flight_of(const struct gathering *gathering,
                                      const struct tree_fact *fact) {
  for (size_t i = 0; i < gathering->flight_count; i++)
    if (gathering->flights[i].member == fact->member &&
        gathering->flights[i].number == fact->number)
      return &gathering->flights[i];
  return NULL;
}

/* The process that has it, ourselves among them, and the number there. */
static pid_t holder_of(const struct gathering *gathering,
                       const struct tree_fact *fact, int *number) {
  const struct flight *flight = flight_of(gathering, fact);
  *number = flight ? flight->own : fact->number;
  return flight ? getpid() : gathering->pids[fact->member];
}

static FILE *open_info(const struct gathering *gathering,
                       const struct tree_fact *fact) {
  char path[64];
  int number;
  pid_t pid = holder_of(gathering, fact, &number);
  snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", pid, number);
  return fopen(path, "re");
}

static bool has_flights(const struct gathering *gathering,
                        const struct tree_fact *fact) {
  char line[128];
  unsigned count = 0;
  FILE *file = open_info(gathering, fact);
  while (file && fgets(line, sizeof line, file))
    if (sscanf(line, "scm_fds: %u", &count) == 1)
      break;
  if (file)
    fclose(file);
  return count > 0;
}

/* Takes the descriptor over. */
static bool add_flight(struct gathering *gathering, int32_t member,
                       int32_t number, int own) {
  struct stat status;
  struct flight *grown =
      reallocarray(gathering->flights, gathering->flight_count + 1,
                   sizeof *gathering->flights);
  struct tree_fact *fact = grown ? append(gathering) : NULL;
  if (grown)
    gathering->flights = grown;
  if (!fact || fstat(own, &status)) {
    close(own);
    return false;
  }
  grown[gathering->flight_count++] = (struct flight){member, number, own};
  *fact = (struct tree_fact){.device = status.st_dev,
                             .inode = status.st_ino,
                             .mode = status.st_mode,
                             .member = member,
                             .number = number};
  return true;
}

/* Of a thread before Linux 6.9 there is none, but of the first one. */
static int open_process(pid_t thread) {
  int fd = (int)syscall(SYS_pidfd_open, thread, 0);
  return fd < 0 ? (int)syscall(SYS_pidfd_open, thread, PIDFD_THREAD) : fd;
}

/* As the process itself does (runtime/resources/flight.c). */
static bool take_flights(struct gathering *gathering,
                         const struct tree_fact *carrier, int32_t *number) {
  int there;
  int32_t member = carrier->member;
  pid_t pid = holder_of(gathering, carrier, &there);
  int process = open_process(pid);
  int fd = (int)syscall(SYS_pidfd_getfd, process, there, 0);
  struct unix_queue queue;
  struct unix_message message;
  char *buffer = malloc(UNIX_QUEUE_ROOM);
  bool good = buffer != NULL;
  if (good && fd >= 0 && unix_queue_begin(&queue, fd) >= 0) {
    while (good &&
           unix_queue_next(&queue, buffer, UNIX_QUEUE_ROOM, &message) >= 0) {
      for (size_t i = 0; i < message.count; i++)
        if (good)
          good = add_flight(gathering, member, (*number)++, message.rights[i]);
        else
          close(message.rights[i]);
    }
    unix_queue_end(&queue);
  }
  free(buffer);
  if (fd >= 0)
    close(fd);
  if (process >= 0)
    close(process);
  return good;
}

static bool was_looked_at(const struct gathering *gathering, size_t index) {
  for (size_t i = 0; i < index; i++)
    if (gathering->list[i].device == gathering->list[index].device &&
        gathering->list[i].inode == gathering->list[index].inode)
      return true;
  return false;
}

/* Of the member whose rows begin there and are the last; what it has on its way
 * comes behind them. Members before have been looked at. */
static bool gather_flights(struct gathering *gathering, size_t first) {
  bool has_room = true;
  if (first == gathering->count)
    return true;
  int32_t number = gathering->list[gathering->count - 1].number + 1;
  for (size_t i = first; has_room && i < gathering->count; i++) {
    struct tree_fact fact = gathering->list[i];
    if (S_ISSOCK(fact.mode) && has_flights(gathering, &fact) &&
        !was_looked_at(gathering, i))
      has_room = take_flights(gathering, &fact, &number);
  }
  return has_room;
}

static void close_flights(struct gathering *gathering) {
  for (size_t i = 0; i < gathering->flight_count; i++)
    close(gathering->flights[i].own);
  free(gathering->flights);
}

/* ---- System V shared memory ---- */

/* Whether the process may have any; in a namespace of its own nobody else can
 * tell. */
static bool any_segments(pid_t pid) {
  struct shm_info info;
  struct stat ours, its;
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/ns/ipc", pid);
  return stat("/proc/self/ns/ipc", &ours) || stat(path, &its) ||
         ours.st_ino != its.st_ino ||
         shmctl(0, SHM_INFO, (struct shmid_ds *)&info) < 0 || info.used_ids > 0;
}

/* The mappings that the process has of it; false: no memory. */
static bool gather_segments(struct gathering *gathering, pid_t pid,
                            int32_t member) {
  char path[64], *line = NULL;
  size_t room = 0;
  bool has_room = true;
  snprintf(path, sizeof path, "/proc/%d/maps", pid);
  FILE *maps = fopen(path, "re");
  while (maps && has_room && getline(&line, &room, maps) > 0) {
    unsigned long long id;
    char name[8];
    if (sscanf(line, "%*s %*s %*s %*s %llu %7s", &id, name) != 2 ||
        strncmp(name, "/SYSV", 5) != 0)
      continue;
    struct tree_fact *fact = append(gathering);
    has_room = fact != NULL;
    if (has_room)
      *fact = (struct tree_fact){.device = TREE_SYSTEM_V_DEVICE,
                                 .inode = id,
                                 .member = member,
                                 .number = -1};
  }
  free(line);
  if (maps)
    fclose(maps);
  return has_room;
}

/* ---- what is the same ---- */

static int compare(uint64_t one, uint64_t other) {
  return (one > other) - (one < other);
}

static int by_place(const void *first, const void *second) {
  const struct tree_fact *one = first, *other = second;
  int order = compare(one->device, other->device);
  if (!order)
    order = compare(one->inode, other->inode);
  if (!order)
    order = (one->member > other->member) - (one->member < other->member);
  return order ? order
               : (one->number > other->number) - (one->number < other->number);
}

static bool same_inode(const struct tree_fact *one,
                       const struct tree_fact *other) {
  return one->device == other->device && one->inode == other->inode;
}

static bool is_descriptor(const struct tree_fact *fact) {
  return fact->number >= 0;
}

/* The kernel puts open files into an order, whatever that is (kcmp(2)). */
static int compare_files(const void *one, const void *other, void *context) {
  const struct gathering *gathering = context;
  const struct tree_fact *first = *(struct tree_fact *const *)one,
                         *second = *(struct tree_fact *const *)other;
  int number, other_number;
  pid_t pid = holder_of(gathering, first, &number);
  pid_t other_pid = holder_of(gathering, second, &other_number);
  long order = syscall(SYS_kcmp, pid, other_pid, KCMP_FILE,
                       (unsigned long)number, (unsigned long)other_number);
  if (order >= 0 && order <= 2)
    return order == 2 ? 1 : -(int)order;
  return (first > second) - (first < second);
}

/* Numbers the open files of one inode that are held more than once; false: no
 * memory. */
static bool number_files(struct gathering *gathering, size_t begin, size_t end,
                         uint64_t *last) {
  struct tree_fact **rows = calloc(end - begin, sizeof *rows);
  for (size_t i = begin; rows && i < end; i++)
    rows[i - begin] = &gathering->list[i];
  if (rows)
    qsort_r(rows, end - begin, sizeof *rows, compare_files, gathering);
  for (size_t i = 1; rows && i < end - begin; i++) {
    if (compare_files(&rows[i - 1], &rows[i], gathering) != 0)
      continue;
    if (!rows[i - 1]->file)
      rows[i - 1]->file = ++*last;
    rows[i]->file = rows[i - 1]->file;
  }
  free(rows);
  return rows != NULL;
}

/* Those of all inodes, sorted by these. */
static bool number_all(struct gathering *gathering) {
  struct tree_fact *list = gathering->list;
  uint64_t last = 0;
  bool done = true;
  if (gathering->count)
    qsort(list, gathering->count, sizeof *list, by_place);
  for (size_t begin = 0, end; done && begin < gathering->count; begin = end) {
    for (end = begin + 1;
         end < gathering->count && same_inode(&list[begin], &list[end]);)
      end++;
    if (end - begin > 1 && is_descriptor(&list[begin]))
      done = number_files(gathering, begin, end, &last);
  }
  return done;
}

static uint32_t flags_of(const struct gathering *gathering,
                         const struct tree_fact *fact) {
  char line[128];
  unsigned flags = 0;
  FILE *file = open_info(gathering, fact);
  while (file && fgets(line, sizeof line, file))
    if (sscanf(line, "flags: %o", &flags) == 1)
      break;
  if (file)
    fclose(file);
  return flags & ~(uint32_t)O_CLOEXEC;
}

/* POSIX message queues look like files. */
static bool is_queue(const struct gathering *gathering,
                     const struct tree_fact *fact) {
  struct statfs facts;
  char path[64];
  int number;
  pid_t pid = holder_of(gathering, fact, &number);
  snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, number);
  return S_ISREG(fact->mode) && !major(fact->device) && !statfs(path, &facts) &&
         facts.f_type == QUEUE_FILE_SYSTEM;
}

static bool matters(const struct gathering *gathering,
                    const struct tree_fact *fact) {
  return fact->file || !is_descriptor(fact) || is_queue(gathering, fact) ||
         S_ISFIFO(fact->mode) || S_ISSOCK(fact->mode);
}

/* What we have at 0 to 2 we gave to the program; false: no memory. */
static bool gather_standard(struct gathering *gathering) {
  for (int i = 0; i < 3; i++) {
    struct stat status;
    if (fstat(i, &status))
      continue;
    struct tree_fact *fact = append(gathering);
    if (!fact)
      return false;
    *fact = (struct tree_fact){.device = TREE_STANDARD_DEVICE,
                               .inode = status.st_ino,
                               .file = status.st_dev,
                               .mode = status.st_mode,
                               .flags = (uint32_t)fcntl(i, F_GETFL),
                               .member = i,
                               .number = -1};
  }
  return true;
}

static bool append_all(struct gathering *gathering,
                       const struct tree_fact *facts, size_t count) {
  for (size_t i = 0; i < count; i++) {
    struct tree_fact *fact = append(gathering);
    if (!fact)
      return false;
    *fact = facts[i];
  }
  return true;
}

int tree_facts(const pid_t *pids, size_t count, const struct tree_fact *also,
               size_t also_count, struct tree_fact **facts, size_t *fact_count,
               struct hwckpt_error *error) {
  struct gathering gathering = {.pids = pids};
  *facts = NULL;
  *fact_count = 0;
  bool has_room =
      gather_standard(&gathering) && append_all(&gathering, also, also_count);
  for (size_t i = 0; has_room && i < count; i++) {
    size_t first = gathering.count;
    has_room = gather(&gathering, pids[i], (int32_t)i) &&
               gather_flights(&gathering, first) &&
               (!any_segments(pids[i]) ||
                gather_segments(&gathering, pids[i], (int32_t)i));
  }
  if (!has_room || !number_all(&gathering)) {
    close_flights(&gathering);
    free(gathering.list);
    return hwckpt_fail(error, HWCKPT_E_CAPTURE_MEMORY, ENOMEM, "descriptors",
                       "%zu of them", gathering.count);
  }
  struct tree_fact *list = gathering.list;
  for (size_t i = 0; i < gathering.count; i++)
    if (matters(&gathering, &list[i])) {
      struct tree_fact *fact = &list[(*fact_count)++];
      *fact = list[i];
      if (is_descriptor(fact))
        fact->flags = flags_of(&gathering, fact);
    }
  close_flights(&gathering);
  *facts = list;
  return 0;
}

static bool is_same(const struct tree_process *one,
                    const struct tree_process *other, int type) {
  return syscall(SYS_kcmp, one->thread, other->thread, type, 0ul, 0ul) == 0;
}

bool tree_facts_same_memory(const struct tree_process *process,
                            const struct tree_process *parent) {
  return is_same(process, parent, KCMP_VM);
}

int tree_facts_apart(const struct tree_process *process,
                     const struct tree_process *parent,
                     struct hwckpt_error *error) {
  static const struct {
    int type;
    const char *what;
  } kinds[] = {
      {KCMP_VM, "memory"},
      {KCMP_FILES, "their table of descriptors"},
      {KCMP_FS, "their working directory"},
      {KCMP_SIGHAND, "their signal actions"},
  };
  char object[64];
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    if (!is_same(process, parent, kinds[i].type))
      continue;
    snprintf(object, sizeof object, "processes %d and %d", parent->pid,
             process->pid);
    return hwckpt_fail(error, HWCKPT_E_TREE_SHARED, 0, object, "%s",
                       kinds[i].what);
  }
  return 0;
}
