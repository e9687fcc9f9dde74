"""Fault: what went wrong between here and a provider, in words that hold nothing of what was exchanged."""


class ProviderFault(Exception):
    """The provider cannot be reached, says no, or said something that does not count.

    `reason` goes on the record: `upstream` (no usable answer), `provider_error` (it says no), `id_token`, `claims`.
    """

    def __init__(self, reason: str, text: str) -> None:
        self.reason = reason
        self.text = text
        super().__init__(text)
