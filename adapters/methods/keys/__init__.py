"""What `webauthn` and `passkey` share: the relying party, the keys of somebody, and answers of authenticators."""
