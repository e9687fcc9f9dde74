"""Screens: where a form stands that goes step by step. `FormAdvanced` says which comes next.

| flow | style | the screens |
|---|---|---|
| registration | `profile_first` | the traits (`profile`), then the ways to sign up (`credentials`) |
| login | `identifier_first` | the identifier, then the ways in (`identified`) |

A step that is none of them leaves the form on its screen.
"""

PROFILE = "profile"
"""The screen, and the method whose step it is: what is sent with it replaces whole what was typed before."""
CREDENTIALS = "credentials"
IDENTIFIED = "identified"
SCREENS = frozenset({PROFILE, CREDENTIALS, IDENTIFIED})
