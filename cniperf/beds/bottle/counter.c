/* A plugin of QEMU's that counts the instructions which a guest executes.
 *
 * The count is kept in a file (argument "count=NAME"), eight bytes in this machine's order, which
 * is mapped into memory: a reader of the file sees the present count, and the guest is not
 * stopped for it. One guest has one CPU, so only this one adds to it.
 *
 * QEMU's header is not packaged everywhere; what is used of it stands here, by its documentation
 * (docs/devel/tcg-plugins.rst).
 */

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define IF_THERE __attribute__((weak))

typedef uint64_t plugin_id;
struct qemu_plugin_tb;

enum { ADD_U64 = 0, NO_REGISTERS = 0 };

extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
extern void qemu_plugin_register_vcpu_tb_trans_cb(
    plugin_id id, void (*translated)(plugin_id, struct qemu_plugin_tb *));
/* Faster, and gone from QEMU 9.1 on. */
extern IF_THERE void qemu_plugin_register_vcpu_tb_exec_inline(
    struct qemu_plugin_tb *tb, int operation, void *counter, uint64_t number);
extern void qemu_plugin_register_vcpu_tb_exec_cb(
    struct qemu_plugin_tb *tb, void (*executed)(unsigned cpu, void *number), int flags,
    void *number);

EXPORT int qemu_plugin_version = 1;

static uint64_t *count;

static void executed(unsigned cpu, void *number)
{
    *count += (uintptr_t)number;
}

static void translated(plugin_id id, struct qemu_plugin_tb *tb)
{
    size_t instructions = qemu_plugin_tb_n_insns(tb);

    if (qemu_plugin_register_vcpu_tb_exec_inline)
        qemu_plugin_register_vcpu_tb_exec_inline(tb, ADD_U64, count, instructions);
    else
        qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, NO_REGISTERS, (void *)instructions);
}

EXPORT int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
    const char *name = argc == 1 && !strncmp(argv[0], "count=", 6) ? argv[0] + 6 : NULL;
    int file = name ? open(name, O_RDWR | O_CREAT, 0600) : -1;

    if (file < 0 || ftruncate(file, sizeof *count)) {
        fputs("counter: no file to count in\n", stderr);
        return -1;
    }
    count = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (count == MAP_FAILED) {
        fputs("counter: the file cannot be mapped\n", stderr);
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    return 0;
}
