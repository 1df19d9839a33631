from integrations.messages.models import Message

__all__ = ["Message"]
