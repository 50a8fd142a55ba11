"""An attacker in a process of its own: `python -m tests.server.attacker`, told what to send on its standard input.

{"host", "port", "headers": {...}, "bodies": [text, ...], "connections": n}. Every connection sends one body after the
other, as fast as they are answered, and for ever. Prints a line as soon as every connection has heard THROTTLED.
"""

import asyncio
import itertools
import sys
from typing import Any

import orjson


async def attack(told: dict[str, Any]) -> None:
    heads = "".join(f"{name}: {value}\r\n" for name, value in told["headers"].items())
    requests = [
        f"POST /graphql HTTP/1.1\r\nhost: {told['host']}\r\n{heads}content-length: {len(body)}\r\n\r\n".encode() + body
        for body in (text.encode() for text in told["bodies"])
    ]
    throttled = [asyncio.Event() for _ in range(told["connections"])]
    async with asyncio.TaskGroup() as connections:
        for number, heard in enumerate(throttled):
            connections.create_task(keep_sending(told, requests[number:] + requests[:number], heard))
        for heard in throttled:
            await heard.wait()
        print("throttled", flush=True)


async def keep_sending(told: dict[str, Any], requests: list[bytes], heard: asyncio.Event) -> None:
    turns = itertools.cycle(requests)
    while True:
        reader, writer = await asyncio.open_connection(told["host"], told["port"])
        try:
            while True:
                writer.write(next(turns))
                await writer.drain()
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                if b"THROTTLED" in await reader.readexactly(length):
                    heard.set()
        except (OSError, asyncio.IncompleteReadError):  # the server may hang up on what is too large
            writer.close()


if __name__ == "__main__":
    asyncio.run(attack(orjson.loads(sys.stdin.read())))
