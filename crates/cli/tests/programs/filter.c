/* Sets a filter of system calls, as sandboxes and containers do, and becomes another program. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct sock_filter code[400];
static unsigned short length;

static void add(unsigned short what, unsigned char yes, unsigned char no, unsigned value) {
  code[length++] = (struct sock_filter){what, yes, no, value};
}

static void load(size_t at) { add(BPF_LD | BPF_W | BPF_ABS, 0, 0, at); }
static void answer(unsigned value) { add(BPF_RET | BPF_K, 0, 0, value); }

static void deny(unsigned number, unsigned value) {
  add(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, number);
  answer(value);
}

/* What Docker's manual lists as blocked by its default profile. */
static const int blocked[] = {
    SYS_acct, SYS_add_key, SYS_bpf, SYS_clock_adjtime, SYS_clock_settime, SYS_create_module, SYS_delete_module,
    SYS_finit_module, SYS_get_kernel_syms, SYS_get_mempolicy, SYS_init_module, SYS_ioperm, SYS_iopl, SYS_kcmp,
    SYS_kexec_file_load, SYS_kexec_load, SYS_keyctl, SYS_lookup_dcookie, SYS_mbind, SYS_mount, SYS_move_pages,
    SYS_nfsservctl, SYS_open_by_handle_at, SYS_perf_event_open, SYS_pivot_root, SYS_query_module, SYS_quotactl,
    SYS_reboot, SYS_request_key, SYS_set_mempolicy, SYS_setns, SYS_settimeofday, SYS_swapon, SYS_swapoff,
    SYS_sysfs, SYS__sysctl, SYS_umount2, SYS_unshare, SYS_uselib, SYS_userfaultfd, SYS_ustat,
};

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  const char *kind = argv[1];
  load(offsetof(struct seccomp_data, arch));
  add(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, AUDIT_ARCH_X86_64);
  answer(SECCOMP_RET_KILL_PROCESS);
  load(offsetof(struct seccomp_data, nr));
  if (!strcmp(kind, "docker")) {
    for (size_t i = 0; i < sizeof blocked / sizeof *blocked; i++) deny(blocked[i], SECCOMP_RET_ERRNO | EPERM);
    deny(SYS_clone3, SECCOMP_RET_ERRNO | ENOSYS);
  }
  if (strcmp(kind, "allow")) {
    /* clone: new namespaces are denied by Docker's; a new process by the others. */
    add(BPF_JMP | BPF_JEQ | BPF_K, 0, 3, SYS_clone);
    load(offsetof(struct seccomp_data, args[0]));
    if (!strcmp(kind, "docker")) {
      add(BPF_JMP | BPF_JSET | BPF_K, 0, 1, 0x7e020000);
      answer(SECCOMP_RET_ERRNO | EPERM);
    } else {
      add(BPF_JMP | BPF_JSET | BPF_K, 1, 0, 0x100);
      answer(!strcmp(kind, "kill") ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ERRNO | EPERM);
    }
  }
  answer(SECCOMP_RET_ALLOW);
  struct sock_fprog program = {length, code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) return 3;
  execvp(argv[2], argv + 2);
  perror(argv[2]);
  return 4;
}
