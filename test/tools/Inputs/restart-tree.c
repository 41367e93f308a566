/* Two processes, and after the checkpoint a third: says their ids, and waits;
 * when it came back for the second time, and is sent SIGUSR2, it ends well, and
 * leaves the third. */
#include <hwckptintrin.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static void wait_for_ever(void) {
  for (;;)
    pause();
}

int main(void) {
  int number;
  sigset_t told;
  sigemptyset(&told);
  sigaddset(&told, SIGUSR2);
  sigprocmask(SIG_BLOCK, &told, NULL);
  pid_t before = fork();
  if (!before)
    wait_for_ever();
  int life = __builtin_ckpt_save();
  pid_t after = fork();
  if (!after)
    wait_for_ever();
  printf("%d %d %d %d\n", life, getpid(), before, after);
  fflush(stdout);
  if (life < 2)
    wait_for_ever();
  sigwait(&told, &number);
  kill(before, SIGKILL);
  return 0;
}
