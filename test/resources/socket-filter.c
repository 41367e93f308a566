// Filters of sockets (SO_ATTACH_FILTER) come back, locked ones too, and what
// was in the socket before they were attached is not filtered. One of eBPF,
// which the kernel does not tell, is refused.
// RUN: %behaviour %s -o %t && %restored -- %t
// RUN: not %hwckpt run -- %t eBPF 2>&1 | FileCheck %s
// CHECK: E208
// CHECK-SAME: descriptor {{[0-9]+}}: a filter of eBPF
#include "inet-pair.h"
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <stdint.h>
#include <sys/syscall.h>

enum { UNIX, UDP, TCP, NETLINK, KINDS };
static int sides[KINDS][2];

// Those that begin with 'y'; the last instruction has an option of its own.
static struct sock_filter yes[] = {
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 'y', 0, 3),
    BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
    BPF_STMT(BPF_RET | BPF_A, 0),
    BPF_STMT(BPF_RET | BPF_K, 0),
    BPF_STMT(BPF_RET | BPF_K, 0),
    BPF_STMT(BPF_RET | BPF_K, 0),
};
enum { LENGTH = sizeof yes / sizeof *yes };

static void attach(int socket, int locked) {
  struct sock_fprog program = {LENGTH, yes};
  CHECK(setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program,
                   sizeof program) == 0);
  CHECK(setsockopt(socket, SOL_SOCKET, SO_LOCK_FILTER, &locked,
                   sizeof locked) == 0);
}

static void look(int socket, int locked) {
  struct sock_filter got[LENGTH + 1];
  int lock = -1;
  socklen_t length = LENGTH + 1, size = sizeof lock;
  CHECK(getsockopt(socket, SOL_SOCKET, SO_GET_FILTER, got, &length) == 0);
  CHECK_EQUAL(length, LENGTH);
  CHECK(memcmp(got, yes, sizeof yes) == 0);
  CHECK(getsockopt(socket, SOL_SOCKET, SO_LOCK_FILTER, &lock, &size) == 0);
  CHECK_EQUAL(lock, locked);
  CHECK(!locked || setsockopt(socket, SOL_SOCKET, SO_DETACH_FILTER, &lock,
                              sizeof lock) < 0);
}

static void get(int socket, const char *wanted) {
  char got[8] = "";
  CHECK(recv(socket, got, sizeof got - 1, MSG_DONTWAIT) > 0);
  CHECK(strcmp(got, wanted) == 0);
}

static void attach_ebpf(int socket) {
  const struct bpf_insn all[] = {
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 8},
      {.code = BPF_JMP | BPF_EXIT},
  };
  union bpf_attr attributes = {.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
                               .insn_cnt = 2,
                               .insns = (uintptr_t)all,
                               .license = (uintptr_t)"Apache-2.0"};
  int program =
      (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof attributes);
  CHECK(program >= 0);
  CHECK(setsockopt(socket, SOL_SOCKET, SO_ATTACH_BPF, &program,
                   sizeof program) == 0);
  CHECK(close(program) == 0);
}

int main(int argc, char **argv) {
  (void)argv;
  CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, sides[UNIX]) == 0);
  inet_pair(SOCK_DGRAM, sides[UDP]);
  inet_pair(SOCK_STREAM, sides[TCP]);
  sides[NETLINK][1] = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  for (int kind = 0; kind < NETLINK; kind++)
    CHECK(send(sides[kind][0], "no", 2, 0) == 2);
  for (int kind = 0; kind < KINDS; kind++)
    attach(sides[kind][1], kind == UDP);
  if (argc > 1)
    attach_ebpf(sides[UNIX][1]);
  if (!came_back())
    die();
  for (int kind = 0; kind < KINDS; kind++)
    look(sides[kind][1], kind == UDP);
  for (int kind = 0; kind < NETLINK; kind++)
    get(sides[kind][1], "no");
  CHECK(send(sides[UNIX][0], "no", 2, 0) == 2);
  CHECK(send(sides[UNIX][0], "yes", 3, 0) == 3);
  get(sides[UNIX][1], "yes");
  return 0;
}
