/* Threads that wait in a dozen ways, one that computes with wide registers, one that counts signals, one that makes
   threads. Each says what it saw when the program is asked, by a line on standard input. */
#define _GNU_SOURCE
#include <errno.h>
#include <immintrin.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { NANOSLEEP, POLL, SELECT, PPOLL, EPOLL, SEM, FUTEX, READ, COND, SIGTIMEDWAIT, KINDS };
static const char *names[] = {"nanosleep", "poll", "select", "ppoll", "epoll", "sem", "futex", "read", "cond", "sigtimedwait"};
static atomic_ulong rounds[KINDS], interrupted[KINDS], wrong[KINDS];
static atomic_ulong wide_rounds, wide_wrong, signals, made;
static int nothing[2];
static sem_t never;
static int word;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;

static struct timespec in(long ms) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  t.tv_nsec += ms * 1000000;
  t.tv_sec += t.tv_nsec / 1000000000;
  t.tv_nsec %= 1000000000;
  return t;
}

static void *waits(void *argument) {
  long kind = (long)argument;
  int epoll = epoll_create1(0);
  struct timespec short_time = {0, 40000000};
  for (;;) {
    long answer = 0;
    int expected = 0;
    errno = 0;
    struct timespec until = in(40);
    switch (kind) {
      case NANOSLEEP: answer = nanosleep(&short_time, 0); break;
      case POLL: { struct pollfd p = {nothing[0], POLLIN, 0}; answer = poll(&p, 1, 40); break; }
      case SELECT: { fd_set s; FD_ZERO(&s); FD_SET(nothing[0], &s); struct timeval t = {0, 40000}; answer = select(nothing[0] + 1, &s, 0, 0, &t); break; }
      case PPOLL: { struct pollfd p = {nothing[0], POLLIN, 0}; sigset_t m; sigemptyset(&m); sigaddset(&m, SIGUSR2); answer = ppoll(&p, 1, &short_time, &m); break; }
      case EPOLL: { struct epoll_event e; answer = epoll_wait(epoll, &e, 1, 40); break; }
      case SEM: answer = sem_timedwait(&never, &until); expected = ETIMEDOUT; break;
      case FUTEX: answer = syscall(SYS_futex, &word, FUTEX_WAIT, 0, &short_time, 0, 0); expected = ETIMEDOUT; break;
      case READ: { char c; answer = read(nothing[0], &c, 1); break; }
      case COND:
        pthread_mutex_lock(&lock);
        errno = pthread_cond_timedwait(&condition, &lock, &until);
        pthread_mutex_unlock(&lock);
        answer = errno ? -1 : 0;
        expected = ETIMEDOUT;
        break;
      case SIGTIMEDWAIT: { sigset_t m; sigemptyset(&m); sigaddset(&m, SIGUSR2); answer = sigtimedwait(&m, 0, &short_time); expected = EAGAIN; break; }
    }
    rounds[kind]++;
    if (answer < 0 && errno == EINTR) interrupted[kind]++;
    else if (expected ? answer != -1 || errno != expected : answer != 0) wrong[kind]++;
  }
  return 0;
}

__attribute__((target("avx"))) static void *computes(void *argument) {
  (void)argument;
  volatile double seed = 1.25;
  for (;;) {
    __m256d a = _mm256_set1_pd(seed), b = _mm256_set_pd(1, 2, 3, 4), c = _mm256_setzero_pd();
    for (int i = 0; i < 100000; i++) {
      c = _mm256_add_pd(c, _mm256_mul_pd(a, b));
      __asm__ volatile("" : "+x"(a), "+x"(b), "+x"(c));
    }
    double out[4];
    _mm256_storeu_pd(out, c);
    for (int i = 0; i < 4; i++)
      if (out[i] != 100000 * 1.25 * (4 - i)) wide_wrong++;
    wide_rounds++;
  }
  return 0;
}

static void *nothing_to_do(void *argument) { return argument; }

static void *makes(void *argument) {
  for (;;) {
    pthread_t thread;
    if (!pthread_create(&thread, 0, nothing_to_do, argument)) pthread_join(thread, 0), made++;
    usleep(500);
  }
  return 0;
}

static void count(int number) { (void)number; signals++; }

int main(void) {
  struct sigaction action = {.sa_handler = count, .sa_flags = SA_RESTART};
  sigaction(SIGRTMIN + 1, &action, 0);
  sigset_t mask;
  sigemptyset(&mask);
  sigaddset(&mask, SIGUSR2);
  pthread_sigmask(SIG_BLOCK, &mask, 0);
  if (pipe(nothing) || sem_init(&never, 0, 0)) return 2;
  pthread_t thread;
  for (long kind = 0; kind < KINDS; kind++) pthread_create(&thread, 0, waits, (void *)kind);
  pthread_create(&thread, 0, makes, 0);
  if (getenv("WIDE")) pthread_create(&thread, 0, computes, 0);
  printf("ready\n");
  fflush(stdout);
  char line[16];
  while (fgets(line, sizeof line, stdin)) {
    printf("signals=%lu wide=%lu/%lu made=%lu", signals, wide_wrong, wide_rounds, made);
    for (int kind = 0; kind < KINDS; kind++)
      printf(" %s=%lu/%lu/%lu", names[kind], interrupted[kind], wrong[kind], rounds[kind]);
    printf("\n");
    fflush(stdout);
  }
  return 0;
}
