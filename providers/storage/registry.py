"""Every storage provider, by the name that ACADEMY_STORAGE_PROVIDER gives."""

from collections.abc import Callable

from kit.settings import Settings
from providers.storage.base import Storage
from providers.storage.local import LocalStorage

STORAGE: dict[str, Callable[[Settings], Storage]] = {
    "local": lambda settings: LocalStorage(settings.data_dir / "media"),
}


def storage_for(settings: Settings) -> Storage:
    return STORAGE[settings.storage_provider](settings)
