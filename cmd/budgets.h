/* budgets: how --memory is divided (ALGORITHMS.md 11.2). */
#ifndef CMD_BUDGETS_H
#define CMD_BUDGETS_H

#include <stdint.h>

/* Of so many bytes, what the analysis and what capture get. */
uint64_t budgets_analysis(uint64_t memory);
uint64_t budgets_capture(uint64_t memory);
/* Prints every structure with what it may come to hold. Returns the exit code. */
int budgets_show(uint64_t memory);

#endif
