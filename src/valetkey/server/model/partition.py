"""What a user owns: its name tells its owner's partition, so it lies where its owner lies."""

from valetkey.server.model import ids
from valetkey.server.model.record import Record


class Owned(Record, frozen=True, kw_only=True, omit_defaults=True, array_like=True):
    """A record of one user, or of nobody yet. `id` is made by `ids.owned_id`."""

    id: str

    @property
    def key(self) -> str:
        return self.id

    @classmethod
    def place_of(cls, key: str) -> int:
        return ids.place_of_owned(key)

    @classmethod
    def place_of_index(cls, index: str, value: str) -> int | None:
        match index:
            case "user":
                return ids.place_of_user(value)
            case "grant":
                return ids.place_of_owned(value)
            case _:
                return None
