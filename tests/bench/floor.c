/* floor: the least that any reader of a capture through libpcap must spend, as a yardstick for benchmarks:
 * pcap_next_ex, a plain decode of Ethernet, VLAN, IPv4 and TCP, and one XXH3-64 over every TCP payload. Remembers
 * nothing between packets.
 *
 *     cc -O3 -o floor tests/bench/floor.c -lpcap && ./floor FILE */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdio.h>

struct tally {
    uint64_t packets, bytes, segments, payload_bytes, digest;
};

static unsigned word(const uint8_t *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

/* The IPv4 header of a frame of n bytes; NULL when there is none. *left: bytes from there on. */
static const uint8_t *find_ip(const uint8_t *p, size_t n, size_t *left)
{
    size_t at = 12;
    while (at + 4 < n && (word(p + at) == 0x8100 || word(p + at) == 0x88a8))
        at += 4;
    if (at + 2 + 20 > n || word(p + at) != 0x0800)
        return NULL;
    *left = n - at - 2;
    return p + at + 2;
}

/* Payload of an unfragmented TCP segment; false when the frame holds none. */
static bool find_payload(const uint8_t *frame, size_t n, const uint8_t **payload, size_t *payload_n)
{
    size_t left, total, headers;
    const uint8_t *ip = find_ip(frame, n, &left);
    if (!ip || ip[0] >> 4 != 4 || ip[9] != IPPROTO_TCP || word(ip + 6) & 0x3fff)
        return false;
    total = word(ip + 2);
    headers = (ip[0] & 15u) * 4;
    if (total > left)
        total = left;
    if (headers + 20 > total)
        return false;
    headers += (size_t)(ip[headers + 12] >> 4) * 4;
    if (headers > total)
        return false;
    *payload = ip + headers;
    *payload_n = total - headers;
    return true;
}

static void tally_frame(struct tally *t, const struct pcap_pkthdr *h, const uint8_t *frame)
{
    const uint8_t *payload;
    size_t n;
    t->packets++;
    t->bytes += h->caplen;
    if (!find_payload(frame, h->caplen, &payload, &n))
        return;
    t->segments++;
    if (!n)
        return;
    t->payload_bytes += n;
    t->digest ^= XXH3_64bits(payload, n);
}

int main(int argc, char **argv)
{
    char why[PCAP_ERRBUF_SIZE];
    struct tally t = {0};
    struct pcap_pkthdr *h;
    const u_char *frame;
    pcap_t *file = argc == 2 ? pcap_open_offline(argv[1], why) : NULL;
    if (!file) {
        fprintf(stderr, "%s\n", argc == 2 ? why : "usage: floor FILE");
        return 2;
    }
    while (pcap_next_ex(file, &h, &frame) == 1)
        tally_frame(&t, h, frame);
    pcap_close(file);
    printf("packets %" PRIu64 " bytes %" PRIu64 " segments %" PRIu64 " payload %" PRIu64 " digest %016" PRIx64 "\n",
           t.packets, t.bytes, t.segments, t.payload_bytes, t.digest);
    return 0;
}
