"""Who acts: a person, an API token, or the desk itself (None)."""

from config.casework.access.models import ApiToken, User

type Actor = User | ApiToken | None


def actor_user(actor: Actor) -> User | None:
    return actor if isinstance(actor, User) else None


def actor_label(actor: Actor) -> str:
    """What the trail keeps of an actor: never a name."""
    if isinstance(actor, User):
        return str(actor)
    return f"token:{actor.prefix}" if isinstance(actor, ApiToken) else "desk"
