/* tree_members.c - see tree_members.h. */
#include "tree_members.h"
#include "proc_stat.h"
#include "running.h"
#include "tree_facts.h"

#include "records.pb.h"
#include "runtime/interface/ask_abi.h"

#include <errno.h>
#include <pb_encode.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

uint64_t tree_now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

struct tree_member *tree_member_find(const struct tree_members *members,
                                     pid_t pid) {
  for (size_t i = 0; i < members->count; i++)
    if (members->list[i].process.pid == pid)
      return &members->list[i];
  return NULL;
}

struct tree_member *tree_member_add(struct tree_members *members,
                                    const struct tree_process *process) {
  if (members->count == members->room) {
    size_t room = members->room ? 2 * members->room : 32;
    struct tree_member *grown =
        realloc(members->list, room * sizeof *members->list);
    if (!grown)
      return NULL;
    members->list = grown;
    members->room = room;
  }
  struct tree_member *member = &members->list[members->count++];
  *member = (struct tree_member){
      .process = *process, .fd = -1, .seen_ms = tree_now_ms()};
  return member;
}

bool tree_member_has_parents_memory(const struct tree_members *members,
                                    const struct tree_member *member) {
  const struct tree_member *parent =
      tree_member_find(members, member->process.parent);
  return parent && tree_facts_same_memory(&member->process, &parent->process);
}

/* As vfork() leaves it: until the child has memory of its own or ends. */
static bool waits(const struct proc_stat *thread) {
  return thread->state == 'D';
}

/* In this order: who has waited for it lets it go before he goes on. */
bool tree_member_keeps_parents_memory(const struct tree_members *members,
                                      const struct tree_member *member) {
  return !proc_find_thread(member->process.parent, waits) &&
         tree_member_has_parents_memory(members, member);
}

bool tree_member_is_root(const struct tree_members *members,
                         const struct tree_member *member) {
  return member->process.pid == members->root;
}

bool tree_member_takes_part(const struct tree_member *member) {
  return member->process.state != 'Z' && !member->left_out;
}

void tree_member_name(const struct tree_member *member, char *text,
                      size_t size) {
  snprintf(text, size, "process %d (%s)", member->process.pid,
           member->process.comm);
}

bool tree_member_say(const struct tree_members *members,
                     struct tree_member *member, struct tree_message *message,
                     enum tree_word word, const void *data, size_t length) {
  message->abi = TREE_ABI;
  message->size = sizeof *message;
  message->word = word;
  message->cut = members->cut;
  message->length = (uint32_t)length;
  struct iovec parts[] = {{message, sizeof *message}, {(void *)data, length}};
  struct msghdr whole = {.msg_iov = parts, .msg_iovlen = 2};
  return sendmsg(member->fd, &whole, MSG_NOSIGNAL) ==
         (ssize_t)(sizeof *message + length);
}

/* Not while it has its parent's memory: its own handler looks too, for it may
 * get there meanwhile. */
void tree_member_ask(const struct tree_members *members,
                     struct tree_member *member) {
  const struct tree_process *process = &member->process;
  siginfo_t info = {.si_signo = ASK_SIGNAL, .si_code = SI_QUEUE};
  info.si_pid = getpid();
  info.si_uid = getuid();
  info.si_value.sival_ptr =
      (void *)((uintptr_t)TREE_MAGIC << 32 | members->cut);
  if (tree_member_has_parents_memory(members, member))
    return;
  member->known = member->known || running_has_runtime(process->pid);
  if (!member->known)
    return;
  if (syscall(SYS_rt_sigqueueinfo, process->pid, ASK_SIGNAL, &info) == 0)
    member->asked_ms = tree_now_ms();
}

void tree_member_hang_up(struct tree_member *member) {
  if (member->fd >= 0)
    close(member->fd);
  member->fd = -1;
}

static int by_inner_id(const void *first, const void *second) {
  const struct tree_member *one = first, *other = second;
  return (one->process.inner > other->process.inner) -
         (one->process.inner < other->process.inner);
}

void tree_members_sort(struct tree_members *members) {
  if (members->count)
    qsort(members->list, members->count, sizeof *members->list, by_inner_id);
}

size_t tree_member_record(const struct tree_members *members,
                          const struct tree_member *member, void *record,
                          size_t size) {
  const struct tree_process *process = &member->process;
  TreeMember message = TreeMember_init_zero;
  message.pid = process->inner;
  message.parent =
      tree_member_find(members, process->parent) ? process->inner_parent : 0;
  message.group = process->inner_group;
  message.session = process->inner_session;
  message.ended = process->state == 'Z';
  message.generation = member->number;
  if (process->exit_signal != SIGCHLD)
    message.exit_signal = process->exit_signal ? process->exit_signal : ~0u;
  if (message.ended)
    message.status = process->wait_status;
  message.stopped = member->stays;
  snprintf(message.application, sizeof message.application, "%s",
           member->application);
  pb_ostream_t stream = pb_ostream_from_buffer(record, size);
  return pb_encode(&stream, TreeMember_fields, &message) ? stream.bytes_written
                                                         : 0;
}
