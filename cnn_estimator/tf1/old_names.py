"""stub"""

SERVED: dict[str, str] = {}
NOT_SERVED: dict[str, str] = {}
