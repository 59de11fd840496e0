"""Several levels and both sides in one sitting: shared views, a short way for the C-arm, doses."""

from procguide.planning.session.nouns import Budget, Pose, SessionPlan, Station, Stop, Travel
from procguide.planning.session.plan import check_together, plan_session, requests_for, session_of

__all__ = [
    "Budget",
    "Pose",
    "SessionPlan",
    "Station",
    "Stop",
    "Travel",
    "check_together",
    "plan_session",
    "requests_for",
    "session_of",
]
