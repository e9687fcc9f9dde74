"""The labels of fields and buttons that do not come from a schema, under Kratos' ids, in our own words."""

from typing import Final

from limen.domain.message import Message

SIGN_IN: Final = Message(1010001, "Sign in", "info")
SIGN_IN_BY_CODE: Final = Message(1010015, "Send me a code to sign in", "info")
SIGN_IN_BY_PASSWORD: Final = Message(1010022, "Sign in by password", "info")
SIGN_UP: Final = Message(1040001, "Sign up", "info")
SIGN_UP_BY_CODE: Final = Message(1040006, "Send me a code to sign up", "info")
PASSWORD: Final = Message(1070001, "Password", "info")
SAVE: Final = Message(1070003, "Save changes", "info")
EMAIL: Final = Message(1070007, "E-mail", "info")
RESEND: Final = Message(1070008, "Send another code", "info")
CONTINUE: Final = Message(1070009, "Go on", "info")
RECOVERY_CODE: Final = Message(1070010, "Code for recovery", "info")
VERIFICATION_CODE: Final = Message(1070011, "Code for verification", "info")
REGISTRATION_CODE: Final = Message(1070012, "Code for sign-up", "info")
LOGIN_CODE: Final = Message(1070013, "Code for sign-in", "info")
