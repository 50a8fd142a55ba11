"""One publisher's packets into an HLS playlist and a recording, by an ffmpeg that only repacks them.

A directory a stream: `index.m3u8` and its last segments, and `rec-<Unix milliseconds>.mp4` for each stretch. The mp4 is
made of fragments, so that a killed ffmpeg costs the last second and not the lesson. A publisher who comes again goes
on in the same playlist, behind a discontinuity.
"""

import asyncio
import contextlib
import re
import shutil
import struct
from datetime import UTC, datetime
from pathlib import Path

import structlog

from kit.clock import Clock, monotonic
from providers.ffmpeg import QUIET, ffmpeg
from providers.live.base import Piece
from providers.live.rtmp import AUDIO, DATA, VIDEO, Malformed, Message

PLAYLIST = "index.m3u8"
SEGMENT = re.compile(r"seg[0-9]{1,9}\.ts")
_RECORDING = re.compile(r"rec-([0-9]{13})\.mp4")

SEGMENT_SECONDS = 2
SEGMENTS_LISTED = 8
WRITE_SECONDS = 10.0
"""How long ffmpeg may take no packet before it is taken to hang."""
END_SECONDS = 10.0
MOST_RESTARTS = 5
LEAST_FREE_BYTES = 512 * 1024 * 1024
MOST_BYTES = 24 * 1024**3
"""Of one stretch: six and a half hours at eight megabits a second."""
LOOK_EVERY_BYTES = 8 * 1024 * 1024

AVC, AAC = 7, 10
METADATA_PREFIX = b"\x02\x00\x0d@setDataFrame"

_log = structlog.get_logger("recorder")


class CannotRecord(Exception):
    """The disk is full, or ffmpeg ends as often as it is started."""


def pieces_in(directory: Path) -> tuple[Piece, ...]:
    """What has been recorded there, the first first."""
    found = []
    for path in directory.glob("rec-*.mp4"):
        if (named := _RECORDING.fullmatch(path.name)) and path.stat().st_size:
            started_at = datetime.fromtimestamp(int(named[1]) / 1000, UTC)
            found.append(Piece(str(path), started_at))
    return tuple(sorted(found, key=lambda piece: piece.started_at))


class Recorder:
    """Takes packets until it is closed. Starts ffmpeg anew if it ends, at the next key frame."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        self._directory = directory
        self._clock = clock
        self._process: asyncio.subprocess.Process | None = None
        self._restarts = 0
        self._bytes = 0
        self._look_at = 0
        self._beginning: dict[int, Message] = {}
        """What a decoder has to hear first, by kind: description, and set-up of picture and sound."""
        self._waits_for_key_frame = False
        self.last_packet = monotonic()

    async def take(self, message: Message) -> None:
        """`Malformed` for another coding than H.264 and AAC, `CannotRecord` if it cannot go on."""
        self.last_packet = monotonic()
        self._bytes += len(message.payload)
        if self._bytes >= self._look_at:
            self._look_at = self._bytes + LOOK_EVERY_BYTES
            free = await asyncio.to_thread(shutil.disk_usage, self._directory)
            if free.free < LEAST_FREE_BYTES or self._bytes > MOST_BYTES:
                raise CannotRecord("no room")
        if (first := _first(message)) is not None:
            self._beginning[message.kind] = first
        if self._process is not None and self._process.returncode is not None:
            self._process = None
            self._restarts += 1
            self._waits_for_key_frame = VIDEO in self._beginning
            _log.warning("ffmpeg ended in the middle of a stream", restarts=self._restarts)
            if self._restarts > MOST_RESTARTS:
                raise CannotRecord("ffmpeg does not stay")
        if message.kind == DATA or (self._waits_for_key_frame and not _is_key_frame(message)):
            return
        await self._write(message)

    async def close(self) -> None:
        """Finish the files. Never raises."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        with contextlib.suppress(OSError):
            process.stdin.close()
        try:
            async with asyncio.timeout(END_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        except asyncio.CancelledError:
            process.kill()
            raise

    async def _write(self, message: Message) -> None:
        if self._process is None:
            if message is self._beginning.get(message.kind):
                return  # it is written when something follows
            self._process = await self._started()
            self._waits_for_key_frame = False
            await self._push(b"FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00")
            for kind in (DATA, VIDEO, AUDIO):
                if (first := self._beginning.get(kind)) is not None:
                    await self._push(_tag(Message(kind, message.timestamp, first.payload)))
        await self._push(_tag(message))

    async def _push(self, content: bytes) -> None:
        process = self._process
        if process is None:
            return
        assert process.stdin is not None
        try:
            process.stdin.write(content)
            async with asyncio.timeout(WRITE_SECONDS):
                await process.stdin.drain()
        except TimeoutError:
            process.kill()
            await process.wait()
        except OSError:  # it has ended; `take` starts another
            await process.wait()

    async def _started(self) -> asyncio.subprocess.Process:
        started = int(self._clock.now().timestamp() * 1000)
        hls = (
            *("-f", "hls", "-hls_time", str(SEGMENT_SECONDS), "-hls_list_size", str(SEGMENTS_LISTED)),
            *("-hls_flags", "append_list+discont_start+omit_endlist+delete_segments+temp_file"),
            *("-hls_segment_filename", str(self._directory / "seg%06d.ts")),
        )
        mp4 = ("-f", "mp4", "-movflags", "+frag_keyframe+empty_moov+default_base_moof", "-flush_packets", "1")
        every = ("-map", "0:v:0?", "-map", "0:a:0?", "-c", "copy")
        reading = ("-analyzeduration", "2000000", "-f", "flv", "-i", "pipe:0")
        return await asyncio.create_subprocess_exec(
            ffmpeg(),
            *(*QUIET, "-y", *reading),
            *(*every, *hls, str(self._directory / PLAYLIST)),
            *(*every, *mp4, str(self._directory / f"rec-{started}.mp4")),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # a Ctrl-C in the terminal is for the server, which closes what is open
        )


def _first(message: Message) -> Message | None:
    """The message in the form in which it is kept for the beginning, if it belongs there."""
    payload = message.payload
    if message.kind == DATA:
        if not payload.startswith(METADATA_PREFIX):
            return None
        return Message(DATA, 0, payload[len(METADATA_PREFIX) :])
    coding = payload[0] >> 4 if message.kind == AUDIO else payload[0] & 0x8F
    if coding != (AAC if message.kind == AUDIO else AVC):
        raise Malformed("send H.264 and AAC")
    return message if len(payload) > 1 and payload[1] == 0 else None


def _is_key_frame(message: Message) -> bool:
    return message.kind == VIDEO and message.payload[0] >> 4 == 1 and message.payload[1:2] == b"\x01"


def _tag(message: Message) -> bytes:
    """The message as a piece of an FLV file."""
    size, at = len(message.payload), message.timestamp
    head = struct.pack(">B", message.kind) + size.to_bytes(3, "big") + (at & 0xFFFFFF).to_bytes(3, "big")
    return head + bytes([at >> 24 & 0xFF, 0, 0, 0]) + message.payload + struct.pack(">I", 11 + size)
