/* A QEMU plugin: counts the instructions that the guest executes between two addresses, and writes their number to a file
 * when QEMU ends. The static binary stands at addresses of its own, so that is the user time of all its processes, without
 * the kernel's. (QEMU, docs/devel/tcg-plugins.rst; Debian ships no header, so what is used is declared here, for version 4
 * of the interface.)
 *
 * Arguments: from=ADDRESS, to=ADDRESS (hexadecimal), out=FILE. */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t plugin_id;
struct block;
struct scoreboard;
typedef struct { struct scoreboard *score; size_t offset; } counter;
enum operation { ADD };

struct scoreboard *qemu_plugin_scoreboard_new(size_t element_size);
uint64_t qemu_plugin_u64_sum(counter entry);
size_t qemu_plugin_tb_n_insns(const struct block *tb);
uint64_t qemu_plugin_tb_vaddr(const struct block *tb);
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, void (*callback)(plugin_id, struct block *));
void qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(struct block *tb, enum operation op, counter entry, uint64_t value);
void qemu_plugin_register_atexit_cb(plugin_id id, void (*callback)(plugin_id, void *), void *data);

int qemu_plugin_version = 4;

static uint64_t from, to;
static const char *out;
static counter executed;

static void translated(plugin_id id, struct block *tb)
{
    (void)id;
    uint64_t address = qemu_plugin_tb_vaddr(tb);
    if (address >= from && address < to)
        qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(tb, ADD, executed, qemu_plugin_tb_n_insns(tb));
}

static void ended(plugin_id id, void *data)
{
    (void)id;
    (void)data;
    FILE *file = fopen(out, "w");
    if (file) {
        fprintf(file, "%llu\n", (unsigned long long)qemu_plugin_u64_sum(executed));
        fclose(file);
    }
}

int qemu_plugin_install(plugin_id id, const void *info, int count, char **arguments)
{
    (void)info;
    for (int number = 0; number < count; number++) {
        char *value = strchr(arguments[number], '=');
        if (!value)
            return -1;
        *value++ = '\0';
        if (!strcmp(arguments[number], "from"))
            from = strtoull(value, NULL, 16);
        else if (!strcmp(arguments[number], "to"))
            to = strtoull(value, NULL, 16);
        else if (!strcmp(arguments[number], "out"))
            out = strdup(value);
        else
            return -1;
    }
    if (!out || to <= from)
        return -1;
    executed.score = qemu_plugin_scoreboard_new(sizeof(uint64_t));
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, ended, NULL);
    return 0;
}
