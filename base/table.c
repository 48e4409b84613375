#include "base/table.h"

#include <stdint.h>
#include <sys/mman.h>

/* Under AddressSanitizer nobody may touch what lies before the rows and after them. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

enum { PAGE = 4096 };

/* Before the rows; a line of cache long, so that they begin with one. */
struct head {
    size_t bytes; /* of the mapping */
    char rest[64 - sizeof(size_t)];
};

void *table_new(size_t rows, size_t unit)
{
    size_t n = rows * unit;
    if (unit && rows > (SIZE_MAX / 2) / unit)
        return NULL;
    size_t bytes = (sizeof(struct head) + n + PAGE - 1) & ~(size_t)(PAGE - 1);
    struct head *head = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (head == MAP_FAILED)
        return NULL;
    head->bytes = bytes;
    ASAN_POISON_MEMORY_REGION(head, sizeof *head);
    ASAN_POISON_MEMORY_REGION((char *)(head + 1) + n, bytes - sizeof *head - n);
    return head + 1;
}

void table_free(void *table)
{
    if (!table)
        return;
    struct head *head = (struct head *)table - 1;
    ASAN_UNPOISON_MEMORY_REGION(head, sizeof *head);
    size_t bytes = head->bytes;
    ASAN_UNPOISON_MEMORY_REGION((char *)head + bytes - PAGE, PAGE);
    munmap(head, bytes);
}
