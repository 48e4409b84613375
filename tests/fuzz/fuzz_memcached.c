/* Bytes as a conversation with memcached (cachetalk.inc), in lines or, by bit 32 of the first byte, binary. */
#include "tests/fuzz/cachetalk.inc"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor c = cursor_of(data, size);
    uint8_t how = cursor_u8(&c);
    return converse(&c, how & 32 ? CACHETALK_BINARY : CACHETALK_LINES, how);
}
