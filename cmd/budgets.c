#include "cmd/budgets.h"

#include <inttypes.h>
#include <stdio.h>

#include "analysis/budget.h"
#include "base/human.h"
#include "capture/bounds.h"

enum { ANALYSIS_SHARE = 55, CAPTURE_SHARE = 45 }; /* per cent */

uint64_t budgets_analysis(uint64_t memory)
{
    return memory * ANALYSIS_SHARE / 100;
}

uint64_t budgets_capture(uint64_t memory)
{
    return memory * CAPTURE_SHARE / 100;
}

static void line(const char *part, const char *what, uint64_t unit, uint64_t most, uint64_t memory)
{
    uint64_t bytes = unit * most;
    printf("%-10s %-30s %8" PRIu64 " %12" PRIu64 " %14" PRIu64 " %6.2f %%\n", part, what, unit, most, bytes,
           100. * (double)bytes / (double)memory);
}

int budgets_show(uint64_t memory)
{
    struct budget b = budget_of(budgets_analysis(memory));
    struct bounds c = bounds_of(budgets_capture(memory));
    uint64_t sum = c.text_bytes + c.held_bytes + c.decoder_bytes + c.event_bytes + c.operation_bytes +
                   (uint64_t)c.exchanges * c.exchange_unit + (uint64_t)c.connections * c.connection_unit +
                   (uint64_t)c.opaque * c.opaque_unit;
    printf("--memory %s: what each structure may come to hold\n\n", human_bytes(memory).text);
    printf("%-10s %-30s %8s %12s %14s %8s\n", "part", "structure", "unit", "at most", "bytes", "share");
    for (int r = 0; r < ROOM_COUNT; r++) {
        line("analysis", budget_name((enum room)r), budget_unit((enum room)r), b.most[r], memory);
        sum += (uint64_t)b.most[r] * budget_unit((enum room)r);
    }
    line("capture", "connections", c.connection_unit, c.connections, memory);
    line("capture", "bytes of content decoders", 1, c.decoder_bytes, memory);
    line("capture", "bytes of decoders of events", 1, c.event_bytes, memory);
    line("capture", "bytes of decoders of operations", 1, c.operation_bytes, memory);
    line("capture", "connections not read, summed up", c.opaque_unit, c.opaque, memory);
    line("capture", "bytes waiting for their turn", 1, c.held_bytes, memory);
    line("in flight", "exchanges", c.exchange_unit, c.exchanges, memory);
    line("in flight", "bytes of their text", 1, c.text_bytes, memory);
    printf("%-10s %-30s %8s %12s %14" PRIu64 " %6.2f %%\n", "sum", "", "", "", sum,
           100. * (double)sum / (double)memory);
    printf("\nbesides: the program and its libraries, queues to the disk, up to 32 MiB\n");
    return 0;
}
