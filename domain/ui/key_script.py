"""The script of the forms that ask an authenticator, as the node `webauthn_script` names it.

What it calls is the Web Authentication API (WebAuthn Level 3 §5); the functions have the names Kratos' have, for pages
call them. An adapter serves `SOURCE`; `INTEGRITY` is what a browser compares it with (Subresource Integrity).
"""

from base64 import b64encode
from hashlib import sha512
from typing import Final

SOURCE: Final = """\
"use strict";
(function () {
  function decode(text) {
    const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, (one) => one.charCodeAt(0));
  }

  function encode(buffer) {
    const plain = Array.from(new Uint8Array(buffer), (one) => String.fromCharCode(one)).join("");
    return btoa(plain).replace(/\\+/g, "-").replace(/\\//g, "_").replace(/=+$/, "");
  }

  function named(name) {
    return document.getElementsByName(name)[0];
  }

  // Names, ids and challenges come as text; the browser wants bytes.
  function readable(options) {
    const key = { ...options.publicKey, challenge: decode(options.publicKey.challenge) };
    if (key.user) key.user = { ...key.user, id: decode(key.user.id) };
    for (const list of ["allowCredentials", "excludeCredentials"]) {
      if (key[list]) key[list] = key[list].map((one) => ({ ...one, id: decode(one.id) }));
    }
    return { publicKey: key };
  }

  function answer(credential) {
    const response = { clientDataJSON: encode(credential.response.clientDataJSON) };
    for (const part of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (credential.response[part]) response[part] = encode(credential.response[part]);
    }
    const type = credential.type, id = credential.id, rawId = encode(credential.rawId);
    return JSON.stringify({ id, rawId, type, response });
  }

  function submit(field, credential) {
    field.value = answer(credential);
    field.closest("form").submit();
  }

  function fail(error) {
    console.error(error);
    if (error.name !== "AbortError" && error.name !== "NotAllowedError") alert(error.message);
  }

  function create(options, name) {
    navigator.credentials.create(readable(options)).then((made) => submit(named(name), made)).catch(fail);
  }

  function get(options, name) {
    waiting.abort();
    navigator.credentials.get(readable(options)).then((given) => submit(named(name), given)).catch(fail);
  }

  let waiting = new AbortController();

  window.oryWebAuthnLogin = (options) => get(options, "webauthn_login");
  window.oryWebAuthnRegistration = (options) => create(options, "webauthn_register");
  window.oryPasskeyLogin = () => get(JSON.parse(named("passkey_challenge").value), "passkey_login");

  // Passkeys among what the browser proposes for the name (conditional mediation, §5.1.4).
  window.oryPasskeyLoginAutocompleteInit = async () => {
    const able = window.PublicKeyCredential && PublicKeyCredential.isConditionalMediationAvailable;
    if (!able || !(await PublicKeyCredential.isConditionalMediationAvailable())) return;
    waiting = new AbortController();
    const options = readable(JSON.parse(named("passkey_challenge").value));
    navigator.credentials
      .get({ ...options, mediation: "conditional", signal: waiting.signal })
      .then((given) => submit(named("passkey_login"), given))
      .catch((error) => console.error(error));
  };

  window.oryPasskeyRegistration = () => {
    const data = JSON.parse(named("passkey_create_data").value), options = data.credentialOptions;
    const name = named(data.displayNameFieldName) && named(data.displayNameFieldName).value;
    if (name) options.publicKey.user = { ...options.publicKey.user, name, displayName: name };
    create(options, "passkey_register");
  };

  window.oryPasskeySettingsRegistration = () => {
    create(JSON.parse(named("passkey_create_data").value), "passkey_settings_register");
  };

  // Fields that ask for something as soon as the page is there.
  window.addEventListener("load", () => {
    const field = named("passkey_login");
    if (field && field.hasAttribute("onload")) window.oryPasskeyLoginAutocompleteInit();
  });
})();
"""

INTEGRITY: Final = "sha512-" + b64encode(sha512(SOURCE.encode()).digest()).decode()
