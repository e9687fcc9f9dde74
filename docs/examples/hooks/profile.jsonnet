// What the person says of themselves now.
function(ctx) {
  flow: ctx.flow.id,
  identity: ctx.identity.id,
  name: std.get(ctx.identity.traits, 'name', ''),
}
