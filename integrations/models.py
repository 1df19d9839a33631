from integrations.messages.models import Message
from integrations.signals.models import Alert, AlertGroup, Delivery, Monitor

__all__ = ["Alert", "AlertGroup", "Delivery", "Message", "Monitor"]
