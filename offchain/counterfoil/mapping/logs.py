"""Several logs for one job: profiles beside the one that is used, each with a journal and a key."""

from __future__ import annotations

from dataclasses import replace

from counterfoil import config
from counterfoil.config import Profile
from counterfoil.errors import BadConfig, UnknownProfile


def profiles(first: Profile, count: int) -> list[Profile]:
    """The profile and its `count` − 1 companions, `NAME.2` and so on.

    Those that `config.toml` does not have are written there: the first one's settings, with a
    journal of their own. So every command takes them, and `counterfoil settle --profile NAME.2`
    settles what they seal.

    Raises:
        BadConfig: two of them share a journal, or are of different ledgers.
    """
    found = [first]
    for number in range(2, count + 1):
        name = f"{first.name}.{number}"
        try:
            one = config.load_profile(name)
        except UnknownProfile:
            one = replace(first, name=name, journal=config.default_journal(name))
            config.save_profile(one, default=False)
        if (one.chain_id, one.ledger) != (first.chain_id, first.ledger):
            raise BadConfig(f"the profile {name!r} is of another ledger than {first.name!r}")
        found.append(one)
    journals = [one.journal for one in found]
    if len(set(journals)) != len(journals):
        raise BadConfig(
            "two of the job's profiles have one journal: give each its own in "
            f"{config.config_file()}, and unset COUNTERFOIL_JOURNAL"
        )
    return found
