"""The process: `python main.py --help`; `main:app` for any ASGI server."""

from kit.memory import keep_what_is_loaded
from kit.settings import Settings
from server.app import make_app
from server.cli import cli
from server.wiring import standing_ports


def __getattr__(name: str) -> object:
    """`app` is made when a server asks for it: it reads every trusted document, and a command does without."""
    if name != "app":
        raise AttributeError(name)
    globals()[name] = made = make_app(lambda: standing_ports(Settings()))
    keep_what_is_loaded()
    return made


if __name__ == "__main__":
    cli()
