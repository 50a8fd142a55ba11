"""Every storage provider, by the name that ACADEMY_STORAGE_PROVIDER gives."""

from collections.abc import Callable

from kit.settings import Settings
from providers.storage.base import Storage
from providers.storage.local import LocalStorage
from providers.storage.s3 import S3Storage

STORAGE: dict[str, Callable[[Settings], Storage]] = {
    "local": lambda settings: LocalStorage(settings.data_dir / "media"),
    "s3": S3Storage,
}


def storage_for(settings: Settings) -> Storage:
    return STORAGE[settings.storage_provider](settings)
