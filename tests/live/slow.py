#!/usr/bin/env python3
"""slow.py PORT law GAMMA SIGMA KAPPA | slow.py PORT workers N SECONDS: an origin with a limit, for tests. `law`: an answer takes as long as the
Universal Scalability Law says for what is under way when it is asked for; `workers`: N at a time, SECONDS each, the rest wait."""
import asyncio
import sys

under_way = 0


async def by_law(gamma, sigma, kappa):
    n = under_way
    await asyncio.sleep((1 + sigma * (n - 1) + kappa * n * (n - 1)) / gamma)


def by_workers(n, seconds):
    free = asyncio.Semaphore(int(n))

    async def work():
        async with free:
            await asyncio.sleep(seconds)
    return work


async def main():
    port, kind, *numbers = sys.argv[1:]
    numbers = [float(x) for x in numbers]
    workers = by_workers(*numbers) if kind == "workers" else None

    async def talk(reader, writer):
        global under_way
        try:
            while await reader.readline():
                while (await reader.readline()).strip():
                    pass
                under_way += 1
                try:
                    await (workers() if workers else by_law(*numbers))
                finally:
                    under_way -= 1
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nCache-Control: no-store\r\n\r\nok\n")
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        writer.close()
    server = await asyncio.start_server(talk, "127.0.0.1", int(port), backlog=256)
    async with server:
        await server.serve_forever()

asyncio.run(main())
