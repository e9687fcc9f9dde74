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

  // What a form asks; a flow that has ended asks nothing.
  function question(name) {
    const field = named(name);
    return field && field.value ? JSON.parse(field.value) : null;
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

  // A browser has one request at a time: what it proposes waits for this one, and goes on if nothing comes of it.
  function get(options, name) {
    waiting.abort();
    navigator.credentials
      .get(readable(options))
      .then((given) => submit(named(name), given))
      .catch((error) => {
        fail(error);
        propose();
      });
  }

  // Where a form says so, the browser proposes passkeys as soon as the page is there.
  function propose() {
    const field = named("passkey_login");
    if (field && field.hasAttribute("onload")) window.oryPasskeyLoginAutocompleteInit();
  }

  let waiting = new AbortController();

  window.oryWebAuthnLogin = (options) => get(options, "webauthn_login");
  window.oryWebAuthnRegistration = (options) => create(options, "webauthn_register");
  window.oryPasskeyLogin = () => get(question("passkey_challenge"), "passkey_login");

  // Passkeys among what the browser proposes for the name (conditional mediation, §5.1.4).
  window.oryPasskeyLoginAutocompleteInit = async () => {
    const able = window.PublicKeyCredential && PublicKeyCredential.isConditionalMediationAvailable;
    if (!able || !(await PublicKeyCredential.isConditionalMediationAvailable())) return;
    const asked = question("passkey_challenge");
    if (!asked) return;
    waiting.abort();
    waiting = new AbortController();
    navigator.credentials
      .get({ ...readable(asked), mediation: "conditional", signal: waiting.signal })
      .then((given) => submit(named("passkey_login"), given))
      .catch((error) => error.name === "AbortError" || console.error(error));
  };

  window.oryPasskeyRegistration = () => {
    const data = question("passkey_create_data"), options = data.credentialOptions;
    const name = named(data.displayNameFieldName) && named(data.displayNameFieldName).value;
    if (name) options.publicKey.user = { ...options.publicKey.user, name, displayName: name };
    create(options, "passkey_register");
  };

  window.oryPasskeySettingsRegistration = () => {
    create(question("passkey_create_data"), "passkey_settings_register");
  };

  // Pages that put the script in by themselves do so when they have loaded already.
  if (document.readyState === "complete") propose();
  else window.addEventListener("load", propose);
})();
"""

INTEGRITY: Final = "sha512-" + b64encode(sha512(SOURCE.encode()).digest()).decode()
