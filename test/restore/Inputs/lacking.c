/* lacking WHAT ERROR COMMAND... - runs the command where the kernel answers one
 * system call, or one ioctl of it, with an errno: what an older one, or one
 * that allows less, would do. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
  const char *name;
  unsigned call, request; /* request: second argument, 0: any */
} things[] = {
    {"userfaultfd", SYS_userfaultfd, 0},
    {"userfaultfd-features", SYS_ioctl, 0xc018aa3f},
    {"userfaultfd-register", SYS_ioctl, 0xc020aa00},
    {"pagemap-scan", SYS_ioctl, 0xc0606610},
    {"clone3", SYS_clone3, 0},
};
static const struct {
  const char *name;
  unsigned number;
} errors[] = {{"ENOSYS", ENOSYS},
              {"EINVAL", EINVAL},
              {"ENOTTY", ENOTTY},
              {"EPERM", EPERM}};

int main(int count, char **arguments) {
  size_t t = 0, e = 0;
  while (count > 3 && t < sizeof things / sizeof *things &&
         strcmp(things[t].name, arguments[1]) != 0)
    t++;
  while (count > 3 && e < sizeof errors / sizeof *errors &&
         strcmp(errors[e].name, arguments[2]) != 0)
    e++;
  if (count < 4 || t == sizeof things / sizeof *things ||
      e == sizeof errors / sizeof *errors)
    return fprintf(stderr, "usage: lacking WHAT ERROR COMMAND...\n"), 2;
  unsigned any = things[t].request == 0;
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, things[t].call, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
               offsetof(struct seccomp_data, args[1])),
      BPF_JUMP(BPF_JMP | (any ? BPF_JGE : BPF_JEQ) | BPF_K, things[t].request,
               0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | errors[e].number),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof code / sizeof *code, code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
    return puts("SKIP: no system call filters here"), 77;
  execvp(arguments[3], arguments + 3);
  return perror(arguments[3]), 127;
}
