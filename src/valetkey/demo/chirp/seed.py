"""What is on Chirp before the story begins."""

import time
from typing import Final

from valetkey.demo.chirp.records import Profile, Records

MIKO: Final = Profile("miko", "Miko", "Gardener of small things.")

OTHERS: Final = {
    "noor": Profile("noor", "Noor", "Trains, tea, and the sea."),
    "ada": Profile("ada", "Ada", "I count things."),
}

CHIRPS: Final = (
    ("ada", 26, "Counted the swifts over the square again: 41. Two more than yesterday."),
    ("noor", 9, "The night train has a tea trolley. The night train has a tea trolley!"),
    ("miko", 5, "First tomato. It is the size of a marble and I am very proud."),
    ("ada", 2, "Somebody left a jar of plum jam on my stairs. Thank you, somebody."),
)
"""Who wrote what, how many hours ago."""

MESSAGES: Final = (
    ("noor", "miko", 8, "Shall we meet at the station on Friday? The 18:04, platform 3."),
    ("ada", "miko", 3, "Was the jam you?"),
)


def seed(records: Records, *, miko: str) -> None:
    """Fills an empty file. `miko` is Miko's account: the `sub` that tokens of his carry."""
    if records.timeline():
        return
    now, ids = int(time.time()), {"miko": miko, **{name: f"chirp-{name}" for name in OTHERS}}
    for handle, profile in {"miko": MIKO, **OTHERS}.items():
        records.add_account(ids[handle], profile)
    for author, hours, text in CHIRPS:
        records.post(ids[author], text, at=now - 3600 * hours)
    for sender, reader, hours, text in MESSAGES:
        records.send(ids[sender], to=reader, text=text, at=now - 3600 * hours)
