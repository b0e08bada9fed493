/* `fork MEGABYTES MAPPINGS`: how long a fork of so much anonymous memory in so many mappings takes, milliseconds. The
   floor of every capture that forks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  size_t mappings = strtoul(argv[2], 0, 10);
  size_t each = (strtoul(argv[1], 0, 10) << 20) / mappings / 4096 * 4096;
  for (size_t i = 0; i < mappings; i++) {
    char *memory = mmap(0, each + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return 3;
    /* A hole keeps neighbours from becoming one mapping. */
    munmap(memory + each, 4096);
    memset(memory, 1, each);
  }
  for (int round = 0; round < 5; round++) {
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    pid_t child = fork();
    if (!child) _exit(0);
    clock_gettime(CLOCK_MONOTONIC, &after);
    waitpid(child, 0, 0);
    printf("%.3f\n", (after.tv_sec - before.tv_sec) * 1e3 + (after.tv_nsec - before.tv_nsec) / 1e6);
  }
}
