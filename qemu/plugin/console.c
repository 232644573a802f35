/* A QEMU plugin: writes down each line that the guest sends through its first serial port, with the number of instructions
 * that had been executed when its first character went out: a clock that no load on this machine disturbs, and that goes
 * on from one kernel to the next. (QEMU, docs/devel/tcg-plugins.rst; Debian ships no header, so what is used of it and of
 * GLib is declared here, for version 4 of the interface.) One processor.
 *
 * Argument: out=FILE. */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef uint64_t plugin_id;
struct block;
struct instruction;
struct scoreboard;
struct handle;
typedef struct { struct scoreboard *score; size_t offset; } counter;
enum operation { ADD };
enum flags { READS_REGISTERS = 1 };
typedef struct { struct handle *handle; const char *name, *feature; } description;
typedef struct { char *data; unsigned length; } array;

struct scoreboard *qemu_plugin_scoreboard_new(size_t element_size);
uint64_t qemu_plugin_u64_sum(counter entry);
size_t qemu_plugin_tb_n_insns(const struct block *tb);
struct instruction *qemu_plugin_tb_get_insn(const struct block *tb, size_t number);
size_t qemu_plugin_insn_data(const struct instruction *instruction, void *to, size_t length);
array *qemu_plugin_get_registers(void);
int qemu_plugin_read_register(struct handle *handle, array *to);
void qemu_plugin_register_vcpu_init_cb(plugin_id id, void (*callback)(plugin_id, unsigned));
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, void (*callback)(plugin_id, struct block *));
void qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(struct block *tb, enum operation op, counter entry, uint64_t value);
void qemu_plugin_register_vcpu_insn_exec_cb(struct instruction *instruction, void (*callback)(unsigned, void *),
                                            enum flags flags, void *data);
array *g_byte_array_new(void);
array *g_byte_array_set_size(array *bytes, unsigned length);

int qemu_plugin_version = 4;

enum { OUT_AL_DX = 0xee, FIRST_SERIAL_PORT = 0x3f8 };

static FILE *out;
static counter executed;
static struct handle *rax, *rdx;
static array *bytes;
static int in_line;

static uint64_t value(struct handle *handle)
{
    uint64_t number = 0;
    g_byte_array_set_size(bytes, 0);
    if (qemu_plugin_read_register(handle, bytes) > 0)
        memcpy(&number, bytes->data, bytes->length < sizeof number ? bytes->length : sizeof number);
    return number;
}

static void sends(unsigned vcpu, void *data)
{
    (void)vcpu;
    (void)data;
    unsigned char character = (unsigned char)value(rax);
    int is_text = character >= ' ' || (in_line && character == '\n');
    /* What is below a blank may be half of a divisor, which goes to the same port when the speed is set. */
    if ((value(rdx) & 0xffff) != FIRST_SERIAL_PORT || !is_text)
        return;
    if (!in_line)
        fprintf(out, "%llu ", (unsigned long long)qemu_plugin_u64_sum(executed));
    in_line = character != '\n';
    fputc(character, out);
}

static void translated(plugin_id id, struct block *tb)
{
    (void)id;
    size_t count = qemu_plugin_tb_n_insns(tb);
    qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(tb, ADD, executed, count);
    for (size_t number = 0; number < count; number++) {
        struct instruction *instruction = qemu_plugin_tb_get_insn(tb, number);
        unsigned char opcode[2];
        if (qemu_plugin_insn_data(instruction, opcode, sizeof opcode) == 1 && opcode[0] == OUT_AL_DX)
            qemu_plugin_register_vcpu_insn_exec_cb(instruction, sends, READS_REGISTERS, NULL);
    }
}

static void started(plugin_id id, unsigned vcpu)
{
    (void)id;
    (void)vcpu;
    array *registers = qemu_plugin_get_registers();
    for (unsigned number = 0; number < registers->length; number++) {
        description *it = (description *)registers->data + number;
        if (!strcmp(it->name, "rax"))
            rax = it->handle;
        else if (!strcmp(it->name, "rdx"))
            rdx = it->handle;
    }
}

int qemu_plugin_install(plugin_id id, const void *info, int count, char **arguments)
{
    (void)info;
    if (count != 1 || strncmp(arguments[0], "out=", 4) || !(out = fopen(arguments[0] + 4, "w")))
        return -1;
    bytes = g_byte_array_new();
    executed.score = qemu_plugin_scoreboard_new(sizeof(uint64_t));
    qemu_plugin_register_vcpu_init_cb(id, started);
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    return 0;
}
