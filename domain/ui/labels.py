"""The labels of fields and buttons that do not come from a schema, under Kratos' ids, in our own words."""

from typing import Final

from limen.domain.message import Message

SIGN_IN: Final = Message(1010001, "Sign in", "info")
TOTP_CODE: Final = Message(1010006, "Code from your authenticator app", "info")
LOOKUP_SECRET: Final = Message(1010007, "One of your backup codes", "info")
SIGN_IN_BY_TOTP: Final = Message(1010009, "Go on with the authenticator app", "info")
SIGN_IN_BY_LOOKUP_SECRET: Final = Message(1010010, "Go on with a backup code", "info")
SIGN_IN_BY_CODE: Final = Message(1010015, "Send me a code to sign in", "info")
SIGN_IN_BY_PASSWORD: Final = Message(1010022, "Sign in by password", "info")
SIGN_UP: Final = Message(1040001, "Sign up", "info")
SIGN_UP_BY_CODE: Final = Message(1040006, "Send me a code to sign up", "info")
BACK: Final = Message(1040008, "Back", "info")
UNLINK_TOTP: Final = Message(1050004, "Unlink the authenticator app", "info")
TOTP_QR: Final = Message(1050005, "Picture for the authenticator app", "info")
REVEAL_LOOKUP: Final = Message(1050007, "Show my backup codes", "info")
REGENERATE_LOOKUP: Final = Message(1050008, "Make new backup codes", "info")
LOOKUP_CODES: Final = Message(1050010, "Your backup codes. Each counts once; keep them in a safe place.", "info")
CONFIRM_LOOKUP: Final = Message(1050011, "I have kept the codes", "info")
DISABLE_LOOKUP: Final = Message(1050016, "Do without backup codes", "info")
TOTP_SECRET: Final = Message(1050017, "Secret for the authenticator app, where no picture can be taken", "info")
PASSWORD: Final = Message(1070001, "Password", "info")
SAVE: Final = Message(1070003, "Save changes", "info")
NEW_TOTP_CODE: Final = Message(1070006, "Code from the authenticator app", "info")
EMAIL: Final = Message(1070007, "E-mail", "info")
RESEND: Final = Message(1070008, "Send another code", "info")
CONTINUE: Final = Message(1070009, "Go on", "info")
RECOVERY_CODE: Final = Message(1070010, "Code for recovery", "info")
VERIFICATION_CODE: Final = Message(1070011, "Code for verification", "info")
REGISTRATION_CODE: Final = Message(1070012, "Code for sign-up", "info")
LOGIN_CODE: Final = Message(1070013, "Code for sign-in", "info")
