/* interfaces: asks rtnetlink through getifaddrs twice and prints what grew in between. */
#include "capture/interfaces.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

enum { SAMPLE_MS = 500 };

/* Each interface has one AF_PACKET entry, which carries its counters. */
static bool is_interface(const struct ifaddrs *i)
{
    return i->ifa_addr && i->ifa_addr->sa_family == AF_PACKET && i->ifa_data;
}

static uint32_t packets_of(const struct ifaddrs *i)
{
    const struct rtnl_link_stats *stats = i->ifa_data;
    return stats->rx_packets + stats->tx_packets;
}

/* Packets in the first sample; `now` when the interface is new. */
static uint32_t packets_before(const struct ifaddrs *first, const char *name, uint32_t now)
{
    for (; first; first = first->ifa_next)
        if (is_interface(first) && strcmp(first->ifa_name, name) == 0)
            return packets_of(first);
    return now;
}

static const char *state_name(unsigned flags)
{
    if (!(flags & IFF_UP))
        return "down";
    return flags & IFF_RUNNING ? "up" : "no link";
}

static const char *address_text(const struct sockaddr *a, char out[INET6_ADDRSTRLEN])
{
    if (a->sa_family == AF_INET)
        return inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)a)->sin_addr, out, INET6_ADDRSTRLEN);
    if (a->sa_family == AF_INET6)
        return inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr, out, INET6_ADDRSTRLEN);
    return NULL;
}

static void print_addresses(FILE *out, const struct ifaddrs *all, const char *name)
{
    char text[INET6_ADDRSTRLEN];
    for (; all; all = all->ifa_next) {
        if (!all->ifa_addr || strcmp(all->ifa_name, name) != 0)
            continue;
        const char *address = address_text(all->ifa_addr, text);
        if (address)
            fprintf(out, " %s", address);
    }
}

static double seconds_between(struct timespec a, struct timespec b)
{
    return (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
}

static void print_all(FILE *out, const struct ifaddrs *first, const struct ifaddrs *second, double seconds)
{
    fprintf(out, "%-16s %-8s %12s  %s\n", "INTERFACE", "STATE", "PACKETS/S", "ADDRESSES");
    for (const struct ifaddrs *i = second; i; i = i->ifa_next) {
        if (!is_interface(i))
            continue;
        uint32_t now = packets_of(i), more = now - packets_before(first, i->ifa_name, now);
        fprintf(out, "%-16s %-8s %12.0f ", i->ifa_name, state_name(i->ifa_flags), more / seconds);
        print_addresses(out, second, i->ifa_name);
        fputc('\n', out);
    }
}

bool interfaces_list(FILE *out)
{
    struct ifaddrs *first, *second;
    struct timespec start, end, pause = {.tv_nsec = SAMPLE_MS * 1000000L};
    if (getifaddrs(&first))
        return false;
    clock_gettime(CLOCK_MONOTONIC, &start);
    nanosleep(&pause, NULL);
    if (getifaddrs(&second)) {
        freeifaddrs(first);
        return false;
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    print_all(out, first, second, seconds_between(start, end));
    freeifaddrs(first);
    freeifaddrs(second);
    return true;
}

size_t interfaces_names(char *out, size_t n)
{
    struct if_nameindex *all = if_nameindex();
    size_t at = 0;
    out[0] = 0;
    for (struct if_nameindex *i = all; i && i->if_index; i++) {
        int more = snprintf(out + at, n - at, "%s%s", at ? ", " : "", i->if_name);
        if (more < 0 || (size_t)more >= n - at)
            break;
        at += (size_t)more;
    }
    if (all)
        if_freenameindex(all);
    out[at] = 0;
    return at;
}
