// Who it is, and in which flow.
function(ctx) {
  flow: ctx.flow.id,
  identity: ctx.identity.id,
  email: ctx.identity.traits.email,
}
