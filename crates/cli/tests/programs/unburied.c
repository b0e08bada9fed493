/* A child whose second thread has ended but stays in the list of threads, because its parent, which traces that thread,
   does not fetch its end. Says the child's id, then waits for the end of its standard input. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

static int told[2], tells[2];

static void *ends_when_told(void *argument) {
  int tid = syscall(SYS_gettid);
  char go;
  if (write(tells[1], &tid, sizeof tid) != sizeof tid || read(told[0], &go, 1) != 1) exit(2);
  return argument;
}

int main(void) {
  if (pipe(told) || pipe(tells)) return 2;
  pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pthread_t thread;
    if (pthread_create(&thread, 0, ends_when_told, 0)) return 2;
    for (;;) pause();
  }
  int tid;
  if (read(tells[0], &tid, sizeof tid) != sizeof tid || ptrace(PTRACE_SEIZE, tid, 0, 0)) return 2;
  if (write(told[1], "", 1) != 1) return 2;
  char path[64], state = 0;
  snprintf(path, sizeof path, "/proc/%d/stat", tid);
  for (int naps = 0; state != 'Z' && naps < 5000; naps++) {
    FILE *stat = fopen(path, "r");
    if (!stat || fscanf(stat, "%*d (%*[^)]) %c", &state) != 1) return 2;
    fclose(stat);
    usleep(1000);
  }
  if (state != 'Z') return 2;
  printf("%d\n", child);
  fflush(stdout);
  while (getchar() != EOF) {}
  return 0;
}
