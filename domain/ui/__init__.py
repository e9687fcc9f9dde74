"""What clients and templates see of a flow: its form and its messages."""

from limen.domain.ui.forms import form
from limen.domain.ui.view import FormView

__all__ = ["FormView", "form"]
