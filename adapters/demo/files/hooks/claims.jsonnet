// What the provider said of a person, as traits. An address it vouches for is verified.
local claims = { email_verified: false } + std.extVar('claims');
{
  identity: {
    traits: { email: claims.email },
    [if claims.email_verified then 'verified_addresses']: [{ via: 'email', value: claims.email }],
  },
}
