/* How long a fork takes, milliseconds, five times: the floor of every capture that forks. Before each, every page is
   written to and then forgotten by the caches, as in a process that has been running: a second fork of pages that
   nobody wrote to since the first, with all of the kernel's records of them in the caches, takes half of that.

   `fork MEGABYTES MAPPINGS`: of so much anonymous memory in so many mappings side by side.
   `fork PID`: of as much at the same addresses as in that process. V8 strews its pages over the address space, so that
   most of them need page tables of their own, and those are copied too. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST 65536
static struct { char *memory; size_t bytes; } kept[MOST];
static size_t count;
static char other[64 << 20];

/* Remembers memory that every round writes to. */
static void keep(char *memory, size_t bytes) {
  if (count == MOST) exit(5);
  kept[count].memory = memory, kept[count++].bytes = bytes;
}

static void run_for_a_while(int round) {
  for (size_t i = 0; i < count; i++)
    for (size_t at = 0; at < kept[i].bytes; at += 4096) kept[i].memory[at] = round + 1;
  for (size_t at = 0; at < sizeof other; at += 64) other[at] += 1;
}

static int side_by_side(size_t megabytes, size_t mappings) {
  size_t each = (megabytes << 20) / mappings / 4096 * 4096;
  for (size_t i = 0; i < mappings; i++) {
    char *memory = mmap(0, each + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return 3;
    /* A hole keeps neighbours from becoming one mapping. */
    munmap(memory + each, 4096);
    keep(memory, each);
  }
  return 0;
}

/* Maps one mapping of the other process, with as many pages as are there. */
static void mirror(unsigned long start, unsigned long end, size_t bytes, size_t *mapped, size_t *there) {
  char *memory = mmap((void *)start, end - start, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
  if (memory != (void *)start) return;
  keep(memory, bytes < end - start ? bytes : end - start);
  *mapped += 1;
  *there += bytes;
}

static int like(const char *pid) {
  char path[64], line[512];
  snprintf(path, sizeof path, "/proc/%s/smaps", pid);
  FILE *smaps = fopen(path, "r");
  if (!smaps) return 4;
  unsigned long start = 0, end = 0, from, to, inode = 1;
  size_t kilobytes, dirty = 0, mapped = 0, there = 0;
  char permissions[8] = "";
  while (fgets(line, sizeof line, smaps)) {
    if (sscanf(line, "%lx-%lx %7s %*s %*s %lu", &from, &to, permissions, &inode) == 4) {
      start = from, end = to, dirty = 0;
    } else if (sscanf(line, "Private_Dirty: %zu", &kilobytes) == 1) {
      dirty = kilobytes << 10;
    } else if (!strncmp(line, "VmFlags:", 8) && !inode && permissions[3] == 'p') {
      mirror(start, end, dirty, &mapped, &there);
    }
  }
  fclose(smaps);
  fprintf(stderr, "%zu MB in %zu mappings\n", there >> 20, mapped);
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  int failed = argc > 2 ? side_by_side(strtoul(argv[1], 0, 10), strtoul(argv[2], 0, 10)) : like(argv[1]);
  if (failed) return failed;
  for (int round = 0; round < 5; round++) {
    run_for_a_while(round);
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    pid_t child = fork();
    if (!child) _exit(0);
    clock_gettime(CLOCK_MONOTONIC, &after);
    waitpid(child, 0, 0);
    printf("%.3f\n", (after.tv_sec - before.tv_sec) * 1e3 + (after.tv_nsec - before.tv_nsec) / 1e6);
  }
}
