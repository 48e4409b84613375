#include "analysis/store/rows.h"

const char *const row_reasons[REASON_COUNT] = {
    [REASON_NONE] = "NONE",
#define REASON(number, code, words) [number] = #code,
#include "analysis/store/reason.def"
#undef REASON
};

const char *const row_reason_words[REASON_COUNT] = {
    [REASON_NONE] = "not known",
#define REASON(number, code, words) [number] = words,
#include "analysis/store/reason.def"
#undef REASON
};

const char *const row_cache_names[CACHE_ROWS] = {[CACHE_ROW_server] = "server",
                                                 [CACHE_ROW_command] = "command",
                                                 [CACHE_ROW_pattern] = "pattern",
                                                 [CACHE_ROW_key] = "key"};

const char *const row_declared[DECLARED_COUNT] = {
#define DECLARED(name, bit, what) [DECLARED_##name] = #name,
#include "analysis/store/declared.def"
#undef DECLARED
};
