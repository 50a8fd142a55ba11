"""The process: `python main.py --help`; `main:app` for any ASGI server."""

from kit.settings import Settings
from server.app import make_app
from server.cli import cli
from server.wiring import standing_ports

app = make_app(lambda: standing_ports(Settings()))

if __name__ == "__main__":
    cli()
