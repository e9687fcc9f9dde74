// That a flow begins, before anybody knows whose it is.
function(ctx) {
  flow: ctx.flow.id,
  type: ctx.flow.type,
}
