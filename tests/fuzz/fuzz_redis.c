/* Bytes as a conversation with Redis (cachetalk.inc). The first byte says whether the beginning is seen, and whether
 * memory is short. */
#include "tests/fuzz/cachetalk.inc"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor c = cursor_of(data, size);
    uint8_t how = cursor_u8(&c);
    return converse(&c, CACHETALK_REDIS, how);
}
