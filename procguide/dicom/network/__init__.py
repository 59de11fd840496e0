"""Talking to other systems: DIMSE services (PS3.4, PS3.7, PS3.8) and DICOMweb (PS3.18).

Nothing here runs by itself: whom to talk to stands in a peers file that a person writes. Its parts need
the optional libraries pynetdicom and dicomweb-client; :func:`require_network` says so where they are not.
"""

from importlib.util import find_spec

from procguide.errors import MissingPartError

__all__ = ["require_network"]


def require_network() -> None:
    """Raise :class:`MissingPartError` where pynetdicom or dicomweb-client is not installed."""
    missing = [name for name in ("pynetdicom", "dicomweb_client") if find_spec(name) is None]
    if missing:
        raise MissingPartError(
            f"talking to other systems needs {' and '.join(missing)}; "
            "install: pip install 'procguide[network]'"
        )
