// The address somebody wants to register.
function(ctx) {
  flow: ctx.flow.id,
  email: ctx.identity.traits.email,
}
